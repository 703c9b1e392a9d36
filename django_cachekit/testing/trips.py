"""How often a store was really gone to, and how often that was expected."""

from collections.abc import Iterator
from contextlib import contextmanager

from .around import Around
from .seams import noting


class RoundTrips:
    """Hold each trip to a store, in order, as the commands that it took along."""

    def __init__(self) -> None:
        self.trips: list[tuple[str, ...]] = []

    def __len__(self) -> int:
        return len(self.trips)

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return iter(self.trips)

    def __str__(self) -> str:
        """Tell all of them, a line each."""
        lines = [f"  {number}. {'; '.join(trip)}" for number, trip in enumerate(self.trips, 1)]
        return "\n".join(lines) or "  nothing"

    @property
    def commands(self) -> list[str]:
        """Return the commands of all trips."""
        return [command for trip in self.trips for command in trip]

    def clear(self) -> None:
        """Forget the trips so far."""
        self.trips.clear()


@contextmanager
def record_round_trips(store: str | None = None) -> Iterator[RoundTrips]:
    """Write down each trip to a store, of all threads; of one alias if it is named."""
    found = RoundTrips()

    def note(aliases: set[str], commands: list[str]) -> None:
        if store is None or store in aliases:
            found.trips.append(tuple(commands))

    with noting(note):
        yield found


class assert_round_trips(Around[RoundTrips]):
    """Fail unless the block goes to the store so often: by number, or ``at_most`` so often.

    With ``store`` only that alias counts. The block is given the ``RoundTrips``.
    """

    def __init__(
        self, number: int | None = None, *, at_most: int | None = None, store: str | None = None
    ) -> None:
        super().__init__()
        if (number is None) == (at_most is None):
            raise TypeError("Say how many trips, or at_most how many.")
        self.number = number
        self.at_most = at_most
        self.store = store

    def around(self) -> Iterator[RoundTrips]:
        """Write down, and compare."""
        with record_round_trips(self.store) as found:
            yield found
        least = 0 if self.number is None else self.number
        most = self.number if self.at_most is None else self.at_most
        if not least <= len(found) <= (most or 0):
            said = f"{self.number}" if self.at_most is None else f"at most {self.at_most}"
            raise AssertionError(
                f"{said} round trips expected, {len(found)} made; in order:\n{found}"
            )
