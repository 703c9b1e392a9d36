"""Many visitors at once, as threads of this process."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import Barrier
from typing import TypeVar

from django.db import connections

T = TypeVar("T")


def at_once(number: int, work: Callable[[int], T]) -> list[T]:
    """Call `work(0)`, `work(1)`, ... in as many threads, all let go at the same moment."""
    gate = Barrier(number)

    def one(visitor: int) -> T:
        gate.wait()
        try:
            return work(visitor)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(number) as pool:
        begun = [pool.submit(copy_context().run, one, visitor) for visitor in range(number)]
        return [answer.result() for answer in begun]
