"""Faulty backends: each breaks one promise, and Django's tests must notice."""

from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.locmem import LocMemCache


class NeverExpires(LocMemCache):
    """Ignores every timeout but zero."""

    def get_backend_timeout(self, timeout: Any = DEFAULT_TIMEOUT) -> Any:
        return 0 if timeout == 0 else None


class LosesNone(LocMemCache):
    """Takes a stored None for a miss."""

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        found = super().get(key, default, version)
        return default if found is None else found


class OneVersion(LocMemCache):
    """Has no versions."""

    def make_key(self, key: Any, version: int | None = None) -> str:
        return super().make_key(key, 1)


class AddReplaces(LocMemCache):
    """Lets ``add`` overwrite."""

    def add(self, key: Any, value: Any, *args: Any, **kwargs: Any) -> bool:
        self.set(key, value, *args, **kwargs)
        return True


class AsyncForgets(LocMemCache):
    """Is right when blocking and wrong when awaited."""

    async def aget_many(self, keys: Any, version: int | None = None) -> dict[Any, Any]:
        return {}
