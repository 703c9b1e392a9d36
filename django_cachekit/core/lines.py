"""Lines of those who wait in this process: only the first in each asks the store.

So a store that a thousand tasks wait for is asked by one of them at a time, in the order in which
they came; and who gives back here rings for the first, who need not wait for the store to tell.
"""

import threading
from collections import deque
from concurrent.futures import Future
from typing import Any

from .faces import after_fork


class Place:
    """Be a place in a line: ``turn`` is done once it is the first, ``bell`` when it was rung."""

    def __init__(self, lines: "Lines", name: Any) -> None:
        self.turn: Future[None] = Future()
        self.bell: Future[None] = Future()
        self._lines = lines
        self._name = name

    def leave(self) -> None:
        """Let the next one move up."""
        self._lines.leave(self._name, self)

    def listen(self) -> None:
        """Wait for the next ring: not for one that has been heard, nor with what waited before."""
        self.bell = Future()


class Lines:
    """Know who waits for what; there is one place per caller that waits, and none without."""

    def __init__(self) -> None:
        self._waiting: dict[Any, deque[Place]] = {}
        self._lock = threading.Lock()

    def join(self, name: Any) -> Place:
        """Return the last place in the line."""
        place = Place(self, name)
        with self._lock:
            line = self._waiting.setdefault(name, deque())
            line.append(place)
            if line[0] is place:
                place.turn.set_result(None)
        return place

    def leave(self, name: Any, place: Place) -> None:
        """Take a place out of its line."""
        with self._lock:
            line = self._waiting.get(name, deque())
            if place in line:
                line.remove(place)
            if not line:
                self._waiting.pop(name, None)
            elif not line[0].turn.done():
                line[0].turn.set_result(None)

    def ring(self, name: Any) -> None:
        """Tell the first in the line that it is worth asking now."""
        if not self._waiting:
            return
        with self._lock:
            line = self._waiting.get(name)
            if line and not line[0].bell.done():
                line[0].bell.set_result(None)

    def forked(self) -> None:
        """Start afresh in a child: who waits stayed behind in the parent."""
        self._waiting, self._lock = {}, threading.Lock()


LINES = Lines()
after_fork(LINES.forked)
