"""Send the signals of a call. The only layer that reports keys; outermost of all that act."""

import time
from collections.abc import Iterable
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.dispatch import Signal

from .. import signals
from ..conf import values_travel
from ..core.entry import Entry
from ..core.faces import Face
from ..core.held import Taken, name_of
from ..core.operation import MISSING, UNSURE, Operation
from ..core.ttl import KEEP
from .base import Proceed, Quick


class Events:
    """Tell the receivers of signals what is about to happen, and what came of it."""

    def __init__(self, store: str, sender: type) -> None:
        self.store = store
        self.sender = sender

    def idle(self, op: Operation) -> bool:
        """Tell whether nobody listens, or there is nothing to tell."""
        if op.quiet:
            return True
        # all() with a generator takes three times as long, and this is asked of every call.
        for signal in STORIES.get(op.verb, ()):  # noqa: SIM110 - as said
            if signal.receivers:
                return False
        return True

    async def __call__(self, face: Face, op: Operation, proceed: Proceed) -> Any:
        return await _TELL[op.verb](_Teller(self, face, op), proceed)


def reading_is_heard() -> bool:
    """Tell whether any receiver listens to reads; a quick path is only for when none does."""
    return bool(
        signals.cache_hit.receivers
        or signals.cache_missed.receivers
        or signals.retrieving_key.receivers
        or signals.retrieving_many_keys.receivers
    )


def told(driver: Quick, alias: str, key: str, tags: tuple[str, ...]) -> Any:
    """Read on the straight line, and tell of a hit; UNSURE if there is more to be told than that.

    Receivers are called where they stand, so this is for the blocking face.
    """
    if signals.retrieving_key.receivers or signals.retrieving_many_keys.receivers:
        return UNSURE
    began = time.perf_counter()
    found = driver.quick(key, None, tags, True)
    if found is UNSURE or found is MISSING:
        return UNSURE
    if signals.cache_hit.receivers:
        named = {"value": found} if values_travel() else {}
        signals.cache_hit.send_robust(
            driver.sender,
            store=alias,
            tags=tags,
            key=key,
            duration=time.perf_counter() - began,
            **named,
        )
    return found


def end_is_heard(match: str) -> bool:
    """Tell whether any receiver listens to such an end of a lock, of which no store is asked."""
    return bool(_OF_LOCKS[match].receivers)


class _Teller:
    """Hold what every signal of one call carries."""

    def __init__(self, events: Events, face: Face, op: Operation) -> None:
        self.store = events.store
        self.sender = events.sender
        self.face = face
        self.op = op
        self.began = time.perf_counter()

    async def say(self, signal: Signal, **named: Any) -> None:
        """Send one signal, if anybody listens."""
        if signal.receivers:
            named = {"store": self.store, "tags": self.op.tags, **named}
            await self.face.send(signal, self.sender, **named)

    async def ended(self, signal: Signal, key: Any, value: Any = MISSING, **named: Any) -> None:
        """Send a signal about something that is over."""
        if value is not MISSING and values_travel():
            named["value"] = value.value if isinstance(value, Entry) else value
        await self.say(signal, key=key, duration=time.perf_counter() - self.began, **named)

    async def before(self, one: Signal, many: Signal | None = None, **named: Any) -> None:
        """Announce the keys: together if there are many, then one by one."""
        if many is not None and len(self.op.keys) > 1:
            await self.say(many, keys=list(self.op.keys), **named)
        for key in self.op.keys:
            await self.say(one, key=key, **named)


async def _read(tell: _Teller, proceed: Proceed) -> Any:
    await tell.before(signals.retrieving_key, signals.retrieving_many_keys)
    reply = await proceed(tell.face, tell.op)
    for key in tell.op.keys:
        found = reply.values.get(key, MISSING)
        # A spare value is no hit: who asked for it computes, and falls back on it if that fails.
        missed = found is MISSING or (type(found) is Entry and found.over)
        signal = signals.cache_missed if missed else signals.cache_hit
        await tell.ended(signal, key, MISSING if missed else found)
    return reply


async def _write(tell: _Teller, proceed: Proceed) -> Any:
    ttl = _shown(tell.op.ttl if tell.op.ends is None else tell.op.ends)
    await tell.before(signals.writing_key, signals.writing_many_keys, ttl=ttl)
    try:
        failed = await proceed(tell.face, tell.op)
    except Exception:  # whatever it is, it goes on to the caller: the write has failed
        await _outcome(tell, signals.key_written, signals.key_write_failed, (), ttl=ttl)
        raise
    stored = [key for key in tell.op.keys if key not in failed]
    await _outcome(tell, signals.key_written, signals.key_write_failed, stored, ttl=ttl)
    return failed


async def _add(tell: _Teller, proceed: Proceed) -> Any:
    await tell.before(signals.writing_key, ttl=_shown(tell.op.ttl))
    added = await proceed(tell.face, tell.op)
    stored = tell.op.keys if added else ()
    await _outcome(
        tell, signals.key_written, signals.key_write_failed, stored, ttl=_shown(tell.op.ttl)
    )
    return added


async def _swap(tell: _Teller, proceed: Proceed) -> Any:
    """Tell of each try, and of the one that stood: who was too late has changed nothing."""
    ttl = _shown(tell.op.ttl)
    await tell.before(signals.writing_key, ttl=ttl)
    try:
        swapped = await proceed(tell.face, tell.op)
    except Exception:  # whatever it is, it goes on to the caller: the write has failed
        await _outcome(tell, signals.key_written, signals.key_write_failed, (), ttl=ttl)
        raise
    if swapped:
        await _outcome(tell, signals.key_written, signals.key_write_failed, tell.op.keys, ttl=ttl)
    return swapped


async def _delete(tell: _Teller, proceed: Proceed) -> Any:
    await tell.before(signals.forgetting_key)
    there = await proceed(tell.face, tell.op)
    await _outcome(tell, signals.key_forgotten, signals.key_forget_failed, there)
    return there


async def _pull(tell: _Teller, proceed: Proceed) -> Any:
    await tell.before(signals.retrieving_key)
    await tell.before(signals.forgetting_key)
    found = await proceed(tell.face, tell.op)
    hit = found is not MISSING
    signal = signals.cache_hit if hit else signals.cache_missed
    await tell.ended(signal, tell.op.key, found)
    there = tell.op.keys if hit else ()
    await _outcome(tell, signals.key_forgotten, signals.key_forget_failed, there)
    return found


async def _touch(tell: _Teller, proceed: Proceed) -> Any:
    there = await proceed(tell.face, tell.op)
    for key in there:
        await tell.ended(signals.key_touched, key, ttl=_shown(tell.op.ttl))
    return there


async def _incr(tell: _Teller, proceed: Proceed) -> Any:
    number = await proceed(tell.face, tell.op)
    if number is not MISSING:
        await tell.ended(signals.key_incremented, tell.op.key, number, by=tell.op.by)
    return number


async def _clear(tell: _Teller, proceed: Proceed) -> Any:
    await tell.say(signals.cache_flushing)
    try:
        result = await proceed(tell.face, tell.op)
    except Exception:  # whatever it is, it goes on to the caller: the flush has failed
        await tell.say(signals.cache_flush_failed, duration=time.perf_counter() - tell.began)
        raise
    await tell.say(signals.cache_flushed, duration=time.perf_counter() - tell.began)
    return result


async def _flush(tell: _Teller, proceed: Proceed) -> Any:
    result = await proceed(tell.face, tell.op)
    await tell.say(signals.tags_flushed, duration=time.perf_counter() - tell.began)
    return result


async def _lock(tell: _Teller, proceed: Proceed) -> Any:
    signal = _OF_LOCKS.get(tell.op.match)
    if tell.op.match in _ENDS:
        result = None
    else:
        result = await proceed(tell.face, tell.op)
        if signal is None or not (result.fence if isinstance(result, Taken) else result):
            return result
    if signal is not None:
        duration = time.perf_counter() - tell.began
        await tell.say(signal, name=name_of(tell.op.key), tags=(), duration=duration)
    return result


async def _outcome(
    tell: _Teller, good: Signal, bad: Signal, done: Iterable[Any], **named: Any
) -> None:
    done = set(done)
    for key in tell.op.keys:
        value = tell.op.values.get(key, MISSING)
        await tell.ended(good if key in done else bad, key, value, **named)


def _shown(ttl: Any) -> Any:
    return "default" if ttl is DEFAULT_TIMEOUT else "kept" if ttl is KEEP else ttl


_READING = (
    signals.retrieving_key,
    signals.retrieving_many_keys,
    signals.cache_hit,
    signals.cache_missed,
)
_WRITING = (
    signals.writing_key,
    signals.writing_many_keys,
    signals.key_written,
    signals.key_write_failed,
)
_FORGETTING = (signals.forgetting_key, signals.key_forgotten, signals.key_forget_failed)

_OF_LOCKS = {
    "take": signals.lock_acquired,
    "renew": signals.lock_refreshed,
    "free": signals.lock_released,
    "lost": signals.lock_lost,
    "late": signals.lock_timed_out,
}
_ENDS = ("lost", "late")
"""What is told of a lock, and asked of no store."""

STORIES = {
    "read": _READING,
    "write": _WRITING,
    "add": _WRITING,
    "swap": _WRITING,
    "delete": _FORGETTING,
    "pull": _READING + _FORGETTING,
    "touch": (signals.key_touched,),
    "incr": (signals.key_incremented,),
    "clear": (signals.cache_flushing, signals.cache_flushed, signals.cache_flush_failed),
    "flush": (signals.tags_flushed,),
    "lock": tuple(_OF_LOCKS.values()),
}
"""Which signals tell of which verb; with no receiver on any of them a call goes straight on."""

_TELL = {
    "read": _read,
    "write": _write,
    "add": _add,
    "swap": _swap,
    "delete": _delete,
    "pull": _pull,
    "touch": _touch,
    "incr": _incr,
    "clear": _clear,
    "flush": _flush,
    "lock": _lock,
}
