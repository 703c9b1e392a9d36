"""Statistics: what stores tell of themselves, and what this process counted.

::

    from django_cachekit.statistics import asurvey, statistics, survey

    statistics()            # Statistics of the default alias
    statistics("sessions", count=True)
    survey()                # one for each alias

What a store tells is asked of it at that moment, and is of all processes that use it. Hits and
misses are a server's own, and so of all that use the server; those of an alias are counted by each
process for itself (``cache.stats()``), where ``STATS`` asks for that.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from . import conf
from .core.faces import AWAITING, BLOCKING, Face, both
from .core.facts import Facts, Server, total
from .flows.health import reason_of
from .flows.statistics import facts, of_stack, ratio
from .layers.base import Driver
from .manager import manager


class Statistics(NamedTuple):
    """Say what is known of one alias.

    ``backend`` is its dotted path. ``facts`` are what the store tells, ``process`` what this
    process counted, as ``cache.stats()`` returns it. ``indexed`` says that it keeps an index of its
    tags, ``over`` which alias it lies over. ``reason`` is a class of error in a word or two, ""
    where there was none.
    """

    alias: str
    backend: str
    facts: Facts
    process: Mapping[str, Any]
    indexed: bool = False
    over: str = ""
    reason: str = ""

    def __repr__(self) -> str:
        """Say which it is, and how much it holds."""
        kind = self.backend.rpartition(".")[2]
        held = "unknown" if self.facts.entries is None else f"{self.facts.entries:,}"
        told = f", {self.reason}" if self.reason else ""
        return f"<statistics {self.alias!r} ({kind}): {held} entries{told}>"

    def as_dict(self) -> dict[str, Any]:
        """Return what the store tells as JSON has it; not what this process counted."""
        told, servers = self.facts._asdict(), self.facts.servers
        told["fill"] = self.facts.fill
        told["servers"] = [_server(server) for server in servers]
        head = {"alias": self.alias, "backend": self.backend, "reason": self.reason}
        more = {"over": self.over, "tag_index": self.indexed}
        return {**head, **more, **told, "total": _sums(servers)}


def _server(server: Server) -> dict[str, Any]:
    return {**server._asdict(), "hit_ratio": ratio(server.hits, server.misses)}


def _sums(servers: tuple[Server, ...]) -> dict[str, Any]:
    """Return what all servers of an alias tell together."""
    names = ("entries", "bytes", "max_bytes", "hits", "misses", "evictions", "expired")
    sums = {name: total(servers, name) for name in names}
    return {**sums, "hit_ratio": ratio(sums["hits"], sums["misses"])}


async def _survey(
    face: Face, aliases: Iterable[str] | None = None, *, count: bool = False
) -> list[Statistics]:
    """Return what is known of some aliases, else of all in ``CACHES``.

    An alias that is not in ``CACHES`` is Django's ``InvalidCacheBackendError``; one that cannot be
    asked says why in ``reason``. With ``count`` a store that has no number of its entries lists
    them, which takes a read of all of them.
    """
    return [await _one(face, alias, count) for alias in conf.known(aliases)]


async def _statistics(face: Face, alias: str | None = None, *, count: bool = False) -> Statistics:
    """Return what is known of an alias, else of the default one."""
    name = conf.get("DEFAULT_STORE") if alias is None else alias
    (found,) = await _survey(face, [name], count=count)
    return found


async def _one(face: Face, alias: str, count: bool) -> Statistics:
    backend = str(conf.caches()[alias].get("BACKEND", ""))
    try:
        stack = manager.home(alias).stack()
        told, reason = await facts(face, stack.driver, count=count), ""
    except Exception as error:  # whatever it is, it is told of this alias and keeps from no other
        return Statistics(alias, backend, Facts(), {}, reason=reason_of(error))
    indexed = bool(getattr(stack.driver, "indexed", False))
    return Statistics(alias, backend, told, of_stack(stack), indexed, _over(stack.driver), reason)


def _over(driver: Driver) -> str:
    """Return the alias that another lies over, if it does."""
    return str(getattr(getattr(driver, "inner", None), "alias", ""))


class _Desk:
    """Give the flows their two faces."""

    _now = BLOCKING
    _later = AWAITING
    statistics, astatistics = both(_statistics)
    survey, asurvey = both(_survey)


_desk = _Desk()
statistics, astatistics = _desk.statistics, _desk.astatistics
survey, asurvey = _desk.survey, _desk.asurvey

__all__ = ["Facts", "Server", "Statistics", "astatistics", "asurvey", "statistics", "survey"]
