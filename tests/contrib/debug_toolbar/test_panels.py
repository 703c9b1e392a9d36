"""What the toolbar's own cache panel sees of our calls, and what ours shows."""

from collections.abc import Callable
from typing import Any

import django
import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client

from django_cachekit import cache
from django_cachekit.layers import watch

from .conftest import CACHE_PANEL, OWN_PANEL

ALIASES = ["default", "file", "locmem", "tagged"]
OURS = ["default", "file", "tagged"]
Get = Callable[[str], str]


def _sync(path: str) -> str:
    return Client().get(f"/{path}").content.decode()


def _async(path: str) -> str:
    return async_to_sync(AsyncClient().get)(f"/{path}").content.decode()


@pytest.fixture(params=[_sync, _async], ids=["wsgi", "asgi"])
def get(request: pytest.FixtureRequest, toolbar: list[Any]) -> Get:
    """Give what gets a page by one of Django's two handlers."""
    return request.param  # type: ignore[no-any-return]  # one of the two


def _panel(toolbar: list[Any], name: str) -> Any:
    return toolbar[-1].get_panel_by_id(name)


def _names(panel: Any, alias: str) -> list[str]:
    return [call["name"] for call in panel.calls if call["backend"].startswith(f"{alias} (")]


@pytest.mark.parametrize("view", ["facade", "afacade"])
@pytest.mark.parametrize("alias", OURS)
def test_its_panel_sees_the_facade_on_ours(
    alias: str, view: str, get: Get, toolbar: list[Any]
) -> None:
    get(f"{view}?alias={alias}")
    panel = _panel(toolbar, "CachePanel")
    names = _names(panel, alias)
    assert names == ["put", "get", "get", "many", "remember", "set"]
    if alias != "tagged":
        assert (panel.hits, panel.misses) == (2, 3)
    assert panel.counts["get"] >= 2
    shown = [call for call in panel.calls if call["backend"].startswith(alias)]
    assert "the value" not in repr([(call["args"], call["kwargs"]) for call in shown])


@pytest.mark.parametrize("view", ["facade", "afacade"])
def test_its_panel_sees_the_facade_on_what_is_not_ours(
    view: str, get: Get, toolbar: list[Any]
) -> None:
    get(f"{view}?alias=locmem")
    panel = _panel(toolbar, "CachePanel")
    names = _names(panel, "locmem")
    assert names[:3] == ["set", "get", "get"]
    assert "get_many" in names
    assert panel.hits >= 2


@pytest.mark.parametrize("view", ["plain", "aplain"])
@pytest.mark.parametrize("alias", ALIASES)
def test_its_panel_sees_plain_calls_once(
    alias: str, view: str, get: Get, toolbar: list[Any]
) -> None:
    if (alias, view) == ("locmem", "aplain") and django.VERSION >= (6, 1):
        pytest.skip("Django 6.1's aget_many fails on the functions that the toolbar puts around")
    get(f"{view}?alias={alias}")
    panel = _panel(toolbar, "CachePanel")
    names = _names(panel, alias)
    if (alias, view) == ("locmem", "aplain"):  # Django's aget_many asks key by key
        assert names == ["set", "get", "get", "get", "get"]
    else:
        assert names == ["set", "get", "get", "get_many"]
    if alias != "tagged":
        assert (panel.hits, panel.misses) == (2, 2)


@pytest.mark.parametrize("view", ["facade", "afacade"])
@pytest.mark.parametrize("alias", ALIASES)
def test_ours_sees_the_facade_on_any_store(
    alias: str, view: str, get: Get, toolbar: list[Any]
) -> None:
    html = get(f"{view}?alias={alias}")
    stats = _panel(toolbar, "CacheKitPanel").get_stats()
    found = [(call["verb"], call["keys"], call["result"]) for call in stats["calls"]]
    assert found == [
        ("put", ["secret"], ""),
        ("get", ["secret"], "hit"),
        ("get", ["nothing"], "miss"),
        ("many", ["secret", "nothing"], "1 of 2"),
        ("remember", ["<b>key</b>"], "miss"),
        ("compute", ["<b>key</b>"], ""),
        ("remember", ["<b>key</b>"], ""),
    ]
    (store,) = stats["stores"]
    assert (store["store"], store["calls"], store["computations"]) == (alias, 6, 1)
    assert (store["hits"], store["misses"], store["ratio"]) == (2, 3, 40)
    assert stats["calls"][4]["tags"] == ["people"]
    assert all(call["ms"] >= 0 for call in stats["calls"])
    panel = html[html.index('id="CacheKitPanel"') :]
    assert "&lt;b&gt;key&lt;/b&gt;" in panel
    assert "40.0 %" in panel
    assert "6 calls, 40 % hits" in html
    assert "<b>key</b>" not in html
    assert "the value" not in panel
    assert "another value" not in panel


@pytest.mark.parametrize("view", ["plain", "aplain"])
@pytest.mark.parametrize("alias", OURS)
def test_ours_sees_plain_calls_on_ours(alias: str, view: str, get: Get, toolbar: list[Any]) -> None:
    get(f"{view}?alias={alias}")
    stats = _panel(toolbar, "CacheKitPanel").get_stats()
    assert [call["verb"] for call in stats["calls"]] == ["set", "get", "get", "get_many"]
    assert [call["result"] for call in stats["calls"]] == ["", "hit", "miss", "1 of 2"]


def test_nothing_is_heard_after_the_response(get: Get, toolbar: list[Any]) -> None:
    get("facade?alias=default")
    panel = _panel(toolbar, "CacheKitPanel")
    before = len(panel._seen)
    cache.get("secret")
    assert len(panel._seen) == before
    assert watch.hearing("default") is None


def test_a_view_that_fails_leaves_nobody_watching(toolbar: list[Any]) -> None:
    with pytest.raises(ValueError, match="a view that fails"):
        Client().get("/failing")
    assert watch.hearing("default") is None
    assert len(_panel(toolbar, "CacheKitPanel")._seen) == 1


def test_what_streams_is_not_watched(toolbar: list[Any]) -> None:
    b"".join(Client().get("/streaming"))
    seen = _panel(toolbar, "CacheKitPanel")._seen
    assert [call.keys for call in seen] == [("before",)]


def test_two_requests_do_not_see_each_other(toolbar: list[Any]) -> None:
    _sync("facade?alias=default")
    _async("afacade?alias=default")
    first, second = (one.get_panel_by_id("CacheKitPanel") for one in toolbar)
    assert len(first._seen) == len(second._seen) + 2  # the second remembers, and computes nothing


def test_the_panel_can_be_loaded_again(toolbar: list[Any]) -> None:
    _sync("facade?alias=default")
    said = {"request_id": toolbar[-1].request_id, "panel_id": "CacheKitPanel"}
    content = Client().get("/__debug__/render_panel/", said).json()["content"]
    assert "&lt;b&gt;key&lt;/b&gt;" in content


def test_many_calls_are_bounded(toolbar: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from django_cachekit.contrib.debug_toolbar import panels

    monkeypatch.setattr(panels, "MOST", 4)
    monkeypatch.setattr(panels, "CALLS", 3)
    html = _sync("facade?alias=default")
    stats = _panel(toolbar, "CacheKitPanel").get_stats()
    assert (len(stats["calls"]), stats["left_out"], stats["missed"]) == (3, 1, 3)
    assert "And 1 more, which are counted above." in html
    assert "3 calls came after those" in html


class TestTheirsAlone:
    """The toolbar as most have it: its own panels."""

    @pytest.fixture
    def panels(self) -> list[str]:
        """Return its own panel."""
        return [CACHE_PANEL]

    @pytest.mark.parametrize("view", ["facade", "afacade"])
    def test_it_sees_the_facade(self, view: str, get: Get, toolbar: list[Any]) -> None:
        get(f"{view}?alias=default")
        names = _names(_panel(toolbar, "CachePanel"), "default")
        assert names == ["put", "get", "get", "many", "remember", "set"]


class TestOursAlone:
    """Our panel, and none of the toolbar's."""

    @pytest.fixture
    def panels(self) -> list[str]:
        """Return our panel."""
        return [OWN_PANEL]

    def test_it_sees_the_facade(self, get: Get, toolbar: list[Any]) -> None:
        get("afacade?alias=default")
        assert len(_panel(toolbar, "CacheKitPanel")._seen) == 7


def test_without_a_toolbar_no_layer_watches() -> None:
    assert watch.ASKED == []
    assert not any(isinstance(one, watch.Watch) for one in cache._home.stack().layers)
