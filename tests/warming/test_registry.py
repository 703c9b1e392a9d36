"""Who is a warmer, and under which name."""

import sys
from types import ModuleType
from typing import Any

import pytest
from django.apps import apps
from django.test import override_settings

from django_cachekit import warmer
from django_cachekit.errors import CacheKitError, Misconfigured
from django_cachekit.warming import UnknownWarmer, chosen, discover, warm, warmers

HERE = "tests.warming.samples"


def test_a_decorated_function_is_registered_and_stays_as_it_is() -> None:
    def overview(n: int = 1) -> int:
        return n

    assert warmer("overview", ttl=60, tags=["b", "a"], store="default")(overview) is overview
    found = warmers()["overview"]

    assert (found.name, found.ttl, found.tags, found.store) == (
        "overview",
        60,
        ("a", "b"),
        "default",
    )
    assert overview(3) == 3


def test_one_tag_may_be_given_as_text() -> None:
    warmer("one", tags="people")(lambda: 1)

    assert warmers()["one"].tags == ("people",)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((lambda: 1,), TypeError),
        (("",), ValueError),
        (("x", "soon"), TypeError),
        (("x", 60, [None]), ValueError),
    ],
)
def test_what_makes_no_warmer_is_refused_at_once(arguments: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        warmer(*arguments)

    assert warmers() == {}


def test_two_functions_of_one_name_are_refused() -> None:
    def first() -> None: ...
    def second() -> None: ...

    warmer("same")(first)
    with pytest.raises(Misconfigured, match=r"first and .*second"):
        warmer("same")(second)


def test_a_module_loaded_anew_replaces_its_own() -> None:
    def load() -> Any:
        @warmer("same")
        def function() -> None: ...

        return function

    load()
    latest = load()

    assert warmers()["same"].function is latest


def test_discovery_imports_the_cache_module_of_every_app(monkeypatch: pytest.MonkeyPatch) -> None:
    config = apps.get_app_config("auth")
    monkeypatch.setattr(config, "module", sys.modules["tests.warming"])
    monkeypatch.setattr(config, "name", "tests.warming.app")
    monkeypatch.setattr(apps, "app_configs", {"auth": config})
    monkeypatch.delitem(sys.modules, "tests.warming.app.cache", raising=False)

    discover()

    assert list(warmers()) == ["found"]


@override_settings(CACHEKIT={"WARMERS": [f"{HERE}.plain", f"{HERE}.decorated"]})
def test_paths_are_named_by_their_last_part_unless_decorated(
    registry: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, HERE, raising=False)

    found = warmers()

    assert sorted(found) == ["its own name", "plain"]
    assert found["its own name"].ttl == 60
    assert found["plain"].path == f"{HERE}.plain"


@override_settings(CACHEKIT={"WARMERS": {"front": f"{HERE}.plain"}})
def test_paths_may_be_given_names() -> None:
    assert warmers()["front"].path == f"{HERE}.plain"


@pytest.mark.parametrize(
    "given",
    [
        "tests.warming.samples.plain",
        ["tests.warming.samples.nothing"],
        ["no.such.module"],
        [f"{HERE}.NUMBER"],
        [3],
    ],
)
def test_a_path_that_leads_nowhere_is_told(given: Any) -> None:
    with (
        override_settings(CACHEKIT={"WARMERS": given}),
        pytest.raises(Misconfigured, match="WARMERS"),
    ):
        warmers()


def test_a_site_starts_with_a_path_that_leads_nowhere() -> None:
    with override_settings(CACHEKIT={"WARMERS": ["no.such.module"]}):
        discover()


def test_two_configured_functions_of_one_name_are_refused(monkeypatch: Any) -> None:
    def plain() -> None: ...

    other = ModuleType("other_samples")
    plain.__qualname__, plain.__module__ = "plain", "other_samples"
    monkeypatch.setattr(other, "plain", plain, raising=False)
    monkeypatch.setitem(sys.modules, "other_samples", other)

    with (
        override_settings(CACHEKIT={"WARMERS": [f"{HERE}.plain", "other_samples.plain"]}),
        pytest.raises(Misconfigured, match="rename one"),
    ):
        warmers()


def test_an_unknown_name_is_told_with_those_known_and_nothing_runs() -> None:
    ran: list[str] = []
    warmer("a")(lambda: ran.append("a"))

    with pytest.raises(UnknownWarmer, match=r"'b', 'c'; known: 'a'\."):
        warm(["a", "b", "c"])
    assert issubclass(UnknownWarmer, CacheKitError)
    assert ran == []


def test_names_are_taken_once_and_in_the_order_given() -> None:
    for name in "abc":
        warmer(name)(lambda: None)

    assert [one.name for one in chosen(["c", "a", "c"])] == ["c", "a"]
    assert [one.name for one in chosen("b")] == ["b"]
    assert [one.name for one in chosen()] == ["a", "b", "c"]
