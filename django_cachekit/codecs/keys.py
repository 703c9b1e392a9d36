"""Where keys come from, and everything that can be wrong with them.

A key is 32 random bytes: as base64url text (padding optional), as bytes, or as
where it is to be found: ``"env:NAME"``, ``"file:/path"``, or a callable that returns it.
No problem, error or repr made here shows any part of a key.
"""

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .ciphers import Secret, expand, extract, kid_of
from .frame import octets

KEY_BYTES = 32
_LABEL = b"cachekit/v1/secret-key"
_ALPHABET = re.compile(r"[A-Za-z0-9_-]+={0,2}")
_GENERATE = "run manage.py cache_key_generate for a new one"


class Problem(NamedTuple):
    """Say what is wrong: a short id for machines, the option, and a sentence for people."""

    id: str
    option: str
    text: str
    cause: Exception | None = None


class KeyRing(NamedTuple):
    """Hold the data keys, the one that writes first, and the key that gives names."""

    data: tuple[Secret, ...]
    names: Secret


class _Wrong(Exception):
    """Carry an id and a sentence out of the reading of one key."""

    def __init__(self, id: str, text: str, cause: Exception | None = None) -> None:
        super().__init__(id, text, cause)
        self.id, self.text, self.cause = id, text, cause


def generate_key() -> str:
    """Return a new random key as base64url text."""
    return base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).rstrip(b"=").decode("ascii")


def derive(secret: bytes, label: str) -> Secret:
    """Return the subkey of a SECRET_KEY for one use: ``sign``, ``data`` or ``index``."""
    return expand(extract(secret, _LABEL), label.encode("ascii"))


def key_files(options: Mapping[str, Any]) -> list[Path]:
    """Return the files the options read keys from: none may lie where entries do."""
    given = options.get("ENCRYPTION_KEYS") or ()
    listed = [*given] if isinstance(given, (list, tuple)) else []
    return [
        Path(key.removeprefix("file:"))
        for key in [*listed, options.get("INDEX_KEY")]
        if isinstance(key, str) and key.startswith("file:")
    ]


def read_keys(
    options: Mapping[str, Any], secret_keys: Sequence[bytes]
) -> tuple[KeyRing | None, list[Problem]]:
    """Return the keys to seal with, None if sealing is not asked for, and all that is wrong.

    If anything is wrong there are no keys. ``secret_keys`` are SECRET_KEY and
    its fallbacks, newest first. Names derived from them come from the oldest,
    so that a new SECRET_KEY does not make every entry unfindable.
    """
    if options.get("KEYS_FROM_SECRET_KEY"):
        return _from_secret(options, secret_keys)
    if "ENCRYPTION_KEYS" in options:
        return _from_options(options, secret_keys)
    if options.get("INDEX_KEY") is not None:
        return None, [_problem("no_keys", "INDEX_KEY", "is set, but ENCRYPTION_KEYS is not")]
    return None, []


def _from_secret(
    options: Mapping[str, Any], secret_keys: Sequence[bytes]
) -> tuple[KeyRing | None, list[Problem]]:
    found: list[Problem] = []
    if "ENCRYPTION_KEYS" in options:
        text = "and ENCRYPTION_KEYS exclude each other"
        found.append(_problem("conflict", "KEYS_FROM_SECRET_KEY", text))
    if not all(secret_keys) or not secret_keys:
        found.append(_problem("no_secret", "KEYS_FROM_SECRET_KEY", "needs a SECRET_KEY"))
        return None, found
    index: Secret | None = derive(secret_keys[-1], "index")
    if options.get("INDEX_KEY") is not None:
        index = _key("INDEX_KEY", options["INDEX_KEY"], secret_keys, found)
    data = tuple(dict.fromkeys(derive(secret, "data") for secret in secret_keys))
    return (None if found or index is None else KeyRing(data, index)), found


def _from_options(
    options: Mapping[str, Any], secret_keys: Sequence[bytes]
) -> tuple[KeyRing | None, list[Problem]]:
    given = options["ENCRYPTION_KEYS"]
    if not isinstance(given, (list, tuple)):
        return None, [_problem("type", "ENCRYPTION_KEYS", "must be a list of keys")]
    if not given:
        return None, [_problem("empty", "ENCRYPTION_KEYS", f"holds no key; {_GENERATE}")]
    found: list[Problem] = []
    data = [
        key
        for place, value in enumerate(given)
        if (key := _key(f"ENCRYPTION_KEYS[{place}]", value, secret_keys, found)) is not None
    ]
    index = _index(options.get("INDEX_KEY"), secret_keys, found)
    _same(data, index, found)
    return (None if found or index is None else KeyRing(tuple(data), index)), found


def _index(given: Any, secret_keys: Sequence[bytes], found: list[Problem]) -> Secret | None:
    if given is not None:
        return _key("INDEX_KEY", given, secret_keys, found)
    # Not derived from a data key: dropping that one later would rename every entry.
    text = f"is missing; it names entries and stays when data keys change; {_GENERATE}"
    found.append(_problem("missing_index", "INDEX_KEY", text))
    return None


def _same(data: list[Secret], index: Secret | None, found: list[Problem]) -> None:
    if len(set(data)) < len(data):
        found.append(_problem("duplicate", "ENCRYPTION_KEYS", "holds a key twice"))
    elif len({kid_of(key) for key in data}) < len(data):
        text = f"holds two keys of one id; {_GENERATE}"
        found.append(_problem("kid_clash", "ENCRYPTION_KEYS", text))
    if index in data:
        text = f"is one of ENCRYPTION_KEYS; {_GENERATE}"
        found.append(_problem("duplicate", "INDEX_KEY", text))


def _problem(id: str, option: str, text: str, cause: Exception | None = None) -> Problem:
    name, bracket, place = option.partition("[")
    return Problem(id, name, f'OPTIONS["{name}"]{bracket}{place} {text}', cause)


def _key(
    option: str, given: Any, secret_keys: Sequence[bytes], found: list[Problem]
) -> Secret | None:
    """Return a key, or note what is wrong with it."""
    try:
        return _read(_fetch(given), secret_keys)
    except _Wrong as wrong:
        found.append(_problem(wrong.id, option, wrong.text, wrong.cause))
        return None


def _fetch(given: Any) -> Any:
    """Return the key itself for what may only say where it is."""
    try:
        if callable(given):
            return given()
        if isinstance(given, str) and given.startswith("env:"):
            return os.environ[given.removeprefix("env:")]
        if isinstance(given, str) and given.startswith("file:"):
            return _from_file(Path(given.removeprefix("file:")))
    except Exception as error:  # of a callable, it may be anything
        where = "a callable that" if callable(given) else f"{given}, which"
        text = f"is {where} gave no key ({type(error).__name__})"
        raise _Wrong("unresolved", text, error) from error
    return given


def _from_file(path: Path) -> bytes | str:
    data = path.read_bytes()
    # What is no text is left to fail by its length: an error of decoding would hold the key.
    return data if len(data) == KEY_BYTES or not data.isascii() else data.decode().strip()


def _read(given: Any, secret_keys: Sequence[bytes]) -> Secret:
    if not isinstance(given, (str, bytes)):
        raise _Wrong("type", f"must be text or bytes, not {type(given).__name__}")
    spelled = octets(given) if isinstance(given, str) else given
    if spelled.rstrip(b"=") in {secret.rstrip(b"=") for secret in secret_keys}:
        raise _Wrong("secret_key", f"is SECRET_KEY; {_GENERATE}")
    raw = _decode(given) if isinstance(given, str) else given
    if len(raw) != KEY_BYTES:
        id = "short" if len(raw) < KEY_BYTES else "long"
        raise _Wrong(id, f"has {len(raw)} bytes, not {KEY_BYTES}; {_GENERATE}")
    if raw in _made_of(secret_keys):
        raise _Wrong("secret_key", f"is made of SECRET_KEY; {_GENERATE}")
    return Secret(raw)


def _decode(text: str) -> bytes:
    bare = text.rstrip("=")
    try:
        raw = base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except (binascii.Error, ValueError):
        raw = b""
    canonical = base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=") == bare
    if not _ALPHABET.fullmatch(text) or not canonical:
        raise _Wrong("encoding", f"is not base64url text; {_GENERATE}")
    return raw


def _made_of(secret_keys: Sequence[bytes]) -> set[bytes]:
    """Return what people and this package make 32 bytes of a SECRET_KEY by."""
    made: set[bytes] = set()
    for secret in secret_keys:
        made |= {secret[:KEY_BYTES], hashlib.sha256(secret).digest()}
        made |= {derive(secret, label) for label in ("sign", "data", "index")}
    return made
