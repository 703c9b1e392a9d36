"""Both guards: what they write byte for byte, and that nothing else can be read."""

import hashlib
import hmac
import json
import os
import pickle
import random
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from django_cachekit.codecs import NEVER, Chain, Guard, Seal, Sign, Unreadable, ciphers
from django_cachekit.codecs.families import family
from django_cachekit.core.entry import Entry

from .samples import FULL_KEY, INDEX_KEY, KEY, NOW, OLD_KEY, Bait

CREATED, EXPIRES = 1_800_000_000_000, 1_800_000_300_000
PLAIN = b"\1\0\0\0\0\7" + b'{"a":1}'
KNOWN = bytes.fromhex(
    "c1434b450101006c62db620109f5202f000001a3185c5000000001a31860e3e0"
    + "aa" * 32
    + "bb" * 12
    + "f54fe93064f202372dbc92b70c7f96cd5ad35498a5f503b2ceadda6768700f6d"
    + "59665ce09ede488090413a5c094f4cba0c81140c8e5459b78fe8d51c0c"
)


def reason(guard: Guard, name: bytes, data: bytes, epoch: int = 0, now: int = CREATED) -> str:
    """Return why an envelope cannot be read; anything but Unreadable escapes."""
    with pytest.raises(Unreadable) as caught:
        guard.unwrap(name, data, epoch, now)
    return caught.value.reason


def wrapped(guard: Guard, plain: bytes = PLAIN) -> tuple[bytes, bytes]:
    name = guard.name(FULL_KEY)
    return name, guard.wrap(name, plain, CREATED, EXPIRES, 0)


def test_the_sealed_envelope_is_the_published_one(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = Chain(Seal([KEY], INDEX_KEY, "default"), family("auto"))
    monkeypatch.setattr(os, "urandom", lambda size: (b"\xaa" * 32 + b"\xbb" * 12)[:size])
    name = chain.name(FULL_KEY)
    data = chain.dumps(name, Entry({"a": 1}, NOW, NOW + 300))
    assert name.hex() == "f955411f73c7165f42b3bf81050d23e34c7cf4e3226a50979cd23c4e7e773774"
    assert chain.kid(data) == "62db620109f5202f"
    assert data == KNOWN
    assert chain.loads(name, KNOWN) == Entry({"a": 1}, NOW, NOW + 300)


def test_the_signed_envelope_is_the_described_one() -> None:
    def hkdf(key: bytes, info: bytes, length: int) -> bytes:
        prk = hmac.new(b"cachekit/v1", key, hashlib.sha256).digest()
        return hmac.new(prk, info + b"\1", hashlib.sha256).digest()[:length]

    name = hmac.new(hkdf(b"", b"name\0default", 32), FULL_KEY.encode(), hashlib.sha256).digest()
    header = struct.pack(">4sBBH8sQQ", b"\xc1CKM", 1, 1, 32, hkdf(KEY, b"kid", 8), CREATED, EXPIRES)
    parts = [struct.pack(">I", 32), header, struct.pack(">I", 32), name]
    parts += [struct.pack(">IQQ", 8, 7, len(PLAIN)), PLAIN]
    tag = hmac.new(hkdf(KEY, b"mac\0default", 32), b"".join(parts), hashlib.sha256).digest()
    guard = Sign([KEY], "default")
    assert guard.name(FULL_KEY) == name
    assert guard.wrap(name, PLAIN, CREATED, EXPIRES, 7) == header + PLAIN + tag


def test_what_is_wrapped_comes_back(guard: Guard) -> None:
    name, data = wrapped(guard)
    assert guard.unwrap(name, data, 0, CREATED) == (PLAIN, CREATED, EXPIRES)
    assert guard.current(data)


def test_only_the_seal_hides(guard: Guard) -> None:
    _, data = wrapped(guard, b"a secret value")
    assert (b"secret" in data) is not guard.sealed


def test_c1_no_flipped_bit_is_read(guard: Guard) -> None:
    name, data = wrapped(guard)
    for bit in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        assert reason(guard, name, bytes(flipped))


def test_c2_no_other_length_is_read(guard: Guard) -> None:
    name, data = wrapped(guard)
    for length in range(len(data)):
        assert reason(guard, name, data[:length]) in {"short", "tag"}
    for more in range(1, 40):
        assert reason(guard, name, data + b"\0" * more) == "tag"


@pytest.mark.parametrize("expires", [EXPIRES + 60_000, NEVER])
def test_c4_an_expiry_moved_is_not_read(guard: Guard, expires: int) -> None:
    name, data = wrapped(guard)
    forged = data[:24] + struct.pack(">Q", expires) + data[32:]
    assert reason(guard, name, forged) == "tag"
    assert reason(guard, name, forged, now=EXPIRES + 1) == "tag"


def test_c5_no_two_envelopes_share_their_randomness() -> None:
    # 20,000 here; the release figure is 200,000.
    seal = Seal([KEY], INDEX_KEY, "default")
    data = [wrapped(seal)[1] for _ in range(20_000)]
    assert len({one[32:76] for one in data}) == len(data)
    assert len({one[108:] for one in data}) == len(data)


def test_c5_nor_do_those_of_forked_children() -> None:
    script = (
        "import os\n"
        "from django_cachekit.codecs import Seal\n"
        "seal = Seal([bytes(32)], bytes(32), 's')\n"
        "ends = [os.pipe() for _ in range(4)]\n"
        "for _, end in ends:\n"
        "    if not os.fork():\n"
        "        for _ in range(50):\n"
        "            data = seal.wrap(bytes(32), b'same', 0, 0, 0)\n"
        "            os.write(end, data[32:76].hex().encode() + b' ')\n"
        "        os._exit(0)\n"
        "for _ in ends: os.wait()\n"
        "print(*(os.read(end, 65536).decode() for end, _ in ends))\n"
    )
    root = Path(__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True
    )
    found = run.stdout.split()
    assert len(found) == len(set(found)) == 200


@pytest.mark.parametrize(
    ("at", "value", "why"),
    [(4, 0, "version"), (4, 2, "version"), (4, 255, "version"), (5, 0, "alg"), (5, 3, "alg")],
)
def test_c8_another_version_or_cipher_is_not_read(
    guard: Guard, at: int, value: int, why: str
) -> None:
    name, data = wrapped(guard)
    assert reason(guard, name, data[:at] + bytes((value,)) + data[at + 1 :]) == why


@pytest.mark.parametrize("length", [0, 31, 109, 65535])
def test_c8_another_header_length_is_not_read(guard: Guard, length: int) -> None:
    name, data = wrapped(guard)
    assert reason(guard, name, data[:6] + struct.pack(">H", length) + data[8:]) == "header"


def test_c8_a_cipher_is_read_only_if_configured() -> None:
    usual = Seal([KEY], INDEX_KEY, "default")
    chacha = Seal([KEY], INDEX_KEY, "default", "chacha20-poly1305")
    name, data = wrapped(chacha)
    assert data[5] == 2
    assert reason(usual, name, data) == "alg"
    assert reason(chacha, name, data[:5] + b"\1" + data[6:]) == "commitment"
    name, data = wrapped(usual)
    assert chacha.unwrap(name, data, 0, CREATED)[0] == PLAIN
    assert not chacha.current(data)


def test_c12_what_others_wrote_is_a_miss_and_never_runs(chain: Chain, bait: Bait) -> None:
    alien = pickle.dumps(bait)
    django_file = pickle.dumps(time.time() + 1e6) + zlib.compress(alien)
    plain = json.dumps({"a": "x" * 200}).encode()
    for data in (alien, zlib.compress(alien), django_file, plain, alien * 9, b"", b"7"):
        with pytest.raises(Unreadable) as caught:
            chain.loads(chain.name(FULL_KEY), data)
        assert caught.value.reason in {"short", "magic"}
    assert not bait.mark.exists()


def test_x3_a_pickle_behind_a_broken_guard_never_runs(chain: Chain, bait: Bait) -> None:
    name = chain.name(FULL_KEY)
    data = chain.dumps(name, Entry(bait, NOW))
    for at in range(len(data)):
        with pytest.raises(Unreadable):
            chain.loads(name, data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :])
    assert not bait.mark.exists()
    chain.loads(name, data)
    assert bait.mark.exists()  # so the bait works


def test_an_entry_copied_onto_another_key_is_not_read(guard: Guard) -> None:
    _, data = wrapped(guard)
    assert reason(guard, guard.name(":1:user:43"), data) == "tag"


def test_an_entry_of_another_store_is_not_read(make_guard: Callable[..., Guard]) -> None:
    one, other = make_guard(), make_guard(store="other")
    name, data = wrapped(one)
    assert other.name(FULL_KEY) != name
    assert reason(other, other.name(FULL_KEY), data) == "tag"


def test_an_entry_of_an_older_epoch_is_not_read(guard: Guard) -> None:
    name, data = wrapped(guard)
    assert reason(guard, name, data, epoch=1) == "tag"
    assert reason(guard, name, guard.wrap(name, PLAIN, CREATED, EXPIRES, 1)) == "tag"


def test_an_entry_from_the_future_is_not_read(guard: Guard) -> None:
    name, data = wrapped(guard)
    assert guard.unwrap(name, data, 0, CREATED - 300_000)
    assert reason(guard, name, data, now=CREATED - 300_001) == "future"


def test_an_entry_lives_to_the_last_millisecond(guard: Guard) -> None:
    name, data = wrapped(guard)
    assert guard.unwrap(name, data, 0, EXPIRES - 1)
    assert reason(guard, name, data, now=EXPIRES) == "expired"


def test_a_commitment_is_checked_before_the_cipher(monkeypatch: pytest.MonkeyPatch) -> None:
    seal = Seal([KEY], INDEX_KEY, "default")
    name, data = wrapped(seal)
    calls: list[bytes] = []
    compare = hmac.compare_digest

    def counted(found: bytes, wanted: bytes) -> bool:
        calls.append(wanted)
        return compare(found, wanted)

    monkeypatch.setattr(hmac, "compare_digest", counted)
    assert reason(seal, name, data[:76] + bytes(32) + data[108:]) == "commitment"
    assert calls == [bytes(32)]


def test_older_keys_read_and_removed_ones_miss(make_guard: Callable[..., Guard]) -> None:
    name, data = wrapped(make_guard(OLD_KEY))
    both, new = make_guard(KEY, OLD_KEY), make_guard(KEY)
    assert both.unwrap(name, data, 0, CREATED)[0] == PLAIN
    assert not both.current(data)
    assert reason(new, name, data) == "key"


def test_a_key_is_found_by_its_id_never_by_trial(make_guard: Callable[..., Guard]) -> None:
    guard = make_guard(KEY, OLD_KEY)
    name, data = wrapped(make_guard(OLD_KEY))
    forged = data[:8] + wrapped(make_guard(KEY))[1][8:16] + data[16:]
    assert reason(guard, name, forged) in {"commitment", "tag"}


def test_neither_guard_reads_the_other() -> None:
    seal, sign = Seal([KEY], INDEX_KEY, "default"), Sign([KEY], "default")
    for one, other in ((seal, sign), (sign, seal)):
        name, data = wrapped(one, b"x" * 200)
        assert reason(other, name, data) == "magic"


def test_the_key_id_stands_in_the_first_32_bytes(guard: Guard) -> None:
    _, data = wrapped(guard)
    assert guard.kid(data[:32]) == "62db620109f5202f"
    for alien, why in ((data[:31], "short"), (b"\x80\5" + data, "magic")):
        with pytest.raises(Unreadable) as caught:
            guard.kid(alien)
        assert caught.value.reason == why


def test_no_random_change_is_read(guard: Guard) -> None:
    draw = random.Random(20_260_101)
    name, data = wrapped(guard, draw.randbytes(60))
    for _ in range(30_000):
        forged = bytearray(data)
        for _ in range(draw.randint(1, 4)):
            at = draw.randrange(len(forged))
            match draw.randrange(4):
                case 0:
                    forged[at] = draw.randrange(256)
                case 1:
                    del forged[at : at + draw.randint(1, 8)]
                case 2:
                    forged[at:at] = draw.randbytes(draw.randint(1, 8))
                case 3:
                    other = draw.randrange(len(forged))
                    forged[at], forged[other] = forged[other], forged[at]
            if not forged:
                break
        if forged != data:
            assert reason(guard, name, bytes(forged))


def test_keys_show_themselves_nowhere(guard: Guard) -> None:
    shown = repr(vars(guard)) + str(vars(guard))
    secret = ciphers.extract(KEY)
    for hidden in (KEY, bytes(secret), ciphers.expand(secret, b"mac\0default")):
        assert repr(bytes(hidden))[2:-1] not in shown
    assert "<secret>" in shown
    assert f"{secret} {secret!r} {secret!s}" == "<secret> <secret> <secret>"


def test_what_was_opened_before_is_judged_as_sternly() -> None:
    guard = Seal([KEY], INDEX_KEY, "default")
    name, data = wrapped(guard)
    assert guard.unwrap(name, data, 0, CREATED)[0] == PLAIN
    for bit in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        assert reason(guard, name, bytes(flipped))
    for length in range(len(data)):
        assert reason(guard, name, data[:length])
    assert reason(guard, guard.name("another"), data) == "tag"
    assert reason(guard, name, data, epoch=1) == "tag"
    assert reason(guard, name, data, now=EXPIRES) == "expired"
    assert guard.unwrap(name, data, 0, CREATED)[0] == PLAIN


def test_what_opens_is_remembered_within_bounds_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ciphers, "OPENED", 3)
    guard = Seal([KEY], INDEX_KEY, "default")
    for number in range(5):
        name, data = wrapped(guard, b"%d" % number)
        assert reason(guard, name, data[:-1] + bytes([data[-1] ^ 1])) == "tag"
        assert len(guard._opened) == min(number, 3)
        assert guard.unwrap(name, data, 0, CREATED)[0] == b"%d" % number
    assert len(guard._opened) == 3
