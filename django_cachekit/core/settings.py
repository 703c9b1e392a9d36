"""Every setting there is: its name, type, default and meaning, declared once.

``SETTINGS`` are the names of ``CACHEKIT``, ``OPTIONS`` those of ``OPTIONS`` in an entry of
``CACHES``, by who takes them: ``all`` of our stores, the ``codecs`` of those that keep bytes, one
store, or the client library under one. Stores take their defaults from here, the checks the names,
and ``docs/settings.md`` its tables (``python -m tests.docs.reference``).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Setting(NamedTuple):
    """Declare one setting.

    ``see`` is the page, and the place on it, that says more; ``shown`` is what a default is called
    that is no plain value.
    """

    name: str
    type: str
    default: Any
    meaning: str
    see: str = ""
    shown: str = ""


SETTINGS = (
    Setting("DEFAULT_STORE", "str", "default", "the alias that `cache` stands for"),
    Setting("LIMITER_STORE", "str", None, "kept for what is to come; it does nothing yet"),
    Setting(
        "WARMERS",
        "list or dict",
        {},
        "dotted paths of warmers, or a dict of them by name",
        "commands.md#cache_warm",
    ),
    Setting(
        "OUTBOX",
        "bool or str",
        False,
        "True, or an alias of `DATABASES`: keep flushes there until they are done",
        "transactions.md#the-outbox",
    ),
    Setting(
        "SIGNALS", "dict", {"values": False}, "`values`: whether signals carry values", "signals.md"
    ),
    Setting(
        "STATS",
        "bool or list",
        False,
        "count what becomes of the calls of each process: True for all aliases, or a list of some",
        "stats.md",
    ),
    Setting("LOG_RAW_KEYS", "bool", False, "show keys in the log, not 8 hex digits of an HMAC"),
    Setting(
        "BACKGROUND",
        "str",
        "thread",
        'where values are computed behind a caller: `"thread"`, `"after_response"` or `"tasks"`; '
        "with the last, Django's tasks drain the outbox too",
        "computing.md#where-it-is-computed",
    ),
)
"""What ``CACHEKIT`` may hold."""

_LEGACY = Setting(
    "READ_LEGACY",
    "list of str",
    (),
    "take over what Django's own backends or django-redis left there",
    "migrating/entries.md",
    "none",
)

OPTIONS: Mapping[str, tuple[Setting, ...]] = {
    "all": (
        Setting("SIGNALS", "bool", True, "send signals", "signals.md"),
        Setting(
            "STATS",
            "bool",
            None,
            "count this alias's calls, or not",
            "stats.md",
            "as `CACHEKIT` has it",
        ),
        Setting(
            "RAISE",
            "bool",
            False,
            "raise when the store cannot be reached",
            "errors.md#when-the-store-cannot-be-reached",
        ),
        Setting(
            "TAG_INDEX",
            "bool",
            False,
            "tell which keys bear a tag, on stores that can list keys",
            "tag-index.md",
        ),
        Setting(
            "TAG_STALENESS",
            "seconds",
            0,
            "how long a process may use its copies of tags' records; of use on Redis, memcached, "
            "DynamoDB, and a `TaggedCache` over one",
            "tags.md#copies-of-the-records",
        ),
        Setting(
            "LAYERS",
            "list of dotted paths",
            (),
            "layers of your own, outermost first",
            "extending/layer.md",
            "none",
        ),
    ),
    "codecs": (
        Setting(
            "ENCRYPTION_KEYS",
            "list of keys",
            None,
            "keys to seal with: the first writes, all read",
            "security.md#keys",
            "signed, not sealed",
        ),
        Setting("INDEX_KEY", "key", None, "the key that makes entry names", "security.md#keys"),
        Setting(
            "KEYS_FROM_SECRET_KEY",
            "bool",
            False,
            "derive both from `SECRET_KEY` instead",
            "security.md#keys",
        ),
        Setting(
            "STORE_ID",
            "str",
            None,
            "what tells this store from others under the same keys",
            shown="the alias",
        ),
        Setting(
            "CIPHER",
            "str",
            "aes-256-gcm",
            '`"aes-256-gcm"` or `"chacha20-poly1305"`',
            "security.md",
        ),
        Setting(
            "SERIALIZER",
            "str",
            "auto",
            '`"auto"`, `"json"`, `"msgpack"`, `"pickle"`, or a dotted path',
            "security.md#decoders",
        ),
        Setting(
            "PICKLE_CLASSES",
            "list of str",
            None,
            "dotted paths of the only classes a pickle may name",
            "security.md#decoders",
            "all",
        ),
        Setting(
            "COMPRESSION",
            "str",
            None,
            '`"zlib"` or `"zstd"`; values under 250 bytes are left as they are',
        ),
        Setting(
            "MAX_VALUE_BYTES",
            "int",
            8 * 2**20,
            "bytes of one value before compression; more is `ValueTooLarge`",
            shown="8 MiB",
        ),
    ),
    "array": (
        Setting("MAX_ENTRIES", "int", 10_000, "how many entries"),
        Setting("MAX_BYTES", "int", 256 * 2**20, "how many bytes of values", shown="256 MiB"),
        Setting("COPY", "bool", True, "give out copies of what can be changed"),
        Setting("CULL_FREQUENCY", "int", None, "Django's; accepted, and means nothing"),
    ),
    "file": (
        Setting(
            "MAX_ENTRIES", "int", 100_000, "how many entries; may stand beside `OPTIONS` as well"
        ),
        Setting("MAX_BYTES", "int", 2**30, "how many bytes of sealed entries", shown="1 GiB"),
        Setting("FSYNC", "bool", False, "make every write last through a power cut"),
        Setting(
            "EPOCH_FILE",
            "path",
            None,
            "where the number lies that `flush` moves on",
            shown="beside `LOCATION`",
        ),
        Setting(
            "ALLOW_SHARED_DIRECTORY", "bool", False, "accept a directory that others can write to"
        ),
        Setting("CULL_FREQUENCY", "int", None, "Django's; accepted, and means nothing"),
    ),
    "database": (
        Setting(
            "DATABASE", "str", None, "an alias of `DATABASES`", shown="as `DATABASE_ROUTERS` say"
        ),
        Setting("MAX_ENTRIES", "int or None", 100_000, "how many entries; None for no bound"),
        Setting("MAX_BYTES", "int or None", None, "how many bytes of stored values"),
        Setting("CULL_FREQUENCY", "int", None, "Django's; accepted, and means nothing"),
        _LEGACY,
    ),
    "redis": (
        Setting("CLUSTER", "bool", False, "it is a Redis Cluster", "stores/redis.md#cluster"),
        _LEGACY,
    ),
    "django-redis": (
        Setting("SOCKET_CONNECT_TIMEOUT", "seconds", 0.5, "how long connecting may take"),
        Setting("SOCKET_TIMEOUT", "seconds", 0.5, "how long one answer may take"),
        Setting(
            "CONNECTION_POOL_KWARGS",
            "dict",
            {"max_connections": 50, "timeout": 1.0},
            "what else redis-py's connections and pools take",
        ),
        Setting(
            "CONNECTION_POOL_CLASS", "dotted path", None, "the pool", shown="redis-py's that waits"
        ),
        Setting("USERNAME", "str", None, "where it is not in `LOCATION`"),
        Setting("PASSWORD", "str", None, "where it is not in `LOCATION`"),
        Setting(
            "SENTINELS",
            "list of (host, port)",
            None,
            "the sentinels to ask for the primary",
            "stores/redis.md#sentinel",
        ),
        Setting(
            "SENTINEL_KWARGS",
            "dict",
            {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
            "what connections to the sentinels take",
        ),
        Setting(
            "CLIENT_CLASS",
            "dotted path",
            "django_redis.client.DefaultClient",
            "django-redis's client",
        ),
        Setting(
            "CONNECTION_FACTORY",
            "dotted path",
            None,
            "what makes the pools",
            shown="django-redis's",
        ),
        Setting(
            "PARSER_CLASS", "dotted path", None, "redis-py's parser", shown="redis-py's choice"
        ),
        Setting(
            "REDIS_CLIENT_CLASS", "dotted path", "redis.client.Redis", "the client of redis-py"
        ),
        Setting("REDIS_CLIENT_KWARGS", "dict", {}, "what that client takes"),
        Setting("REPLICA_READ_ONLY", "bool", True, "django-redis's; replicas are not read here"),
        Setting("CLOSE_CONNECTION", "bool", False, "django-redis's; connections are kept here"),
    ),
    "memcached": (
        Setting("dead_timeout", "seconds", 1.0, "when a node that did not answer is asked again"),
        Setting(
            "item_size_max",
            "int",
            None,
            "the largest item, if the server is not to be asked",
            shown="what the server says",
        ),
        _LEGACY,
    ),
    "pymemcache": (
        Setting("connect_timeout", "seconds", 0.5, "how long connecting may take"),
        Setting("timeout", "seconds", 0.5, "how long sending, and the whole reply, may take"),
        Setting("no_delay", "bool", True, "`TCP_NODELAY`"),
        Setting("socket_module", "module", None, "what makes sockets", shown="`socket`"),
        Setting("socket_keepalive", "KeepaliveOpts", None, "keep-alive of TCP"),
        Setting("tls_context", "SSLContext", None, "speak TLS"),
        Setting("max_pool_size", "int", None, "connections per node and process", shown="no bound"),
        Setting("pool_idle_timeout", "seconds", 60, "when one that is idle is closed; 0 for never"),
        Setting(
            "lock_generator", "callable", None, "makes the pool's lock", shown="`threading.Lock`"
        ),
        Setting("hasher", "class", None, "places keys on nodes", shown="`RendezvousHash`"),
    ),
    "dynamodb": (
        Setting("REGION_NAME", "str", None, "the region", shown="boto3's own"),
        Setting("ENDPOINT_URL", "str", None, "where DynamoDB is", shown="boto3's own"),
        Setting(
            "SESSION", "dotted path", None, "returns a boto3 `Session`", shown="`boto3.Session`"
        ),
        Setting("CONNECT_TIMEOUT", "seconds", 0.5, "how long connecting may take"),
        Setting("READ_TIMEOUT", "seconds", 0.5, "how long one answer may take"),
        Setting("DEADLINE", "seconds", 1.0, "how long trouble may hold up one call in all"),
        Setting("MAX_POOL_CONNECTIONS", "int", 50, "connections kept by a process"),
        Setting("CHUNKED", "bool", False, "spread large values over several items"),
    ),
    "tagged": (Setting("STORE", "str", None, "the alias underneath", shown="required"),),
}
"""What ``OPTIONS`` may hold, by who takes it."""


def names(*takers: str) -> frozenset[str]:
    """Return the names of the options that these take, or that anybody does."""
    return frozenset(one.name for taker in takers or OPTIONS for one in OPTIONS[taker])


def defaults(taker: str) -> dict[str, Any]:
    """Return what each option of a taker is when it is left out."""
    return {one.name: one.default for one in OPTIONS[taker]}
