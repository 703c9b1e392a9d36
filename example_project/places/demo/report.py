"""Tell the figures in a few lines, and judge them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .measure import Edit, Timing

HEAD = ("page", "without cache", "with cache", "times faster")
WIDTHS = (26, 14, 12, 13)


@dataclass(frozen=True)
class Findings:
    """What a check found out; `ratio` is the part of the reads that were hits, from 0 to 1."""

    timings: Sequence[Timing]
    edit: Edit
    ratio: float
    hits: int
    misses: int

    def faults(self) -> list[str]:
        """List what is wrong, one line each; nothing if the site is as it should be."""
        return [*self._failed(), *self._stale(), *self._idle()]

    def _failed(self) -> list[str]:
        return [f"{row.path} failed: {row.failure}" for row in self.timings if row.failure]

    def _stale(self) -> list[str]:
        if self.edit.shown:
            return []
        if not self.edit.pages:
            return [f"no page names {self.edit.name}, so no edit could be seen"]
        late = [f"{path} did not show the edit at once" for path in self.edit.unchanged]
        return late + [f"{path} did not show the undoing" for path in self.edit.unrestored]

    def _idle(self) -> list[str]:
        return [] if self.ratio > 0 else ["the cache was never hit"]

    def text(self) -> str:
        """Write the table and what follows from it."""
        lines = [_line(HEAD), "  ".join("-" * width for width in WIDTHS)]
        lines += [_line(_cells(row)) for row in self.timings]
        lines += ["", f"Hit ratio {self.ratio:.1%} ({self.hits:,} hits, {self.misses:,} misses)."]
        seen = len(self.edit.pages) - len(self.edit.unchanged)
        lines.append(
            f"{self.edit.name} was renamed: {seen} of {len(self.edit.pages)} pages "
            "showed it at once."
        )
        return "\n".join(lines)


def _cells(row: Timing) -> tuple[str, ...]:
    if row.failure:
        return (row.path, row.failure, "", "")
    return (row.path, f"{row.without:,.1f} ms", f"{row.cached:,.1f} ms", f"{row.faster:,.0f} ×")


def _line(cells: Sequence[str]) -> str:
    first, *rest = zip(cells, WIDTHS, strict=True)
    return "  ".join([f"{first[0]:<{first[1]}}", *(f"{cell:>{width}}" for cell, width in rest)])
