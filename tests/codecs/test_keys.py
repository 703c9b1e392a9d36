"""Every form of a key, and all that can be wrong with keys and options."""

import base64
import binascii
import hashlib
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from django_cachekit.codecs import generate_key, key_files, keys, problems
from django_cachekit.errors import Misconfigured

from .samples import INDEX, OLD_SECRET, OTHER, RAW, SECRET, made, options, reads, text


def test_a_generated_key_is_a_key() -> None:
    one, other = generate_key(), generate_key()
    assert one != other
    assert made({"ENCRYPTION_KEYS": [one], "INDEX_KEY": other}).sealed
    assert len(base64.urlsafe_b64decode(one + "=")) == 32


@pytest.mark.parametrize(
    "form",
    [
        lambda _: text(RAW),
        lambda _: text(RAW).rstrip("="),
        lambda _: RAW,
        lambda _: lambda: text(RAW),
        lambda _: lambda: RAW,
        lambda _: "env:CACHEKIT_TEST_KEY",
        lambda folder: written(folder, text(RAW).encode() + b"\n"),
        lambda folder: written(folder, RAW),
    ],
)
def test_all_forms_of_a_key_are_one_key(
    form: Callable[[Path], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CACHEKIT_TEST_KEY", text(RAW))
    given = form(tmp_path)
    assert reads(made(options()), made(options(ENCRYPTION_KEYS=[given])))
    assert reads(made(options()), made(options(ENCRYPTION_KEYS=(given, OTHER)), []))
    other = options(ENCRYPTION_KEYS=[OTHER], INDEX_KEY=given)
    assert made(other).name("k") == made({**other, "INDEX_KEY": RAW}).name("k")


def written(folder: Path, data: bytes) -> str:
    path = folder / "key"
    path.write_bytes(data)
    return f"file:{path}"


def boom() -> str:
    raise OSError("the vault is shut")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"ENCRYPTION_KEYS": [text(RAW)]}, "missing_index"),
    ({"ENCRYPTION_KEYS": [text(RAW)], "INDEX_KEY": None}, "missing_index"),
    ({"INDEX_KEY": text(INDEX)}, "no_keys"),
    (options(ENCRYPTION_KEYS=[]), "empty"),
    (options(ENCRYPTION_KEYS=None), "type"),
    (options(ENCRYPTION_KEYS=text(RAW)), "type"),
    (options(ENCRYPTION_KEYS=RAW), "type"),
    (options(ENCRYPTION_KEYS=[None]), "type"),
    (options(ENCRYPTION_KEYS=[7]), "type"),
    (options(ENCRYPTION_KEYS=[lambda: None]), "type"),
    (options(ENCRYPTION_KEYS=[""]), "encoding"),
    (options(ENCRYPTION_KEYS=["hunter2!" * 6]), "encoding"),
    (options(ENCRYPTION_KEYS=[base64.b64encode(b"\xff" * 32).decode()]), "encoding"),
    (options(ENCRYPTION_KEYS=[text(RAW)[:-2] + "_="]), "encoding"),
    (options(ENCRYPTION_KEYS=["é" * 43]), "encoding"),
    (options(ENCRYPTION_KEYS=[text(RAW[:31])]), "short"),
    (options(ENCRYPTION_KEYS=[b"hunter2"]), "short"),
    (options(ENCRYPTION_KEYS=["hunter2hunter2"]), "encoding"),
    (options(ENCRYPTION_KEYS=[RAW + b"x"]), "long"),
    (options(ENCRYPTION_KEYS=[text(RAW + b"x")]), "long"),
    (options(ENCRYPTION_KEYS=[text(RAW), OTHER, RAW]), "duplicate"),
    (options(INDEX_KEY=RAW), "duplicate"),
    (options(INDEX_KEY=b"short"), "short"),
    (options(INDEX_KEY="env:NO_SUCH_VARIABLE"), "unresolved"),
    (options(ENCRYPTION_KEYS=["env:NO_SUCH_VARIABLE"]), "unresolved"),
    (options(ENCRYPTION_KEYS=["file:/no/such/file"]), "unresolved"),
    (options(ENCRYPTION_KEYS=[boom]), "unresolved"),
    (options(ENCRYPTION_KEYS=[SECRET.decode()]), "secret_key"),
    (options(ENCRYPTION_KEYS=[SECRET]), "secret_key"),
    (options(ENCRYPTION_KEYS=[SECRET[:32]]), "secret_key"),
    (options(ENCRYPTION_KEYS=[hashlib.sha256(SECRET).digest()]), "secret_key"),
    (options(ENCRYPTION_KEYS=[text(hashlib.sha256(OLD_SECRET).digest())]), "secret_key"),
    (options(INDEX_KEY=bytes(keys.derive(SECRET, "index"))), "secret_key"),
    (options(KEYS_FROM_SECRET_KEY=True), "conflict"),
    ({"KEYS_FROM_SECRET_KEY": True, "INDEX_KEY": "short"}, "encoding"),
    (options(CIPHER="rot13"), "cipher"),
    (options(STORE_ID=""), "store_id"),
    ({"STORE_ID": 7}, "store_id"),
    ({"SERIALIZER": "yaml"}, "serializer"),
    ({"SERIALIZER": None}, "serializer"),
    ({"PICKLE_CLASSES": "decimal.Decimal"}, "pickle_classes"),
    ({"PICKLE_CLASSES": [1]}, "pickle_classes"),
    ({"COMPRESSION": "bz2"}, "compression"),
    ({"MAX_VALUE_BYTES": 0}, "max_value_bytes"),
    ({"MAX_VALUE_BYTES": True}, "max_value_bytes"),
    ({"MAX_VALUE_BYTES": "8 MiB"}, "max_value_bytes"),
    ({"MAX_VALUE_BYTES": 2**40}, "max_value_bytes"),
]


@pytest.mark.parametrize(("given", "id"), WRONG)
def test_what_is_wrong_is_named_and_no_key_is_shown(given: dict[str, Any], id: str) -> None:
    found = problems(given, secret_keys=[SECRET, OLD_SECRET])
    assert [problem.id for problem in found] == [id]
    assert found[0].option in found[0].text
    with pytest.raises(Misconfigured) as caught:
        made(given, [SECRET, OLD_SECRET], "mine")
    assert found[0].text in str(caught.value)
    assert "'mine'" in str(caught.value)
    told = "".join(traceback.format_exception(caught.value)) + repr(found)
    for secret in (RAW, OTHER, INDEX, RAW[:31], SECRET[:32], hashlib.sha256(SECRET).digest()):
        for form in (repr(secret)[2:-1], text(secret)[:40], binascii.hexlify(secret).decode()):
            assert form not in told
    assert "hunter2" not in told


def test_all_that_is_wrong_is_told_at_once() -> None:
    given = options(
        ENCRYPTION_KEYS=[b"x", "é", RAW, RAW], INDEX_KEY=RAW, SERIALIZER="no", CIPHER="no"
    )
    found = problems(given, secret_keys=[SECRET])
    assert [(one.id, one.option) for one in found] == [
        *(("short", "ENCRYPTION_KEYS"), ("encoding", "ENCRYPTION_KEYS")),
        *(("duplicate", "ENCRYPTION_KEYS"), ("duplicate", "INDEX_KEY")),
        ("serializer", "SERIALIZER"),
        ("cipher", "CIPHER"),
    ]
    assert 'OPTIONS["ENCRYPTION_KEYS"][1] ' in found[1].text
    assert "cache_key_generate" in found[0].text
    with pytest.raises(Misconfigured) as caught:
        made(given)
    assert all(one.text in str(caught.value) for one in found)


def test_the_cause_of_a_lost_key_is_kept() -> None:
    with pytest.raises(Misconfigured, match="OSError") as caught:
        made(options(ENCRYPTION_KEYS=[boom]))
    assert isinstance(caught.value.__cause__, OSError)
    assert "vault" not in str(caught.value)


def test_a_file_that_holds_no_key_is_not_shown(tmp_path: Path) -> None:
    given = options(INDEX_KEY=written(tmp_path, b"hunter2\xff" * 5))
    found = problems(given, secret_keys=[SECRET])
    assert [problem.id for problem in found] == ["long"]
    assert "hunter2" not in repr(found)


def test_keys_of_one_id_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "kid_of", lambda key: b"the same")
    found = problems(options(ENCRYPTION_KEYS=[RAW, OTHER]), secret_keys=[SECRET])
    assert [problem.id for problem in found] == ["kid_clash"]


@pytest.mark.parametrize("secrets", [[], [b""], [SECRET, b""]])
@pytest.mark.parametrize("given", [{}, {"KEYS_FROM_SECRET_KEY": True}])
def test_nothing_is_signed_without_a_secret_key(
    given: dict[str, Any], secrets: list[bytes]
) -> None:
    assert [problem.id for problem in problems(given, secret_keys=secrets)] == ["no_secret"]
    with pytest.raises(Misconfigured):
        made(given, secrets)


def test_nothing_is_wrong_with_what_is_right() -> None:
    found: list[dict[str, Any]] = [options(), {}, {"KEYS_FROM_SECRET_KEY": True}]
    for given in (*found, {"PICKLE_CLASSES": []}):
        assert problems(given, secret_keys=[SECRET]) == []


def test_key_files_are_listed() -> None:
    given: dict[str, Any] = {
        "ENCRYPTION_KEYS": ["file:/a/b", "env:X", RAW, boom],
        "INDEX_KEY": "file:/c",
    }
    assert key_files(given) == [Path("/a/b"), Path("/c")]
    for none in ({}, {"ENCRYPTION_KEYS": "file:/a", "INDEX_KEY": INDEX}):
        assert key_files(none) == []


def test_randomness_is_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "urandom", lambda size: b"\xff" * size)
    assert generate_key() == "_" * 42 + "8"
