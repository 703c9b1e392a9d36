"""What the layer of the index notes, as the driver under it is told."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from django_cachekit.core.entry import Entry
from django_cachekit.core.faces import BLOCKING, run_now
from django_cachekit.core.operation import MISSING, Kind, Operation, Record
from django_cachekit.errors import StoreUnavailable
from django_cachekit.layers.base import Driver
from django_cachekit.layers.tagindex import FAR, Book, Mark, Row, TagIndex

CREATED = 1_800_000_000.0
TAGGED = Entry("v", CREATED, CREATED + 60, stamps={"a": b"1" * 24, "b": b"2" * 24})
OLD = Mark(("a", "c"), 7)


class Under:
    """Stand for a driver, and remember what it was told."""

    version = 1

    def __init__(self, result: Any, meeting: Callable[[], Any] = lambda: None) -> None:
        self.result = result
        self.meeting = meeting
        self.told: list[Operation] = []

    async def perform(self, face: Any, op: Operation) -> Any:
        """Answer, meeting what is to be met."""
        self.told.append(op)
        self.meeting()
        return self.result


def book(mark: Mark | None = None) -> Book:
    """Return a book that knows one mark of the key ``k``."""
    made = Book(lambda key, version: f"{version}:{key}".encode())
    made.settle("k", 1, mark)
    return made


def rows(
    op: Operation, result: Any, known: Book, meeting: Callable[[], Any] = lambda: None
) -> dict[Row, bool]:
    """Return what is noted for an operation."""
    under = Under(result, meeting)
    layer = TagIndex("default", cast(Driver, under), known)
    assert layer.idle(op) is False
    assert run_now(layer(BLOCKING, op, under.perform)) == result
    return dict(under.told[1].values) if len(under.told) > 1 else {}


def write(value: Any, verb: str = "write", **more: Any) -> Operation:
    return Operation(verb, Kind.WRITE, ("k",), values={"k": value}, **more)


def test_what_is_written_under_tags_is_noted_and_its_old_tags_are_taken_out() -> None:
    until = int((CREATED + 60) * 1000)
    found = rows(write(TAGGED), set(), book(OLD))
    assert found == {
        Row("a", "k", 1, until): True,
        Row("b", "k", 1, until): True,
        Row("c", "k", 1, 7): False,
    }


def test_what_could_not_be_written_is_not_noted() -> None:
    assert rows(write(TAGGED), {"k"}, book(OLD)) == {}
    known = book(OLD)
    in_vain = write(TAGGED, "add")
    assert rows(in_vain, False, known, lambda: known.met(b"1:k", TAGGED)) == {}


def test_a_plain_write_takes_out() -> None:
    gone = {Row("a", "k", 1, 7): False, Row("c", "k", 1, 7): False}
    assert rows(write("plain"), set(), book(OLD)) == gone
    assert rows(Operation("delete", Kind.WRITE, ("k",)), {"k"}, book(OLD)) == gone
    assert rows(Operation("pull", Kind.ATOMIC, ("k",)), "v", book(OLD)) == gone
    assert rows(write("plain"), set(), book()) == {}


def test_letting_go_of_a_claim_takes_nothing_out() -> None:
    assert rows(Operation("delete", Kind.WRITE, ("k",), token=b"t"), {"k"}, book(OLD)) == {}


def test_what_comes_along_with_a_write_is_not_noted_again_but_on_a_condition() -> None:
    for token, noted in ((b"", 0), (b"token", 2)):
        known = book()
        known.rides = True
        assert len(rows(write(TAGGED, token=token), set(), known)) == noted


def test_what_did_nothing_changes_nothing() -> None:
    assert rows(Operation("pull", Kind.ATOMIC, ("k",), tags=("z",)), MISSING, book(OLD)) == {}
    known = book(OLD)
    # What was met there was dead.
    touch = Operation("touch", Kind.WRITE, ("k",))
    assert rows(touch, set(), known, lambda: known.met(b"1:k", TAGGED)) == {}
    assert rows(Operation("incr", Kind.ATOMIC, ("k",)), MISSING, book(OLD)) == {}


def test_a_touch_notes_what_the_store_has_made() -> None:
    known = book(OLD)
    touch = Operation("touch", Kind.WRITE, ("k",))
    found = rows(touch, {"k"}, known, lambda: known.met(b"1:k", TAGGED))
    assert sorted(row.tag for row, stands in found.items() if stands) == ["a", "b"]


def test_what_the_store_took_out_is_taken_out_whoever_had_written_it() -> None:
    known = book()
    delete = Operation("delete", Kind.WRITE, ("k",))
    found = rows(delete, {"k"}, known, lambda: known.met(b"1:k", TAGGED))
    assert sorted(row.tag for row, stands in found.items() if not stands) == ["a", "b"]


def test_no_mark_of_a_claim_or_of_what_bears_no_tags() -> None:
    assert Mark.of("plain") is None
    assert Mark.of(Entry("v", CREATED)) is None
    assert Mark.of(Entry("v", CREATED, stamps={"": b"claim", "a": b"1"})) is None
    never = Mark.of(Entry("v", CREATED, stamps={"a": b"1"}))
    assert never == Mark(("a",), FAR + int(CREATED * 1000))


def test_records_pass_by() -> None:
    layer = TagIndex("default", cast(Driver, Under(None)), book())
    record = Record("tag", "a")
    assert layer.idle(Operation("write", Kind.WRITE, (record,), values={record: b"1"}))
    assert layer.idle(Operation("read", Kind.READ, ("k",)))
    assert not layer.idle(Operation("clear", Kind.ADMIN))


def test_tags_too_long_to_be_remembered_are_noted_all_the_same() -> None:
    known = book()
    long = Entry("v", CREATED, stamps={"x" * 5000: b"1"})
    assert len(rows(write(long), set(), known)) == 1
    assert known.get("k", 1) is None


def test_an_index_that_cannot_be_told_fails_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def proceed(face: Any, op: Operation) -> Any:
        if op.verb in ("note", "untag", "tidy"):
            raise StoreUnavailable("down")
        return set() if op.verb == "write" else 3

    layer = TagIndex("default", cast(Driver, Under(None)), book())
    assert run_now(layer(BLOCKING, write(TAGGED), proceed)) == set()
    assert run_now(layer(BLOCKING, Operation("prune", Kind.ADMIN), proceed)) == 3
    assert caplog.text.count("the index of tags was not told") == 2
