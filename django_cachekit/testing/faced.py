"""A repository by one of its faces, so that each test is written once."""

import functools
import inspect
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async


class Faced:
    """Call a repository by one of its faces: ``sync``, or ``async``."""

    def __init__(self, repository: Any, face: str) -> None:
        self.repository = repository
        self.face = face

    def __getattr__(self, verb: str) -> Any:
        if self.face == "sync" or verb in ("alias", "version", "make_key"):
            return getattr(self.repository, verb)
        awaited = getattr(self.repository, "a" + verb)
        if inspect.isasyncgenfunction(awaited):
            return lambda *args: async_to_sync(_gathered)(awaited, *args)
        return async_to_sync(awaited)

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


async def _gathered(generator: Any, *args: Any) -> list[Any]:
    return [item async for item in generator(*args)]
