"""Stores that are unwell, each in a way of its own: foreign ones, which know nothing of us."""

import threading
from typing import Any

from django.core.cache.backends.locmem import LocMemCache

SECRET = "redis://:hunter2@10.0.0.7:6379/0"


class Hanging(LocMemCache):
    """Answer nothing until it is let go, as a client without timeouts does not."""

    go = threading.Event()
    asked = 0

    def set(self, *args: Any, **named: Any) -> None:
        type(self).asked += 1
        self.go.wait(30)
        super().set(*args, **named)


class Slow(LocMemCache):
    """Take its time, by a clock that tests move."""

    moved: Any = None

    def get(self, *args: Any, **named: Any) -> Any:
        self.moved.advance(0.4)
        return super().get(*args, **named)


class Refusing(LocMemCache):
    """Be where nobody listens."""

    error: Exception = ConnectionRefusedError(111, f"Connection refused: {SECRET}")

    def set(self, *args: Any, **named: Any) -> None:
        raise self.error

    def get(self, *args: Any, **named: Any) -> Any:
        raise self.error


class ReadOnly(LocMemCache):
    """Answer reads, as a replica does."""

    def set(self, *args: Any, **named: Any) -> None:
        raise OSError(30, "Read-only file system")

    delete = set  # type: ignore[assignment]  # neither comes back


class Keeping(LocMemCache):
    """Let nothing be removed."""

    def delete(self, *args: Any, **named: Any) -> bool:
        raise OSError(30, "Read-only file system")


class Deaf(LocMemCache):
    """Say that it removed what it did not."""

    def delete(self, *args: Any, **named: Any) -> bool:
        return True


class Lying(LocMemCache):
    """Give another's answer."""

    def get(self, key: Any, default: Any = None, version: Any = None) -> Any:
        found = super().get(key, default, version)
        return found if found is default else "another's"


class Forgetful(LocMemCache):
    """Say yes, and keep nothing."""

    def set(self, *args: Any, **named: Any) -> None:
        pass


def config(kind: type, location: str = "") -> dict[str, Any]:
    """Return the ``CACHES`` entry of one."""
    return {"BACKEND": f"{__name__}.{kind.__name__}", "LOCATION": location or kind.__name__}
