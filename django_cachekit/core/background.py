"""Work behind a caller's back: a few threads, a bounded queue, one refusal where it is full."""

import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

from django.core.signals import request_finished, request_started
from django.db import connections

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
            _done(work)
            _done(connections.close_all)  # which are this thread's own
        finally:
            self._room.release()


def _done(work: Callable[[], Any]) -> None:
    try:
        work()
    except Exception as error:  # nobody waits for it, so the log is all it can be told to
        log.warning("work in the background failed: %s", type(error).__name__)


CREW = Crew()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=CREW.forked)


class Answer:
    """Hold what is to be done once a request was answered."""

    def __init__(self) -> None:
        self.given = False
        self._work: list[tuple[Callable[[], Any], Callable[[], Any]]] = []

    def take_on(self, work: Callable[[], Any], over: Callable[[], Any] = int) -> bool:
        """Have ``work`` done then, and tell whether there was room for it.

        ``over`` is called where it could not be done after all.
        """
        if len(self._work) >= WAITING:
            return False
        self._work.append((work, over))
        return True

    def end(self) -> None:
        """Do it, here; by a thread of our own where this one is in a transaction."""
        self.given = True
        work, self._work = self._work, []
        for piece, over in work:
            if not in_transaction():
                _done(piece)
            elif not CREW.take_on(piece):
                _done(over)  # and it is asked for again


_answer: ContextVar[Answer | None] = ContextVar("cachekit_answer", default=None)
_answers: WeakKeyDictionary[Any, Answer] = WeakKeyDictionary()
"""Under ASGI what a signal's receiver sets in its context is lost: a request is known by this."""


_context: list[Callable[[], Any]] = []
"""What tells this; ``faces`` says it, which knows of it."""


def known_by(context: Callable[[], Any]) -> None:
    """Know a request under ASGI by what ``context`` returns, which is None elsewhere."""
    _context[:] = [context]


def _request() -> Any:
    return _context[0]() if _context else None


def _current() -> Answer | None:
    """Return what waits for the answer of the request that is served here, if one is."""
    context = _request()
    answer = _answer.get() if context is None else _answers.get(context)
    return None if answer is None or answer.given else answer


def in_request() -> bool:
    """Tell whether a request is being answered here."""
    return _current() is not None


def after_response(work: Callable[[], Any], over: Callable[[], Any]) -> bool:
    """Have ``work`` done once the response was sent, soon where there is no request.

    False where there is no room for it; ``over`` is called where that turns out only then.
    """
    answer = _current()
    return CREW.take_on(work) if answer is None else answer.take_on(work, over)


def in_transaction() -> bool:
    """Tell whether this thread is in a transaction, but for those around Django's tests."""
    blocks = [
        block
        for connection in connections.all(initialized_only=True)
        if connection.in_atomic_block
        for block in connection.atomic_blocks
    ]
    return any(not getattr(block, "_from_testcase", False) for block in blocks)


def _begin(**_: Any) -> None:
    _end()  # one within another, or one that a server never ended
    context = _request()
    if context is None:
        _answer.set(Answer())
    else:
        _answers[context] = Answer()


def _end(**_: Any) -> None:
    answer = _current()
    if answer is not None:
        answer.end()


request_started.connect(_begin, dispatch_uid="cachekit.answer")
request_finished.connect(_end, dispatch_uid="cachekit.answer")
