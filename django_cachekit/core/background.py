"""Work behind a caller's back: a few threads, a bounded queue, one refusal where it is full."""

import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

log = logging.getLogger("django_cachekit")

THREADS = 4
WAITING = 100
"""How many pieces of work may wait or run; more are refused, and tried again by who asks next."""


class Crew:
    """Run work in threads of its own, which start with the first."""

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None
        self._room = threading.BoundedSemaphore(WAITING)
        self._lock = threading.Lock()

    def take_on(self, work: Callable[[], Any]) -> bool:
        """Have ``work`` done soon, and tell whether there was room for it."""
        if not self._room.acquire(blocking=False):
            return False
        try:
            self._pool().submit(self._do, work)
        except RuntimeError:  # the interpreter is ending
            self._room.release()
            return False
        return True

    def forked(self) -> None:
        """Start afresh in a child: the threads stayed behind in the parent."""
        self.__init__()  # type: ignore[misc]  # as new

    def _pool(self) -> ThreadPoolExecutor:
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="cachekit-behind")
            return self._threads

    def _do(self, work: Callable[[], Any]) -> None:
        try:
            work()
        except Exception as error:  # nobody waits for it, so the log is all it can be told to
            log.warning("work in the background failed: %s", type(error).__name__)
        finally:
            self._room.release()


CREW = Crew()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=CREW.forked)
