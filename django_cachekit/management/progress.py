"""A bar that says how far a command is, on a terminal only."""

import shutil
from typing import Any

from ..core.text import printable

CLEAR = "\r\x1b[K"
BAR = 24


class Bar:
    """Draw ``[######......]  3/6  name`` over itself; on what is no terminal, draw nothing.

    ``stream`` may be None, for no bar at all.
    """

    def __init__(self, stream: Any, total: int) -> None:
        self._stream = stream if stream is not None and stream.isatty() else None
        self._total = total
        self._done = 0

    def __enter__(self) -> "Bar":
        self._draw("")
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bar away."""
        self._write(CLEAR)

    def step(self, name: str) -> None:
        """Note that one more is done."""
        self._done += 1
        self._draw(printable(name))

    def _draw(self, name: str) -> None:
        filled = BAR * self._done // max(self._total, 1)
        digits = len(str(self._total))
        line = f"[{'#' * filled:.<{BAR}}] {self._done:>{digits}}/{self._total}  {name}"
        # A line that wraps could not be drawn over.
        self._write(CLEAR + line[: shutil.get_terminal_size().columns - 1])

    def _write(self, text: str) -> None:
        if self._stream is not None:
            self._stream.write(text, style_func=str, ending="")
            self._stream.flush()
