"""``manage.py cache_stats``: show what each store tells of itself."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.management.base import CommandParser
from django.template.defaultfilters import filesizeformat

from ...core.facts import Server
from ...core.text import printable
from ...flows.statistics import ratio
from ...statistics import Statistics, survey
from ..command import CacheCommand, Failed, counted, table

ALIASES = ("alias", "store", "entries", "size", "full", "evicted", "counted of", "tag index")
SERVERS = (
    "alias", "server", "entries", "memory", "full", "hits", "misses", "hit ratio", "evicted", "up",
)  # fmt: skip

FIGURES = {*ALIASES[2:6], *SERVERS[2:]}

NOTHING = "-"
"""Stands for what a store does not tell."""


class Command(CacheCommand):
    """Ask each store how much it holds; one that cannot be asked ends it with 1."""

    help = "Shows how much each alias holds, its bounds, and what its servers count."

    def options(self, parser: CommandParser) -> None:
        parser.add_argument(
            "aliases", nargs="*", metavar="ALIAS", help="In CACHES; else all of them."
        )
        parser.add_argument(
            "--count",
            action="store_true",
            help="Count the entries of stores that have no number of them: all are read.",
        )

    def perform(self, **options: Any) -> None:
        found = survey(options["aliases"] or None, count=options["count"])
        self.show([one.as_dict() for one in found], _lines(found), options)
        for one in found:
            if one.facts.of == "process":
                self.note(f"{printable(one.alias)}: the memory of this command, and of no server.")
        failed = [one for one in found if one.reason]
        if failed:
            names = printable(", ".join(f"{one.alias} ({one.reason})" for one in failed))
            of = counted(len(found), "alias", "aliases")
            raise Failed(f"{len(failed)} of {of} could not be asked: {names}.")


def _lines(found: Sequence[Statistics]) -> Iterator[str]:
    yield from table(ALIASES, [_alias(one) for one in found], FIGURES)
    servers = [_server(one.alias, server) for one in found for server in one.facts.servers]
    if servers:
        yield ""
        yield "Servers, with all that others keep there and ask for:"
        yield from table(SERVERS, servers, FIGURES)


def _alias(one: Statistics) -> tuple[str, ...]:
    facts = one.facts
    if one.reason:
        return (one.alias, _kind(one), *[NOTHING] * 4, one.reason, NOTHING)
    return (
        one.alias,
        _kind(one),
        _of(facts.entries, facts.max_entries, _number),
        _of(facts.bytes, facts.max_bytes, _size),
        _percent(facts.fill),
        _number(facts.evictions),
        NOTHING if facts.entries is None else facts.of,
        "yes" if one.indexed else "no",
    )


def _server(alias: str, server: Server) -> tuple[str, ...]:
    if not server.up:
        return (alias, server.name, *[NOTHING] * 7, "down")
    return (
        alias,
        server.name,
        _number(server.entries),
        _of(server.bytes, server.max_bytes, _size),
        _percent(_part(server)),
        _number(server.hits),
        _number(server.misses),
        _percent(ratio(server.hits, server.misses)),
        _number(server.evictions),
        NOTHING if server.uptime is None else _time(server.uptime),
    )


def _kind(one: Statistics) -> str:
    over = f" over {one.over}" if one.over else ""
    return one.backend.rpartition(".")[2] + over


def _part(server: Server) -> float | None:
    return server.bytes / server.max_bytes if server.bytes and server.max_bytes else None


def _of(used: int | None, most: int | None, shown: Any) -> str:
    return shown(used) if used is None or most is None else f"{shown(used)} of {shown(most)}"


def _number(value: int | None) -> str:
    return NOTHING if value is None else f"{value:,}"


def _size(value: int | None) -> str:
    return NOTHING if value is None else str(filesizeformat(value)).replace("\xa0", " ")


def _percent(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.1%}"


def _time(seconds: int) -> str:
    days, rest = divmod(seconds, 86400)
    return f"{days}d {rest // 3600}h" if days else f"{rest // 3600}h {rest % 3600 // 60}m"
