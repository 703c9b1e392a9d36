"""A memory for the current request, task or thread: what was read once is not read again.

It lies in a context variable, is bounded, and ends with the request (``request_finished``) and with
the task or thread it was begun in. Writes go through and are remembered as misses, so the next read
asks the store.

Under ASGI Django sends its signals in tasks of their own, so what they set is not seen in the
request: there each task of it, and each thread, begins a memory for itself. ``MemoMiddleware``
gives the request one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.core.signals import request_finished, request_started

from ..core.bounded import Bounded
from ..core.entry import Entry
from ..core.faces import Face, task_id
from ..core.operation import MISSING, UNSURE, Kind, Operation, Reply
from .base import Proceed

ENTRIES = 1_000
"""How many values one memory holds at most."""


class Memory:
    """Hold what was read: values, and the fact that a key was missing."""

    def __init__(self, owner: int | None) -> None:
        self.owner = owner
        self.values: Bounded[Any, list[Any]] = Bounded(ENTRIES)
        self.ended = False

    def end(self) -> None:
        """Forget all, for whoever still holds this memory too."""
        self.ended = True
        self.values.clear()


_memory: ContextVar[Memory | None] = ContextVar("cachekit_memo", default=None)


def current() -> Memory | None:
    """Return the memory in force, or None.

    A memory that another task or thread began by itself is not in force here: contexts are
    inherited, and a server's first task would else lend its memory to every request. One that was
    opened for a request, or by ``memo_scope``, is shared by all the request starts.
    """
    memory = _memory.get()
    if memory is None or memory.ended:
        return None
    if memory.owner is not None and memory.owner != task_id():
        return None
    return memory


def begun() -> Memory:
    """Return the memory in force, begun for this task or thread if there is none."""
    memory = current()
    if memory is None:
        memory = Memory(task_id())
        _memory.set(memory)
    return memory


def forget() -> None:
    """Forget all that is remembered here; a key may be so under several versions and tags."""
    memory = current()
    if memory is not None and len(memory.values):
        memory.values.clear()


@contextmanager
def within(memory: Memory) -> Iterator[None]:
    """Have a memory in force, and leave it to be gone on with."""
    token = _memory.set(memory)
    try:
        yield
    finally:
        _memory.reset(token)


@contextmanager
def memo_scope() -> Iterator[None]:
    """Open a memory of one's own for ``cache.memo()``, ended with the block."""
    memory = Memory(None)
    try:
        with within(memory):
            yield
    finally:
        memory.end()


def _open(**_: Any) -> None:
    _memory.set(Memory(None))


def _close(**_: Any) -> None:
    memory = _memory.get()
    if memory is not None:
        memory.end()


request_started.connect(_open, dispatch_uid="cachekit.memo")
request_finished.connect(_close, dispatch_uid="cachekit.memo")


class Memo:
    """Answer reads from the memory, and drop from it what is written, by whomever."""

    def __init__(self, store: str, *, reads: bool) -> None:
        self.store = store
        self.reads = reads

    def quick(
        self,
        key: Any,
        version: int | None,
        tags: tuple[str, ...] = (),
        told: bool | None = False,
    ) -> Any:
        """Return the value that is remembered, MISSING, or UNSURE for the long way round."""
        memory = _memory.get()
        if memory is None or memory.ended or type(key) is not str:
            return UNSURE
        if memory.owner is not None and memory.owner != task_id():
            return UNSURE
        held = memory.values.get((self.store, version, tags, "", key))
        if held is None:
            return UNSURE
        found = held[0]
        return found.value if type(found) is Entry else found

    def idle(self, op: Operation) -> bool:
        """Tell whether there is nothing to remember, and nothing remembered to forget."""
        if op.kind is Kind.READ:
            return not self.reads or op.verb != "read" or op.snapshot or op.soft
        return _memory.get() is None

    async def __call__(self, face: Face, op: Operation, proceed: Proceed) -> Any:
        if op.kind is Kind.READ:
            return await self._read(face, op, proceed)
        try:
            return await proceed(face, op)
        finally:
            forget()

    async def _read(self, face: Face, op: Operation, proceed: Proceed) -> Reply:
        memory = begun()
        names = {key: (self.store, op.version, op.tags, op.space, key) for key in op.keys}
        kept = {key: memory.values.get(name) for key, name in names.items()}
        unknown = tuple(key for key, held in kept.items() if held is None)
        if unknown:
            reply: Reply = await proceed(face, op._replace(keys=unknown))
            for key in unknown:
                kept[key] = [reply.values.get(key, MISSING)]
                memory.values.put(names[key], kept[key] or [])
        found = {key: held[0] for key, held in kept.items() if held is not None}
        return Reply({key: value for key, value in found.items() if value is not MISSING})
