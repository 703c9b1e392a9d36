"""From the OPTIONS of a ``CACHES`` entry to a chain, and what may be wrong on the way.

=====================  =============================================================
ENCRYPTION_KEYS        keys to seal with: the first writes, all read (see ``keys``)
INDEX_KEY              the key that makes entry names; stays when the others change
KEYS_FROM_SECRET_KEY   True: derive those from SECRET_KEY and its fallbacks instead
STORE_ID               what tells this store from others under the same keys (the alias)
SERIALIZER             auto (default), json, msgpack, pickle, or a dotted path
PICKLE_CLASSES         dotted paths of the only classes a pickle may name
COMPRESSION            None (default), zlib or zstd
MAX_VALUE_BYTES        the most bytes of one value before compression (8 MiB)
CIPHER                 aes-256-gcm (default) or chacha20-poly1305
=====================  =============================================================

Without keys entries are signed under a subkey of SECRET_KEY, but not hidden.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from ..core.settings import defaults
from ..errors import Misconfigured
from .base import Guard
from .chain import MAX_VALUE_BYTES, Chain
from .ciphers import CIPHERS, Seal, Sign
from .compressors import compressor
from .families import Family, family
from .keys import KeyRing, Problem, derive, read_keys

_DEFAULTS = defaults("codecs")
_MOST = 2**30


def build(options: Mapping[str, Any], *, store_id: str, secret_keys: Sequence[bytes]) -> Chain:
    """Return the chain for the OPTIONS of one alias.

    ``secret_keys`` are SECRET_KEY and SECRET_KEY_FALLBACKS, newest first. Raises
    Misconfigured, naming everything that is wrong and showing no key.
    """
    ring, found = _examine(options, store_id, secret_keys)
    if found:
        texts = "; ".join(problem.text for problem in found)
        raise Misconfigured(f"CACHES[{store_id!r}]: {texts}") from found[0].cause
    return Chain(
        _guard(ring, options, store_id, secret_keys),
        _family(options, classes(options)),
        compressor(options.get("COMPRESSION")),
        _limit(options),
    )


def problems(
    options: Mapping[str, Any], *, store_id: str = "default", secret_keys: Sequence[bytes] = ()
) -> list[Problem]:
    """Return all that is wrong with a set of options, for a system check; raise nothing.

    Ids: ``short long encoding type empty duplicate kid_clash secret_key unresolved
    missing_index no_keys conflict no_secret`` for keys, and ``store_id serializer
    pickle_classes compression max_value_bytes cipher`` for the rest, where a missing
    library is told of too.
    """
    return _examine(options, store_id, secret_keys)[1]


def _examine(
    options: Mapping[str, Any], store_id: str, secret_keys: Sequence[bytes]
) -> tuple[KeyRing | None, list[Problem]]:
    ring, found = read_keys(options, secret_keys)
    parts: list[tuple[str, Callable[[], object]]] = [
        ("STORE_ID", lambda: _store(options, store_id)),
        ("SERIALIZER", lambda: _family(options)),
        ("PICKLE_CLASSES", lambda: classes(options)),
        ("COMPRESSION", lambda: compressor(options.get("COMPRESSION"))),
        ("MAX_VALUE_BYTES", lambda: _limit(options)),
        ("CIPHER", lambda: _cipher(options)),
    ]
    if ring is not None:
        parts[-1] = ("CIPHER", lambda: Seal(ring.data, ring.names, "", _cipher(options)))
    elif not found and not (secret_keys and all(secret_keys)):
        text = "signing entries needs a SECRET_KEY"
        found.append(Problem("no_secret", "ENCRYPTION_KEYS", text))
    for option, make in parts:
        try:
            make()
        except Misconfigured as error:
            found.append(Problem(option.lower(), option, str(error), error))
    return ring, found


def _guard(
    ring: KeyRing | None, options: Mapping[str, Any], store_id: str, secret_keys: Sequence[bytes]
) -> Guard:
    store = _store(options, store_id)
    if ring is None:
        return Sign([derive(secret, "sign") for secret in secret_keys], store)
    return Seal(ring.data, ring.names, store, _cipher(options))


def _store(options: Mapping[str, Any], store_id: str) -> str:
    found = options.get("STORE_ID", store_id)
    if not isinstance(found, str) or not found:
        raise Misconfigured('OPTIONS["STORE_ID"] must be text, and not empty')
    return found


def _cipher(options: Mapping[str, Any]) -> str:
    name: str = options.get("CIPHER", _DEFAULTS["CIPHER"])
    if name not in CIPHERS:
        raise Misconfigured(f'OPTIONS["CIPHER"]: {name!r} is none of {", ".join(CIPHERS)}')
    return name


def _family(options: Mapping[str, Any], classes: Collection[str] | None = None) -> Family:
    name = options.get("SERIALIZER", _DEFAULTS["SERIALIZER"])
    if not isinstance(name, str):
        raise Misconfigured('OPTIONS["SERIALIZER"] must be a name or a dotted path')
    return family(name, classes)


def classes(options: Mapping[str, Any]) -> Collection[str] | None:
    """Return what ``PICKLE_CLASSES`` allows (None: everything); Misconfigured if it is no list."""
    found = options.get("PICKLE_CLASSES")
    if found is None:
        return None
    listed = isinstance(found, (list, tuple, set, frozenset))
    if not listed or not all(isinstance(one, str) for one in found):
        raise Misconfigured('OPTIONS["PICKLE_CLASSES"] must be a list of dotted paths')
    return frozenset(found)


def _limit(options: Mapping[str, Any]) -> int:
    size = options.get("MAX_VALUE_BYTES", MAX_VALUE_BYTES)
    if type(size) is not int or not 0 < size <= _MOST:
        raise Misconfigured(f'OPTIONS["MAX_VALUE_BYTES"] must be a number from 1 to {_MOST:,}')
    return size
