"""``Lock``: what a caller holds in hand."""

from collections.abc import Callable, Generator
from types import TracebackType
from typing import Any, TypeVar

from ..core.faces import both, run_now
from ..core.held import lock_record
from ..core.keys import plain
from ..errors import LockTimeout
from ..scopes import Port
from . import holding
from .grips import Grip, Hand, lasting, waiting_time
from .keeping import KEEPER, Kept

T = TypeVar("T")


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
        grip: Grip,
        *,
        auto_refresh: bool = False,
        max_hold: float | None = None,
    ) -> None:
        self._grip = grip
        self._now = Hand(now, grip)
        self._later = Hand(later, grip)
        self._keeps = auto_refresh
        self._max_hold = max_hold

    def __repr__(self) -> str:
        """Say which it is; not whose, since that is what gives it back."""
        return f"<lock {self._grip.name!r}>"

    @property
    def name(self) -> str:
        """Return the name it was asked for by."""
        return self._grip.name

    @property
    def owner(self) -> str:
        """Return what proves that it is this one's: 32 random hex digits, unless it was given."""
        return self._grip.owner

    @property
    def fence(self) -> int | None:
        """Return the number under which it was had last, which only grows; None before."""
        return self._grip.fence

    @property
    def lost(self) -> bool:
        """Tell whether it ended before it was given back, as far as is known here."""
        return self._grip.gone

    # Taking

    _acquire, _aacquire = both(holding.acquire)

    def acquire(self) -> bool:
        """Try once to take it, and tell whether it was had; StoreUnavailable where none can tell.

        It is not re-entrant: also its own owner has to give it back first.
        """
        return self._kept(self._acquire())

    async def aacquire(self) -> bool:
        """Try once to take it, and tell whether it was had; see ``acquire``."""
        return self._kept(await self._aacquire())

    def get(self, callback: Callable[[], T] | None = None) -> Any:
        """Try once; with a callback return what it returns, or False if the lock was not had."""
        had = self.acquire()
        if not had or callback is None:
            return had
        return run_now(holding.called(self._now, callback))

    async def aget(self, callback: Callable[[], Any] | None = None) -> Any:
        """Try once; with a callback return what it returns, or False if the lock was not had."""
        had = await self.aacquire()
        if not had or callback is None:
            return had
        return await holding.called(self._later, callback)

    def block(self, seconds: Any, callback: Callable[[], Any] | None = None) -> Any:
        """Wait so long at most until it is had, else LockTimeout.

        With a callback return what it returns; without, what gives the lock back at the end of a
        ``with`` block.
        """
        run_now(holding.block(self._now, seconds))
        self._kept(True)
        return Guard(self) if callback is None else run_now(holding.called(self._now, callback))

    def ablock(self, seconds: Any, callback: Callable[[], Any] | None = None) -> "Blocking":
        """Wait as ``block`` does: to be awaited, or for ``async with``."""
        return Blocking(self, lambda: self.wait(seconds), callback)

    async def wait(self, seconds: Any) -> "Lock":
        """Wait so long at most until it is had, and return it."""
        await holding.block(self._later, seconds)
        self._kept(True)
        return self

    def _kept(self, had: bool) -> bool:
        if had and self._keeps:
            KEEPER.keep(Kept(self._now, self._max_hold))
        return had

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
        return self.block(0).lock  # type: ignore[no-any-return]  # without a callback a Guard

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        run_now(holding.leave(self._now, failed=kind is not None))

    async def __aenter__(self) -> "Lock":
        """Try once; LockTimeout if it was not had."""
        return await self.wait(0)

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        await holding.leave(self._later, failed=kind is not None)

    async def _called(self, callback: Callable[[], Any]) -> Any:
        return await holding.called(self._later, callback)


class Guard:
    """Give a lock that was had back at the end of a ``with`` block."""

    def __init__(self, lock: Lock) -> None:
        self.lock = lock

    def __enter__(self) -> Lock:
        return self.lock

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.lock.__exit__(kind, error, trace)

    async def __aenter__(self) -> Lock:
        return self.lock

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.lock.__aexit__(kind, error, trace)


class Blocking:
    """Wait for a lock: awaited, or entered by ``async with``."""

    def __init__(
        self,
        lock: Lock,
        wait: Callable[[], Any],
        callback: Callable[[], Any] | None,
        failure: Callable[[Any], Any] | None = None,
    ) -> None:
        self._lock = lock
        self._wait = wait
        self._callback = callback
        self._failure = failure

    def __await__(self) -> Generator[Any, None, Any]:
        return self._all().__await__()

    async def _all(self) -> Any:
        try:
            await self._wait()
        except LockTimeout as error:
            if self._failure is None:
                raise
            return await self._lock._later.port.face.user(self._failure, error)
        if self._callback is None:
            return Guard(self._lock)
        return await self._lock._called(self._callback)

    async def __aenter__(self) -> Lock:
        await self._wait()
        return self._lock

    async def __aexit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        await self._lock.__aexit__(kind, *rest)


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
    text = named(name)
    grip = Grip(text, (lock_record(text),), lasting(ttl), owner)
    if max_hold is not None:
        max_hold = waiting_time(max_hold)
    return Lock(now, later, grip, auto_refresh=auto_refresh, max_hold=max_hold)


def restored(now: Port, later: Port, name: Any, owner: str) -> Lock:
    """Return a lock that another process took, for its owner."""
    _owning(owner)
    text = named(name)
    return Lock(now, later, Grip(text, (lock_record(text),), None, owner))


def _owning(owner: Any) -> None:
    if not isinstance(owner, str) or not owner:
        raise ValueError("A lock's owner is some text.")
