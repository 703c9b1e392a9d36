"""The auditor: a reader that begins a read at any moment and never writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .checker import Process
from .fillers import Valid, only, same
from .world import RECORDS, Entry, Numbers, World, serve


class Trip(NamedTuple):
    """Hold the auditor's first trip: the entry, the floor it is owed, the records it guessed."""

    entry: Entry
    floor: int
    guess: Sequence[int]
    known: Numbers


AuditorStep = tuple[str, World, "Trip | None"]


def auditor(
    *guesses: Sequence[int], valid: Valid = same, lenient: bool = False
) -> Process[World, Trip | None]:
    """Make a reader that reads every key, at any moment, over and over, and never writes.

    It reads the entry and the records it guesses in one step (each of ``guesses`` is tried; all
    records, unless told), and the missing ones in a second step if the guess was wrong. A
    ``lenient`` one is content with stale values.
    """
    choices = guesses or (tuple(range(len(RECORDS))),)

    def end(world: World, trip: Trip, records: Numbers) -> list[AuditorStep]:
        merged = tuple(
            known if index in trip.guess else record
            for index, (known, record) in enumerate(zip(trip.known, records, strict=True))
        )
        if valid(trip.entry.stamps, merged):
            return [serve(world, trip.entry.version, trip.floor, None)]
        return [("reads a miss", world, None)]

    def begin(world: World, entry: Entry, guess: Sequence[int]) -> list[AuditorStep]:
        floor = world.lenient if lenient else world.floor
        trip = Trip(entry, floor, guess, only(world.records, guess))
        if all(index in guess or not stamp for index, stamp in enumerate(entry.stamps)):
            return end(world, trip, world.records)
        return [("reads the entry, its records still to come", world, trip)]

    def step(world: World, trip: Trip | None) -> list[AuditorStep]:
        if trip is not None:
            return end(world, trip, world.records)
        return [
            move
            for entry in world.entries
            if isinstance(entry, Entry)
            for guess in choices
            for move in begin(world, entry, guess)
        ]

    return Process("content with stale values, it" if lenient else "auditor", None, step)
