"""Explore every interleaving of a few processes, and keep the shortest way to a violation.

A state is the shared world and one local state per process, all immutable and hashable. A process
is a step function: given the world and its own local state it returns what it may do next. Nothing
is random and nothing is sampled: the search ends when no state is left unseen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

W = TypeVar("W", bound=Hashable)
L = TypeVar("L", bound=Hashable)


@dataclass(frozen=True)
class Process(Generic[W, L]):
    """Name one actor, its first local state and its step function.

    ``step`` returns ``(action, world, local)`` for each thing the actor may do now; more than one
    is a free choice, none means that it waits or has ended.
    """

    name: str
    start: L
    step: Callable[[W, L], Iterable[tuple[str, W, L]]]


@dataclass(frozen=True)
class Model(Generic[W]):
    """Bundle the first world, the actors, the property, and the words for a world.

    ``violation`` returns None for a sound world, else what is wrong with it.
    """

    world: W
    processes: tuple[Process[W, Any], ...]
    violation: Callable[[W], str | None]
    describe: Callable[[W], str]


class Move(NamedTuple):
    """Tell one step of a trace: who did what, and the world after it."""

    who: str
    action: str
    world: str


@dataclass(frozen=True)
class Report:
    """Hold what a search found: ``trace`` is empty and ``reason`` None when nothing is wrong.

    ``actions`` are all actions that occurred anywhere: a property that holds only because the
    interesting thing never happens shows here.
    """

    states: int
    steps: int
    violating: int
    actions: frozenset[str]
    trace: tuple[Move, ...]
    reason: str | None

    def story(self) -> str:
        """Write the trace in readable words, two lines a step."""
        lines = [
            f"{number:3}. {move.who} {move.action}\n       {move.world}"
            for number, move in enumerate(self.trace, 1)
        ]
        return "\n".join([*lines, f"  => {self.reason or 'no violation'}"])


State = tuple[int, ...]
"""A world's number, then the number of each process's local state."""


class Numbered(Generic[W]):
    """Give each distinct thing a number: states of small numbers are quick to tell apart."""

    def __init__(self, *first: W) -> None:
        self.all = list(first)
        self._numbers = {thing: number for number, thing in enumerate(first)}

    def number(self, thing: W) -> int:
        """Return the thing's number, the next one if it is new."""
        found = self._numbers.setdefault(thing, len(self.all))
        if found == len(self.all):
            self.all.append(thing)
        return found


class Search(Generic[W]):
    """Hold a search: what was seen, and what each process does where it has been before."""

    def __init__(self, model: Model[W]) -> None:
        self.model = model
        self.worlds = Numbered(model.world)
        self.locals = [Numbered(process.start) for process in model.processes]
        self.reasons: list[str | None] = []
        self.actions: set[str] = set()
        self.known: list[dict[tuple[int, int], list[tuple[str, int, int]]]] = [
            {} for _ in model.processes
        ]

    def reason(self, world: int) -> str | None:
        """Say what is wrong with a world, or None."""
        while len(self.reasons) <= world:
            self.reasons.append(self.model.violation(self.worlds.all[len(self.reasons)]))
        return self.reasons[world]

    def steps(self, index: int, world: int, local: int) -> list[tuple[str, int, int]]:
        """Return what a process may do: it depends on the world and its own local state only."""
        known = self.known[index]
        steps = known.get((world, local))
        if steps is None:
            numbered = self.locals[index]
            took = self.model.processes[index].step(self.worlds.all[world], numbered.all[local])
            steps = known[world, local] = [
                (action, self.worlds.number(after), numbered.number(then))
                for action, after, then in took
            ]
            self.actions.update(action for action, _, _ in steps)
        return steps

    def successors(self, state: State) -> Iterator[tuple[int, str, State]]:
        """Yield ``(process, action, state)`` for every step that any process may take now."""
        world = state[0]
        for index in range(len(self.known)):
            place = index + 1
            for action, after, local in self.steps(index, world, state[place]):
                yield index, action, (after, *state[1:place], local, *state[place + 1 :])


def explore(model: Model[W]) -> Report:
    """Visit every reachable state, breadth first, and report; violating states end their branch."""
    search = Search(model)
    start: State = (0,) * (1 + len(model.processes))
    parents: dict[State, State | None] = {start: None}
    queue = deque([start])
    first: State | None = None
    steps = violating = 0
    while queue:
        state = queue.popleft()
        if search.reason(state[0]) is not None:
            violating += 1
            first = first or state
            continue
        for _, _, after in search.successors(state):
            steps += 1
            if after not in parents:
                parents[after] = state
                queue.append(after)
    trace = () if first is None else retrace(search, parents, first)
    reason = None if first is None else search.reason(first[0])
    return Report(len(parents), steps, violating, frozenset(search.actions), trace, reason)


def retrace(search: Search[W], parents: dict[State, State | None], last: State) -> tuple[Move, ...]:
    """Return the moves from the first state to ``last``.

    Actions are not kept during the search, they are found again here: it halves the memory.
    """
    moves = []
    state, parent = last, parents[last]
    while parent is not None:
        index, action = next(
            (index, action) for index, action, after in search.successors(parent) if after == state
        )
        world = search.model.describe(search.worlds.all[state[0]])
        moves.append(Move(search.model.processes[index].name, action, world))
        state, parent = parent, parents[parent]
    return tuple(reversed(moves))
