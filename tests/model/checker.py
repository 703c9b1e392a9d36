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


State = tuple[W, tuple[Any, ...]]


def explore(model: Model[W]) -> Report:
    """Visit every reachable state, breadth first, and report; violating states end their branch."""
    start: State[W] = (model.world, tuple(process.start for process in model.processes))
    parents: dict[State[W], State[W] | None] = {start: None}
    queue = deque([start])
    actions: set[str] = set()
    first: State[W] | None = None
    steps = violating = 0
    while queue:
        state = queue.popleft()
        if model.violation(state[0]) is not None:
            violating += 1
            first = first or state
            continue
        for _, action, after in successors(model, state):
            steps += 1
            actions.add(action)
            if after not in parents:
                parents[after] = state
                queue.append(after)
    trace = () if first is None else retrace(model, parents, first)
    reason = None if first is None else model.violation(first[0])
    return Report(len(parents), steps, violating, frozenset(actions), trace, reason)


def successors(model: Model[W], state: State[W]) -> Iterator[tuple[str, str, State[W]]]:
    """Yield ``(who, action, state)`` for every step that any process may take now."""
    world, locals_ = state
    for index, process in enumerate(model.processes):
        for action, after, local in process.step(world, locals_[index]):
            locals_after = (*locals_[:index], local, *locals_[index + 1 :])
            yield process.name, action, (after, locals_after)


def retrace(
    model: Model[W], parents: dict[State[W], State[W] | None], last: State[W]
) -> tuple[Move, ...]:
    """Return the moves from the first state to ``last``.

    Actions are not kept during the search, they are found again here: it halves the memory.
    """
    moves = []
    state, parent = last, parents[last]
    while parent is not None:
        who, action = next(
            (who, action) for who, action, after in successors(model, parent) if after == state
        )
        moves.append(Move(who, action, model.describe(state[0])))
        state, parent = parent, parents[parent]
    return tuple(reversed(moves))
