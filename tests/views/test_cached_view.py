"""``cached_view``: what it keeps, under which tags, and that a flush reaches what is being made."""

import asyncio
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.cache import InvalidCacheBackendError, caches
from django.core.cache.backends.locmem import LocMemCache
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.test import RequestFactory, override_settings
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import cache_page

from django_cachekit import cache, cached_view
from django_cachekit.core import faces
from django_cachekit.core.operation import MISSING
from django_cachekit.flows import pages
from django_cachekit.flows.compute import Remembered
from django_cachekit.layers.policy import LOST
from tests.conftest import Clock

from .conftest import ARRAY, Counter

Shows = Callable[..., str]


def shown(view: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> str:
    """Return what a view answers, as Django's handler would have it."""
    if faces.is_coroutine_function(view):
        view = async_to_sync(view)
    response = view(request, *args, **kwargs)
    if hasattr(response, "render"):
        response = response.render()
    return str(response.content.decode())


def counted(**given: Any) -> Any:
    """Return a cached view that counts how often it ran."""
    counter = Counter()

    @cached_view(600, **given)
    def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return HttpResponse(counter.next())

    return view


def test_it_runs_once(store: Any, rf: RequestFactory) -> None:
    view = counted()

    assert [shown(view, rf.get("/")) for _ in range(3)] == ["1", "1", "1"]
    assert shown(view, rf.get("/?page=2")) == "2"


def test_flushing_a_tag_takes_it_away(store: Any, rf: RequestFactory) -> None:
    view = counted(tags=["people", "artists"])
    assert [shown(view, rf.get("/")) for _ in range(2)] == ["1", "1"]

    store.tags("cities").flush()
    assert shown(view, rf.get("/")) == "1"
    store.tags("artists").flush()
    assert [shown(view, rf.get("/")) for _ in range(2)] == ["2", "2"]
    store.flush()
    assert [shown(view, rf.get("/")) for _ in range(2)] == ["3", "3"]


@pytest.mark.parametrize("known", [False, True], ids=["first", "known page"])
@pytest.mark.parametrize("flush", ["tag", "alias"])
def test_a_flush_reaches_what_is_being_rendered(
    store: Any, rf: RequestFactory, flush: str, known: bool
) -> None:
    row = {"value": "old"}

    @cached_view(600, tags=["people"])
    def view(request: HttpRequest) -> HttpResponse:
        read = row["value"]
        if read == "old":
            row["value"] = "new"
            (store.tags("people") if flush == "tag" else store).flush()
        return HttpResponse(read)

    if known:
        # So the list of headers is there, and the page itself is looked for.
        row["value"] = "before"
        assert shown(view, rf.get("/")) == "before"
        store.tags("people").flush()
        row["value"] = "old"
    assert shown(view, rf.get("/")) == "old"
    assert shown(view, rf.get("/")) == "new"
    assert shown(view, rf.get("/")) == "new"


def test_a_flush_while_a_template_is_rendered(array: Any, rf: RequestFactory) -> None:
    counter = Counter()

    def slow() -> str:
        array.tags("people").flush()
        return counter.next()

    @cached_view(600, tags=["people"])
    def view(request: HttpRequest) -> TemplateResponse:
        template = engines["django"].from_string("{{ slow }}")
        return TemplateResponse(request, template, {"slow": slow})

    assert [shown(view, rf.get("/")) for _ in range(2)] == ["1", "2"]


@pytest.mark.parametrize(
    ("tags", "bears"),
    [
        ("people", ["people"]),
        (["city:{pk}", "cities"], ["city:7", "cities"]),
        (["zoom:{zoom}"], ["zoom:1"]),
        (lambda request, pk, **_: [f"city:{pk}", request.path], ["city:7", "/"]),
        (lambda request, pk: "people", ["people"]),
    ],
)
def test_tags_may_name_what_the_view_is_given(
    array: Any, rf: RequestFactory, tags: Any, bears: list[str]
) -> None:
    counter = Counter()

    @cached_view(600, tags=tags)
    def view(request: HttpRequest, pk: int, zoom: int = 1) -> HttpResponse:
        return HttpResponse(counter.next())

    for tag in bears:
        before = shown(view, rf.get("/"), pk=7)
        array.tags("city:8", "zoom:2", "p").flush()
        assert shown(view, rf.get("/"), 7) == before
        array.tags(tag).flush()
        assert shown(view, rf.get("/"), pk=7) != before


def test_tags_given_once_last(array: Any, rf: RequestFactory) -> None:
    view = counted(tags=(tag for tag in ["people"]))
    for number in "12":
        assert shown(view, rf.get("/")) == number
        array.tags("people").flush()


def test_a_field_that_the_view_has_not_is_told(array: Any, rf: RequestFactory) -> None:
    with pytest.raises(TypeError, match=r"city:\{id\}"):
        counted(tags=["city:{id}"])(rf.get("/"), pk=7)


def test_a_page_without_a_tag_that_is_declared_now_is_not_served(
    array: Any, rf: RequestFactory
) -> None:
    counter = Counter()

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(counter.next())

    before, after = cached_view(600)(view), cached_view(600, tags=["people"])(view)
    assert shown(before, rf.get("/")) == "1"
    assert [shown(after, rf.get("/")) for _ in range(2)] == ["2", "2"]


def test_visitors_with_tags_of_their_own_share_the_list_of_headers(
    array: Any, rf: RequestFactory
) -> None:
    counter = Counter()

    @cached_view(600, tags=lambda request: [f"user:{request.COOKIES['user']}"])
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(counter.next(), headers={"Vary": "Cookie"})

    def seen(user: str) -> str:
        return shown(view, rf.get("/", headers={"Cookie": f"user={user}"}))

    assert [seen(user) for user in "abab"] == ["1", "2", "1", "2"]
    array.tags("user:a").flush()
    assert [seen(user) for user in "abab"] == ["3", "2", "3", "2"]


def test_it_lies_apart_from_pages_without_tags(rf: RequestFactory) -> None:
    """A foreign cache shows plain Django the envelope: ``cache_page`` must not take it for one."""
    counter = Counter()

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(counter.next())

    ours, theirs = cached_view(600, tags=["t"])(view), cache_page(600)(view)
    locmem = f"{LocMemCache.__module__}.{LocMemCache.__name__}"
    with override_settings(CACHES={"default": {"BACKEND": locmem, "LOCATION": "apart"}}):
        assert [shown(one, rf.get("/")) for one in (ours, theirs, ours)] == ["1", "2", "1"]


def test_ttl_takes_every_form(array: Any, rf: RequestFactory, clock: Clock) -> None:
    forms: dict[str, list[Any]] = {
        "max-age=90": [90, 89.5, timedelta(minutes=1.5)],
        "max-age=2147483647": [timedelta(days=999_999), 2**40],
        "max-age=600": [None],
        "max-age=0": [0, -5],
    }
    for said, ttls in forms.items():
        for ttl in ttls:
            view: Any = cached_view(ttl)(lambda request: HttpResponse())
            assert view(rf.get(f"/{ttl}"))["Cache-Control"] == said


def test_a_ttl_that_is_none_is_told_at_once() -> None:
    with pytest.raises(TypeError, match="ttl"):
        cached_view("soon")


def test_without_a_ttl_the_response_says(array: Any, rf: RequestFactory, clock: Clock) -> None:
    counter = Counter()

    @cached_view(None)
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(counter.next(), headers={"Cache-Control": "max-age=60"})

    assert [shown(view, rf.get("/")) for _ in range(2)] == ["1", "1"]
    clock.advance(61)
    assert shown(view, rf.get("/")) == "2"


@pytest.mark.parametrize("ttl", [0, -1])
def test_without_time_to_live_it_runs_each_time(array: Any, rf: RequestFactory, ttl: int) -> None:
    counter = Counter()
    view = cached_view(ttl, tags=["t"])(lambda request: HttpResponse(counter.next()))

    assert [shown(view, rf.get("/")) for _ in range(2)] == ["1", "2"]


def test_store_and_prefix_keep_apart(array: Any, rf: RequestFactory) -> None:
    given: list[dict[str, Any]] = [{}, {"store": "other"}, {"key_prefix": "a"}]
    views = [counted(tags=["t"], **which) for which in given]
    for view in views:
        assert shown(view, rf.get("/")) == "1"
        assert shown(view, rf.get("/")) == "1"

    array.store("other").tags("t").flush()
    assert [shown(view, rf.get("/")) for view in views] == ["1", "2", "1"]
    with override_settings(CACHEKIT={"DEFAULT_STORE": "other"}):
        assert shown(counted(tags=["t"]), rf.get("/")) == "2"


def test_an_unknown_store_is_told(array: Any, rf: RequestFactory) -> None:
    with pytest.raises(InvalidCacheBackendError):
        counted(store="nope")(rf.get("/"))


def test_an_error_of_the_view_is_not_kept(array: Any, rf: RequestFactory) -> None:
    answers: Any = iter([RuntimeError("broken"), "good"])

    @cached_view(600)
    def view(request: HttpRequest) -> HttpResponse:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return HttpResponse(answer)

    with pytest.raises(RuntimeError, match="broken"):
        view(rf.get("/"))
    assert [shown(view, rf.get("/")) for _ in range(2)] == ["good", "good"]


def test_a_store_out_of_reach_runs_the_view(db: None, rf: RequestFactory) -> None:
    table = "django.core.cache.backends.db.DatabaseCache"
    with override_settings(CACHES={"default": {"BACKEND": table, "LOCATION": "no_such_table"}}):
        view = counted(tags=["t"])
        assert [shown(view, rf.get("/")) for _ in range(2)] == ["1", "2"]


def test_what_a_transaction_will_flush_is_not_kept(
    array: Any, rf: RequestFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = counted(tags=["t"])
    with monkeypatch.context() as within:
        within.setattr(pages, "waiting", lambda alias: {"t"} if alias == "default" else set())
        assert [shown(view, rf.get("/")) for _ in range(2)] == ["1", "2"]

    assert [shown(view, rf.get("/")) for _ in range(2)] == ["3", "3"]


@pytest.mark.parametrize("tags", [[], ["t"]])
def test_a_store_that_was_out_of_reach_before_the_view_is_given_nothing(
    array: Any, rf: RequestFactory, monkeypatch: pytest.MonkeyPatch, tags: list[str]
) -> None:
    """What was current then is not known."""
    view = counted(tags=tags)

    async def down(*args: Any, **kwargs: Any) -> Any:
        return pages.Look(Remembered(MISSING), LOST, held=False, unkept=False)

    with monkeypatch.context() as before:
        before.setattr(pages, "snapshot", down)
        assert shown(view, rf.get("/")) == "1"
    assert [shown(view, rf.get("/")) for _ in range(2)] == ["2", "2"]


def test_each_request_has_its_own_stamp(array: Any, rf: RequestFactory) -> None:
    """Two requests at once, and a flush between their beginnings: only the second is kept."""
    first_runs, second_done = threading.Event(), threading.Event()
    row = {"value": "old"}

    @cached_view(600, tags=["t"])
    def view(request: HttpRequest) -> HttpResponse:
        read = row["value"]
        if read == "old":
            first_runs.set()
            assert second_done.wait(10)
        return HttpResponse(read)

    thread = threading.Thread(target=shown, args=(view, rf.get("/")))
    thread.start()
    assert first_runs.wait(10)
    row["value"] = "new"
    array.tags("t").flush()
    assert shown(view, rf.get("/")) == "new"
    second_done.set()
    thread.join(10)

    row["value"] = "newest"
    # The late one lies over it, and counts for nothing.
    assert shown(view, rf.get("/")) == "newest"


def test_a_stamp_taken_too_late_would_be_seen(
    array: Any, rf: RequestFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test of the promise with the known fault, or it could be blind."""
    keep = pages.keep

    async def late(
        port: Any, key: str, value: Any, ttl: Any, stamp: Any, tags: Any, lease: Any
    ) -> bool:
        late_stamp = (await pages.snapshot(port, key)).stamp
        assert late_stamp is not None
        return await keep(port, key, value, ttl, late_stamp, tags, lease)

    monkeypatch.setattr(pages, "keep", late)
    with pytest.raises(AssertionError):
        test_a_flush_reaches_what_is_being_rendered(array, rf, "tag", known=False)


def test_a_list_that_goes_while_a_head_is_answered(
    store: Any, rf: RequestFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Django then asks for the page of no key."""
    view = counted(tags=["t"])
    get, found = pages.Shelf.get, []

    def once(self: Any, key: Any, default: Any = None) -> Any:
        value = get(self, key, default)
        found.append(value)
        return None if found.count([]) > 1 else value

    view(rf.get("/"))
    store.tags("t").flush()
    monkeypatch.setattr(pages.Shelf, "get", once)
    assert shown(view, rf.head("/")) == "2"
    looks: list[Any] = [[], None, [], None]
    # Once more where the turn is had without a claim, for its key was not known.
    assert found in (looks, [*looks, [], []])


# Views that are awaited, and classes


def test_coroutine_views(store: Any, rf: RequestFactory) -> None:
    counter = Counter()

    @cached_view(600, tags=["city:{pk}"])
    async def view(request: HttpRequest, pk: int) -> HttpResponse:
        return HttpResponse(counter.next())

    assert faces.is_coroutine_function(view)
    assert [shown(view, rf.get("/"), pk=7) for _ in range(2)] == ["1", "1"]
    store.tags("city:7").flush()
    assert shown(view, rf.get("/"), pk=7) == "2"


def test_a_flush_reaches_what_a_coroutine_renders(array: Any, rf: RequestFactory) -> None:
    counter = Counter()

    @cached_view(600, tags=["t"])
    async def view(request: HttpRequest) -> HttpResponse:
        await array.tags("t").aflush()
        return HttpResponse(counter.next())

    assert [shown(view, rf.get("/")) for _ in range(2)] == ["1", "2"]


def test_the_loop_never_waits_for_the_store(
    array: Any, rf: RequestFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor for the function that gives the tags, which may ask the database."""
    in_loop = []

    def look(*args: Any, **kwargs: Any) -> list[str]:
        try:
            in_loop.append(asyncio.get_running_loop())
        except RuntimeError:
            pass
        return ["t"]

    get, put = pages.Shelf.get, pages.Shelf.set
    monkeypatch.setattr(pages.Shelf, "get", lambda *a, **k: look() and get(*a, **k))
    monkeypatch.setattr(pages.Shelf, "set", lambda *a, **k: look() and put(*a, **k))

    @cached_view(600, tags=look)
    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse("x")

    assert [shown(view, rf.get("/")) for _ in range(2)] == ["x", "x"]
    assert in_loop == []


def test_coroutines_at_once_keep_apart(array: Any, rf: RequestFactory) -> None:
    @cached_view(600, tags=["city:{pk}"])
    async def view(request: HttpRequest, pk: int) -> HttpResponse:
        await asyncio.sleep(0)
        return HttpResponse(f"{request.path} {pk}")

    async def crowd() -> list[bytes]:
        asked = [view(rf.get(f"/{pk}"), pk=pk) for pk in range(20)] * 1
        return [response.content for response in await asyncio.gather(*asked)]

    wanted = [f"/{pk} {pk}".encode() for pk in range(20)]
    assert async_to_sync(crowd)() == wanted
    array.tags("city:3").flush()
    assert async_to_sync(crowd)() == wanted


class Plain(View):
    """Answer with a number."""

    counter = Counter()

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return HttpResponse(self.counter.next())


class Coroutines(View):
    """Answer with a number, awaited."""

    counter = Counter()

    async def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        return HttpResponse(self.counter.next())


@pytest.mark.parametrize("base", [Plain, Coroutines])
@pytest.mark.parametrize("how", ["dispatch", "get", "as_view", "urls"])
@pytest.mark.parametrize("by_name", [True, False])
def test_classes(array: Any, rf: RequestFactory, base: type[View], how: str, by_name: bool) -> None:
    kept = cached_view(600, tags=["city:{pk}"] if by_name or how == "get" else ["city:7"])
    kind: Any = type("Kind", (base,), {"counter": Counter(), "get": base.get})  # type: ignore[attr-defined]  # both have it
    if how in ("dispatch", "get"):
        kind = method_decorator(kept, name=how)(kind)
    view = kind.as_view()
    if how in ("as_view", "urls"):
        view = kept(view)

    def seen() -> str:
        request = rf.get("/")
        return shown(view, request, pk=7) if by_name else shown(view, request, 7)

    assert [seen() for _ in range(2)] == ["1", "1"]
    array.tags("city:7").flush()
    assert [seen() for _ in range(2)] == ["2", "2"]


def test_it_looks_like_the_view(array: Any) -> None:
    @cached_view(600)
    def view(request: HttpRequest) -> HttpResponse:
        """Say it."""
        return HttpResponse()

    view.csrf_exempt = True  # type: ignore[attr-defined]  # as Django's decorators do
    again: Any = cached_view(600)(view)
    assert (again.__name__, again.__doc__, again.csrf_exempt) == ("view", "Say it.", True)


def test_template_responses_are_kept_rendered(store: Any, rf: RequestFactory) -> None:
    counter = Counter()

    @cached_view(600, tags=["t"])
    def view(request: HttpRequest) -> TemplateResponse:
        template = engines["django"].from_string("{{ n.next }}")
        return TemplateResponse(request, template, {"n": counter})

    assert [shown(view, rf.get("/")) for _ in range(2)] == ["1", "1"]
    store.tags("t").flush()
    assert shown(view, rf.get("/")) == "2"


def test_what_is_served_is_nobody_elses(array: Any, rf: RequestFactory) -> None:
    view = counted()
    view(rf.get("/"))

    hit = view(rf.get("/"))
    hit["X-Mine"] = "1"
    assert "X-Mine" not in view(rf.get("/"))


def test_the_facade_is_not_needed_to_read_it(rf: RequestFactory) -> None:
    with override_settings(CACHES={"default": {"BACKEND": ARRAY, "LOCATION": "plain"}}):
        shown(counted(tags=["t"]), rf.get("/"))
        held = [caches["default"].get(key) for key in [*cache.keys()]]
    assert {type(one) for one in held} == {list, HttpResponse}
