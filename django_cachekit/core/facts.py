"""What a store can tell of itself, whoever filled it; None stands for what it does not tell."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class Server(NamedTuple):
    """Hold what one server (or a table, if that is all it tells of) says of itself as a whole.

    Others may use it too: other aliases, other programs. ``hits``, ``misses``, ``evictions`` and
    ``expired`` are counted by it since it started, ``uptime`` seconds ago; ``bytes`` and
    ``max_bytes`` are of its memory. One that did not answer is not ``up``.
    """

    name: str
    entries: int | None = None
    bytes: int | None = None
    max_bytes: int | None = None
    hits: int | None = None
    misses: int | None = None
    evictions: int | None = None
    expired: int | None = None
    uptime: int | None = None
    version: str | None = None
    up: bool = True


class Facts(NamedTuple):
    """Hold what a store tells of one alias, and the servers it lies on.

    ``of`` says what ``entries`` and ``bytes`` are counted of: the "alias", or all that lies in the
    same "table", "directory" or "process", which may be more than the alias.
    """

    entries: int | None = None
    bytes: int | None = None
    max_entries: int | None = None
    max_bytes: int | None = None
    evictions: int | None = None
    of: str = "alias"
    servers: tuple[Server, ...] = ()

    @property
    def fill(self) -> float | None:
        """Return which part of the tighter bound is in use, from 0 to 1; None without one."""
        pairs = ((self.entries, self.max_entries), (self.bytes, self.max_bytes))
        parts = [used / most for used, most in pairs if used is not None and most]
        return max(parts, default=None)


def of_info(name: str, info: Mapping[str, Any]) -> Server:
    """Return what a Redis says in its answer to INFO."""
    number = _numbers(info)
    return Server(
        name,
        entries=sum(map(_keys, (info[field] for field in info if _is_db(field)))),
        bytes=number("used_memory"),
        max_bytes=number("maxmemory") or None,
        hits=number("keyspace_hits"),
        misses=number("keyspace_misses"),
        evictions=number("evicted_keys"),
        expired=number("expired_keys"),
        uptime=number("uptime_in_seconds"),
        version=info.get("valkey_version") or info.get("redis_version"),
    )


def read_info(text: str) -> dict[str, str]:
    """Return the fields of an answer to INFO."""
    pairs = (line.partition(":") for line in text.splitlines())
    return {field: value for field, colon, value in pairs if colon and not field.startswith("#")}


def of_stats(name: str, stats: Mapping[str, Any]) -> Server:
    """Return what a memcached says in its answer to ``stats``."""
    number = _numbers(stats)
    return Server(
        name,
        entries=number("curr_items"),
        bytes=number("bytes"),
        max_bytes=number("limit_maxbytes"),
        hits=number("get_hits"),
        misses=number("get_misses"),
        evictions=number("evictions"),
        expired=number("expired_unfetched"),
        uptime=number("uptime"),
        version=stats.get("version"),
    )


def total(servers: Iterable[Server], field: str) -> int | None:
    """Return the sum of one number over servers; None where none of them tells it."""
    told = [value for server in servers if (value := getattr(server, field)) is not None]
    return sum(told) if told else None


def _numbers(given: Mapping[str, Any]) -> Any:
    def number(field: str) -> int | None:
        try:
            return int(given[field])
        except (KeyError, TypeError, ValueError):
            return None

    return number


def _is_db(field: str) -> bool:
    return field.startswith("db") and field[2:].isdigit()


def _keys(said: Any) -> int:
    """Return the number in ``keys=3,expires=1``, or in what redis-py makes of that."""
    if isinstance(said, Mapping):
        return int(said.get("keys", 0))
    found = dict(pair.split("=", 1) for pair in str(said).split(",") if "=" in pair)
    return int(found.get("keys", 0))
