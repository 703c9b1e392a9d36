"""What a layer is, and how layers become one call.

A layer is one callable ``(face, operation, proceed) -> result``. It may change the operation, call
``proceed`` zero, one or many times, look at the result, or catch one class of error. It speaks of
kinds (READ, WRITE, ATOMIC, ADMIN), so it stays right when a verb is added.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from ..core.bounded import Bounded
from ..core.faces import Face
from ..core.operation import Operation

Guesses = Bounded[Any, tuple[str, ...]]

GUESSES = 10_000
"""How many keys' tags one process remembers per alias."""

LONGEST = 1_000
"""How many characters a key and its tags may have together to be remembered."""


def guess(guesses: Guesses, version: int | None, key: str, tags: tuple[str, ...]) -> None:
    """Remember a key's tags, unless they are so long that their number would not bound them."""
    if len(key) + sum(map(len, tags)) <= LONGEST:
        guesses.put((version, key), tags)


Proceed = Callable[[Face, Operation], Awaitable[Any]]


class Layer(Protocol):
    """Stand around every call, or let those pass by that it has nothing to do with."""

    def idle(self, op: Operation) -> bool:
        """Tell whether this call can go straight on: asked of each, so it must be quick."""

    async def __call__(self, face: Face, op: Operation, proceed: Proceed) -> Any:
        """Do what this layer is for, and ``proceed`` with the call."""


class Driver(Protocol):
    """Be the bottom of a chain: one store, below the tag protocol.

    ``guesses``: which tags each key bore when last met, so that their records are read in the same
    trip; None where records cost no trip. ``silent``: nobody is to hear of its reads, so its
    straight line may be taken. ``shared``: other processes see what it holds. ``claims``: it knows
    ``claim``, and writes where one lies. ``beside``, which may be missing: claims lie beside the
    entries, so that a plain write does not end one. ``instant``: it only touches memory, so an
    awaiting face needs no thread for it. ``sender``: the backend's class, which signals name.
    ``version``: what a key's version is when none is given. ``orderly``: the keys of one read, and
    of one write, are met in the order in which they are named, or all at once. ``perform``
    answers, by verb:

    ======== ================================ ==========================================
    kind     verb                             result
    ======== ================================ ==========================================
    READ     read                             ``Reply`` of what is physically there
    READ     ttl                              seconds, None for ever, or MISSING
    READ     keys                             the keys that match ``glob``
    WRITE    write                            the keys that could not be written
    WRITE    delete                           the keys that were there
    WRITE    touch                            the keys that were there
    ATOMIC   add                              True for the one that created it
    ATOMIC   incr                             the new number, MISSING without ``initial``
    ATOMIC   pull                             the value, or MISSING
    ATOMIC   see                              ``Seen``, for a ``swap`` in the same store
    ATOMIC   swap                             True if what was ``seen`` was still there
    ATOMIC   claim                            MISSING if it lies, UNSURE if another's
                                              does, else the value that is there
    ATOMIC   lock                             ``Taken``, ``Held``, a bool or a number: see
                                              ``backends.locking``
    ATOMIC   claim_all                        of each key what ``claim`` answers, but
                                              of those whose server is not there
    ADMIN    mark                             None: a part of a tag's record is changed
    ADMIN    clear, prune                     None; how many were dropped
    ======== ================================ ==========================================
    """

    guesses: "Guesses | None"
    silent: bool
    claims: bool
    orderly: bool
    sender: type

    @property
    def shared(self) -> bool:
        """Tell whether other processes see what it holds."""

    @property
    def instant(self) -> bool:
        """Tell whether it only touches memory."""

    @property
    def version(self) -> int:
        """Return the alias's own version."""

    async def perform(self, face: Face, op: Operation) -> Any:
        """Carry out one operation."""


class Quick(Protocol):
    """Be a driver with a straight line for the commonest read."""

    sender: type

    def quick(
        self,
        key: Any,
        version: int | None,
        tags: tuple[str, ...] = (),
        told: bool | None = False,
    ) -> Any:
        """Return the value, MISSING, or UNSURE for the long way round.

        The long way does all that may be left out here: signals, tags, odd keys, errors. Where
        somebody listens to reads, only a hit may be told of here (``events.told``); with ``told``
        True it is the caller who tells, and with None nobody can be told, as awaited.
        """


def compose(layers: Sequence[Layer], driver: Driver) -> Proceed:
    """Return one call that goes through ``layers``, the first outermost, to the driver."""
    return through(layers, driver.perform)


def through(layers: Sequence[Layer], perform: Proceed) -> Proceed:
    """Return one call that goes through ``layers``, the first outermost, then to ``perform``."""
    steps: tuple[Step, ...] = ()
    for layer in reversed(layers):
        steps = ((layer.idle, layer, _chain(steps, perform)), *steps)
    return _chain(steps, perform)


Step = tuple[Callable[[Operation], bool], Layer, Proceed]
"""Whether a layer lets a call pass by, the layer, and what comes after it."""


def _chain(steps: tuple[Step, ...], perform: Proceed) -> Proceed:
    def call(face: Face, op: Operation) -> Awaitable[Any]:
        for idle, layer, rest in steps:
            if not idle(op):
                return layer(face, op, rest)
        return perform(face, op)

    return call
