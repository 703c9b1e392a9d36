"""The bare codecs, pickle with and without a list of classes, and the families of them."""

import pickle
import sys
from collections import OrderedDict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.utils.safestring import SafeString
from hypothesis import given
from hypothesis import strategies as st

from django_cachekit.codecs import UNREADABLE, NotPlain, Unreadable
from django_cachekit.codecs.families import family
from django_cachekit.codecs.serializers import Integer, Pickle, Text
from django_cachekit.errors import Misconfigured

from .samples import Bait


@given(st.integers())
def test_an_int_comes_back(value: int) -> None:
    assert Integer().loads(Integer().dumps(value)) == value
    assert Integer().dumps(value) == str(value).encode()


@pytest.mark.parametrize("data", [b"", b"+1", b"-0", b"007", b" 1", b"1_0", b"1.0", b"9" * 5_000])
def test_an_int_is_spelled_in_one_way(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - int's own words, or ours
        Integer().loads(data)


@given(st.text(st.characters()))
def test_any_text_comes_back(value: str) -> None:
    assert Text().loads(Text().dumps(value)) == value


def dumps(value: Any) -> None:
    """Stand for a function that somebody caches."""


class Model:
    """Stand for a class of the user's."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and other.name == self.name

    __hash__ = None  # type: ignore[assignment]


MODEL = f"{__name__}.Model"


@pytest.mark.parametrize(
    ("value", "allowed"),
    [
        (Model("a"), MODEL),
        ([Model("a"), {"b": Model("b")}], MODEL),
        (SafeString("<b>"), "django.utils.safestring.SafeString"),
        (Decimal("1.0"), "decimal.Decimal"),
        (Model, MODEL),
        (len, "builtins.len"),
        ({"plain": [1, (2,), {3}, b"4", None, 1.5]}, "nothing.at.all"),
    ],
)
def test_pickle_holds_the_classes_that_are_listed(value: Any, allowed: str) -> None:
    codec = Pickle([allowed])
    assert codec.loads(codec.dumps(value)) == value


@pytest.mark.parametrize("value", [Model("a"), [Model], len, {"a": OrderedDict()}, dumps])
def test_pickle_refuses_other_classes_both_ways(value: Any) -> None:
    codec = Pickle(["decimal.Decimal"])
    with pytest.raises(pickle.PicklingError, match="PICKLE_CLASSES"):
        codec.dumps(value)
    with pytest.raises(pickle.UnpicklingError, match="PICKLE_CLASSES"):
        codec.loads(Pickle().dumps(value))


@pytest.mark.parametrize("name", ["auto", "pickle"])
def test_the_list_holds_in_every_family_that_pickles(name: str, bait: Bait) -> None:
    limited = family(name, ["decimal.Decimal"])
    with pytest.raises(pickle.PicklingError, match="PICKLE_CLASSES"):
        limited.write(Model("a"))
    with pytest.raises(Unreadable):
        limited.read(6, pickle.dumps(bait))
    assert not bait.mark.exists()


def test_an_empty_list_allows_no_class(bait: Bait) -> None:
    with pytest.raises(pickle.UnpicklingError):
        Pickle([]).loads(pickle.dumps(bait))
    assert not bait.mark.exists()


@pytest.mark.parametrize("path", ["os.system", "builtins.eval", "os.path.join"])
def test_a_longer_path_is_no_way_around_the_list(path: str) -> None:
    module, _, name = path.partition(".")
    data = b"\x80\x04" + b"\x8c" + bytes((len(module),)) + module.encode()
    data += b"\x8c" + bytes((len(name),)) + name.encode() + b"\x93."
    with pytest.raises(pickle.UnpicklingError, match="PICKLE_CLASSES"):
        Pickle([MODEL]).loads(data)
    assert callable(Pickle([path]).loads(data))


def test_all_pythons_read_each_others_pickles() -> None:
    assert Pickle().dumps([])[:2] == Pickle([]).dumps([])[:2] == b"\x80\x05"


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        *(("auto", b"x", 3), ("auto", "x", 4), ("auto", 7, 5), ("auto", True, 1), ("auto", 1.5, 1)),
        *(("auto", None, 1), ("auto", {"a": 1}, 1), ("auto", (1,), 1), ("auto", Model("a"), 6)),
        *(("auto", SafeString("x"), 6), ("auto", {"a": Model("a")}, 6), ("auto", float("inf"), 6)),
        *(("json", b"x", 3), ("json", "x", 4), ("json", 7, 5), ("json", False, 1), ("json", [], 1)),
        *(("msgpack", "x", 4), ("msgpack", 7, 5), ("msgpack", None, 2), ("msgpack", [b"x"], 2)),
        *(("pickle", "x", 6), ("pickle", 7, 6), ("pickle", {"a": 1}, 6)),
        *((__name__ + ".Doubled", 7, 7), (__name__ + ".DOUBLED", "x", 7), ("pickle", b"x", 6)),
        ("marshal", {"a": 1}, 7),
    ],
)
def test_which_code_a_value_is_written_in(name: str, value: Any, code: int) -> None:
    found = family(name)
    written, data = found.write(value)
    assert written == code
    back = found.read(written, data)
    assert back == value or repr(back) == repr(value)
    assert type(back) is type(value)


class Doubled:
    """Serialize in a way of its own."""

    def dumps(self, value: Any) -> bytes:
        return repr([value, value]).encode()

    def loads(self, data: bytes) -> Any:
        import ast

        one, other = ast.literal_eval(data.decode())
        if one != other:
            raise RuntimeError("no exception of a decoder")
        return one


DOUBLED = Doubled()
ALLOWED = {
    "auto": {1, 3, 4, 5, 6},
    "json": {1, 3, 4, 5},
    "msgpack": {2, 3, 4, 5},
    "pickle": {1, 3, 4, 5, 6},
    __name__ + ".Doubled": {3, 4, 5, 7},
}


@pytest.mark.parametrize("name", ALLOWED)
def test_x3_a_stored_byte_selects_no_decoder_that_is_not_allowed(name: str, bait: Bait) -> None:
    data = pickle.dumps(bait)
    for code in range(256):
        if code == 6 and code in ALLOWED[name]:
            continue
        try:
            family(name).read(code, data)
        except Unreadable as error:
            refused = error.reason == "codec"
        else:
            refused = False
        assert refused is (code not in ALLOWED[name])
    assert not bait.mark.exists()
    if 6 in ALLOWED[name]:
        family(name).read(6, data)
        assert bait.mark.exists()  # so the bait works


def test_json_and_msgpack_refuse_what_only_pickle_holds() -> None:
    for name in ("json", "msgpack"):
        with pytest.raises(TypeError, match=r'Model.*"auto"'):
            family(name).write({"a": Model("x")})


class Stubborn:
    """Refuse to be pickled, each time with another error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __reduce__(self) -> str:
        raise self.error


@pytest.mark.parametrize("name", ["auto", "pickle"])
@pytest.mark.parametrize("error", [pickle.PickleError("no"), TypeError("no"), AttributeError("no")])
def test_what_cannot_be_pickled_raises_what_pickle_raises(name: str, error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        family(name).write([Stubborn(error)])
    assert caught.value is error
    assert caught.value.__context__ is None
    assert not isinstance(caught.value, NotPlain)


@pytest.mark.parametrize("kind", [*UNREADABLE, RuntimeError])
def test_whatever_a_decoder_raises_is_a_miss(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    error = kind("no")

    def fail(self: Doubled, data: bytes) -> None:
        raise error

    monkeypatch.setattr(Doubled, "loads", fail)
    with pytest.raises(Unreadable) as caught:
        family(__name__ + ".Doubled").read(7, b"")
    assert caught.value.reason == "payload"
    assert caught.value.__cause__ is error


def test_a_response_goes_through_auto() -> None:
    auto = family("auto")
    page = HttpResponse(b"page", "text/html; charset=utf-8")
    page["X-A"] = "b"
    code, data = auto.write(page)
    found = auto.read(code, data)
    assert (code, found.content, found["X-A"]) == (6, b"page", "b")


class Wrong:
    """Return text where bytes are due."""

    @staticmethod
    def dumps(value: Any) -> Any:
        return "text"

    @staticmethod
    def loads(data: bytes) -> Any:
        raise AssertionError


def test_a_serializer_that_gives_no_bytes_is_told_so() -> None:
    with pytest.raises(TypeError, match=r"SERIALIZER.*str"):
        family(__name__ + ".Wrong").write(1)


@pytest.mark.parametrize("name", ["yaml", "no.such.thing", "json.nothing", "", ".x", "x."])
def test_a_serializer_that_is_none_is_told_so(name: str) -> None:
    with pytest.raises(Misconfigured, match="SERIALIZER"):
        family(name)


def test_a_serializer_that_can_do_nothing_is_told_so() -> None:
    with pytest.raises(Misconfigured, match=r"xml\.etree has no dumps and loads"):
        family("xml.etree")


def test_msgpack_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "msgspec", None)
    with pytest.raises(Misconfigured, match=r'pip install "django-cachekit\[msgpack\]"'):
        family("msgpack")


def test_a_decoder_that_runs_code_is_not_run_by_json(bait: Bait, tmp_path: Path) -> None:
    found = family("json")
    for value in ({"$": ["py/object", "x"]}, {"__reduce__": ["os.system", ["true"]]}):
        assert found.read(*found.write(value)) == value
    assert list(tmp_path.iterdir()) == []
