"""What this process knows of its aliases, kept while other settings are in force."""

from collections.abc import Collection
from contextvars import ContextVar
from typing import Any

from django.core.cache import caches

from ..backends import base
from ..backends.base import NamedDriver
from ..manager import manager
from ..scopes import Stack

_made: ContextVar[tuple[Any, dict[str, Any]]] = ContextVar("cachekit_made", default=(None, {}))


class _Connections:
    """Be what Django keeps its cache objects in, one variable of the context for all tests.

    Its own leaves another there whenever settings change, and asgiref carries all of them over at
    each hop: after two thousand changes a hop takes a hundred times longer.
    """

    def __getattr__(self, alias: str) -> Any:
        whose, made = _made.get()
        if whose is not self or alias not in made:
            raise AttributeError(alias)
        return made[alias]

    def __setattr__(self, alias: str, cache: Any) -> None:
        whose, made = _made.get()
        _made.set((self, {**(made if whose is self else {}), alias: cache}))

    def __delattr__(self, alias: str) -> None:
        whose, made = _made.get()
        if whose is self:
            _made.set((self, {name: each for name, each in made.items() if name != alias}))


class Kept:
    """Keep the stacks of all aliases, with their connections and counts, as they are now.

    A change of settings makes Django and this package build all of them anew.
    """

    def __init__(self) -> None:
        self.connections: Any = caches._connections  # type: ignore[attr-defined]  # Django's own
        self.stacks = dict(base._stacks)
        homes = manager._homes.items()
        self.homes = {alias: (home.ready, home._memoised) for alias, home in homes}

    def put_back(self) -> None:
        """Have all of it again, when the settings are those of then."""
        caches._connections = self.connections  # type: ignore[attr-defined]  # as above
        base._stacks.update(self.stacks)
        self._at_home(self.homes)

    def put_back_but(self, replaced: Collection[str]) -> None:
        """Have it again for those aliases that were not replaced, nor lie over another."""
        caches._connections = _Connections()  # type: ignore[attr-defined]  # as above
        stacks = {mark: each for mark, each in self.stacks.items() if _alone(each, replaced)}
        base._stacks.update(stacks)
        homes = {a: pair for a, pair in self.homes.items() if pair[0] and _alone(pair[0], replaced)}
        self._at_home(homes)

    def _at_home(self, homes: dict[str, tuple[Stack | None, Stack | None]]) -> None:
        for alias, (ready, memoised) in homes.items():
            home = manager.home(alias)
            home.ready, home._memoised = ready, memoised


def _alone(stack: Stack, replaced: Collection[str]) -> bool:
    driver: Any = stack.driver
    over = not isinstance(driver, NamedDriver) and hasattr(driver, "inner")
    return stack.alias not in replaced and not over
