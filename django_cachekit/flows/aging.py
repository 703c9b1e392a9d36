"""Values that age: served while one caller computes them anew, or where that fails."""

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ..conf import shown
from ..core import clock
from ..core.entry import Entry
from ..core.faces import Face
from ..core.keys import plain
from ..core.operation import MISSING, UNSURE
from ..core.ttl import seconds
from ..scopes import Port
from ..verbs import find, unwrap
from . import behind, compute, options
from .compute import Job, Remembered, anew, checked, single
from .options import Given

if TYPE_CHECKING:
    from typing_extensions import Unpack

log = logging.getLogger("django_cachekit")

Work = Callable[[Job], Awaitable[Remembered]]


async def remember(port: Port, key: Any, ttl: Any, make: Callable[..., Any], **given: Any) -> Any:
    """Return the cached value, or what ``make`` gives, stored for ``ttl``; one caller computes.

    ``early``: the chance of computing anew before the end (1.0 is usual). ``jitter``: the
    part of its ttl that a value may lose. ``stale_if_error``, ``soft_timeout``: for how
    many seconds the old value serves where ``make`` fails, and after how many where it
    takes long. ``negative_ttl``: how long a None lives. ``on_error``: ``"share"`` an
    error with those who wait, or let them ``"retry"``.
    """
    if not given:
        return await compute.remember(port, key, ttl, make)
    read = options.read("remember", given)
    key = plain(key)
    if read.looks:
        return await _served(Job(port, key, checked(make), ttl, options=read), "remember")
    found = port.quick(key, None)
    if found is UNSURE:
        found = await find(port, key, None, "remember")
    if found is not MISSING:
        return found
    return (await single(Job(port, key, checked(make), ttl, options=read))).value


async def remember_forever(port: Port, key: Any, make: Callable[..., Any], **given: Any) -> Any:
    """Return the cached value, or what ``make`` gives, stored for ever; one caller computes."""
    return await remember(port, key, None, make, **given)


async def flexible(
    port: Port, key: Any, ttl: tuple[Any, Any], make: Callable[..., Any], **given: Any
) -> Any:
    """Return the value, and have it computed anew behind the caller once it is stale.

    ``ttl`` is ``(fresh, stale)``, counted from when it was computed: younger than ``fresh`` it is
    served as it is; until ``stale`` it is served at once, while one caller in the fleet computes
    it anew; older or absent, it is as in ``remember``. What ``expire()`` made stale counts so too.
    """
    fresh, stale = _ages(ttl)
    read = options.read("flexible", given) if given else options.NONE
    job = Job(port, plain(key), checked(make), stale, fresh=fresh, options=read)
    return await _served(job, "flexible", stale=True)


def _ages(ttl: Any) -> tuple[float, float | None]:
    try:
        fresh, stale = (seconds(age) for age in ttl)
    except (TypeError, ValueError) as error:
        raise TypeError("flexible() takes a pair of ages: (fresh, stale).") from error
    if not isinstance(fresh, (int, float)) or (stale is not None and fresh > stale):
        raise ValueError(f"fresh is a number of seconds, at most stale: {fresh!r}, {stale!r}.")
    return fresh, stale


async def refresh(
    port: Port, /, key: Any, ttl: Any, make: Callable[..., Any], **given: "Unpack[Given]"
) -> Any:
    """Compute the value anew and store it, whatever is cached; that is read meanwhile."""
    read = options.read("refresh", given) if given else options.NONE
    job = Job(port, plain(key), checked(make), ttl, options=read)
    job.asked = True

    async def taken(job: Job) -> Remembered:
        return await anew(job, "taken")

    if not read.spare:
        return (await taken(job)).value
    return await _computed(job, await job.old(), taken)


async def recompute(
    port: Port, key: Any, ttl: Any, make: Callable[..., Any], seen: float | None, **given: Any
) -> None:
    """Compute a value anew that was computed when it was ``seen``, unless somebody does or did."""
    job = Job(port, plain(key), checked(make), ttl, options=options.read("cached", given))
    job.seen = seen
    await anew(job, "present")


async def _served(job: Job, label: str, *, stale: bool = False) -> Any:
    """Return the value, computed if there is none; behind the caller if it is stale, or soon is."""
    read = job.port.read((job.key,), job.version, label)._replace(soft=stale or job.options.spare)
    found = (await job.port.call(read)).values.get(job.key, MISSING)
    if found is MISSING:
        # Another may have stored it since, and let it end: then an old one is served here, too.
        return await _computed(job, MISSING, single)
    if type(found) is not Entry:
        return found
    if found.over or (found.spare and not stale):
        return await _late(job, found)
    if (stale and found.fresh is not None and found.fresh <= clock.now()) or job.options.due(found):
        job.seen = found.created
        await behind.refresh(job)
    return found.value


async def _late(job: Job, found: Entry) -> Any:
    """Return what is computed in the place of a value that has ended."""
    if not job.options.spare:
        return (await single(job)).value
    old = await job.old() if job.options.stale_if_error is not None else found
    if job.rests(old):
        return unwrap(old)
    return await _computed(job, old, single)


async def _computed(job: Job, old: Any, work: Work) -> Any:
    """Return what ``work`` computes; where that fails or takes too long, what still is there."""
    failure: Exception | None = None
    try:
        made = await _in_time(job, old, work)
    except Exception as error:  # whatever it is, an old value is of more use
        if job.options.stale_if_error is None or old is MISSING:
            raise
        made, failure = Remembered(MISSING), error
    if made.value is not MISSING:
        return made.value
    # Read again: what was flushed meanwhile is not served.
    found = await job.old()
    if job.options.usable(found):
        if failure is not None:
            _tell(job, "an old value is served, for computing it failed", failure)
        return unwrap(found)
    if failure is not None:
        raise failure
    return await _computed(job, MISSING, work)


async def _in_time(job: Job, old: Any, work: Work) -> Remembered:
    """Compute, or wait for it only so long, if there is an old value; MISSING when that is over."""
    patience = job.options.soft_timeout
    if patience is None or old is MISSING:
        return await work(job)
    # Who asks for a refresh wants what is read from now on: he joins none that is under way.
    name = job.name if work is single else object()
    future, mine = behind.WAITS.join(name)
    began = clock.monotonic()

    async def body(face: Face) -> None:
        try:
            future.set_result(await work(job.by(face)))
        except Exception as error:  # raised in who waits for it
            if clock.monotonic() - began > patience:
                _tell(job, "what took longer than its soft_timeout failed", error)
            future.set_exception(error)

    def over() -> None:
        behind.WAITS.end(name, Remembered(MISSING))

    if mine and not behind.start(job.port.face, body, over):
        over()
        return await work(job)
    done = await job.port.face.within(future, patience)
    # Who did not begin it may have come after a flush that it does not know of: he looks himself.
    if not done or (not mine and future.exception() is None):
        return Remembered(MISSING)
    if not mine and job.options.on_error == options.RETRY:
        return await work(job)
    made: Remembered = future.result()
    return made


def _tell(job: Job, what: str, error: Exception) -> None:
    """Say in the log what went wrong, by its class alone: its text may be private."""
    name = type(error).__name__
    log.warning("cache %r: %s: %s (%s)", job.port.alias, what, name, shown(job.key))
