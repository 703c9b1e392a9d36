"""What is served though it is out of date, and what is left lying: counts, not times.

Every trial has its own tag, its own row in a database, and its own entry. Another process changes
the row and then flushes. What happens when is put in order by hand, so no trial depends on chance.
"""

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from .tags_data import Item, change, current
from .tags_setup import KINDS, MAIN, SUBJECTS
from .tags_subject import TTL, Subject, never

LEAD = b"trial-"
CONTROL = 20
LATER = TTL + 1
"""The seconds after which leftovers are counted."""


def changed(name: str, tag: str) -> None:
    """Change the row and flush, as the other process."""
    subject = SUBJECTS[name]
    with subject.active():
        change(tag)
        subject.flush(tag)


class Trials:
    """Try one subject, with the help of another process."""

    def __init__(self, name: str, tags: list[str], pool: ProcessPoolExecutor) -> None:
        self.subject: Subject = SUBJECTS[name]
        self.tags = tags
        self.pool = pool

    def change(self, tag: str) -> None:
        """Have the other process change the row and flush."""
        self.pool.submit(changed, self.subject.name, tag).result()

    def read(self, tag: str) -> Any:
        """Read as an application does."""
        return self.subject.read(tag, 0, lambda: current(tag))

    def stale(self, tag: str) -> bool:
        """Tell whether what is served now is out of date."""
        return bool(self.read(tag) != current(tag))

    def control(self) -> None:
        """See that entries are served without computing, and are gone after a flush."""
        for tag in self.tags[:CONTROL]:
            before = self.read(tag)
            assert self.subject.read(tag, 0, never) == before == current(tag)
            self.change(tag)
            assert self.read(tag) == before + 1, f"{self.subject.name}: a flush did nothing"

    def overtaken(self) -> int:
        """Count what is stale after a computation into which a change and its flush fell."""
        found = 0
        for tag in self.tags:
            self.change(tag)

            def slow(tag: str = tag) -> int:
                seen = current(tag)
                self.change(tag)
                return seen

            assert self.subject.read(tag, 0, slow) == current(tag) - 1
            found += self.stale(tag)
        return found

    def evicted(self, own: bool) -> int | None:
        """Count what is stale after the tag's record (or those it shares) was lost before a flush.

        The tag has been flushed once before its entry was made. None if there is no such record.
        """
        found = 0
        for tag in self.tags:
            self.change(tag)
            before = self.read(tag)
            assert self.subject.read(tag, 0, never) == before
            lost = tag.encode() if own else LEAD
            keys = self.subject.bookkeeping()
            records = [key for key in keys if (lost in key) == own]
            if not records:
                return None
            assert self.subject.raw.delete(*records) == len(records)
            self.change(tag)
            found += self.stale(tag)
        return found

    def outlived(self) -> int:
        """Count what is stale after another entry of the tag, stored later for less, expired."""
        for tag in self.tags:
            self.change(tag)
            self.read(tag)
            self.subject.read(tag, 1, lambda: "short", 1)
        time.sleep(1.5)
        for tag in self.tags:
            assert self.subject.read(tag, 0, never) == current(tag)
            self.change(tag)
        return sum(map(self.stale, self.tags))


def leave(name: str, count: int) -> None:
    """Store entries; each bears a tag of its own, and one that all bear."""
    subject = SUBJECTS[name]
    for number in range(count):
        subject.read(f"own-{number}-", number, lambda: "value", more=["common-"])


def age(raw: Any) -> None:
    """Let time pass for a database: every expiry in it comes so many seconds nearer."""
    keys = list(raw.scan_iter(count=1000))
    with raw.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.pttl(key)
        for key, rest in zip(keys, pipe.execute(), strict=True):
            if rest >= 0:
                pipe.pexpire(key, rest - LATER * 1000)
        pipe.execute()


def left(name: str) -> dict[str, Any]:
    """Count what is left of bookkeeping when all entries have expired."""
    subject = SUBJECTS[name]
    entries = [key for key in subject.raw.scan_iter(count=1000) if subject.entries in key]
    assert not entries, f"{name}: {len(entries)} entries have not expired"
    keys = subject.bookkeeping()
    found: dict[str, Any] = {"keys": len(keys), "forever": 0, "bytes": 0, "pruned": None}
    with subject.raw.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.ttl(key)
            pipe.memory_usage(key, samples=0)
        answers = pipe.execute()
    found["forever"] = answers[::2].count(-1)
    found["bytes"] = sum(answers[1::2])
    if subject.prune(LATER):
        found["pruned"] = len(subject.bookkeeping())
    return found


def leftovers(count: int) -> dict[str, dict[str, Any]]:
    """Return what is left by each subject; one at a time, for some share a database."""
    found = {}
    for name in MAIN:
        subject = SUBJECTS[name]
        with subject.active():
            subject.raw.flushdb()
            leave(name, count)
            there = [key for key in subject.raw.scan_iter(count=1000) if subject.entries in key]
            assert len(there) == count
            age(subject.raw)
            found[name] = left(name)
            subject.raw.flushdb()
    return found


def tags(trials: int) -> list[str]:
    """Return the tags of all trials; none is part of another."""
    return [f"{LEAD.decode()}{number}-" for number in range(trials)]


def measure(trials: int, pool: ProcessPoolExecutor) -> dict[str, Any]:
    """Return what was stale."""
    counts: dict[str, Any] = {"trials": trials, "control": CONTROL, "stale": {}}
    names = [kind.name for kind in KINDS]
    for name in names:
        subject = SUBJECTS[name]
        with subject.active():
            counts["stale"][name] = _stale(Trials(name, tags(trials), pool))
    return counts


def _stale(trials: Trials) -> dict[str, Any]:
    found: dict[str, Any] = {}
    steps: dict[str, Callable[[], Any]] = {
        "control": trials.control,
        "overtaken": trials.overtaken,
        "own": lambda: trials.evicted(own=True),
        "shared": lambda: trials.evicted(own=False),
        "outlived": trials.outlived,
    }
    for what, step in steps.items():
        if trials.subject.name in MAIN or what in ("control", "overtaken"):
            Item.objects.update(version=0)
            trials.subject.raw.flushdb()
            found[what] = step()
    return found
