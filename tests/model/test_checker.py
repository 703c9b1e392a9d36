"""The explorer itself: it must see every interleaving and tell the shortest way."""

from __future__ import annotations

import pytest

from .checker import Model, Process, explore

Counter = tuple[int, ...]


def sound(_: object) -> None:
    """Find nothing wrong."""


def always_wrong(_: object) -> str:
    """Find every world wrong."""
    return "wrong"


def climber(index: int, top: int) -> Process[Counter, int]:
    """Climb one place of the world step by step."""

    def step(world: Counter, at: int) -> list[tuple[str, Counter, int]]:
        if at == top:
            return []
        after = tuple(value + (place == index) for place, value in enumerate(world))
        return [(f"climbs {index}", after, at + 1)]

    return Process(f"climber {index}", 0, step)


def incrementer(name: str) -> Process[int, int | None]:
    """Increment by a read and a later write; -1 marks the end."""

    def step(world: int, read: int | None) -> list[tuple[str, int, int | None]]:
        if read is None:
            return [("reads", world, world)]
        return [] if read < 0 else [("writes", read + 1, -1)]

    return Process(name, None, step)


def test_every_interleaving_is_visited() -> None:
    processes = tuple(climber(index, 4) for index in range(3))
    report = explore(Model((0, 0, 0), processes, sound, str))
    assert report.states == 5**3
    assert report.steps == 3 * 4 * 5**2
    assert report.actions == {"climbs 0", "climbs 1", "climbs 2"}
    assert (report.violating, report.trace, report.reason) == (0, (), None)
    assert report.story() == "  => no violation"


@pytest.mark.parametrize("end", [1, 2])
def test_both_ends_of_two_increments_are_found(end: int) -> None:
    processes = (incrementer("one"), incrementer("two"))

    def ended(world: int) -> str | None:
        return f"ends at {end}" if world == end else None

    assert explore(Model(0, processes, sound, str)).states == 12
    assert explore(Model(0, processes, ended, str)).reason == f"ends at {end}"


def test_the_trace_is_the_shortest_and_names_who_did_what() -> None:
    def short_cut(world: Counter, local: int) -> list[tuple[str, Counter, int]]:
        return [("jumps", (3,), local)] if world == (1,) else []

    processes = (Process("jumper", 0, short_cut), climber(0, 3))
    top = Model((0,), processes, lambda world: "at the top" if world == (3,) else None, str)
    report = explore(top)
    assert [(move.who, move.action) for move in report.trace] == [
        ("climber 0", "climbs 0"),
        ("jumper", "jumps"),
    ]
    assert report.story().splitlines() == [
        "  1. climber 0 climbs 0",
        "       (1,)",
        "  2. jumper jumps",
        "       (3,)",
        "  => at the top",
    ]


def test_a_violating_first_world_is_found_with_an_empty_trace() -> None:
    report = explore(Model((0,), (climber(0, 3),), always_wrong, str))
    assert (report.states, report.violating, report.trace) == (1, 1, ())
    assert report.reason == "wrong"
