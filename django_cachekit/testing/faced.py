"""A repository by one of its faces, so that each test is written once."""

import functools
import inspect
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async

FACTS = ("alias", "version", "make_key", "fence", "lost", "name", "owner")
"""What is known without asking a store."""


class Faced:
    """Call a repository by one of its faces: ``sync``, or ``async``."""

    def __init__(self, repository: Any, face: str) -> None:
        self.repository = repository
        self.face = face

    def __getattr__(self, verb: str) -> Any:
        if self.face == "sync" or verb in FACTS:
            return getattr(self.repository, verb)
        awaited = getattr(self.repository, "a" + verb)
        if inspect.isasyncgenfunction(awaited):
            return lambda *args: async_to_sync(_gathered)(awaited, *args)
        if inspect.iscoroutinefunction(awaited):
            return async_to_sync(awaited)
        return functools.partial(async_to_sync(_awaited), awaited)

    def __repr__(self) -> str:
        return repr(self.repository)

    def lock(self, *args: Any, **named: Any) -> "Faced":
        """Return a lock, by the same face."""
        return Faced(self.repository.lock(*args, **named), self.face)

    def restore_lock(self, *args: Any) -> "Faced":
        """Return a lock that another took, by the same face."""
        return Faced(self.repository.restore_lock(*args), self.face)

    def funnel(self, *args: Any, **named: Any) -> "Faced":
        """Return a funnel, by the same face."""
        return Faced(self.repository.funnel(*args, **named), self.face)

    def inside(self, lock: "Faced", work: Any, seconds: Any = None) -> None:
        """Do ``work`` in a block that has a lock or a slot, after so long at most."""
        if self.face == "sync":
            with lock.repository if seconds is None else lock.repository.block(seconds):
                work()
            return

        async def held() -> None:
            async with lock.repository if seconds is None else lock.repository.ablock(seconds):
                await sync_to_async(work)()

        async_to_sync(held)()

    def callback(self, work: Any) -> Any:
        """Return what is to be computed as this face takes it: a coroutine function if awaited."""
        if self.face == "sync":
            return work

        @functools.wraps(work)  # its parameters are looked at
        async def awaited(*args: Any) -> Any:
            return await sync_to_async(work)(*args)

        return awaited

    def __contains__(self, key: Any) -> bool:
        return key in self.repository

    def tags(self, *names: Any) -> "Faced":
        """Return the repository in the scope of some tags, by the same face."""
        return Faced(self.repository.tags(*names), self.face)

    def memo(self) -> "Faced":
        """Return the repository with a memory, by the same face."""
        return Faced(self.repository.memo(), self.face)


async def _awaited(verb: Any, *args: Any, **named: Any) -> Any:
    return await verb(*args, **named)


async def _gathered(generator: Any, *args: Any) -> list[Any]:
    return [item async for item in generator(*args)]
