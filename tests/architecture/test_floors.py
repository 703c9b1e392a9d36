"""The rules of the house, held over the whole package, each shown to see what it is for."""

from collections.abc import Callable, Iterator, Mapping

import pytest

from . import floors, manners, only
from .package import Module, read, snippet

Rule = Callable[[Mapping[str, Module]], Iterator[str]]

RULES: list[Rule] = [
    floors.upward,
    floors.cycles,
    floors.nested,
    only.waits,
    only.decodes,
    only.configures,
    only.announces,
    only.touches_caches,
    manners.long_functions,
    manners.undocumented,
    manners.silenced,
]

LONG = "def f():\n" + "    x = 1\n" * 41
DOC = '"""Say what it is."""\n'

# rule, where the snippet would lie, the snippet
BAD: list[tuple[Rule, str, str]] = [
    (floors.upward, "core.keys", "from django_cachekit.conf import get"),
    (floors.upward, "core.keys", "from ..flows.values import put"),
    (floors.upward, "core.keys", "from .. import facade"),
    (floors.upward, "core.keys", "import django_cachekit.facade"),
    (floors.upward, "core.keys", "def f():\n    from ..facade import cache"),
    (floors.upward, "core.keys", "if TYPE_CHECKING:\n    from ..facade import cache"),
    (floors.upward, "facade", "from django_cachekit import cache"),
    (floors.upward, "flows.values", "from ..backends import array"),
    (floors.upward, "backends.array", "from ..flows import values"),
    (floors.upward, "layers.base", "from .. import testing"),
    (floors.upward, "management.command", "from ..testing import Store"),
    (floors.upward, "", "from .testing import Store"),
    (floors.upward, "attic", "import os"),
    (floors.upward, "core.keys", "from ..attic import thing"),
    (floors.nested, "core.keys", "def f():\n    import json"),
    (floors.nested, "core.keys", "class A:\n    async def f(self):\n        from . import ttl"),
    (floors.nested, "apps", "def other():\n    from . import checks"),
    (floors.nested, "facade", "def ready():\n    from . import checks"),
    (only.waits, "flows.values", "import asyncio"),
    (only.waits, "flows.values", "from asgiref.sync import sync_to_async"),
    (only.waits, "flows.values", "from time import sleep"),
    (only.waits, "flows.values", "import time\ntime.sleep(1)"),
    (only.waits, "flows.values", "def f():\n    import asyncio.events"),
    (only.decodes, "backends.file", "import pickle"),
    (only.decodes, "backends.file", "import zlib as z"),
    (only.decodes, "backends.file", "from cryptography.hazmat import x"),
    (only.decodes, "backends.file", "def f():\n    import msgspec.msgpack"),
    (only.configures, "checks", "from django.conf import settings"),
    (only.configures, "apps", "import django.conf"),
    (only.configures, "apps", "def ready():\n    from django.conf import settings as s"),
    (only.announces, "repository", "from .signals import cache_hit\ncache_hit.send(None)"),
    (only.announces, "repository", "async def f(s):\n    await s.cache_hit.asend_robust(1)"),
    (only.touches_caches, "flows.values", "caches['default'].get('k')"),
    (only.touches_caches, "flows.values", "async def f():\n    await x.caches[a].aget_many(k)"),
    (only.touches_caches, "flows.values", "def f():\n    c = caches[a]\n    c.set('k', 1)"),
    (only.touches_caches, "flows.values", "def f(s):\n    s.c: X = caches[a]\n    s.c.set('k', 1)"),
    (only.touches_caches, "flows.values", "from django.core.cache import cache"),
    (manners.long_functions, "facade", LONG),
    (manners.long_functions, "facade", "class A:\n    async " + LONG.replace("\n", "\n    ")),
    (manners.undocumented, "facade", "x = 1"),
    (manners.undocumented, "facade", DOC + "def f(): pass"),
    (manners.undocumented, "facade", DOC + "class A: pass"),
    (manners.undocumented, "facade", DOC + "def test_f(): pass"),
    (manners.undocumented, "testing.store", DOC + "def f(): pass"),
    (manners.undocumented, "facade", DOC + f"class A:\n    {DOC}    def f(self): pass"),
    (manners.undocumented, "facade", DOC + 'def f(): """Say one thing. And another."""'),
    (manners.undocumented, "facade", DOC + 'class A: """Say what it is, over\n    two lines."""'),
    (manners.undocumented, "facade", DOC + "from os import PathLike\nclass A(PathLike):\n"
     f"    {DOC}    def f(self): pass"),
    (manners.silenced, "facade", "x = 1  # type: ignore[assignment]"),
    (manners.silenced, "facade", "x = 1  # noqa: S301, E501"),
    (manners.silenced, "facade", "x = 1  # type: ignore[assignment]  # noqa: S301"),
    (manners.silenced, "facade", "def f():  # pragma: no cover\n    pass"),
    (manners.silenced, "facade", "try:\n    f()\nexcept Exception:\n    pass"),
    (manners.silenced, "facade", "try:\n    f()\nexcept (OSError, BaseException) as e:\n    pass"),
    (manners.silenced, "facade", "try:\n    f()\nexcept:\n    pass"),
    (manners.silenced, "facade", "try:\n    f()\nexcept Exception:\n    if x:\n        raise"),
    (manners.silenced, "facade", "try:\n    f()\nexcept Exception:  # noqa: BLE001\n    pass"),
]  # fmt: skip

GOOD: list[tuple[Rule, str, str]] = [
    (floors.upward, "facade", "from . import manager\nfrom .core.keys import safe\nimport os"),
    (floors.upward, "core.keys", "from ..errors import Misconfigured"),
    (floors.upward, "", "from .facade import cache"),
    (floors.upward, "flows.values", "from .locks import lock"),
    (floors.nested, "codecs.ciphers", "def f():\n    from cryptography.hazmat import x"),
    (floors.nested, "apps", "class A:\n    def ready(self):\n        from . import checks"),
    (only.waits, "core.faces", "import asyncio, time\ntime.sleep(1)"),
    (only.waits, "core.clock", "import time\ntime.monotonic()"),
    (only.decodes, "codecs.serializers", "import pickle"),
    (only.configures, "conf", "from django.conf import settings"),
    (only.configures, "conf", "from django.core.cache import caches"),
    (only.announces, "layers.events", "cache_hit.send_robust(None)"),
    (only.touches_caches, "layers.ground", "caches[a].get('k')"),
    (only.touches_caches, "manager", "from django.core.cache import caches\nx = caches[a]"),
    (only.touches_caches, "manager", "x = caches[a]\ny.get(1)\nx.key_prefix"),
    (manners.long_functions, "facade", LONG.replace("    x = 1\n", "", 1)),
    (manners.undocumented, "facade", DOC + "def _f(): pass\nclass _A:\n    def f(self): pass"),
    (manners.undocumented, "facade", ""),
    (manners.undocumented, "testing.conformance.tags", DOC + "def test_f(): pass"),
    (only.waits, "testing.faced", "import asyncio"),
    (only.touches_caches, "testing.conformance.tags", "caches['default'].get('k')"),
    (floors.upward, "testing.fixtures", "from .. import cache\nfrom ..core import clock"),
    (manners.undocumented, "facade", DOC + f"class A:\n    {DOC}    def f(self):\n        {DOC}\n"
     f"class B(A):\n    {DOC}    def f(self): pass"),
    (manners.undocumented, "facade", DOC + "from os import PathLike\nclass A(PathLike):\n"
     f"    {DOC}    def __fspath__(self): pass\n    @x.setter\n    def x(self, v): pass"),
    (manners.silenced, "facade", "x = 1  # type: ignore[assignment]  # the stub is wrong"),
    (manners.silenced, "facade", "# the stub is wrong\nx = 1  # type: ignore[assignment]"),
    (manners.silenced, "facade", "x = '# noqa'"),
    (manners.silenced, "facade", "try:\n    f()\nexcept Exception:  # whatever it says\n    pass"),
    (manners.silenced, "facade", "try:\n    f()\n# whatever it says\nexcept Exception:\n    pass"),
    (manners.silenced, "facade", "try:\n    f()\nexcept OSError:\n    pass"),
    (manners.silenced, "facade", "try:\n    f()\nexcept BaseException:\n    undo()\n    raise"),
]  # fmt: skip


def name_of(case: object) -> str | None:
    return getattr(case, "__name__", None)


@pytest.fixture(scope="module")
def package() -> dict[str, Module]:
    return read()


def test_the_package_is_seen(package: dict[str, Module]) -> None:
    assert {"django_cachekit.errors", "django_cachekit.core.faces"} <= set(package)
    assert package["django_cachekit.core.faces"].imports


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_the_house_keeps(rule: Rule, package: dict[str, Module]) -> None:
    faults = list(rule(package))

    assert not faults, "\n".join([(rule.__doc__ or "").splitlines()[0], *faults])


@pytest.mark.parametrize(("rule", "where", "source"), BAD, ids=name_of)
def test_a_rule_sees(rule: Rule, where: str, source: str) -> None:
    assert list(rule(snippet(where, source)))


@pytest.mark.parametrize(("rule", "where", "source"), GOOD, ids=name_of)
def test_a_rule_lets_pass(rule: Rule, where: str, source: str) -> None:
    assert list(rule(snippet(where, source))) == []


@pytest.mark.parametrize(
    "texts",
    [
        {"core.a": "from .b import x", "core.b": "from .a import y"},
        {
            "core.a": "from . import b",
            "core.b": "from . import c",
            "core.c": "from ..core import a",
        },
        {"core.a": "from .b import x", "core.b": "def f():\n    from .a import y"},
    ],
)
def test_circles_are_seen(texts: dict[str, str]) -> None:
    modules = {name: found for key in texts for name, found in snippet(key, texts[key]).items()}

    assert len(list(floors.cycles(modules))) == 1


def test_a_straight_line_is_no_circle() -> None:
    modules = snippet("core.a", "from .b import x\nfrom ..errors import E") | snippet("core.b", "")

    assert list(floors.cycles(modules)) == []


def test_every_rule_is_shown_to_see() -> None:
    assert {rule for rule, *_ in BAD} | {floors.cycles} == set(RULES)


def test_long_files_are_reported() -> None:
    assert list(manners.long_files(snippet("facade", "x = 1\n" * 301)))
    assert not list(manners.long_files(snippet("facade", "x = 1\n" * 300)))
