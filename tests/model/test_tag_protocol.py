"""No interleaving breaks the tag protocol, and every known-bad relative is caught."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from .checker import explore
from .protocol import BROKEN, SOUND, VARIANTS, main, run, table
from .variants import Variant

READS = ("reads the database", "misses, and computes from its own row")
FLUSHES = ("flushes", "deletes entry", "in one command", "rolls back")
ENDS = ("writes the database", "rolls back")
DECISION = Path(__file__).parents[2] / "docs" / "decisions" / "tags-model.md"


@pytest.mark.parametrize("variant", SOUND, ids=lambda variant: variant.name)
def test_no_interleaving_serves_old_data(variant: Variant) -> None:
    report = run(variant.name)
    assert report.violating == 0, report.story()
    assert report.states >= variant.least
    assert set(variant.seen) <= report.actions


@pytest.mark.parametrize("variant", BROKEN, ids=lambda variant: variant.name)
def test_a_known_bad_relative_is_caught(variant: Variant) -> None:
    report = run(variant.name)
    assert report.violating > 0
    assert report.states >= variant.least
    actions = [move.action for move in report.trace]
    assert variant.wrong in actions[-1], report.story()
    assert any(action.startswith(FLUSHES) for action in actions)


@pytest.mark.parametrize("variant", BROKEN, ids=lambda variant: variant.name)
def test_what_a_known_bad_relative_serves_is_really_out_of_date(variant: Variant) -> None:
    actions = [move.action for move in run(variant.name).trace]
    read = next(at for at, action in enumerate(actions) if action.startswith(READS))
    assert any(action.startswith(ENDS) for action in actions[read:]), actions


def test_the_sound_variants_are_explored_far_enough() -> None:
    assert sum(run(variant.name).states for variant in SOUND) >= 1_500_000


@pytest.mark.parametrize("name", ["counter", "time-before"])
def test_only_an_eviction_breaks_counters_and_times(name: str) -> None:
    assert "the store evicts tag a" in run(name).story()
    assert explore(replace(VARIANTS[name], evictions=0).model()).violating == 0


def test_the_decision_record_shows_what_the_search_gives() -> None:
    assert table() in DECISION.read_text(encoding="utf-8")


def test_a_trace_is_printed_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stamp-at-save"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("stamp-at-save: 1,")
    assert "filler 1 reads the database, and computes" in printed
    assert "filler 2 is served an entry older than the flush" in printed
    assert "=> served data of version 0" in printed


def test_the_list_names_every_variant(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == [variant.name for variant in SOUND + BROKEN]


def test_an_unknown_variant_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stamp-never"]) == 2
    assert "no variant 'stamp-never'; there are: declared," in capsys.readouterr().err
