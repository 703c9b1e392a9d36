"""What this process knows of its aliases, kept while other settings are in force."""

from collections.abc import Collection
from typing import Any

from ..backends import base
from ..backends.base import NamedDriver
from ..manager import manager
from ..scopes import Stack


class Kept:
    """Keep the stacks of all aliases, with their connections and counts, as they are now.

    A change of settings makes Django and this package build all of them anew.
    """

    def __init__(self) -> None:
        self.stacks = dict(base._stacks)
        homes = manager._homes.items()
        self.homes = {alias: (home.ready, home._memoised) for alias, home in homes}

    def put_back(self) -> None:
        """Have all of it again, when the settings are those of then."""
        base._stacks.update(self.stacks)
        self._at_home(self.homes)

    def put_back_but(self, replaced: Collection[str]) -> None:
        """Have it again for those aliases that were not replaced, nor lie over another."""
        stacks = {mark: each for mark, each in self.stacks.items() if _alone(each, replaced)}
        base._stacks.update(stacks)
        homes = {a: pair for a, pair in self.homes.items() if pair[0] and _alone(pair[0], replaced)}
        self._at_home(homes)

    def _at_home(self, homes: "dict[str, tuple[Stack | None, Stack | None]]") -> None:
        for alias, (ready, memoised) in homes.items():
            home = manager.home(alias)
            home.ready, home._memoised = ready, memoised


def _alone(stack: Stack, replaced: Collection[str]) -> bool:
    driver: Any = stack.driver
    over = not isinstance(driver, NamedDriver) and hasattr(driver, "inner")
    return stack.alias not in replaced and not over
