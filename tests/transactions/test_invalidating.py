"""What is saved flushes: rows as they were and as they are, once, at the commit."""

import gc
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.apps import apps
from django.core import serializers
from django.db import connection, transaction
from django.db.models import F
from django.db.models.deletion import Collector
from django.db.models.signals import post_delete
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from django_cachekit import invalidate_on, invalidates, invalidating
from django_cachekit.errors import Misconfigured
from tests.transactions.shelf.models import Atlas, Book, Label, OldBook, Shelf, Ticket

from .conftest import Heard
from .test_waiting import committing, undone

pytestmark = committing

Flushed = Callable[[], list[str]]


def of_shelf(book: Any) -> list[str]:
    """Return the tags of a book."""
    return ["books", f"shelf:{book.shelf_id}"]


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    """Leave no rule behind."""
    yield
    for rule in list(invalidating._rules):
        rule.disconnect()
    assert not invalidating._heard


@pytest.fixture
def shelves(store: Any) -> list[Shelf]:
    """Put up two shelves."""
    return [Shelf.objects.create(pk=number, name=f"shelf {number}") for number in (1, 2)]


@pytest.fixture
def tags(flushed: Heard) -> Flushed:
    """Give the tags that were flushed since it was last asked, sorted; each flush is one."""

    def told() -> list[str]:
        assert len(flushed) <= 1, flushed
        found = [tag for _, tags in flushed for tag in tags]
        flushed.clear()
        return found

    return told


def queries(work: Callable[[], Any]) -> list[str]:
    """Return the first word of each query that ``work`` makes, but those of transactions."""
    with CaptureQueriesContext(connection) as seen:
        work()
    words = [query["sql"].split()[0] for query in seen.captured_queries]
    return [word for word in words if word in ("SELECT", "INSERT", "UPDATE", "DELETE")]


def test_a_row_that_moves_flushes_where_it_was_and_where_it_is(
    shelves: list[Shelf], tags: Flushed
) -> None:
    invalidates(Book, tags=of_shelf)
    book = Book.objects.create(title="a", shelf_id=1)
    assert tags() == ["books", "shelf:1"]
    book.shelf_id = 2
    book.save()
    assert tags() == ["books", "shelf:1", "shelf:2"]
    book.save()
    assert tags() == ["books", "shelf:2"]


def test_it_is_the_row_that_is_read_and_not_the_object(shelves: list[Shelf], tags: Flushed) -> None:
    invalidates(Book, tags=of_shelf)
    book = Book(pk=Book.objects.create(title="a", shelf_id=1).pk, title="another", shelf_id=2)
    tags()
    book.save()
    assert tags() == ["books", "shelf:1", "shelf:2"]


def test_reading_before_is_one_query_and_can_be_left(shelves: list[Shelf], tags: Flushed) -> None:
    rule = invalidates(Book, tags=of_shelf)
    book = Book(title="a", shelf_id=1)
    assert queries(book.save) == ["INSERT"]
    assert queries(book.save) == ["SELECT", "UPDATE"]
    assert queries(lambda: Ticket.objects.create(name="x")) == ["INSERT"]
    rule.disconnect()
    invalidates(Book, tags=of_shelf, before=False)
    assert queries(book.save) == ["UPDATE"]


def test_a_key_that_is_made_beforehand_is_no_reason_to_look(store: Any) -> None:
    invalidates(Ticket, tags="tickets")
    ticket = Ticket(name="x")
    assert queries(ticket.save) == ["INSERT"]
    assert queries(ticket.save) == ["SELECT", "UPDATE"]


def test_deleting(shelves: list[Shelf], flushed: Heard, tags: Flushed) -> None:
    invalidates(Book, tags=lambda book: [book.shelf.name, *(x.name for x in book.labels.all())])
    book = Book.objects.create(title="a", shelf_id=1)
    book.labels.add(Label.objects.create(name="red"))
    flushed.clear()
    book.delete()
    assert tags() == ["red", "shelf 1"]


def test_querysets_that_delete_and_cascades(
    shelves: list[Shelf], flushed: Heard, tags: Flushed
) -> None:
    invalidates(Book, tags=of_shelf)
    for number in (1, 2, 2):
        Book(title="a", shelf_id=number).save()
    flushed.clear()
    Book.objects.filter(shelf_id=1).delete()
    assert tags() == ["books", "shelf:1"]
    shelves[1].delete()
    assert tags() == ["books", "shelf:2"]
    assert not Book.objects.exists()


def test_many_rows_in_a_transaction_are_one_flush(shelves: list[Shelf], flushed: Heard) -> None:
    invalidates(Book, tags=of_shelf)
    invalidates("shelf.Book", tags=["other books"], store="other")
    with transaction.atomic():
        for number in range(20):
            Book.objects.update_or_create(code=str(number), defaults={"shelf_id": number % 2 + 1})
        assert flushed == []

    assert flushed == [
        ("default", ("books", "shelf:1", "shelf:2")),
        ("other", ("other books",)),
    ]


def test_what_is_rolled_back_flushes_nothing(shelves: list[Shelf], tags: Flushed) -> None:
    invalidates(Book, tags=of_shelf)
    undone(lambda: Book.objects.create(title="a", shelf_id=1))
    assert tags() == []


def test_a_function_of_several_models(shelves: list[Shelf], tags: Flushed) -> None:
    @invalidate_on(Book, "shelf.Shelf")
    def of_any(row: Any) -> str:
        return f"{row._meta.model_name}:{row.pk}"

    book = Book.objects.create(title="a")
    assert tags() == [f"book:{book.pk}"]
    shelves[0].save()
    assert tags() == ["shelf:1"]
    assert of_any(book) == f"book:{book.pk}"
    with pytest.raises(TypeError, match="needs a model"):
        invalidate_on()


def test_proxies_and_children_are_rows_of_the_model(shelves: list[Shelf], tags: Flushed) -> None:
    invalidates(Book, tags=of_shelf)
    book = OldBook.objects.create(title="a", shelf_id=1)
    assert tags() == ["books", "shelf:1"]
    OldBook.objects.filter(pk=book.pk).update(shelf_id=2)
    assert tags() == ["books", "shelf:1", "shelf:2"]
    Atlas(title="b", shelf_id=2).save()
    assert tags() == ["books", "shelf:2"]
    Atlas.objects.get().delete()
    assert tags() == ["books", "shelf:2"]


# Relations of many to many


@pytest.fixture
def labelled(store: Any, tags: Flushed) -> tuple[Book, Label]:
    """Have a book with a label, and rules by which each stands for the other's name."""
    book, label = Book.objects.create(title="a"), Label.objects.create(name="red")
    book.labels.add(label)
    invalidates(Book, tags=lambda book: [f"book:{book.pk}", *(x.name for x in book.labels.all())])
    invalidates(Label, tags=lambda label: [f"label:{label.pk}"])
    return book, label


@pytest.mark.parametrize(
    "change",
    [
        lambda book, label: book.labels.remove(label),
        lambda book, label: book.labels.clear(),
        lambda book, label: book.labels.set([]),
        lambda book, label: label.book_set.remove(book),
        lambda book, label: label.book_set.clear(),
    ],
    ids=["remove", "clear", "set", "remove reversed", "clear reversed"],
)
def test_what_is_taken_away_flushes_both_sides(
    labelled: tuple[Book, Label], tags: Flushed, change: Any
) -> None:
    book, label = labelled
    change(book, label)
    assert not book.labels.exists()
    assert tags() == sorted([f"book:{book.pk}", f"label:{label.pk}", "red"])


@pytest.mark.parametrize("reverse", [False, True])
def test_what_is_added_flushes_both_sides(
    labelled: tuple[Book, Label], tags: Flushed, reverse: bool
) -> None:
    book, _ = labelled
    blue = Label.objects.create(name="blue")
    tags()
    if reverse:
        blue.book_set.add(book)
    else:
        book.labels.add(blue)
    assert tags() == sorted([f"book:{book.pk}", f"label:{blue.pk}", "red", "blue"])


def test_a_relation_to_itself(store: Any, tags: Flushed) -> None:
    one, two = (Label.objects.create(name=name) for name in ("one", "two"))
    invalidates(Label, tags=lambda label: [label.name])
    one.near.add(two)
    assert tags() == ["one", "two"]
    one.near.remove(two)
    assert tags() == ["one", "two"]
    two.near.add(one)
    tags()
    two.near.clear()
    assert tags() == ["one", "two"]


# Fixtures


def test_fixtures_flush_and_ask_nothing(shelves: list[Shelf], tags: Flushed) -> None:
    book = Book.objects.create(title="a", shelf_id=1)
    text = serializers.serialize("json", [book])
    invalidates(Book, tags=of_shelf)
    (loaded,) = serializers.deserialize("json", text)
    assert queries(lambda: loaded.save(save_m2m=False)) == ["UPDATE"]
    assert tags() == ["books", "shelf:1"]


# In bulk


@pytest.fixture
def books(shelves: list[Shelf], tags: Flushed) -> list[Book]:
    """Have four books on the first shelf, and the rule about them."""
    found = [Book.objects.create(title="a", code=str(n), shelf_id=1) for n in range(4)]
    invalidates(Book, tags=lambda book: [f"book:{book.pk}", f"shelf:{book.shelf_id}"])
    return found


def told(books: list[Book], *more: str) -> list[str]:
    return sorted([*(f"book:{book.pk}" for book in books), *more])


def test_update(books: list[Book], tags: Flushed) -> None:
    assert Book.objects.filter(code__in=["1", "2"]).update(shelf_id=2) == 2
    assert tags() == told(books[1:3], "shelf:1", "shelf:2")
    assert Book.objects.filter(code="7").update(shelf_id=2) == 0
    assert tags() == []
    assert Book.objects.filter(shelf_id=2).order_by("title").update(code=F("code")) == 2
    assert tags() == told(books[1:3], "shelf:2")


def test_update_costs_two_queries_more(books: list[Book]) -> None:
    some = Book.objects.filter(shelf_id=1)
    assert queries(lambda: some.update(shelf_id=2)) == ["SELECT", "UPDATE", "SELECT"]
    for rule in list(invalidating._rules):
        rule.disconnect()
    assert queries(lambda: some.update(shelf_id=2)) == ["UPDATE"]


def test_update_of_annotated_and_of_values(books: list[Book], tags: Flushed) -> None:
    Book.objects.annotate(n=F("shelf__name")).filter(n="shelf 1", code="0").update(shelf_id=2)
    assert tags() == told(books[:1], "shelf:1", "shelf:2")
    Book.objects.values("title").filter(code="1").update(shelf_id=2)
    assert tags() == told(books[1:2], "shelf:1", "shelf:2")
    Book.objects.select_related("shelf").only("title").filter(code="2").update(shelf_id=2)
    assert tags() == told(books[2:3], "shelf:1", "shelf:2")


def test_update_refuses_what_django_does(books: list[Book]) -> None:
    with pytest.raises(TypeError, match="slice"):
        Book.objects.all()[:1].update(shelf_id=2)
    with pytest.raises(Exception, match="union"):
        Book.objects.all().union(Book.objects.all()).update(shelf_id=2)


def test_update_without_what_was(shelves: list[Shelf], tags: Flushed) -> None:
    Book.objects.create(title="a", shelf_id=1)
    invalidates(Book, tags=of_shelf, before=False)
    Book.objects.filter(shelf_id=1).update(shelf_id=2)
    assert tags() == ["books", "shelf:2"]


def test_aupdate_and_adelete(books: list[Book], tags: Flushed) -> None:
    async_to_sync(Book.objects.filter(code="1").aupdate)(shelf_id=2)
    assert tags() == told(books[1:2], "shelf:1", "shelf:2")
    async_to_sync(Book.objects.filter(code="1").adelete)()
    assert tags() == told(books[1:2], "shelf:2")


def test_bulk_update(books: list[Book], tags: Flushed) -> None:
    for book in books:
        book.shelf_id = 2
    assert Book.objects.bulk_update(books, ["shelf"], batch_size=2) == 4
    assert tags() == told(books, "shelf:1", "shelf:2")
    async_to_sync(Book.objects.all().abulk_update)(books[:1], ["title"])
    assert tags() == told(books[:1], "shelf:2")


def test_bulk_create(shelves: list[Shelf], tags: Flushed) -> None:
    invalidates(Book, tags=lambda book: [f"book:{book.pk}", f"shelf:{book.shelf_id}"])
    made = Book.objects.bulk_create(Book(title="a", shelf_id=n) for n in (1, 2))
    assert None not in [book.pk for book in made]
    assert tags() == told(made, "shelf:1", "shelf:2")
    (one,) = async_to_sync(Book.objects.all().abulk_create)([Book(title="b")])
    assert tags() == told([one], "shelf:None")
    assert Book.objects.bulk_create([]) == []
    assert tags() == []


@pytest.mark.parametrize("unique", ["code", None])
def test_bulk_create_that_updates(books: list[Book], tags: Flushed, unique: str | None) -> None:
    Book(title="without a code").save()
    tags()
    wanted = [Book(code="0", shelf_id=2), Book(code=None, shelf_id=2), Book(code="n", shelf_id=2)]
    options: dict[str, Any] = {"update_fields": ["title"], "unique_fields": ["code"]}
    if unique is None:
        found = Book.objects.all()._conflicting(invalidating.Changes(Book, None), wanted, None)
        assert found == [books[0].pk]
    Book.objects.bulk_create(wanted, update_conflicts=True, **options)
    # The one that is there keeps its shelf, and is told as it was, as it is and as it was given.
    assert {f"book:{books[0].pk}", "shelf:1", "shelf:2"} <= set(tags())


def test_bulk_create_that_ignores(books: list[Book], tags: Flushed) -> None:
    Book.objects.bulk_create([Book(code="0", shelf_id=2)], ignore_conflicts=True)
    assert "shelf:2" in tags()


def test_many_rows_are_read_in_parts(
    books: list[Book], tags: Flushed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invalidating, "CHUNK", 3)
    assert queries(lambda: Book.objects.update(shelf_id=2)) == [
        "SELECT",
        "UPDATE",
        "SELECT",
        "SELECT",
    ]
    assert tags() == told(books, "shelf:1", "shelf:2")


def test_templates_may_not_call_them() -> None:
    assert Book.objects.all().update.alters_data
    assert Book.objects.bulk_create.alters_data


# What goes wrong


def test_tags_that_cannot_be_told_are_raised_to_who_saves(
    shelves: list[Shelf], tags: Flushed, caplog: pytest.LogCaptureFixture
) -> None:
    book = Book.objects.create(title="a")
    invalidates(Book, tags=lambda book: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        book.save()
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        Book.objects.update(title="b")
    assert "the tags of a Book could not be told" in caplog.text
    assert Book.objects.get().title == "a"


def test_an_update_whose_tags_cannot_be_told_is_undone(
    shelves: list[Shelf], flushed: Heard
) -> None:
    Book.objects.create(title="a")
    invalidates(Book, tags=lambda book: 1 / 0 if book.title == "b" else "books")
    with pytest.raises(ZeroDivisionError):
        Book.objects.update(title="b")
    assert (Book.objects.get().title, flushed) == ("a", [])
    with pytest.raises(ZeroDivisionError):
        Book.objects.bulk_create([Book(title="b")])
    assert Book.objects.count() == 1


@pytest.mark.parametrize("nothing", [None, [], ()])
def test_no_tags_are_no_flush(store: Any, tags: Flushed, nothing: Any) -> None:
    invalidates(Book, tags=lambda book: nothing)
    Book.objects.create(title="a").save()
    assert tags() == []


def test_a_model_that_is_not_there_is_told(store: Any) -> None:
    with pytest.raises(LookupError, match="Shlf"):
        invalidates("shelf.Shlf", tags="a")
    Book.objects.create(title="others are saved all the same")


def test_the_app_has_to_be_installed(store: Any) -> None:
    others = ["django.contrib.contenttypes"]
    with override_settings(INSTALLED_APPS=others), pytest.raises(Misconfigured, match="INSTALLED"):
        invalidates(Book, tags="a")


# Who is heard, and who is not


def test_other_models_keep_their_fast_ways(store: Any) -> None:
    """A listener for all models would have Django load whatever is deleted."""
    invalidates(Book, tags="books")
    assert not Collector(using="default").can_fast_delete(Book.objects.all())
    assert Collector(using="default").can_fast_delete(Ticket.objects.all())
    label = Label.objects.create(name="a")
    assert "SELECT" not in queries(lambda: label.near.add(Label.objects.create(name="b")))


def test_a_rule_that_is_disconnected_is_heard_no_more(store: Any, tags: Flushed) -> None:
    rule = invalidates(Book, tags="books")
    rule.disconnect()
    rule.disconnect()
    Book.objects.create(title="a")
    assert tags() == []
    assert not post_delete.has_listeners(Book)


def test_rules_outlive_the_collection_of_garbage_and_a_second_start(
    store: Any, tags: Flushed
) -> None:
    invalidates(Book, tags="books")
    gc.collect()
    apps.get_app_config("django_cachekit").ready()
    Book.objects.create(title="a")
    assert tags() == ["books"]


EARLY = """
import django
from django.conf import settings
from django_cachekit import cache, invalidates, invalidate_on, invalidating

invalidates("auth.Group", tags="groups")          # before Django knows its settings
settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django_cachekit"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    SECRET_KEY="x",
    CACHES={"default": {"BACKEND": "django_cachekit.backends.array.ArrayCache"}},
)
django.setup()
from django.contrib.auth.models import Group
from django.core.management import call_command
call_command("migrate", verbosity=0)
cache.tags("groups").put("k", 1)
group = Group.objects.create(name="a")
assert cache.get("k") is None
cache.tags("groups").put("k", 1)
group.user_set.clear()
assert cache.get("k") is None
print("heard")
"""


def test_rules_may_come_before_the_models() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", EARLY], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("heard\n", "")


def test_tags_may_be_a_list_with_fields_of_the_row(store: Any, tags: Flushed) -> None:
    rule = invalidates(Shelf, tags=(name for name in ["shelves", ["shelf:{pk}"]]))
    try:
        for _ in range(2):  # what gives them once is as good as a list
            shelf = Shelf.objects.create(name="a shelf")
            assert {"shelves", f"shelf:{shelf.pk}"} <= set(tags())
    finally:
        rule.disconnect()
