"""What LOCATION and OPTIONS say, as django-redis takes them, with our defaults."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

from django.utils.module_loading import import_string
from redis.backoff import NoBackoff
from redis.connection import BlockingConnectionPool
from redis.retry import Retry

from ...checks.options import BESIDE, stands_beside
from ...core.settings import defaults, names

DEFAULTS = defaults("django-redis")
SECONDS: float = DEFAULTS["SOCKET_TIMEOUT"]
"""How long connecting, and the answer to one request, may take, unless told otherwise."""

OURS = names("all", "codecs", "redis")
INSTEAD = {
    "COMPRESSOR": 'use COMPRESSION: "zlib" or "zstd"',
    "IGNORE_EXCEPTIONS": "a store that is down is ignored anyway; RAISE: True raises",
    "LOG_IGNORED_EXCEPTIONS": "they are logged anyway",
    "PICKLE_VERSION": "what is pickled is pickled by SERIALIZER",
}
"""Options of django-redis that mean nothing here, and what does."""

KNOWN = OURS | names("django-redis")

SCHEMES = ("redis", "rediss", "unix")
_PAGE = "docs/stores/redis.md has them all; django-redis's own are among them."
_BASE = "django_cachekit.backends.redisdb.pools."


def servers(location: Any) -> list[str]:
    """Return the URLs in LOCATION, the primary's first; none if there is anything else."""
    found = location.split(",") if isinstance(location, str) else location
    listed = isinstance(found, Sequence) and all(isinstance(url, str) for url in found)
    urls = [url.strip() for url in found] if listed else []
    return urls if all(urlsplit(url).scheme in SCHEMES for url in urls) else []


def problems(location: Any, options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Return what is wrong with LOCATION and OPTIONS, each with what to do about it."""
    if not servers(location):
        example = "Give redis://127.0.0.1:6379/0, rediss://..., unix://..., or a list of them."
        yield "LOCATION is no URL of a Redis.", example
    free = {"CLIENT_CLASS", "CONNECTION_FACTORY"} & set(options)
    for name in options:
        if name in INSTEAD:
            if not (name == "IGNORE_EXCEPTIONS" and options[name] is True):
                yield f"{name} is not for this backend.", f"Remove it: {INSTEAD[name]}."
        elif name in BESIDE:
            yield f"{name!r} in OPTIONS means nothing.", stands_beside(name)
        elif name not in KNOWN and not free:
            near = get_close_matches(str(name).upper(), sorted(KNOWN), 1, 0.8)
            yield f"{name!r} is no option.", f"Did you mean {near[0]}?" if near else _PAGE
    if options.get("CLUSTER") and options.get("SENTINELS"):
        yield "CLUSTER and SENTINELS exclude each other.", "A cluster watches itself: keep CLUSTER."
    if str(options.get("CLIENT_CLASS", "")).endswith("ShardClient"):
        yield "ShardClient is not for this backend.", "Use CLUSTER, or ShardedCache over aliases."
    kwargs = options.get("CONNECTION_POOL_KWARGS") or {}
    if kwargs.get("decode_responses"):
        yield "decode_responses has to be off, for entries are bytes.", "Remove it."


def for_django_redis(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that django-redis is given: the user's, and ours where there are none."""
    found = {name: options[name] for name in options if name not in OURS | set(INSTEAD)}
    found.setdefault("SOCKET_TIMEOUT", SECONDS)
    found.setdefault("SOCKET_CONNECT_TIMEOUT", DEFAULTS["SOCKET_CONNECT_TIMEOUT"])
    sentinels = bool(found.get("SENTINELS"))
    waiting = _BASE + "WaitingSentinelPool" if sentinels else "redis.BlockingConnectionPool"
    found.setdefault("CONNECTION_POOL_CLASS", waiting)
    found["CONNECTION_POOL_KWARGS"] = _pool_kwargs(found)
    if sentinels:
        found.setdefault("CONNECTION_FACTORY", "django_redis.pool.SentinelConnectionFactory")
        found["SENTINEL_KWARGS"] = {
            **DEFAULTS["SENTINEL_KWARGS"],
            "retry": Retry(NoBackoff(), 0),
            **(found.get("SENTINEL_KWARGS") or {}),
        }
    return found


def _pool_kwargs(found: Mapping[str, Any]) -> dict[str, Any]:
    kwargs: dict[str, Any] = {**DEFAULTS["CONNECTION_POOL_KWARGS"], "retry": Retry(NoBackoff(), 0)}
    kind = import_string(found["CONNECTION_POOL_CLASS"])
    if not (isinstance(kind, type) and issubclass(kind, BlockingConnectionPool)):
        del kwargs["timeout"]  # how long a call waits for a connection, which only these know
    return {**kwargs, **_quiet(), **(found.get("CONNECTION_POOL_KWARGS") or {})}


def _quiet() -> dict[str, Any]:
    """Turn off what a hosted Redis may announce: it would stretch timeouts to ten seconds.

    With it on, a pool does not notice either that an answer was left unread on a connection.
    """
    try:
        from redis.maint_notifications import MaintNotificationsConfig
    except ImportError:  # a redis-py of before there was any
        return {}
    return {"maint_notifications_config": MaintNotificationsConfig(enabled=False)}
