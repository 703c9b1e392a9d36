"""One computation per key across processes: a claim in the store itself, under the key.

A claim ends by itself ``SECONDS`` after its holder was last alive; a thread of this process renews
those that are held, so a long computation keeps its claim and a dead one does not. What takes the
key away takes the claim along, and then nothing is written any more.
"""

import logging
import os
import threading
from typing import Any

from django.db import connections

from ..core.faces import BLOCKING, after_fork, background, run_now
from ..core.operation import MISSING, Key, Kind, Operation, Stamp
from ..errors import CacheKitError
from ..scopes import Port

log = logging.getLogger("django_cachekit")

SECONDS = 10.0
TOKEN = 16


class Lease:
    """Hold the right to compute one key: ``token`` is the claim's, ``ended`` says it is gone."""

    def __init__(self, port: Port, key: Key, version: int | None) -> None:
        self.port = port
        self.key = key
        self.version = version
        self.token = os.urandom(TOKEN)
        self.ended = False

    def about(self, verb: str, kind: Kind, **more: Any) -> Operation:
        """Return an operation on the claim."""
        return Operation(
            verb, kind, (self.key,), self.version, token=self.token, quiet=True, **more
        )

    def renew(self) -> None:
        """Hold it for as long again."""
        op = self.about("touch", Kind.WRITE, ttl=SECONDS)
        run_now(self.port.by(BLOCKING).call(op))


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
    lease = Lease(port, key, version)
    op = lease.about("claim", Kind.ATOMIC, ttl=SECONDS, match=match, tags=port.tags, stamp=stamp)
    try:
        found = await port.call(op)
    except CacheKitError:
        return MISSING
    if found is not MISSING:
        return found
    if port.stack.driver.shared:
        _keeper.hold(lease)  # in a memory claims have no end, and die with this process
    return lease


async def give_back(port: Port, lease: Lease) -> bool:
    """End the lease, and tell whether it was there to the end.

    One in whose place the value was stored has ended already, and well.
    """
    _keeper.let_go(lease)
    if lease.ended:
        return True
    try:
        return bool(await port.call(lease.about("delete", Kind.WRITE)))
    except CacheKitError:  # it ends by itself, and the value is already computed
        return False


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
