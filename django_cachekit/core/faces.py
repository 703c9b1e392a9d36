"""One body, two faces: each verb is written once and called blocking or awaited.

A flow is an ``async def`` that touches the world only through the ``Face`` it is given. The
blocking face never suspends, so one step runs the whole coroutine: no event loop, no thread, and
it works inside a running loop too. The awaiting face is the same coroutine, awaited.

This is the only module that knows asyncio, threads to hop to, and sleeping.
"""

import asyncio
import contextvars
import functools
import inspect
import os
import threading
import time
import weakref
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from concurrent.futures import Future, wait
from enum import Enum
from selectors import EVENT_READ, DefaultSelector
from typing import Any, Concatenate, Generic, NamedTuple, ParamSpec, TypeVar, cast

from asgiref.sync import SyncToAsync, async_to_sync, iscoroutinefunction, sync_to_async
from django.dispatch import Signal

from .background import CREW, WAITING, after_response, in_request, known_by

T = TypeVar("T")
P = ParamSpec("P")
_Faces = tuple[
    Callable[Concatenate[Any, P], T], Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]
]


class Hop(Enum):
    """Say where an awaiting face may run blocking work."""

    NONE = "it only touches memory: run it here"
    THREAD = "any thread will do"
    DJANGO = "the thread Django keeps for work that is bound to one (database connections)"


class Face:
    """Be the world as a flow sees it: calls that wait, in one of two ways."""

    awaiting: bool

    async def run(self, hop: Hop, work: Callable[..., T], *args: Any) -> T:
        """Run blocking work and return what it returns."""
        raise NotImplementedError

    async def verb(self, cache: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        """Call a verb of a Django cache, natively where its class has a true coroutine for it."""
        raise NotImplementedError

    async def user(self, callback: Callable[..., Any], *args: Any) -> Any:
        """Call a callback of the user's, which may be a coroutine function when awaiting."""
        raise NotImplementedError

    async def ask(self, result: Any) -> Any:
        """Return what a client of two faces answered: awaited, if it is to be."""
        raise NotImplementedError

    async def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        raise NotImplementedError

    async def settled(self, future: "Future[Any]") -> None:
        """Wait until ``future`` is done, without a part in what becomes of it."""
        raise NotImplementedError

    async def within(self, future: "Future[Any]", seconds: float) -> bool:
        """Wait so long at most, and tell whether ``future`` is done."""
        raise NotImplementedError

    async def readable(self, fileno: int, seconds: float) -> bool:
        """Wait so long at most, and tell whether there is something to be read from a socket."""
        raise NotImplementedError

    async def send(self, signal: Signal, sender: Any, **named: Any) -> None:
        """Send a signal to its receivers; one that raises is logged by Django and ignored."""
        raise NotImplementedError

    def behind(
        self,
        work: "Callable[[Face], Coroutine[Any, Any, Any]]",
        over: Callable[[], Any],
        *,
        after: bool = False,
    ) -> bool:
        """Have ``work`` done behind the caller; False if there is too much of it already.

        ``over`` is called when it has ended, also if it was broken off before it began. With
        ``after`` it is begun when the request that this is a part of was answered.
        """
        raise NotImplementedError


class Blocking(Face):
    """Do everything here and now."""

    awaiting = False

    async def run(self, hop: Hop, work: Callable[..., T], *args: Any) -> T:
        return work(*args)

    async def verb(self, cache: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        return getattr(cache, name)(*args, **kwargs)

    async def user(self, callback: Callable[..., Any], *args: Any) -> Any:
        result = callback(*args)
        if inspect.iscoroutine(result):
            result.close()
            raise TypeError("A coroutine function can only be computed by an a-verb: await it.")
        return result

    async def ask(self, result: Any) -> Any:
        return result

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    async def settled(self, future: "Future[Any]") -> None:
        future.exception()

    async def within(self, future: "Future[Any]", seconds: float) -> bool:
        wait([future], min(seconds, threading.TIMEOUT_MAX))
        return future.done()

    async def readable(self, fileno: int, seconds: float) -> bool:
        with DefaultSelector() as selector:
            selector.register(fileno, EVENT_READ)
            return bool(selector.select(max(0, seconds)))

    async def send(self, signal: Signal, sender: Any, **named: Any) -> None:
        signal.send_robust(sender, **named)

    def behind(
        self,
        work: Callable[[Face], Coroutine[Any, Any, Any]],
        over: Callable[[], Any],
        *,
        after: bool = False,
    ) -> bool:
        def both() -> None:
            try:
                run_now(work(self))
            finally:
                over()

        return after_response(both, over) if after else CREW.take_on(both)


class Awaiting(Face):
    """Await what can be awaited, and take a thread for what blocks."""

    awaiting = True

    async def run(self, hop: Hop, work: Callable[..., T], *args: Any) -> T:
        if hop is Hop.NONE:
            return work(*args)
        sensitive = hop is Hop.DJANGO
        return await sync_to_async(work, thread_sensitive=sensitive)(*args)

    async def verb(self, cache: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        if _native(cache.__class__, name):
            return await getattr(cache, "a" + name)(*args, **kwargs)
        return await sync_to_async(getattr(cache, name))(*args, **kwargs)

    async def user(self, callback: Callable[..., Any], *args: Any) -> Any:
        result = callback(*args)
        if inspect.isawaitable(result):
            return await result
        return result

    async def ask(self, result: Any) -> Any:
        return await result if inspect.isawaitable(result) else result

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def settled(self, future: "Future[Any]") -> None:
        await _woken(future)

    async def within(self, future: "Future[Any]", seconds: float) -> bool:
        # Not even begun where there is no time: each wait leaves a callback with the future.
        if seconds > 0 and not future.done():
            # Not wait_for: up to 3.11 it may lose that the task is cancelled.
            await asyncio.wait([_woken(future)], timeout=seconds)
        return future.done()

    async def readable(self, fileno: int, seconds: float) -> bool:
        loop = asyncio.get_running_loop()
        ready = loop.create_future()

        def wake() -> None:
            if not ready.done():
                ready.set_result(None)

        loop.add_reader(fileno, wake)
        try:
            # Not wait_for: up to 3.11 it may lose that the task is cancelled.
            await asyncio.wait([ready], timeout=max(0, seconds))
        finally:
            loop.remove_reader(fileno)
        return ready.done()

    async def send(self, signal: Signal, sender: Any, **named: Any) -> None:
        await signal.asend_robust(sender, **named)

    def behind(
        self,
        work: Callable[[Face], Coroutine[Any, Any, Any]],
        over: Callable[[], Any],
        *,
        after: bool = False,
    ) -> bool:
        loop = asyncio.get_running_loop()
        if after and in_request():
            return after_response(lambda: self._from_afar(loop, work, over), over)
        if len(_behind) >= WAITING:
            return False
        # In a context of its own: neither its request's memory nor what it computes is this one's.
        task = contextvars.Context().run(loop.create_task, work(self))
        _behind.add(task)  # the loop itself keeps no task from being collected

        def ended(task: "asyncio.Task[Any]") -> None:
            _behind.discard(task)
            # A loop that ends with its request, as under WSGI, breaks off what was begun in it.
            if not (task.cancelled() and CREW.take_on(self._alone(work, over))):
                over()

        task.add_done_callback(ended)
        return True

    def _from_afar(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Callable[[Face], Coroutine[Any, Any, Any]],
        over: Callable[[], Any],
    ) -> None:
        """Begin work in a loop from a thread that is not its own; in a thread if it has ended."""

        def begin() -> None:
            if not self.behind(work, over):
                over()

        try:
            loop.call_soon_threadsafe(begin)
        except RuntimeError:
            if not CREW.take_on(self._alone(work, over)):
                over()

    def _alone(
        self, work: Callable[[Face], Coroutine[Any, Any, Any]], over: Callable[[], Any]
    ) -> Callable[[], None]:
        """Return the same work for a thread, with a loop of its own."""

        async def again() -> None:
            await work(self)

        def alone() -> None:
            try:
                finish(again)
            finally:
                over()

        return alone


def _woken(future: "Future[Any]") -> "asyncio.Future[None]":
    """Return what is done in this loop once ``future`` is, whatever became of it."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def settle() -> None:
        if not done.done():
            done.set_result(None)

    def wake(_: "Future[Any]") -> None:
        # The loop may be gone by then, with nobody left in it to wake.
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle)

    future.add_done_callback(wake)
    return done


_behind: set[Any] = set()
known_by(lambda: SyncToAsync.thread_sensitive_context.get(None))
BLOCKING = Blocking()
AWAITING = Awaiting()


@functools.lru_cache(maxsize=512)
def _native(cache: type, name: str) -> bool:
    """Tell whether the class's a-verb is its own, at least as derived as the blocking verb.

    Django's base class wraps the blocking verbs, up to Django 5.2 as a get and a set that are not
    one step, or as one call per key; such a wrapper is never taken.
    """

    def depth(verb: str) -> int:
        owners = [verb in vars(base) for base in cache.__mro__]
        return owners.index(True) if True in owners else len(owners)

    twin = getattr(cache, "a" + name, None)
    inherited = getattr(twin, "__module__", "").startswith("django.core.cache")
    return twin is not None and not inherited and depth("a" + name) <= depth(name)


def run_now(body: Coroutine[Any, Any, T]) -> T:
    """Run a body that never suspends to its end, and return its result."""
    try:
        body.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]  # StopIteration carries Any
    body.close()
    raise RuntimeError("A blocking call tried to suspend; its port is not a blocking one.")


def background(work: Callable[[], Any], every: float, stop: threading.Event) -> None:
    """Call ``work`` every so many seconds in a thread of its own, until ``stop`` is set."""

    def loop() -> None:
        while not stop.wait(every):
            work()

    threading.Thread(target=loop, daemon=True, name="cachekit-keeper").start()


def after_fork(mend: Callable[[], Any]) -> None:
    """Call ``mend`` in every child this process forks; a system without forks needs none."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=mend)


def finish(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine function to its end from code that awaits nothing; return its result."""
    return async_to_sync(work)()


class PerLoop(Generic[T]):
    """Keep one thing per event loop: made at its first use there, closed when that loop ends.

    Loops end by ``asyncio.run`` and asgiref's ``async_to_sync``, which finish every generator that
    was begun in them; so one that waits at its ``yield`` closes what belongs to the loop. A fork
    makes its own things, and touches none of its parent's.
    """

    def __init__(self, make: Callable[[], T], close: Callable[[T], Coroutine[Any, Any, Any]]):
        self._make = make
        self._close = close
        self._held: dict[Any, tuple[int, T, Any]] = {}
        self._parents: list[Any] = []

    async def get(self) -> T:
        """Return the running loop's own."""
        loop = asyncio.get_running_loop()
        held = self._held.get(loop)
        if held is not None and held[0] == os.getpid():
            return held[1]
        self._drop_strangers()
        made = self._make()
        keeper = self._keep(loop, made)
        self._held[loop] = (os.getpid(), made, keeper)
        await keeper.__anext__()
        return made

    async def _keep(self, loop: Any, made: T) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            held = self._held.get(loop)
            if held is not None and held[1] is made:
                del self._held[loop]
            await self._close(made)

    def _drop_strangers(self) -> None:
        """Let go of what belongs to loops that were closed without being ended, and to a parent."""
        for loop, held in list(self._held.items()):
            if held[0] != os.getpid():
                # Never collected: its sockets are the parent's too, which goes on using them.
                self._parents.append(self._held.pop(loop, None))
            elif loop.is_closed():
                self._held.pop(loop, None)


class _Batch(Generic[T]):
    """Hold what goes together: what is wanted, and who waits for which of it."""

    __slots__ = ("waiting", "wanted")

    def __init__(self) -> None:
        self.wanted: dict[Any, None] = {}
        self.waiting: list[tuple[Sequence[Any], asyncio.Future[list[T]]]] = []


class _Tray(Generic[T]):
    """Hold the batch of one loop that is next to go, and the tasks that carry those under way."""

    def __init__(self) -> None:
        self.next: _Batch[T] | None = None
        self.under_way = 0
        self.tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Do nothing: who waits here ends with the loop's tasks."""


class Together(Generic[T]):
    """Ask once for what the tasks of a loop want at the same time, of a store that answers at once.

    Who comes while nothing is under way asks by itself, with no delay. Who comes meanwhile waits
    for the loop's next turn, when all that came is asked for in one, up to ``most`` things (but for
    one who wants more by himself): never by a call that had begun before. An error goes to each;
    who is cancelled is nobody's loss. ``ask`` answers in the order of what it is given, and
    nothing of the callers' contexts is seen in it.
    """

    def __init__(
        self, ask: Callable[[Sequence[Any]], Coroutine[Any, Any, list[T]]], most: int
    ) -> None:
        self.most = most
        self._ask = ask
        self._trays: PerLoop[_Tray[T]] = PerLoop(_Tray, _Tray.close)

    async def get(self, wanted: Sequence[Any]) -> list[T]:
        """Return an answer for each."""
        tray = await self._trays.get()
        if not tray.under_way:
            tray.under_way += 1
            try:
                return await self._ask(wanted)
            finally:
                tray.under_way -= 1
        loop = asyncio.get_running_loop()
        batch = tray.next
        if batch is None or len(batch.wanted) + len(wanted) > self.most:
            batch = tray.next = _Batch()
            loop.call_soon(self._send, loop, tray, batch)
        batch.wanted.update(dict.fromkeys(wanted))
        answer: asyncio.Future[list[T]] = loop.create_future()
        batch.waiting.append((wanted, answer))
        return await answer

    def _send(self, loop: asyncio.AbstractEventLoop, tray: _Tray[T], batch: _Batch[T]) -> None:
        if tray.next is batch:
            tray.next = None
        if all(answer.done() for _, answer in batch.waiting):
            return
        tray.under_way += 1
        task = contextvars.Context().run(loop.create_task, self._carry(batch))
        tray.tasks.add(task)  # the loop itself keeps no task from being collected

        def ended(task: "asyncio.Task[None]") -> None:
            # Here, for a task that is cancelled before its first step has no part in it.
            tray.tasks.discard(task)
            tray.under_way -= 1
            for _, answer in batch.waiting:
                answer.cancel()  # those that were not answered: the loop ends

        task.add_done_callback(ended)

    async def _carry(self, batch: _Batch[T]) -> None:
        try:
            told = await self._ask(list(batch.wanted))
            found = dict(zip(batch.wanted, told, strict=True))
        except Exception as error:  # whatever it is, it goes on to those who wait
            for _, answer in batch.waiting:
                if not answer.done():
                    answer.set_exception(error)
            return
        for wanted, answer in batch.waiting:
            if not answer.done():
                answer.set_result([found[one] for one in wanted])


class Desk(NamedTuple):
    """Stand for the one thread in which the thread-bound work of some awaiting code is done."""

    loop: Any
    context: Any

    @classmethod
    def here(cls) -> "Desk | None":
        """Return the desk of the running loop's code, or None where no loop runs."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return None
        return cls(loop, SyncToAsync.thread_sensitive_context.get(None))

    def is_mine(self) -> bool:
        """Tell whether this thread may be that one: if it waits, the awaiting code cannot go on."""
        served = getattr(SyncToAsync.threadlocal, "main_event_loop", None)
        context = SyncToAsync.thread_sensitive_context.get(None)
        return served is self.loop and context is self.context


def is_coroutine_function(function: Callable[..., Any]) -> bool:
    """Tell whether calling ``function`` gives a coroutine, or it is marked so, as views are."""
    return iscoroutinefunction(function)


def task_id() -> int:
    """Return a number for the running task, or for the thread where no loop runs."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    return id(task) if task is not None else threading.get_ident()


def life() -> Callable[[], bool]:
    """Return what tells whether the running task is not over, or the thread where no loop runs."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    if task is None:
        return threading.current_thread().is_alive
    seen = weakref.ref(task)

    def lives() -> bool:
        task = seen()
        return task is not None and not task.done()

    return lives


def both(
    flow: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
) -> "_Faces[P, T]":
    """Return the blocking and the awaited method for one flow, for a class with two ports.

    The class keeps its ports in ``_now`` (blocking) and ``_later`` (awaiting).
    """

    @functools.wraps(flow)
    def blocking(self: Any, *args: P.args, **kwargs: P.kwargs) -> T:
        return run_now(flow(self._now, *args, **kwargs))

    @functools.wraps(flow)
    async def awaited(self: Any, *args: P.args, **kwargs: P.kwargs) -> T:
        return await flow(self._later, *args, **kwargs)

    return cast("_Faces[P, T]", (blocking, awaited))


def faced(cls: type[T]) -> type[T]:
    """Call the faces that a class has of flows by the names it gives them, as ``help()`` shows."""
    done: set[Any] = set()
    for name, face in vars(cls).items():
        if hasattr(face, "__wrapped__") and face not in done:  # a second name is the first one's
            done.add(face)
            face.__name__, face.__qualname__ = name, f"{cls.__qualname__}.{name}"
    return cls
