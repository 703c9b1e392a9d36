"""An alias as a command needs it: a store that cannot be reached is an error, and never a miss."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from ..core import clock
from ..core.entry import Entry
from ..core.faces import BLOCKING, run_now
from ..core.operation import MISSING, Kind, Operation, tag_record
from ..errors import NotSupported
from ..layers.events import Events
from ..layers.policy import Policy
from ..manager import manager
from ..repository import Repository
from ..scopes import Port, Stack


class _Strict:
    """Hold the stack of one alias without what answers in place of a store that is down."""

    def __init__(self, alias: str, *left_out: type) -> None:
        self.alias = alias
        self._left_out = left_out

    def stack(self) -> Stack:
        """Return the stack."""
        whole = manager.home(self.alias).stack()
        kept = [layer for layer in whole.layers if not isinstance(layer, self._left_out)]
        return Stack(self.alias, whole.driver, kept)

    memoised = stack
    ready = None  # it is made anew each time: the one it leaves parts of out may be another


def strict(alias: str | None = None) -> Repository:
    """Return the repository of an alias, whose every verb raises if the store is down."""
    return Repository(_Strict(manager.store(alias).alias, Policy), manager)


def quiet_port(alias: str) -> Port:
    """Return a port to look at an alias by, without a signal being sent."""
    return Port(BLOCKING, _Strict(alias, Policy, Events).stack)


class Found(NamedTuple):
    """Say what lies under a key.

    ``ttl`` is in seconds, None for ever; ``ttl_known`` False where the store does not tell.
    """

    value: Any
    tags: tuple[str, ...]
    ttl: float | None
    ttl_known: bool


def look(alias: str, key: str) -> Found | None:
    """Return what plain reads of ``key`` would find, and what it bears, or None for a miss."""
    port = quiet_port(alias)
    reply = run_now(port.call(port.read((key,), None)))
    value = reply.values.get(key, MISSING)
    if value is MISSING:
        return None
    tags: tuple[str, ...] = ()
    if type(value) is Entry:
        tags = tuple(sorted(value.stamps))
    ttl, known = _ttl(port, key, value)
    return Found(value.value if type(value) is Entry else value, tags, ttl, known)


def _ttl(port: Port, key: str, value: Any) -> tuple[float | None, bool]:
    try:
        left = run_now(port.call(Operation("ttl", Kind.READ, (key,))))
    except NotSupported:
        ends = value.ends or value.expires if type(value) is Entry else None
        if ends is not None:
            return ends - clock.now(), True
        return None, False
    # It may have ended between the two looks.
    return (0.0 if left is MISSING else left), True


def present(alias: str, keys: Iterable[str]) -> list[str]:
    """Return those of ``keys`` that are there, in the order given."""
    port, asked = quiet_port(alias), tuple(dict.fromkeys(keys))
    reply = run_now(port.call(port.read(asked, None)))
    return [key for key in asked if key in reply.values]


def unknown_tags(alias: str, tags: Iterable[str]) -> list[str]:
    """Return those of ``tags`` that have no record, which means that no live entry bears them."""
    port = quiet_port(alias)
    records = {tag_record(tag): tag for tag in tags}
    reply = run_now(port.call(Operation("read", Kind.READ, tuple(records))))
    return [tag for record, tag in records.items() if record not in reply.values]


def free_locks(alias: str) -> int:
    """Give all locks of an alias back, whoever has them, and return how many there were."""
    wiping = Operation("lock", Kind.ATOMIC, match="wipe", quiet=True, label="give locks back")
    return int(run_now(quiet_port(alias).call(wiping)))


def describe(alias: str) -> str:
    """Return the alias with the class of its backend."""
    kind = manager.home(alias).stack().driver.sender
    return f"{alias} ({kind.__module__}.{kind.__qualname__})"


def is_shared(alias: str) -> bool:
    """Tell whether other processes see what this one stores there."""
    return bool(manager.home(alias).stack().driver.shared)
