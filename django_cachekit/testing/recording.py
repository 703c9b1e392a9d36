"""What caches were asked while somebody writes it down, and what was expected of it."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple
from unittest import mock

from django.dispatch import Signal

from .. import conf, signals
from ..core.keys import plain
from ..flows.compute_many import Batch
from ..flows.jobs import Job
from .around import Around
from .foreign import listening_to_verbs

Expected = int | Collection[Any]

SIGNALS: dict[str, Signal] = {
    "hit": signals.cache_hit,
    "miss": signals.cache_missed,
    "write": signals.key_written,
    "failed write": signals.key_write_failed,
    "forget": signals.key_forgotten,
    "failed forget": signals.key_forget_failed,
    "touch": signals.key_touched,
    "increment": signals.key_incremented,
    "flush": signals.cache_flushed,
    "failed flush": signals.cache_flush_failed,
    "flush of tags": signals.tags_flushed,
}
"""What is written down, and the signal that tells it. ``compute`` has none."""


class Event(NamedTuple):
    """Be one thing that happened: what, in which alias, to which key, under which tags."""

    what: str
    store: str
    key: str | None = None
    tags: tuple[str, ...] = ()

    def __str__(self) -> str:
        key = "" if self.key is None else f" {self.key!r}"
        tags = f" (tags {', '.join(self.tags)})" if self.tags else ""
        return f"{self.store}: {self.what}{key}{tags}"


class CacheRecord:
    """Hold what caches were asked, in order, and what came of it.

    Each of its lists names the keys, in the order in which they were met.
    """

    def __init__(self, events: Collection[Event] = ()) -> None:
        self.events: list[Event] = list(events)

    def __str__(self) -> str:
        """Tell all of it, a line each."""
        lines = [f"  {number}. {event}" for number, event in enumerate(self.events, 1)]
        return "\n".join(lines) or "  nothing"

    def of(self, *, store: str | None = None, key: Any = None) -> "CacheRecord":
        """Return what concerns one alias, or one key."""
        wanted = None if key is None else plain(key)
        kept = [
            event
            for event in self.events
            if store in (None, event.store) and wanted in (None, event.key)
        ]
        return CacheRecord(kept)

    def clear(self) -> None:
        """Forget what was written down so far."""
        self.events.clear()

    def keys(self, what: str) -> list[str]:
        """Return the keys to which ``what`` happened, such as ``"failed write"``."""
        return [event.key or "" for event in self.events if event.what == what]

    @property
    def hits(self) -> list[str]:
        """Return the keys that were there."""
        return self.keys("hit")

    @property
    def misses(self) -> list[str]:
        """Return the keys that were not there."""
        return self.keys("miss")

    @property
    def writes(self) -> list[str]:
        """Return the keys that were stored."""
        return self.keys("write")

    @property
    def forgets(self) -> list[str]:
        """Return the keys that were there, and were removed."""
        return self.keys("forget")

    @property
    def touches(self) -> list[str]:
        """Return the keys that were given another time to live."""
        return self.keys("touch")

    @property
    def increments(self) -> list[str]:
        """Return the keys whose numbers were changed."""
        return self.keys("increment")

    @property
    def computed(self) -> list[str]:
        """Return the keys whose values were computed, by ``remember`` and its like."""
        return self.keys("compute")

    @property
    def flushes(self) -> list[str]:
        """Return the aliases that were emptied."""
        return [event.store for event in self.events if event.what == "flush"]

    @property
    def flushed_tags(self) -> list[str]:
        """Return the tags that were flushed."""
        flushed = [event.tags for event in self.events if event.what == "flush of tags"]
        return [tag for tags in flushed for tag in tags]


@contextmanager
def record_cache(store: str | None = None) -> Iterator[CacheRecord]:
    """Write down what caches are asked, in all threads; of one alias if it is named."""
    record = CacheRecord()

    def note(event: Event) -> None:
        if store in (None, event.store):
            record.events.append(event)

    def nothing(**_: Any) -> None:
        pass

    with ExitStack() as stack:
        for what, signal in SIGNALS.items():
            receiver = _receiver(what, note)
            signal.connect(receiver, weak=False)
            stack.callback(signal.disconnect, receiver)
        # Who listens to this has every read take the long way, on which it is heard once.
        signals.retrieving_key.connect(nothing, weak=False)
        stack.callback(signals.retrieving_key.disconnect, nothing)
        stack.enter_context(_listening_to_computations(note))
        stack.enter_context(
            listening_to_verbs(lambda what, alias, key: note(Event(what, alias, key)))
        )
        yield record


def _receiver(what: str, note: Callable[[Event], None]) -> Callable[..., None]:
    def receive(*, store: str, key: Any = None, tags: tuple[str, ...] = (), **more: Any) -> None:
        if key is None or isinstance(key, str):  # else it is a record of our own
            note(Event(what, store, key, tuple(tags)))

    return receive


@contextmanager
def _listening_to_computations(note: Callable[[Event], None]) -> Iterator[None]:
    one, many = Job.compute, Batch._make

    async def compute(self: Job, *args: Any, **named: Any) -> Any:
        note(Event("compute", self.port.alias, self.key, self.port.tags))
        return await one(self, *args, **named)

    async def compute_many(self: Batch, flights: Any, *args: Any) -> Any:
        for key in flights:
            note(Event("compute", self.port.alias, key, self.port.tags))
        return await many(self, flights, *args)

    with (
        mock.patch.object(Job, "compute", compute),
        mock.patch.object(Batch, "_make", compute_many),
    ):
        yield


class assert_cache(Around[CacheRecord]):
    """Fail unless caches are asked just this within the block, whoever asks.

    What is left out is not looked at. A number says how often, a list of keys which: each as often
    as it is named, in any order. ``flushed_tags`` are tags, and ``flushes`` aliases. With ``store``
    only that alias counts. The block is given the ``CacheRecord``.
    """

    def __init__(
        self,
        *,
        hits: Expected | None = None,
        misses: Expected | None = None,
        writes: Expected | None = None,
        forgets: Expected | None = None,
        touches: Expected | None = None,
        increments: Expected | None = None,
        computed: Expected | None = None,
        flushes: Expected | None = None,
        flushed_tags: Expected | None = None,
        store: str | None = None,
    ) -> None:
        super().__init__()
        given = {"hits": hits, "misses": misses, "writes": writes, "forgets": forgets}
        given |= {"touches": touches, "increments": increments, "computed": computed}
        given |= {"flushes": flushes, "flushed_tags": flushed_tags}
        self.expected: dict[str, int | Counter[str]] = {
            name: _said(value) for name, value in given.items() if value is not None
        }
        self.store = store

    def around(self) -> Iterator[CacheRecord]:
        """Write down, and compare."""
        with record_cache(self.store) as record:
            yield record
        wrong = [line for name in self.expected for line in self._wrong(name, record)]
        if wrong:
            told = ["The cache was not asked what was expected.", *wrong]
            told += ["What it was asked, in order:", str(record), *_deaf()]
            raise AssertionError("\n".join(told))

    def _wrong(self, name: str, record: CacheRecord) -> Iterator[str]:
        wanted, found = self.expected[name], getattr(record, name)
        same = len(found) == wanted if isinstance(wanted, int) else Counter(found) == wanted
        if not same:
            expected = wanted if isinstance(wanted, int) else sorted(wanted.elements())
            yield f"{name}: expected {expected}, found {len(found)} {sorted(found)}"


def _said(value: Expected) -> "int | Counter[str]":
    if isinstance(value, str):
        raise TypeError(f"A number or a list is expected, not the text {value!r}.")
    return value if isinstance(value, int) else Counter(map(plain, value))


def _deaf() -> list[str]:
    """Say which aliases tell nothing."""
    deaf = [a for a, c in conf.caches().items() if (c.get("OPTIONS") or {}).get("SIGNALS") is False]
    return [f"Nothing is heard of those with SIGNALS: False: {', '.join(deaf)}."] if deaf else []
