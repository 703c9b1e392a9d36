"""One computation per key across processes: a lease in the store itself.

A lease ends by itself ``SECONDS`` after its holder was last alive; a thread of this process renews
those that are held, so a long computation keeps its lease and a dead one does not.
"""

import logging
import os
import threading
from contextlib import suppress
from typing import Any

from django.db import connections

from ..core import clock
from ..core.faces import BLOCKING, after_fork, background, run_now
from ..core.operation import Kind, Operation, Record
from ..errors import CacheKitError
from ..scopes import Port, Stack

log = logging.getLogger("django_cachekit")

SECONDS = 10.0


def lease_of(key: str, version: int) -> Record:
    """Name the lease on one key."""
    return Record("lease", f"{version}:{key}")


class Lease:
    """Hold the right to compute one key."""

    def __init__(self, stack: Stack, record: Record) -> None:
        self.stack = stack
        self.record = record
        self.until = clock.monotonic() + SECONDS

    def renew(self) -> None:
        """Hold it for as long again."""
        op = Operation("touch", Kind.WRITE, (self.record,), ttl=SECONDS, quiet=True)
        if run_now(self.stack_call(op)):
            self.until = clock.monotonic() + SECONDS

    async def stack_call(self, op: Operation) -> Any:
        """Send one operation to the store, blocking."""
        return await self.stack.call(BLOCKING, op)


async def take(port: Port, key: str, version: int) -> Lease | None:
    """Return the lease, or None if another process holds it.

    A store that cannot be reached, or cannot keep one, gives it to all: better computed twice than
    never.
    """
    lease = Lease(port.stack, lease_of(key, version))
    record = lease.record
    op = Operation(
        "add", Kind.ATOMIC, (record,), values={record: os.urandom(8)}, ttl=SECONDS, quiet=True
    )
    try:
        if not await port.call(op):
            return None
    except CacheKitError:
        return lease
    _keeper.hold(lease)
    return lease


async def give_back(port: Port, lease: Lease) -> None:
    """End the lease, unless it ended already and may be another's by now."""
    _keeper.let_go(lease)
    if clock.monotonic() < lease.until:
        with suppress(CacheKitError):  # it ends by itself, and the value is already computed
            await port.call(Operation("delete", Kind.WRITE, (lease.record,), quiet=True))


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
