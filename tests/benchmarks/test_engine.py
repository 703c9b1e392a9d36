"""The engine of the benchmarks, over stores that need no server; no timing decides anything."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.test import override_settings

from benchmarks import engine, said, sections, verbs
from benchmarks.engine import Size, Subject, Work

TINY = Size(rounds=3, turn=0.0001, entries=10)
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "array": {"BACKEND": "django_cachekit.backends.array.ArrayCache"},
}


@pytest.fixture
def stores() -> Iterator[list[Any]]:
    with override_settings(CACHES=CACHES):
        found = [caches["default"], caches["array"]]
        yield found
        for cache in found:
            cache.clear()


def test_quartiles_stand_around_the_median() -> None:
    found = engine.spread([1.0, 2.0, 3.0, 4.0, 100.0], scale=10)
    assert found == {"median": 30.0, "low": 20.0, "high": 40.0}
    assert engine.spread([2.0]) == engine.once(2.0)


def test_all_works_of_all_subjects_are_measured(stores: list[Any]) -> None:
    subjects = [
        Subject(name, verbs.verbs(cache, "value", most=20))
        for name, cache in zip(("theirs", "ours"), stores, strict=True)
    ]
    rows = engine.compare(subjects, TINY)
    assert list(rows) == ["theirs", "ours"]
    for row in rows.values():
        assert list(row) == ["hit", "miss", "set", "get_many(100)", "incr", "delete"]
        assert all(0 < cell["low"] <= cell["median"] <= cell["high"] for cell in row.values())


def test_threads_and_tasks_ask_too(stores: list[Any]) -> None:
    for cache in stores:
        cache.set("key", "value")
    rows = engine.compare([Subject("one", verbs.crowds(lambda: stores[1], most=200))], TINY)
    assert list(rows["one"]) == ["alone", "8 threads", "100 tasks"]


def test_a_read_that_failed_is_no_hit(stores: list[Any]) -> None:
    for work in verbs.crowds(lambda: stores[1], most=200).values():
        subject = Subject("one", {})
        with pytest.raises(LookupError):
            engine.clocked(subject, work, 100)
        subject.close()


def test_what_a_subject_has_not_is_missing() -> None:
    subjects = [Subject("a", {"x": int, "y": int}), Subject("b", {"x": int})]
    rows = engine.compare(subjects, TINY)
    assert list(rows["b"]) == ["x"]
    assert "| b |" in said.table(engine.table("t", rows))


def test_subjects_take_turns() -> None:
    order: list[str] = []
    subjects = [
        Subject(name, {"x": Work(lambda _, name=name: order.append(name), lambda n: [0], most=1)})
        for name in "abc"
    ]
    engine.compare(subjects, TINY)
    assert "".join(order[-9:]) == "abcbcacab"


def test_what_is_fed_is_made_ready_for_each_turn(stores: list[Any]) -> None:
    cache = stores[1]
    gone: list[bool] = []
    work = verbs.removal(lambda key: gone.append(cache.delete(key)), lambda key: cache.set(key, 1))
    engine.compare([Subject("one", {"delete": work})], TINY)
    assert gone
    assert all(gone)


def test_a_turn_is_within_what_it_asks_for() -> None:
    seen: list[str] = []

    @contextlib.contextmanager
    def around() -> Iterator[None]:
        seen.append("in")
        yield
        seen.append("out")

    work = Work(lambda: seen.append("call"), most=1, within=around)
    engine.clocked(Subject("one", {}), work, 1)
    assert seen == ["in", "call", "call", "out"]  # the first is not timed


def rows(**medians: float) -> dict[str, Any]:
    cells = {name: {"x": engine.once(median)} for name, median in medians.items()}
    return {"s": {"tables": {"t": engine.table("t", cells)}}}


def where(name: str) -> said.Where:
    return "s", "t", name, "x"


def test_aims_are_met_or_missed_by_the_figures() -> None:
    found = rows(ours=2.0, theirs=10.0, empty=1.0)
    ours, theirs = where("ours"), where("theirs")
    faster = said.Aim("faster", ours, theirs, at_least=5)
    assert said.outcome(faster, found) == (5, True)
    assert said.outcome(faster._replace(at_least=6), found) == (5, False)
    assert said.outcome(faster._replace(less=where("empty")), found) == (9, True)
    assert said.outcome(said.Aim("", theirs, ours, at_most=4), found) == (5, False)
    assert said.outcome(said.Aim("", ours, where("absent"), at_most=4), found) is None


def test_a_reason_is_told_where_an_aim_is_missed() -> None:
    found = rows(ours=12.0, theirs=10.0)
    aim = said.Aim("get", where("ours"), where("theirs"), at_most=1.3, why="so it is", on_top=True)
    assert said.aims([aim], found) == (
        "| aim | | found | |\n|---|---|---|---|\n| get | at most +30 % | +20 % | met |\n"
    )
    missed = said.aims([aim._replace(at_most=1.1)], found)
    assert "| +20 % | **missed** |" in missed
    assert missed.endswith("- **get**: so it is\n")
    assert "not measured" in said.aims([aim], {})


def test_a_table_tells_spread_and_ratio() -> None:
    cells = {
        "theirs": {"hit": {"median": 10.0, "low": 9.0, "high": 11.0}},
        "ours": {"hit": {"median": 2.5, "low": 2.5, "high": 2.5}},
    }
    assert said.table(engine.table("memory", cells, note="A note.")) == (
        "| memory, µs | hit |\n|---|---:|\n"
        "| theirs | 10 ±10 % |\n| ours | 2.5 (0.25) |\n\nA note.\n"
    )


@pytest.mark.parametrize(
    ("value", "told"),
    [(12345.6, "12,346"), (100, "100"), (12.34, "12.3"), (0.12345, "0.123"), (0, "0")],
)
def test_numbers_have_three_digits(value: float, told: str) -> None:
    assert said.number(value) == told


def test_a_section_is_written_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Page\n")
    said.write(page, "one", "first\n")
    said.write(page, "two", "other")
    said.write(page, "one", r"second \1")
    text = page.read_text()
    assert "first" not in text
    assert text.startswith("# Page\n\n<!-- one -->\n\nsecond \\1\n\n<!-- end of one -->\n")
    assert text.endswith("<!-- two -->\n\nother\n\n<!-- end of two -->\n")


def test_figures_are_kept_with_the_machine(tmp_path: Path) -> None:
    table = engine.table("t", {"ours": {"x": engine.once(1.0)}})
    path = engine.keep(engine.document("name", [table], TINY), tmp_path)
    found = json.loads(path.read_text())
    assert found["machine"].keys() >= {"python", "django", "cores", "peers"}
    assert found["tables"]["t"] == table
    assert "medians of 3 rounds" in said.section("Title", "Prose.", found)


@pytest.mark.parametrize("name", sections.SECTIONS)
def test_a_section_has_a_function(name: str) -> None:
    assert callable(sections.SECTIONS[name].measure(name))


def test_aims_about_ways_find_their_figures() -> None:
    from benchmarks import memory

    with override_settings(CACHES={**CACHES, **memory.ALIASES}):
        found = {"memory": engine.document("memory", memory.ways(TINY), TINY)}
    aims = [aim for aim in sections.AIMS if aim.ours[1] == "ways to a hit of 1 KB"]
    assert len(aims) == 5
    assert all(said.outcome(aim, found) for aim in aims)


def test_aims_are_about_sections_that_are() -> None:
    assert {aim.ours[0] for aim in sections.AIMS} <= sections.SECTIONS.keys()


def test_plots_are_the_same_each_time(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from benchmarks import plots

    row = {f"{10**number:,}": engine.once(number + 1.0) for number in range(1, 4)}
    tables = {"set of 1 KB by entries": engine.table("", {"ours, sealed": row})}
    found = {"files": {"tables": tables}}
    (first,), (second,) = plots.draw(found, tmp_path / "a"), plots.draw(found, tmp_path / "b")
    text = first.read_text()
    assert text == second.read_text()
    assert "entries that are there</text>" in text
    assert len(text) < 60_000


def test_peers_have_lower_bounds_in_the_bench_group() -> None:
    tomllib = pytest.importorskip("tomllib")  # from Python 3.11 on
    project = tomllib.loads(Path("pyproject.toml").read_text())
    extras = [one for some in project["project"]["optional-dependencies"].values() for one in some]
    wanted = [*project["dependency-groups"]["bench"], *project["project"]["dependencies"], *extras]
    bounds = {one.partition(">=")[0].partition("[")[0] for one in wanted if ">=" in one}
    assert set(engine.PACKAGES) - bounds == {"hiredis"}  # comes with redis
