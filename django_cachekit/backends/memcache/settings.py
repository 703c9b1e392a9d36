"""LOCATION and OPTIONS of a memcached alias: what they may say, and what is refused."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

from pymemcache.client.base import normalize_server_spec
from pymemcache.client.rendezvous import RendezvousHash

from ...checks.options import BESIDE, stands_beside
from ...core.settings import defaults, names
from ...errors import Misconfigured
from .drivers import Place
from .node import Node

DEFAULTS = defaults("memcached") | defaults("pymemcache")
CLIENT = {name: DEFAULTS[name] for name in ("connect_timeout", "timeout", "no_delay")}
"""Options of a connection that have a value of ours where none is given."""

CLIENT_OPTIONS = (*CLIENT, "socket_module", "socket_keepalive", "tls_context")
POOL_OPTIONS = ("max_pool_size", "lock_generator")

SECONDS = ("connect_timeout", "timeout", "dead_timeout")
WHOLE = ("max_pool_size", "item_size_max")

FIXED = {"use_pooling": True, "default_noreply": False, "ignore_exc": False}
"""Options of pymemcache that can only be what they are here."""

REFUSED = {
    "serde": "SERIALIZER and COMPRESSION say how values are stored",
    "serializer": "SERIALIZER says how values are stored",
    "deserializer": "SERIALIZER says how values are stored",
    "key_prefix": "KEY_PREFIX, beside OPTIONS, is the prefix",
    "allow_unicode_keys": "any key is legal here",
    "encoding": "any key is legal here",
    "retry_attempts": "nothing is tried twice, so that nothing is counted twice",
    "retry_timeout": "nothing is tried twice; dead_timeout says when a node is asked again",
    "use_pooling": "connections are always kept and shared",
    "default_noreply": "every reply is waited for, or a write that failed would be taken for done",
    "ignore_exc": "RAISE says whether errors are raised",
}
"""Options of pymemcache that mean nothing here, or would do harm, and what to use instead."""

COMMON = names("all", "codecs") | {"READ_LEGACY"}
OWN = names("memcached", "pymemcache") - COMMON


class Problem(NamedTuple):
    """Say what is wrong with a setting, and what to do."""

    text: str
    hint: str


def problems(location: Any, options: Mapping[str, Any]) -> Iterator[Problem]:
    """Find what is wrong with a configuration, but for the values of the codecs' options."""
    yield from _wrong_place(location)
    for name, value in options.items():
        if name in REFUSED:
            if not (name in FIXED and value is FIXED[name]):
                yield Problem(f"{name!r} cannot be used.", f"In its place: {REFUSED[name]}.")
        elif name in OWN:
            yield from _wrong_value(name, value)
        elif name in BESIDE:
            yield Problem(f"{name!r} in OPTIONS means nothing.", stands_beside(name))
        elif name not in COMMON:
            known = sorted(OWN) + sorted(COMMON)
            near = get_close_matches(str(name), known, 1) or [", ".join(sorted(OWN))]
            yield Problem(f"{name!r} is no option.", f"Perhaps {near[0]}.")


def _wrong_value(name: str, value: Any) -> Iterator[Problem]:
    if name in SECONDS and not (_number(value) and value > 0):
        hint = "Without a bound, a server that hangs would hang its callers."
        yield Problem(f"{name} is a number of seconds above 0, not {value!r}.", hint)
    if name in WHOLE and value is not None and (type(value) is not int or value < 1):
        yield Problem(f"{name} is a whole number from 1, not {value!r}.", _DEFAULT)
    if name == "pool_idle_timeout" and not (_number(value) and value >= 0):
        yield Problem(f"{name} is a number of seconds, or 0, not {value!r}.", _DEFAULT)
    if name == "hasher" and not callable(value):
        yield Problem(f"{name} is a class, not {value!r}.", _DEFAULT)


def _wrong_place(location: Any) -> Iterator[Problem]:
    try:
        servers = addresses(location)
    except (ValueError, TypeError):
        yield Problem("LOCATION is not understood.", _PLACE)
        return
    if not servers:
        yield Problem("LOCATION names no server.", _PLACE)
    elif len(set(map(named, servers))) < len(servers):
        yield Problem("LOCATION names one server twice.", _PLACE)


_DEFAULT = "Leave it out for the default."
_PLACE = 'Give "host:port", "unix:/path/of/a/socket", or a list of such.'


def addresses(location: Any) -> list[Any]:
    """Return the servers as pymemcache knows them: ``(host, port)``, or a socket's path."""
    if isinstance(location, str):
        location = [word for word in re.split("[;,]", location) if word.strip()]
    if isinstance(location, tuple) and len(location) == 2 and isinstance(location[1], int):
        location = [location]
    return [_address(item) for item in location or ()]


def _address(item: Any) -> Any:
    spec = item.strip() if isinstance(item, str) else tuple(item)
    server = normalize_server_spec(spec)
    if isinstance(server, tuple):
        host, port = server
        known = isinstance(host, str) and host and "/" not in host
        if not known or not 0 < int(port) < 65536:
            raise ValueError
        return host, int(port)
    return server


def named(server: Any) -> str:
    """Return a server's name, by which pymemcache's HashClient places keys too."""
    return f"{server[0]}:{server[1]}" if isinstance(server, tuple) else str(server)


def nodes(alias: str, location: Any, options: Mapping[str, Any]) -> list[Node]:
    """Return the nodes of a configuration; Misconfigured if there is anything wrong with it."""
    found = list(problems(location, options))
    if found:
        texts = " ".join(f"{problem.text} {problem.hint}" for problem in found)
        raise Misconfigured(f"CACHES[{alias!r}]: {texts}")
    client = CLIENT | {name: options[name] for name in CLIENT_OPTIONS if name in options}
    pool = {
        name.removeprefix("pool_").replace("max_pool_size", "max_size"): options[name]
        for name in POOL_OPTIONS
        if name in options
    }
    pool["idle_timeout"] = options.get("pool_idle_timeout", DEFAULTS["pool_idle_timeout"])
    pause = options.get("dead_timeout", DEFAULTS["dead_timeout"])
    largest = options.get("item_size_max")
    return [
        Node(named(server), server, client, pool, pause, largest) for server in addresses(location)
    ]


def placing(nodes: Sequence[Node], options: Mapping[str, Any]) -> Place:
    """Return what says on which node a key lies: what pymemcache's HashClient would say."""
    hasher = options.get("hasher", RendezvousHash)()
    at = {}
    for number, node in enumerate(nodes):
        hasher.add_node(node.name)
        at[node.name] = number
    return lambda key: at[hasher.get_node(key)]


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
