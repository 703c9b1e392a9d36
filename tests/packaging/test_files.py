"""What is in a release, and what it says of itself."""

import re
import sys
from email import message_from_bytes
from email.message import Message

import pytest
from trove_classifiers import classifiers

import django_cachekit

from .building import ROOT, Built, contents, run

PACKAGE = ROOT / "django_cachekit"
DIST_INFO = f"django_cachekit-{django_cachekit.__version__}.dist-info/"


@pytest.fixture(scope="module")
def metadata(built: Built) -> Message:
    return message_from_bytes(contents(built.wheel)[f"{DIST_INFO}METADATA"])


def test_the_wheel_is_the_package_and_nothing_else(built: Built) -> None:
    files = {name for name in contents(built.wheel) if not name.startswith(DIST_INFO)}
    there = {
        path.relative_to(ROOT).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert files == there
    assert {name.partition("/")[0] for name in files} == {"django_cachekit"}


@pytest.mark.parametrize(
    "name",
    [
        "py.typed",
        "backends/redisdb/lua/lock.lua",
        "migrations/0001_outbox.py",
        "management/commands/cache_warm.py",
        "templatetags/cachekit.py",
        "signatures/computing.py",
        # For authors of other backends; the tests of this package are not.
        "testing/conformance/locks.py",
    ],
)
def test_the_wheel_has(built: Built, name: str) -> None:
    assert f"django_cachekit/{name}" in contents(built.wheel)


def test_the_licence_comes_along(built: Built, metadata: Message) -> None:
    text = (ROOT / "LICENSE").read_bytes()
    assert contents(built.wheel)[f"{DIST_INFO}licenses/LICENSE"] == text
    assert (built.unpacked / "LICENSE").read_bytes() == text
    assert metadata["License-Expression"] == "MIT"
    assert metadata.get_all("License-File") == ["LICENSE"]


def test_the_sdist_gives_the_same_wheel(built: Built) -> None:
    assert contents(built.wheel_of_sdist) == contents(built.wheel)
    assert built.wheel_of_sdist.name == built.wheel.name


def test_the_version_is_written_once(built: Built, metadata: Message) -> None:
    assert metadata["Version"] == django_cachekit.__version__
    assert f"-{django_cachekit.__version__}-py3-none-any.whl" in built.wheel.name
    written = re.compile(rf"(?<![\d.]){re.escape(django_cachekit.__version__)}(?![\d.])")
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if written.search(line)]


def test_the_registry_would_take_it(built: Built) -> None:
    twine = [sys.executable, "-W", "default", "-m", "twine", "--no-color", "check", "--strict"]
    said = run([*twine, built.sdist, built.wheel])
    assert said.count("PASSED") == 2


def test_classifiers_say_what_is_tested(metadata: Message) -> None:
    given = metadata.get_all("Classifier") or []
    assert not set(given) - set(classifiers)
    tox = (ROOT / "tox.ini").read_text(encoding="utf-8")
    djangos = re.findall(r"dj(\d)(\d): Django==\1\.\2", tox)
    assert [f"Framework :: Django :: {one}.{two}" for one, two in djangos] == [
        name for name in given if re.search(r"Django :: \d", name)
    ]
    minors = sorted(
        {int(n) for part in re.findall(r"py3\{([\d,]+)\}", tox) for n in part.split(",")}
    )
    pythons = [name for name in given if re.search(r"Python :: 3\.\d", name)]
    assert [f"Programming Language :: Python :: 3.{minor}" for minor in minors] == pythons
    assert metadata["Requires-Python"] == f">=3.{minors[0]}"
    assert "Typing :: Typed" in given


def test_the_readme_is_the_description_and_its_links_lead_somewhere(
    built: Built, metadata: Message
) -> None:
    assert metadata["Description-Content-Type"] == "text/markdown"
    text = str(metadata.get_payload())
    assert text == (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", text)]
    local = [link for link in links if link and not link.startswith("http")]
    assert not [link for link in local if not (built.unpacked / link).exists()]


def test_the_tests_can_be_collected_from_the_sdist(built: Built) -> None:
    where = built.unpacked
    for name in ("changelog.d/template.md.jinja", "tox.ini", "scripts/test_all.py"):
        assert (where / name).exists(), name
    assert not (where / ".cache").exists()
    quiet = ["-W", "default", "-m", "pytest", "--collect-only", "-qq"]
    said = run([sys.executable, *quiet], cwd=where)
    files = dict(re.findall(r"^(tests/\S+|docs/\S+): (\d+)$", said, re.MULTILINE))
    assert sum(map(int, files.values())) > 1000, said[-2000:]
