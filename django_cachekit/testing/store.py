"""A store to be tested: how it is configured, and what it says it can do."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

CAPABILITIES: Mapping[str, str] = MappingProxyType(
    {
        "cas": "cas() changes a value in one step, whoever else changes it",
        "count": "increment() and decrement() are one atomic step",
        "exact": "add() and pull() have one winner, however many try",
        "locks": "locks and funnels are taken, and given back, in one atomic step",
        "list": "keys() and forget_pattern() list what is there",
        "threads": "what one thread of these tests writes, another sees",
        "ttl": "ttl() tells the time an entry has left",
    }
)
"""What not every store can do. Of what it does not claim, most is tested to be refused."""

Config = Mapping[str, Any] | Callable[[Path], Mapping[str, Any]]


class Tested(Protocol):
    """Be what the suite asks of a store, however it is kept."""

    @property
    def name(self) -> str:
        """Return its name, for the reasons of skips."""

    @property
    def can(self) -> frozenset[str]:
        """Return which of ``CAPABILITIES`` it has."""

    def caches(self, root: Path) -> dict[str, Any]:
        """Return ``CACHES`` with this store as ``default``; ``root`` is a directory of its own."""


class Store:
    """Name a store to be tested: its entry in ``CACHES``, and which ``CAPABILITIES`` it has.

    ``config`` may be a function of a directory, which is another for each test. A store that lies
    over another alias finds that as ``beside``. ``needs`` is the name of a fixture that each test
    is to have, such as pytest-django's ``db``.
    """

    def __init__(
        self,
        config: Config,
        *,
        can: Iterable[str] = (),
        name: str = "the store",
        needs: str = "",
        beside: Config | None = None,
    ) -> None:
        self.config = config
        self.can = frozenset(can)
        self.name = name
        self.needs = needs
        self.beside = beside
        unknown = sorted(self.can - set(CAPABILITIES))
        if unknown:
            known = ", ".join(CAPABILITIES)
            raise ValueError(f"can is of {known}; not {', '.join(unknown)}.")

    def __repr__(self) -> str:
        """Say which store it is."""
        return f"<{self.name}>"

    def caches(self, root: Path) -> dict[str, Any]:
        """Return ``CACHES`` with this store as default, and one more beside it if it needs one."""
        found = {"default": _made(self.config, root)}
        if self.beside is not None:
            found["beside"] = _made(self.beside, root)
        return found


def _made(config: Config, root: Path) -> dict[str, Any]:
    return dict(config(root) if callable(config) else config)
