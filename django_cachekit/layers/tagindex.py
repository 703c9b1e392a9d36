"""The index of tags: noting, after the value is written, which keys bear which tags.

It is there for listing and for cleaning up, and nothing is decided by it: what it names is read,
by the tag protocol, before anybody is told. So a note that is lost, late or left behind is never a
wrong answer, and none of them waits for another.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..codecs.frame import to_ms
from ..core.bounded import Bounded
from ..core.entry import Entry
from ..core.faces import Face
from ..core.operation import MISSING, Kind, Operation, Record
from ..errors import StoreUnavailable
from .base import LONGEST, Driver, Proceed

log = logging.getLogger("django_cachekit")

MARKS = 10_000
"""Of how many entries one process remembers what the index holds, per alias."""

FAR = 5 * 10**15
"""Where the scores of entries begin that never expire; it is the year 160,412 in milliseconds."""

CHANGING = ("write", "delete", "touch", "add", "incr", "pull", "claim", "claim_all", "swap")
CLAIMING = ("claim", "claim_all")


class Row(NamedTuple):
    """Name one note: that this key, of this version, bears this tag, until the score says."""

    tag: str
    key: str
    version: int
    score: int


class Mark(NamedTuple):
    """Say what the index holds of an entry: under which tags, and with which score.

    The score is when it expires (Unix ms). One that never does has ``FAR`` and the moment it was
    made, so that two entries under one key are told from each other.
    """

    tags: tuple[str, ...]
    score: int

    @classmethod
    def of(cls, entry: Any) -> "Mark | None":
        """Return the mark of an entry; None for what bears no tags, or is a claim and no value."""
        if type(entry) is not Entry or not entry.stamps or "" in entry.stamps:
            return None
        if getattr(entry, "hollow", False):
            return None
        if entry.expires is None:
            return cls(tuple(entry.stamps), FAR + to_ms(entry.created))
        return cls(tuple(entry.stamps), min(to_ms(entry.expires), FAR - 1))

    def rows(self, key: str, version: int) -> Iterator[Row]:
        """Return what is noted of it."""
        return (Row(tag, key, version, self.score) for tag in self.tags)


class Book:
    """Remember the marks of entries that this process wrote or met, by their names in the store.

    ``name`` makes those. What is not remembered is noted all the same when it is written, but not
    taken out when it goes: that is left to who lists the tag, or prunes. ``rides`` says that the
    store writes rows along with the entries of a plain write, so that no trip is needed for them.
    """

    def __init__(self, name: Any, *, rides: bool = False) -> None:
        self.name = name
        self.rides = rides
        self._marks: Bounded[bytes, Mark] = Bounded(MARKS)

    def met(self, name: bytes, entry: Entry) -> None:
        """Remember an entry as it was found, or made to be stored."""
        mark = Mark.of(entry)
        if mark is None:
            self._marks.drop(name)
        else:
            self._marks.put(name, mark)

    def along(self, key: Any, version: int, entry: Entry) -> tuple[Row, ...]:
        """Return the rows to write along with an entry, if that is done."""
        mark = Mark.of(entry) if self.rides else None
        return () if mark is None else tuple(mark.rows(key, version))

    def get(self, key: str, version: int) -> Mark | None:
        """Return the mark of a key."""
        return self._marks.get(self.name(key, version))

    def settle(self, key: str, version: int, mark: Mark | None) -> None:
        """Remember what the index holds now, unless it is so long that no number would bound it."""
        name = self.name(key, version)
        if mark is None or sum(map(len, mark.tags)) > LONGEST:
            self._marks.drop(name)
        else:
            self._marks.put(name, mark)

    def clear(self) -> None:
        """Forget all."""
        self._marks.clear()


class TagIndex:
    """Note what is written under tags, and take out what goes; ``book`` is the driver's."""

    def __init__(self, alias: str, driver: Driver, book: Book) -> None:
        self.alias = alias
        self.driver = driver
        self.book = book

    def idle(self, op: Operation) -> bool:
        """Tell whether the call changes no entry."""
        if op.verb in CHANGING:
            return not op.keys or isinstance(op.keys[0], Record)
        return op.verb != "clear" and op.verb != "prune"

    async def __call__(self, face: Face, op: Operation, proceed: Proceed) -> Any:
        if op.verb == "clear" or op.verb == "prune":
            return await self._whole(face, op, proceed)
        version = self.driver.version if op.version is None else op.version
        before = {key: self.book.get(key, version) for key in op.keys if type(key) is str}
        result = await proceed(face, op)
        rows = dict(self._rows(op, version, before, result))
        if rows:
            await self._note(face, proceed, rows)
        return result

    async def _whole(self, face: Face, op: Operation, proceed: Proceed) -> Any:
        result = await proceed(face, op)
        if op.verb == "clear":
            self.book.clear()
            await self._try(face, proceed, Operation("untag", Kind.ADMIN))
            return result
        return result + (await self._try(face, proceed, Operation("tidy", Kind.ADMIN)) or 0)

    async def _note(self, face: Face, proceed: Proceed, rows: Mapping[Row, bool]) -> None:
        await self._try(face, proceed, Operation("note", Kind.WRITE, values=rows))

    async def _try(self, face: Face, proceed: Proceed, op: Operation) -> Any:
        """Tell the index, which nobody waits for: what it is about is done already."""
        try:
            return await proceed(face, op)
        except StoreUnavailable as error:
            log.warning("cache %r: the index of tags was not told: %s", self.alias, error)
            return None

    def _rows(
        self, op: Operation, version: int, before: Mapping[str, Mark | None], result: Any
    ) -> Iterator[tuple[Row, bool]]:
        """Return what to note (True) and what to take out (False) now that the call is over."""
        for key, old in before.items():
            new = self._now(op, key, version, result)
            if new is MISSING:
                continue
            if op.verb in ("delete", "pull"):
                # What the store took out is known now, whoever had written it.
                old, new = self.book.get(key, version) or old, None
            self.book.settle(key, version, new)
            for row in old.rows(key, version) if old else ():
                if new is None or row.tag not in new.tags:
                    yield row, False
            # Along with a write they have gone already; not where it was on a condition.
            noted = self.book.rides and op.verb == "write" and not op.token
            if new is not None and new != old and not noted:
                yield from ((row, True) for row in new.rows(key, version))

    def _now(self, op: Operation, key: str, version: int, result: Any) -> Any:
        """Return the mark of what lies under a key now, or MISSING if the call did nothing."""
        if op.verb in ("delete", "pull"):
            # In a scope of tags a pull leaves what does not bear them; a token is a claim's.
            stays = bool(op.token) if op.verb == "delete" else bool(op.tags) and result is MISSING
            return MISSING if stays else None
        if op.verb == "write":
            return MISSING if key in result else Mark.of(op.values.get(key))
        vain = key not in result if op.verb == "touch" else result is False or result is MISSING
        return MISSING if vain and op.verb not in CLAIMING else self.book.get(key, version)
