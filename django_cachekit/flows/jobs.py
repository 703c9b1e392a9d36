"""What one computation needs, and what it makes."""

import copy
import inspect
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, NamedTuple

from ..core import clock
from ..core.entry import Entry
from ..core.faces import Face
from ..core.flights import BOARD, Flight
from ..core.operation import MISSING, Record, Reply, Stamp
from ..core.ttl import over, seconds
from ..layers.pending import waiting
from ..layers.policy import lost
from ..scopes import FoundTags, Port, tag_names
from ..verbs import remove, store, unwrap
from . import pauses
from .leases import Lease, take
from .options import NONE, Life, Options
from .pauses import Pause


class Draft:
    """Be the entry being built, which ``make`` is given if it takes an argument.

    ``ttl`` may be set, in any form; ``tags.add(...)`` lets it bear tags that only the computation
    knows; ``skip()`` returns the value without storing it; ``stale`` is the old value, where there
    is one, and ``not_modified()`` lets it live anew.
    """

    def __init__(self, ttl: Any, old: Any = MISSING) -> None:
        self._ttl = ttl
        self.timed: bool = False
        self.stale: Any | None = None if old is MISSING else unwrap(old)
        self.tags: FoundTags = FoundTags()
        self.skipped: bool = False
        self.kept: bool = False
        self._old = old

    def __repr__(self) -> str:
        """Say what it is to be; never a value, which may be private."""
        kept = ", skipped" if self.skipped else ", kept" if self.kept else ""
        tags = ", ".join(self.tags) or "none"
        return f"<draft, ttl {self._ttl!r}, tags {tags}{kept}>"

    @property
    def ttl(self) -> Any:
        """Return how long the value lives; it may be set, in any form."""
        return self._ttl

    @ttl.setter
    def ttl(self, ttl: Any) -> None:
        self._ttl, self.timed = ttl, True

    def skip(self) -> None:
        """Do not store what is being computed."""
        self.skipped = True

    def not_modified(self) -> Any:
        """Keep the old value, with its tags, as if it had been computed now; and return it.

        Whatever ``make`` returns is ignored then. Without an old value it is a LookupError.
        """
        if self._old is MISSING:
            raise LookupError("There is no old value to keep: nothing lies under this key.")
        self.kept = True
        if type(self._old) is Entry:
            self.tags.add(list(self._old.stamps))
        return self.stale


class Remembered(NamedTuple):
    """Hold what was remembered: the value, and the tags it bears, declared or found."""

    value: Any
    tags: tuple[str, ...] = ()

    @classmethod
    def of(cls, found: Any) -> "Remembered":
        """Return what a read found."""
        return cls(found.value, tuple(found.stamps)) if type(found) is Entry else cls(found)


class Job:
    """Hold what one computation needs: the key, how to make the value, and how long it lives.

    Younger than ``fresh`` seconds it is fresh, and stale from then on; None: always fresh.
    ``seen`` is when the value was computed that is to be computed anew, if nobody did so since.
    With ``first`` what another has stored meanwhile stays; ``late`` tells that the value was not
    stored. One that was ``asked`` for by name is computed however lately that failed.
    """

    first = late = asked = False

    def __init__(
        self,
        port: Port,
        key: str,
        make: Any,
        ttl: Any,
        version: int | None = None,
        fresh: float | None = None,
        options: Options = NONE,
    ) -> None:
        self.port = port
        self.key = key
        self.make = make
        self.ttl = ttl
        self.fresh = fresh
        self.name = port.flight(key, version)
        self.version = self.name[1]
        self.claims = port.stack.driver.claims
        self.options = options
        self.seen: float | None = None
        self.pause: Pause | None = None

    @cached_property
    def drafts(self) -> bool:
        """Tell whether ``make`` asks for the entry being built."""
        return _takes_draft(self.make)

    @property
    def soft(self) -> bool:
        """Tell whether a value that has ended is of use."""
        return self.drafts or self.options.spare

    @property
    def note(self) -> Record:
        """Name the note that says that it failed."""
        return pauses.note_on(self.name)

    def by(self, face: Face) -> "Job":
        """Return the same job by another face."""
        job = copy.copy(self)
        job.port = self.port.by(face)
        return job

    async def look(self, tags: Iterable[str] = (), *, soft: bool = False) -> Reply:
        """Read the key again, quietly, with the stamp a computation starting now would have."""
        op = self.port.read((self.key,), self.version)
        op = op._replace(tags=tuple(tags) or op.tags, soft=soft, finds=self.drafts)
        op = op._replace(snapshot=True, quiet=True)
        reply = await self.port.call(op)
        return reply  # type: ignore[no-any-return]  # a read answers with a Reply

    async def old(self) -> Any:
        """Read what is there, also if only as a spare; and whether it is to be left alone."""
        keys: tuple[Any, ...] = (self.key,)
        if self.options.stale_if_error is not None:
            keys = (self.key, self.note)
        op = self.port.read(keys, self.version)._replace(soft=True, quiet=True)
        found = (await self.port.call(op)).values
        self.pause = Pause.of(found.get(self.note))
        return found.get(self.key, MISSING)

    def rests(self, old: Any) -> bool:
        """Tell whether it is not to be computed: it failed a moment ago, or somebody has done so.

        ``old`` is what lies there, which is served meanwhile.
        """
        if self.seen is not None and (type(old) is not Entry or old.created != self.seen):
            return True
        resting = self.pause is not None and self.pause.lasts() and not self.asked
        return resting and self.options.usable(old)

    def waits(self) -> None:
        """Tell who counts that this caller waits for what another computes."""
        for one in self.port.stack.told:
            one.waited(self.key, self.port.tags)

    async def lease(self, match: str, stamp: Stamp | None) -> Any:
        """Take the lease, as ``leases.take`` does."""
        return await take(self.port, self.key, self.version, match, stamp)

    async def compute(self, flight: Flight, lease: Lease | None, old: Any = MISSING) -> Remembered:
        """Make the value and store it under the flight's stamp, where the lease still lies.

        Without one it is not stored where others could have the key forgotten unheard.
        """
        draft, began = Draft(self.ttl, old), clock.monotonic()
        arguments = (draft,) if self.drafts else ()
        value = await self.port.face.user(self.make, *arguments)
        cost = clock.monotonic() - began
        for one in self.port.stack.told:
            one.computed(self.key, self.port.tags, cost)
        if draft.kept:
            value, cost = draft.stale, getattr(old, "cost", None) or cost
        if self.claims:
            # Who comes later may come after another process had the key forgotten: it shall look.
            BOARD.part(self.name, flight)
        life = await self._life(draft, value)
        if self.options.early is not None:
            life = life._replace(cost=cost)
        made = Remembered(value, tag_names((self.port.tags, list(draft.tags))))
        if not waiting(self.port.alias).isdisjoint(made.tags):
            flight.revoked = True  # computed within a transaction that is going to flush it
        flight.value = made
        unkept = draft.skipped or over(life.ttl) or flight.revoked or lost(flight.stamp)
        if not unkept and (lease is not None or not self.claims):
            await self._keep(flight, made, life, lease)
        return made

    async def _life(self, draft: Draft, value: Any) -> Life:
        if value is None and self.options.negative_ttl is not None and not draft.timed:
            return self.options.life(seconds(self.options.negative_ttl), self.fresh)
        ttl = draft.ttl
        if callable(ttl):
            ttl = await self.port.face.user(ttl, value)
        return self.options.life(seconds(ttl), self.fresh)

    async def _keep(
        self, flight: Flight, made: Remembered, life: Life, lease: Lease | None
    ) -> None:
        """Store the value; take it back if its key was removed meanwhile, where no claim tells."""
        more: dict[str, Any] = {"stamp": flight.stamp, "tags": made.tags}
        more |= {"fresh": life.fresh, "ends": life.ends, "cost": life.cost}
        if lease is not None:
            more["token"] = lease.token
        values = {self.key: made.value}
        beside = lease is None or getattr(self.port.stack.driver, "beside", False)
        if self.first and beside and self.key in (await self.look(made.tags)).values:
            self.late = True  # a claim in the entry's place would have gone
            return
        failed = await store(self.port, values, life.ttl, self.version, "remember", **more)
        self.late = bool(failed)
        if lease is not None:
            lease.stored(values, failed)
        if flight.revoked and lease is None:
            await remove(self.port, (self.key,), self.version)


def checked(make: Any) -> Any:
    """Return what computes a value; a value itself is a TypeError."""
    if not callable(make):
        raise TypeError(f"make is a function that gives the value, not {type(make).__name__}.")
    return make


def _takes_draft(make: Callable[..., Any]) -> bool:
    """Tell whether ``make`` asks for the entry being built: one positional argument, no default."""
    try:
        parameters = inspect.signature(make).parameters.values()
    except (TypeError, ValueError):
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    asked = [p for p in parameters if p.kind in positional and p.default is p.empty]
    return len(asked) == 1
