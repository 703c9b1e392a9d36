"""``Lock``: what a caller holds in hand."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar, overload

from ..core.faces import both, faced, run_now
from ..core.held import lock_record
from ..core.keys import plain
from ..scopes import Port
from . import holding
from .blocks import Blocking, Entered, Guard
from .grips import Duration, Grip, Hand, Terms, lasting, waiting_time
from .keeping import KEEPERS, Kept

T = TypeVar("T")


@faced
class Lock:
    """Be a lock by its name: at most one owner has it, for ``ttl`` seconds at most.

    Attempts, releases and refreshes are one step in the store, and compare the owner there. It
    proves nothing to others for longer than that: a holder that was stopped past the ttl does not
    know of it, so let what is protected refuse a smaller ``fence`` than it has seen.
    """

    def __init__(
        self,
        now: Port,
        later: Port,
        terms: Terms,
        *,
        auto_refresh: bool = False,
        max_hold: float | None = None,
    ) -> None:
        self._ports = now, later
        self._terms = terms
        self._grip = Grip(terms)
        self._unused = [self._grip]
        self._entered: Entered[Grip] = Entered()
        self._keeps = auto_refresh
        self._max_hold = max_hold

    def __repr__(self) -> str:
        """Say which it is; not whose, since that is what gives it back."""
        ttl = "restored" if self._terms.ttl is None else f"{self._terms.ttl:g} s"
        had = "" if self.fence is None else f", fence {self.fence}"
        return f"<lock {self._terms.name!r} of {self._ports[0].said}, {ttl}{had}>"

    @property
    def name(self) -> str:
        """Return the name it was asked for by."""
        return self._terms.name

    @property
    def owner(self) -> str:
        """Return what proves that it is this one's: 32 random hex digits, unless it was given.

        Each time it is taken anew it has another.
        """
        return self._grip.owner

    @property
    def fence(self) -> int | None:
        """Return the number under which it was had last, which only grows; None before."""
        return self._grip.fence

    @property
    def lost(self) -> bool:
        """Tell whether it ended before it was given back, as far as is known here."""
        return self._grip.gone

    @property
    def _now(self) -> Hand:
        return Hand(self._ports[0], self._grip)

    @property
    def _later(self) -> Hand:
        return Hand(self._ports[1], self._grip)

    # Taking

    def acquire(self) -> bool:
        """Try once to take it, and tell whether it was had; StoreUnavailable where none can tell.

        It is not re-entrant: also its own owner has to give it back first.
        """
        grip = self._next()
        return self._settled(grip, run_now(holding.acquire(self._hand(0, grip))))

    async def aacquire(self) -> bool:
        """Try once to take it, and tell whether it was had; see ``acquire``."""
        grip = self._next()
        return self._settled(grip, await holding.acquire(self._hand(1, grip)))

    @overload
    def get(self, callback: None = None) -> bool: ...
    @overload
    def get(self, callback: Callable[[], T]) -> T | Literal[False]: ...
    def get(self, callback: Callable[[], Any] | None = None) -> Any:
        """Try once; with a callback return what it returns, or False if the lock was not had."""
        hand = self._hand(0, self._next())
        had = self._settled(hand.grip, run_now(holding.acquire(hand)))
        if not had or callback is None:
            return had
        return run_now(holding.called(hand, callback))

    @overload
    async def aget(self, callback: None = None) -> bool: ...
    @overload
    async def aget(self, callback: Callable[[], Awaitable[T]]) -> T | Literal[False]: ...
    @overload
    async def aget(self, callback: Callable[[], T]) -> T | Literal[False]: ...
    async def aget(self, callback: Callable[[], Any] | None = None) -> Any:
        """Try once; with a callback return what it returns, or False if the lock was not had."""
        hand = self._hand(1, self._next())
        had = self._settled(hand.grip, await holding.acquire(hand))
        if not had or callback is None:
            return had
        return await holding.called(hand, callback)

    @overload
    def block(self, seconds: Duration, callback: None = None) -> "Guard[Lock]": ...
    @overload
    def block(self, seconds: Duration, callback: Callable[[], T]) -> T: ...
    def block(self, seconds: Duration, callback: Callable[[], Any] | None = None) -> Any:
        """Wait so long at most until it is had, else LockTimeout.

        With a callback return what it returns; without, what gives the lock back at the end of a
        ``with`` block.
        """
        hand = self._hand(0, self.hold(seconds))
        return (
            Guard(self, hand.grip) if callback is None else run_now(holding.called(hand, callback))
        )

    @overload
    def ablock(self, seconds: Duration, callback: None = None) -> "Blocking[Guard[Lock]]": ...
    @overload
    def ablock(self, seconds: Duration, callback: Callable[[], Awaitable[T]]) -> Blocking[T]: ...
    @overload
    def ablock(self, seconds: Duration, callback: Callable[[], T]) -> Blocking[T]: ...
    def ablock(self, seconds: Duration, callback: Callable[[], Any] | None = None) -> Blocking[Any]:
        """Wait as ``block`` does: to be awaited, or for ``async with``."""

        async def waited() -> Any:
            hand = self._hand(1, await self.wait(seconds))
            if callback is None:
                return Guard(self, hand.grip)
            return await holding.called(hand, callback)

        return Blocking(waited(), bare=callback is None)

    def hold(self, seconds: Any) -> Grip:
        """Wait so long at most until it is had, and return the grip on it."""
        grip = self._next()
        run_now(holding.block(self._hand(0, grip), seconds))
        self._settled(grip, had=True)
        return grip

    async def wait(self, seconds: Any) -> Grip:
        """Wait so long at most until it is had, and return the grip on it."""
        grip = self._next()
        await holding.block(self._hand(1, grip), seconds)
        self._settled(grip, had=True)
        return grip

    def _hand(self, face: int, grip: Grip) -> Hand:
        return Hand(self._ports[face], grip)

    def _next(self) -> Grip:
        """Return a grip for one attempt, which no thread, task or child has used."""
        try:
            grip = self._unused.pop()
        except IndexError:
            return Grip(self._terms)
        return Grip(self._terms) if grip.inherited else grip

    def _settled(self, grip: Grip, had: bool) -> bool:
        if not had:
            if not self._unused:
                self._unused.append(grip)
            return False
        self._grip = grip
        if self._keeps:
            hand = self._hand(0, grip)
            try:
                KEEPERS.of(hand.port.alias).keep(Kept(hand, self._max_hold))
            except BaseException:
                grip.held, grip.over = False, True
                holding.undo(hand, grip.key)
                raise
        return True

    # Holding and giving back

    release, arelease = both(holding.release)
    force_release, aforce_release = both(holding.force_release)
    refresh, arefresh = both(holding.refresh)
    remaining, aremaining = both(holding.remaining)
    is_locked, ais_locked = both(holding.is_locked)
    is_owned_by, ais_owned_by = both(holding.is_owned_by)
    is_owned_by_current_process, ais_owned_by_current_process = both(
        holding.is_owned_by_current_process
    )

    def __enter__(self) -> "Lock":
        """Try once; LockTimeout if it was not had."""
        self._entered.push(self.hold(0))
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.left(self._entered.pop(), kind)

    async def __aenter__(self) -> "Lock":
        """Try once; LockTimeout if it was not had."""
        self._entered.push(await self.wait(0))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        await self.aleft(self._entered.pop(), kind)

    def left(self, grip: Grip, kind: type[BaseException] | None) -> None:
        """Give back what was had, at the end of a block."""
        run_now(holding.leave(self._hand(0, grip), failed=kind is not None))

    async def aleft(self, grip: Grip, kind: type[BaseException] | None) -> None:
        """Give back what was had, at the end of a block."""
        await holding.leave(self._hand(1, grip), failed=kind is not None)


def named(name: Any) -> str:
    """Return a lock's name as text; an empty one is a ValueError."""
    text = plain(name)
    if not text:
        raise ValueError("A lock needs a name.")
    return text


def lock(
    now: Port,
    later: Port,
    name: Any,
    ttl: Any,
    owner: str | None = None,
    *,
    auto_refresh: bool = False,
    max_hold: Any = None,
) -> Lock:
    """Return the lock of that name, not yet taken."""
    if owner is not None:
        _owning(owner)
    text, lasts = named(name), lasting(ttl)
    if max_hold is not None:
        max_hold = waiting_time(max_hold, "max_hold")
        if not auto_refresh or not max_hold:
            raise ValueError("max_hold is over 0, and bounds for how long auto_refresh keeps it.")
        lasts = min(lasts, max_hold)
    terms = Terms(text, (lock_record(text),), lasts, owner)
    return Lock(now, later, terms, auto_refresh=auto_refresh, max_hold=max_hold)


def restored(now: Port, later: Port, name: Any, owner: str) -> Lock:
    """Return a lock that another process took, for its owner."""
    _owning(owner)
    text = named(name)
    return Lock(now, later, Terms(text, (lock_record(text),), None, owner))


def _owning(owner: Any) -> None:
    if not isinstance(owner, str) or not owner:
        raise ValueError("A lock's owner is some text.")
