"""The outbox drained: flushes that were committed, or that no store took, are carried out.

::

    CACHEKIT = {"OUTBOX": True}            # settings.py; then: manage.py migrate django_cachekit

    from django_cachekit.outbox import drain
    drain()                                # or, as a rule from cron: manage.py cache_outbox
"""

import logging
from datetime import timedelta
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

from django.db import connections, router, transaction
from django.utils import timezone

from . import conf
from .core import clock
from .core.faces import BLOCKING, run_now
from .core.operation import Kind, Operation
from .core.text import one_line
from .errors import StoreUnavailable
from .flows import outbox
from .layers.pending import Flush, merged
from .manager import manager
from .scopes import Port

tasks: Any = import_module("django.tasks") if find_spec("django.tasks") else None
"""Django's tasks, which are there from 6.0 on."""

CHUNK = 500
"""How many rows are carried out as one flush, and removed in one transaction."""

PAUSE = 10.0
"""Seconds in which a process enqueues one task at most: each drains all there is."""

log = logging.getLogger("django_cachekit")


class Drained(NamedTuple):
    """Tell what became of the rows for one store that match in one way.

    ``state`` is ``flushed``, ``failed`` (the rows stay, ``error`` says why), ``unknown`` (there is
    no such alias, and they stay), ``dropped`` (the same, and they do not) or ``planned``. ``rows``
    and ``tags`` count what was carried out, or is there where nothing was.
    """

    store: str
    match: str
    state: str
    rows: int
    tags: int
    error: str | None = None

    @property
    def ok(self) -> bool:
        """Tell whether nothing is left to be seen to."""
        return self.state not in ("failed", "unknown")


def drain(
    store: str | None = None,
    *,
    older_than: float = 0,
    drop_unknown: bool = False,
    dry_run: bool = False,
) -> list[Drained]:
    """Carry out what the outbox holds, of all stores or one, and tell what became of it.

    Two at once share the rows out where the database can skip locked ones; elsewhere some are
    flushed twice, which does no harm. ``older_than`` (seconds) leaves those alone that a process
    may be about to carry out itself. Rows for an alias that is not in ``CACHES`` stay, unless
    ``drop_unknown``. One store that fails keeps no other from being flushed.
    """
    where = outbox.database() or router.db_for_write(outbox.model())
    rows = outbox.model()._base_manager.using(where)
    rows = rows.filter(created__lte=timezone.now() - timedelta(seconds=older_than))
    if store is not None:
        rows = rows.filter(store=store)
    pairs = rows.order_by("store", "match").values_list("store", "match").distinct()
    turns = [_Turn(where, name, match, rows) for name, match in list(pairs)]
    return [turn.look() if dry_run else turn.carry_out(drop_unknown) for turn in turns]


class _Turn:
    """Be the rows for one store that match in one way."""

    def __init__(self, where: str, store: str, match: str, rows: Any) -> None:
        self.where = where
        self.rows = rows.filter(store=store, match=match)
        self.store = store
        self.match = match
        self.count = 0
        self.tags: set[str] = set()

    def look(self) -> Drained:
        """Tell what is there."""
        for row in self.rows:
            self._see(row)
        return self._said("planned") if self._known() else self._unknown()

    def carry_out(self, drop_unknown: bool) -> Drained:
        """Flush and remove it, and tell what became of it."""
        if not self._known():
            said = self.look()
            if drop_unknown:
                self.rows.delete()
                return said._replace(state="dropped", error=None)
            return said
        try:
            while self._chunk():
                pass
        except Exception as error:  # whatever it is, it is told, and others have their turn
            return self._said("failed", one_line(error))
        return self._said("flushed")

    def _chunk(self) -> bool:
        """Carry out some rows and remove them, in one transaction; tell whether there were any."""
        # Not by a repository, which would wait for the commit of this very transaction.
        call = Port(BLOCKING, manager.home(manager.store(self.store).alias).stack).call
        with transaction.atomic(using=self.where):
            rows = list(self._locked().order_by("created", "pk")[:CHUNK])
            for flush in merged(Flush(self.store, self.match, row.names, call) for row in rows):
                op = Operation("flush", Kind.ADMIN, tags=flush.tags, match=flush.match)
                run_now(flush.call(op))
            self.rows.filter(pk__in=[row.pk for row in rows]).delete()
        for row in rows:
            self._see(row)
        return bool(rows)

    def _locked(self) -> Any:
        able = connections[self.where].features
        if not able.has_select_for_update:
            return self.rows
        return self.rows.select_for_update(skip_locked=able.has_select_for_update_skip_locked)

    def _known(self) -> bool:
        return self.store in conf.caches()

    def _unknown(self) -> Drained:
        return self._said("unknown", f"CACHES has no alias {self.store!r}")

    def _see(self, row: Any) -> None:
        self.count += 1
        self.tags.update(row.names)

    def _said(self, state: str, error: str | None = None) -> Drained:
        return Drained(self.store, self.match, state, self.count, len(self.tags), error)


def drain_outbox() -> int:
    """Drain it, and fail if anything is left to be done; a task where Django has tasks."""
    said = drain()
    bad = [one for one in said if not one.ok]
    if bad:
        told = "; ".join(f"{one.store}: {one.error}" for one in bad)
        raise StoreUnavailable(f"the outbox could not be drained: {told}")
    return sum(one.rows for one in said)


if tasks is not None:
    # Under its own name, by which a worker finds it.
    drain_outbox = tasks.task(drain_outbox)

_enqueued = float("-inf")


def enqueue() -> None:
    """Have a task drain it, where ``CACHEKIT["BACKGROUND"]`` is ``tasks`` and Django has them."""
    global _enqueued
    if tasks is None or conf.get("BACKGROUND") != "tasks" or clock.monotonic() < _enqueued + PAUSE:
        return
    _enqueued = clock.monotonic()
    try:
        drain_outbox.enqueue()  # type: ignore[attr-defined]  # a task, as said above
    except Exception as error:  # the flush is queued all the same, and others drain too
        log.warning("cache outbox: no task could be enqueued: %s", one_line(error))


def listen() -> None:
    """Enqueue a task whenever a flush is left to the outbox; called when the app is ready."""
    if enqueue not in outbox.queued:
        outbox.queued.append(enqueue)


__all__ = ["Drained", "drain", "drain_outbox"]
