"""One computation per key across processes: a claim in the store itself, under the key.

A claim ends by itself ``SECONDS`` after its holder was last alive; a thread of this process renews
those that are held, so a long computation keeps its claim and a dead one does not. What takes the
key away takes the claim along, and then nothing is written any more.
"""

import logging
import os
import random
import threading
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from django.db import connections

from ..core import clock
from ..core.faces import BLOCKING, Face, after_fork, background, run_now
from ..core.operation import MISSING, UNSURE, Key, Kind, Operation, Stamp
from ..errors import CacheKitError
from ..scopes import Port

log = logging.getLogger("django_cachekit")

SECONDS = 10.0
TOKEN = 16

GRACE = 0.5
"""Seconds after which a step has been made whose caller does not wait for it any more."""

FIRST_LOOK, LAST_LOOK, PART = 0.005, 0.1, 0.1
"""Seconds between two looks at a value that another process computes: from, up to, and which part
of the time that was waited, so that nobody waits much longer than the computation took."""


class Lease:
    """Hold the right to compute some keys: ``token`` is that of their claims.

    ``kept`` are those whose value lies already where the claim did.
    """

    def __init__(self, port: Port, keys: Iterable[Key], version: int | None) -> None:
        self.port = port
        self.keys = tuple(keys)
        self.version = version
        self.token = os.urandom(TOKEN)
        self.kept: set[Key] = set()

    @property
    def ended(self) -> bool:
        """Tell whether the values lie where the claims did."""
        return self.kept.issuperset(self.keys)

    def stored(self, keys: Iterable[Key], failed: Collection[Key]) -> None:
        """Note that values were stored in place of the claims, but for those that failed."""
        self.kept.update(key for key in keys if key not in failed)

    def about(self, verb: str, kind: Kind, **more: Any) -> Operation:
        """Return an operation on the claims that may still lie."""
        keys = tuple(key for key in self.keys if key not in self.kept)
        return Operation(verb, kind, keys, self.version, token=self.token, quiet=True, **more)

    def renew(self) -> None:
        """Hold it for as long again."""
        op = self.about("touch", Kind.WRITE, ttl=SECONDS)
        run_now(self.port.by(BLOCKING).call(op))


class Claimed(NamedTuple):
    """Say of some keys which this process may compute, and what is there already.

    ``free`` are those of which that cannot be known, as their server is not there: each process
    computes them for itself. The rest another computes. The lease is None where none can be had.
    """

    lease: Lease | None
    values: dict[Any, Any]
    free: tuple[Any, ...] = ()


async def take(
    port: Port,
    key: Key,
    version: int | None,
    match: str = "absent",
    stamp: Stamp | None = None,
) -> Any:
    """Return the lease, UNSURE if another has it, or the value that is there.

    ``match`` says over what it may be laid: what is ``absent``, a value that is ``present``, or a
    claim that another has ``taken``; under ``stamp`` a flush of the port's tags ends it. A store
    that cannot be reached gives MISSING: whoever wants the value has to compute it for himself.
    """
    lease = Lease(port, (key,), version)
    op = lease.about("claim", Kind.ATOMIC, ttl=SECONDS, match=match, tags=port.tags, stamp=stamp)
    try:
        found = await port.call(op)
    except CacheKitError:
        return MISSING
    except BaseException:
        _drop_later(port, lease)
        raise
    if found is not MISSING:
        return found
    _hold(lease)
    return lease


def _drop_later(port: Port, lease: Lease) -> None:
    """Give back what may be laid yet by a call whose task was cancelled, or others would wait."""

    async def work(face: Face) -> None:
        await face.sleep(GRACE)
        await give_back(port.by(face), lease)

    port.face.behind(work, lambda: None)


async def take_all(port: Port, keys: Iterable[Key], stamp: Stamp | None) -> Claimed:
    """Claim those of ``keys`` that are absent and that nobody computes, as ``take`` does."""
    lease = Lease(port, keys, None)
    op = lease.about("claim_all", Kind.ATOMIC, ttl=SECONDS, match="absent")
    try:
        found = await port.call(op._replace(tags=port.tags, stamp=stamp))
    except CacheKitError:
        await give_back(port, lease)  # some may have been laid, and others would wait for nobody
        return Claimed(None, {})
    except BaseException:
        _drop_later(port, lease)
        raise
    free = tuple(key for key in lease.keys if key not in found)
    lease.keys = tuple(key for key, answer in found.items() if answer is MISSING)
    if lease.keys:
        _hold(lease)
    values = {key: v for key, v in found.items() if v is not MISSING and v is not UNSURE}
    return Claimed(lease, values, free)


def _hold(lease: Lease) -> None:
    if lease.port.stack.driver.shared:
        _keeper.hold(lease)  # in a memory claims have no end, and die with this process


async def give_back(port: Port, lease: Lease) -> set[Key]:
    """End the lease, and return the keys whose claim was there to the end.

    One in whose place the value was stored has ended already, and well.
    """
    _keeper.let_go(lease)
    if lease.ended:
        return set(lease.kept)
    try:
        there: set[Key] = await port.call(lease.about("delete", Kind.WRITE))
        return lease.kept | there
    except CacheKitError:  # it ends by itself, and the value is already computed
        return set(lease.kept)


class Waiting:
    """Measure out the looks at what another process computes: seldom, once it takes long."""

    def __init__(self) -> None:
        self.began = clock.monotonic()

    def passed(self) -> float:
        """Return the seconds that were waited."""
        return clock.monotonic() - self.began

    def pause(self) -> float:
        """Return the seconds until the next look: a part of those that have passed."""
        pause = min(max(FIRST_LOOK, self.passed() * PART), LAST_LOOK)
        return random.uniform(pause / 2, pause)  # noqa: S311 - it only parts those who wait


class _Keeper:
    """Renew the leases that this process holds, from one thread that starts with the first."""

    def __init__(self) -> None:
        self._held: set[Lease] = set()
        self._lock = threading.Lock()
        self._pid = 0

    def hold(self, lease: Lease) -> None:
        """Keep ``lease`` alive from now on."""
        with self._lock:
            if self._pid != os.getpid():
                # A fork leaves the parent's leases to the parent, and its thread behind.
                self._held, self._pid = set(), os.getpid()
                background(self.renew, SECONDS / 3, threading.Event())
            self._held.add(lease)

    def let_go(self, lease: Lease) -> None:
        """Keep ``lease`` alive no longer."""
        with self._lock:
            self._held.discard(lease)

    def renew(self) -> None:
        """Renew what is held; one that fails is tried again at the next turn."""
        with self._lock:
            held = list(self._held)
        for lease in held:
            if lease not in self._held:
                continue  # given back while others were renewed
            try:
                lease.renew()
            except Exception as error:  # whatever it is, the thread that renews the others lives on
                log.warning("a lease was not renewed: %s", type(error).__name__)
        if held:
            try:
                connections.close_all()
            except Exception as error:  # as above: they are this thread's, and it goes on
                log.warning("connections were not closed: %s", type(error).__name__)


_keeper = _Keeper()
after_fork(lambda: setattr(_keeper, "_lock", threading.Lock()))
