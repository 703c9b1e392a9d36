"""One computation per key in this process: who leads, who waits, and who must not.

A flight is one computation under way. Whoever comes while it is under way waits for it, unless it
would wait for itself: a computation that asks for its own key, or two that ask for each other's.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum
from typing import Any

from .faces import Desk, after_fork
from .operation import MISSING, Stamp


class Role(Enum):
    """Say what the one who asked for a key has to do."""

    LEAD = "compute, for all who wait"
    FOLLOW = "wait for the one who computes"
    ALONE = "compute for oneself: waiting would never end"


class Flight:
    """Be one computation of one key.

    It is ``followed`` if anybody waits for it, and ``needed`` if another computation does.
    ``shared`` is what all who wait may have, without a look of their own.
    """

    def __init__(self) -> None:
        self.done: Future[None] = Future()
        self.thread = threading.get_ident()
        self.desk = Desk.here()
        self.value: Any = MISSING
        self.error: Exception | None = None
        self.stamp: Stamp | None = None
        self.revoked = False
        self.followed = False
        self.needed = False
        self.shared: Any = None
        self.waits_for: set[Flight] = set()

    def needs_this_thread(self) -> bool:
        """Tell whether the flight cannot land while this thread waits for it.

        So it is in the thread whose loop runs the flight, and in the thread in which that loop has
        its blocking work done.
        """
        if self.thread == threading.get_ident():
            return True
        return self.desk is not None and self.desk.is_mine()

    def leads_to(self, others: "tuple[Flight, ...]") -> bool:
        """Tell whether this flight waits, through however many, for one of ``others``."""
        seen: set[Flight] = set()
        queue = [self]
        while queue:
            flight = queue.pop()
            if flight in others:
                return True
            if flight not in seen:
                seen.add(flight)
                queue.extend(flight.waits_for)
        return False


_led: ContextVar[tuple[Flight, ...]] = ContextVar("cachekit_flights", default=())


class Board:
    """Know the flights under way; it holds one entry per computation, so it is bounded by them."""

    def __init__(self) -> None:
        self._flights: dict[Any, Flight] = {}
        self._watched: dict[Any, list[Flight]] = {}
        self._lock = threading.Lock()

    def busy(self) -> bool:
        """Tell whether any computation is under way."""
        return bool(self._flights or self._watched)

    def flies(self, name: Any = None) -> bool:
        """Tell whether a computation may be joined: that of ``name``, or any."""
        return name in self._flights if name is not None else bool(self._flights)

    @contextmanager
    def watching(self, name: Any, flight: Flight) -> Iterator[None]:
        """Let a flight that nobody joins hear of it when its key is removed."""
        with self._lock:
            self._watched.setdefault(name, []).append(flight)
        try:
            yield
        finally:
            with self._lock:
                self._unwatch(name, flight)

    def part(self, name: Any, flight: Flight) -> None:
        """Let nobody join a flight any more; it still hears of it when its key is removed."""
        with self._lock:
            if self._flights.get(name) is flight:
                self._watched.setdefault(name, []).append(self._flights.pop(name))

    def _unwatch(self, name: Any, flight: Flight) -> None:
        left = [other for other in self._watched.get(name, ()) if other is not flight]
        if left:
            self._watched[name] = left
        else:
            self._watched.pop(name, None)

    def join(self, name: Any, *, blocking: bool) -> tuple[Flight, Role]:
        """Return the flight for ``name``, made if there is none, and the part one has in it."""
        mine = _led.get()
        with self._lock:
            flight = self._flights.get(name)
            if any(other in mine for other in self._watched.get(name, ())):
                return Flight(), Role.ALONE  # what computes it anew asks for it
            if flight is None:
                flight = self._flights[name] = Flight()
                return flight, Role.LEAD
            if (blocking and flight.needs_this_thread()) or flight.leads_to(mine):
                return Flight(), Role.ALONE
            flight.followed, flight.needed = True, flight.needed or bool(mine)
            for led in mine:
                led.waits_for.add(flight)
            return flight, Role.FOLLOW

    def left(self, flight: Flight) -> None:
        """Note that this context waits for ``flight`` no longer."""
        with self._lock:
            for led in _led.get():
                led.waits_for.discard(flight)

    def land(self, name: Any, flight: Flight) -> None:
        """End a flight and wake all who wait for it."""
        with self._lock:
            if self._flights.get(name) is flight:
                del self._flights[name]
            self._unwatch(name, flight)
        if not flight.done.done():
            flight.done.set_result(None)

    def revoke(self, name: Any) -> None:
        """Say that the key was removed: what is being computed for it is not to be kept."""
        with self._lock:
            flight = self._flights.pop(name, None)
            for one in (*self._watched.get(name, ()), *([flight] if flight else [])):
                one.revoked = True

    def revoke_all(self, fits: Callable[[Any], bool]) -> None:
        """Revoke every computation whose name fits; a name that is no key's fits nothing."""
        for name in [*self._flights, *self._watched]:
            if len(name) == 3 and isinstance(name[1], int) and fits(name):
                self.revoke(name)

    def forked(self) -> None:
        """Start afresh in a child: who led the flights stayed behind in the parent."""
        self._flights, self._watched, self._lock = {}, {}, threading.Lock()


BOARD = Board()
after_fork(BOARD.forked)


def nested(own: int = 1) -> bool:
    """Tell whether this context computes other keys than its ``own``, so many, for whose sake."""
    return len(_led.get()) > own


class leading:
    """Mark the flights that this context leads, so that it never waits for itself."""

    def __init__(self, *flights: Flight) -> None:
        self.flights = flights

    def __enter__(self) -> None:
        self.token = _led.set((*_led.get(), *self.flights))

    def __exit__(self, *_: object) -> None:
        _led.reset(self.token)
