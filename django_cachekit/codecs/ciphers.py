"""The two guards: ``Seal`` hides and binds, ``Sign`` only binds.

Both bind an entry to its key's name, its store, its times and the store's
epoch: bytes copied onto another key, kept past their expiry or brought back
after a clear cannot be read. What neither can see is an older, unexpired entry
of the same key put back within one epoch.

The sealed envelope "CKE1" (big-endian; 124 bytes and the plaintext)::

    0   4  magic C1 43 4B 45       4  1  version = 1      5  1  alg: 1 AES-256-GCM,
                                                             2 ChaCha20-Poly1305
    6   2  header length = 108     8  8  key id
    16  8  created, unix ms       24  8  expires, unix ms; 2^64-1 = never
    32 32  salt                   64 12  nonce           76 32  commitment = OKM[32:64]
    108 .. ciphertext and its 16-byte tag

    PRK  = HKDF-Extract("cachekit/v1", key)       key id = HKDF-Expand(PRK, "kid", 8)
    OKM  = HKDF-Expand(PRK, "entry\\0" || alg || salt, 64)        data key = OKM[0:32]
    name = HMAC-SHA256(K_name, full cache key)
    K_name = HKDF-Expand(HKDF-Extract("cachekit/v1", index key), "name\\0" || store id, 32)
    AAD  = header || u32 32 || name || u32 8 || u64 epoch

A key of its own per entry, because one AES-GCM key with random nonces is spent
after 2^32 of them, which a busy cache reaches in days. A key id and a
commitment, never a trial of each key, because a GCM ciphertext that is
valid under two keys can be made.

The signed envelope (64 bytes and the plaintext)::

    0   4  magic C1 43 4B 4D       4  1  version = 1      5  1  alg: 1 HMAC-SHA256
    6   2  header length = 32      8  8  key id
    16  8  created                24  8  expires         32 .. plaintext, then a 32-byte tag

    tag = HMAC-SHA256(HKDF-Expand(PRK, "mac\\0" || store id, 32), u32 32 || header ||
                      u32 32 || name || u32 8 || u64 epoch || u64 length || plaintext)

C1 begins no UTF-8 text, no MessagePack, no pickle and no zlib stream.
"""

import hashlib
import hmac
import os
import struct
from collections.abc import Callable, Sequence
from typing import Any

from ..core.bounded import Bounded
from ..core.extras import install
from ..errors import Misconfigured
from .base import Unreadable
from .frame import octets

CIPHERS = {"aes-256-gcm": 1, "chacha20-poly1305": 2}
CLOCK_SKEW = 300_000
"""Milliseconds by which another machine's clock may run ahead of ours."""

OPENED = 1_000
"""Of how many envelopes one process remembers the key it opened them with, per alias."""

_SALT = b"cachekit/v1"
_SEAL, _SIGN = b"\xc1CKE", b"\xc1CKM"
_VERSION = 1
_PREFIX = struct.Struct(">4sBBH8sQQ")
_SEAL_LENGTH, _SIGN_LENGTH = 108, _PREFIX.size
_AEAD_TAG, _MAC_TAG = 16, 32


class Secret(bytes):
    """Hold key bytes that show themselves to no log and no debug page."""

    def __repr__(self) -> str:
        """Say nothing."""
        return "<secret>"

    __str__ = __repr__


def extract(key: bytes, salt: bytes = _SALT) -> Secret:
    """Return HKDF-Extract (RFC 5869) with SHA-256."""
    return Secret(hmac.digest(salt, key, "sha256"))


def expand(prk: bytes, info: bytes, length: int = 32) -> Secret:
    """Return HKDF-Expand (RFC 5869) with SHA-256, of up to 32 bytes."""
    return Secret(hmac.digest(prk, info + b"\x01", "sha256")[:length])


def kid_of(key: bytes) -> bytes:
    """Return the 8 bytes that name a key in every header."""
    return bytes(expand(extract(key), b"kid", 8))


class _Keyed:
    """Give HMAC-SHA256 (RFC 2104) under one key, of which all that can be done once is done.

    The two hashes have taken in the key already; ``hmac.digest`` does that anew at each call, which
    takes longer than the rest where a message is short.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = key.ljust(64, b"\0")  # no key here is longer than a block
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def __call__(self, message: bytes, more: bytes = b"") -> bytes:
        """Return the 32 bytes of ``message + more``."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        if more:
            inner.update(more)
        outer.update(inner.digest())
        return outer.digest()

    def __repr__(self) -> str:
        """Say nothing."""
        return "<secret>"


class _Names:
    """Give keys the names that stand for them."""

    def __init__(self, index_key: bytes, store_id: str) -> None:
        self._named = _Keyed(expand(extract(index_key), b"name\0" + octets(store_id)))

    def name(self, full_key: str) -> bytes:
        """Return the 32 bytes that stand for a cache key."""
        return self._named(octets(full_key))


class Seal(_Names):
    """Encrypt and authenticate entries; the first of ``keys`` writes, all read.

    ``index_key`` names the entries, so rotating data keys renames none. Reads
    AES-256-GCM, and ChaCha20-Poly1305 only if that is the ``cipher`` to write.
    Raises Misconfigured without the package cryptography.
    """

    sealed = True

    def __init__(
        self,
        keys: Sequence[bytes],
        index_key: bytes,
        store_id: str,
        cipher: str = "aes-256-gcm",
    ) -> None:
        super().__init__(index_key, store_id)
        self._roots = {kid_of(key): _Keyed(extract(key)) for key in keys}
        self._kid = kid_of(keys[0])
        self._opened: Bounded[bytes, tuple[Any, int, int]] = Bounded(OPENED)
        self._alg = CIPHERS[cipher]
        self._ciphers, self._forged = _aeads(self._alg)

    def wrap(self, name: bytes, plain: bytes, created: int, expires: int, epoch: int) -> bytes:
        """Return the envelope, under the first key and a salt and nonce of its own."""
        random, alg = os.urandom(44), self._alg
        key, commitment = _entry_keys(self._roots[self._kid], alg, random[:32])
        header = (
            _PREFIX.pack(_SEAL, _VERSION, alg, _SEAL_LENGTH, self._kid, created, expires)
            + random
            + commitment
        )
        bound = header + _place(name, epoch)
        sealed: bytes = self._ciphers[alg](key).encrypt(random[32:], plain, bound)
        return header + sealed

    def unwrap(self, name: bytes, data: bytes, epoch: int, now: int) -> tuple[bytes, int, int]:
        """Return plain bytes, created, expires; Unreadable if any check fails."""
        header = data[:_SEAL_LENGTH]
        known = self._opened.get(header)
        cipher, created, expires = known or self._judged(data)
        try:
            plain: bytes = cipher.decrypt(data[64:76], data[108:], header + _place(name, epoch))
        except self._forged:
            raise Unreadable("tag") from None
        if known is None:
            self._opened.put(header, (cipher, created, expires))
        _timely(created, expires, now)
        return plain, created, expires

    def _judged(self, data: bytes) -> tuple[Any, int, int]:
        """Return the cipher of one entry, whose header is committed to its key, and its times."""
        alg, kid, created, expires = _prefix(data, _SEAL, _SEAL_LENGTH, _AEAD_TAG)
        if alg not in self._ciphers:
            raise Unreadable("alg")
        if kid not in self._roots:
            raise Unreadable("key")
        key, commitment = _entry_keys(self._roots[kid], alg, data[32:64])
        if not hmac.compare_digest(commitment, data[76:108]):
            raise Unreadable("commitment")
        return self._ciphers[alg](key), created, expires

    def kid(self, data: bytes) -> str:
        """Return the hex id of the key that an envelope, or its first 32 bytes, names."""
        return _prefix(data, _SEAL, _SEAL_LENGTH, None)[1].hex()

    def current(self, data: bytes) -> bool:
        """Tell whether the first key and the configured cipher wrote an envelope."""
        return data[8:16] == self._kid and data[5] == self._alg


class Sign(_Names):
    """Authenticate entries, but do not hide them; the first of ``keys`` writes, all read.

    Names come from the key text and the store alone, so that the names stay
    when keys change: they hide nothing, as the entry beside them does not either.
    """

    sealed = False

    def __init__(self, keys: Sequence[bytes], store_id: str) -> None:
        super().__init__(b"", store_id)
        info = b"mac\0" + octets(store_id)
        self._keys = {kid_of(key): _Keyed(expand(extract(key), info)) for key in keys}
        self._kid = kid_of(keys[0])

    def wrap(self, name: bytes, plain: bytes, created: int, expires: int, epoch: int) -> bytes:
        """Return the envelope, under the first key."""
        header = _PREFIX.pack(_SIGN, _VERSION, 1, _SIGN_LENGTH, self._kid, created, expires)
        return header + plain + _mac(self._keys[self._kid], header, name, epoch, plain)

    def unwrap(self, name: bytes, data: bytes, epoch: int, now: int) -> tuple[bytes, int, int]:
        """Return plain bytes, created, expires; Unreadable if any check fails."""
        alg, kid, created, expires = _prefix(data, _SIGN, _SIGN_LENGTH, _MAC_TAG)
        if alg != 1:
            raise Unreadable("alg")
        if kid not in self._keys:
            raise Unreadable("key")
        header, plain = data[:_SIGN_LENGTH], data[_SIGN_LENGTH:-_MAC_TAG]
        tag = _mac(self._keys[kid], header, name, epoch, plain)
        if not hmac.compare_digest(tag, data[-_MAC_TAG:]):
            raise Unreadable("tag")
        _timely(created, expires, now)
        return plain, created, expires

    def kid(self, data: bytes) -> str:
        """Return the hex id of the key that an envelope, or its first 32 bytes, names."""
        return _prefix(data, _SIGN, _SIGN_LENGTH, None)[1].hex()

    def current(self, data: bytes) -> bool:
        """Tell whether the first key wrote an envelope."""
        return data[8:16] == self._kid


def _prefix(data: bytes, magic: bytes, length: int, tag: int | None) -> tuple[int, bytes, int, int]:
    """Return alg, key id, created, expires; ``tag`` None: only the prefix need be there."""
    if len(data) < (_PREFIX.size if tag is None else length + tag):
        raise Unreadable("short")
    found, version, alg, said, kid, created, expires = _PREFIX.unpack_from(data)
    if found != magic:
        raise Unreadable("magic")
    if version != _VERSION:
        raise Unreadable("version")
    if said != length:
        raise Unreadable("header")
    return alg, kid, created, expires


def _timely(created: int, expires: int, now: int) -> None:
    if created > now + CLOCK_SKEW:
        raise Unreadable("future")
    if expires <= now:
        raise Unreadable("expired")


def _place(name: bytes, epoch: int) -> bytes:
    """Return where an entry belongs, each part led by its length."""
    return b"\0\0\0\x20" + name + b"\0\0\0\x08" + epoch.to_bytes(8, "big")


def _entry_keys(root: _Keyed, alg: int, salt: bytes) -> tuple[bytes, bytes]:
    """Return the data key of one entry and the commitment to it: HKDF-Expand to 64 bytes."""
    info = b"entry\0" + bytes((alg,)) + salt
    key = root(info, b"\x01")
    return key, root(key + info, b"\x02")


def _mac(key: _Keyed, header: bytes, name: bytes, epoch: int, plain: bytes) -> bytes:
    size = len(plain).to_bytes(8, "big")
    return key(b"\0\0\0\x20" + header + _place(name, epoch) + size, plain)


def _aeads(alg: int) -> tuple[dict[int, Callable[[bytes], Any]], type[Exception]]:
    """Return the ciphers that may be read, by number, and what they raise on forgery."""
    try:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers import aead
    except ImportError as error:
        raise Misconfigured(f"sealing needs cryptography: {install('encryption')}") from error
    ciphers: dict[int, Callable[[bytes], Any]] = {1: aead.AESGCM}
    if alg == 2:
        ciphers[2] = aead.ChaCha20Poly1305
    return ciphers, InvalidTag
