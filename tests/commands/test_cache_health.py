"""``cache_health``: what it prints, and with what it ends."""

import pytest
from django.test import override_settings

from tests.health import stores

from .conftest import Run

MEMORY = {"BACKEND": "django_cachekit.backends.array.ArrayCache", "LOCATION": "command"}
CACHES = {
    "default": MEMORY,
    "replica": stores.config(stores.ReadOnly),
    "gone": stores.config(stores.Refusing),
}


@pytest.fixture(autouse=True)
def _configured() -> object:
    with override_settings(CACHES=CACHES):
        yield


def test_a_table_of_all(run: Run) -> None:
    ended = run("cache_health", "--deadline", "30")

    assert ended.code == 1
    assert [line.split()[:-1] for line in ended.lines] == [
        ["alias", "status", "reason"],
        ["default", "up"],
        ["replica", "degraded", "read", "only"],
        ["gone", "down", "refused"],
    ]
    assert ended.err.splitlines() == ["Failed: 1 of 3 aliases not well: gone."]
    assert "hunter2" not in ended.out + ended.err


def test_json_for_machines(run: Run) -> None:
    ended = run("cache_health", "--format", "json", "--deadline", "30")

    assert ended.code == 1
    assert [(one["alias"], one["status"], one["reason"]) for one in ended.json] == [
        ("default", "up", ""),
        ("replica", "degraded", "read only"),
        ("gone", "down", "refused"),
    ]
    assert all(0 < one["latency"] < 30 for one in ended.json)


def test_what_is_degraded_works(run: Run) -> None:
    assert run("cache_health", "default", "replica", "--deadline", "30").code == 0


def test_strict_is_not_content_with_that(run: Run) -> None:
    ended = run("cache_health", "default", "replica", "--deadline", "30", "--strict")

    assert ended.code == 1
    assert "1 of 2 aliases not well: replica." in ended.err


@pytest.mark.parametrize("wrong", [["nope"], ["--deadline", "0"], ["--deadline", "soon"]])
def test_wrong_use(run: Run, wrong: list[str]) -> None:
    ended = run("cache_health", *wrong)

    assert (ended.code, ended.out) == (2, "")
