"""The suite as its reader has it: in a project of their own, with pytest and nothing else of ours.

A suite that lets a bad store pass is of no use, so stores with one fault each are shown to fail.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from django_cachekit.testing import CAPABILITIES, Store, conformance
from django_cachekit.testing.conformance import MODULES
from tests.conformance.test_example import source
from tests.docs.pages import ROOT

CONFTEST = """
import django
from django.conf import settings

settings.configure(SECRET_KEY="secret", USE_TZ=True, INSTALLED_APPS=["django_cachekit"])
django.setup()
"""

FAULTS = '''
from example import Drawer, DrawerCache
from django_cachekit.testing import Store, conformance

ALL = {"cas", "count", "exact", "list", "threads", "ttl"}


class NoEpoch(Drawer):
    def clear(self):
        with self.open() as db:
            db.execute("DELETE FROM entries")


class Deaf(Drawer):
    def remove(self, names):
        pass


class Partial(Drawer):
    def write(self, blobs, epoch):
        super().write({name: blob for name, blob in list(blobs.items())[:1]}, epoch)


class Cache(DrawerCache):
    def connect(self, alias):
        driver = super().connect(alias)
        driver.engine.__class__ = globals()[self.options["ENGINE"]]
        return driver


def store(engine, can=ALL):
    def config(root):
        options = {"ENGINE": engine}
        return {"BACKEND": "test_faults.Cache", "LOCATION": root / "db", "OPTIONS": options}

    return Store(config, can=can)


class TestNoEpoch(conformance.Suite):
    backend = store("NoEpoch")


class TestDeaf(conformance.Suite):
    backend = store("Deaf")


class TestPartial(conformance.Suite):
    backend = store("Partial")


class TestModest(conformance.Suite):
    """Claim less than it does."""

    backend = store("Drawer", set())


class TestOnPurpose(conformance.Suite):
    backend = store("Deaf")
    test_forget = None
'''

CHOSEN = [
    "test_cas_begins_anew_when_the_alias_was_flushed",
    "test_a_flush_while_computing_is_not_undone",
    "test_counting_is_refused_where_it_would_not_be_exact",
    "test_forget",
    "test_listing_is_refused_where_it_cannot_be",
    "test_put_many",
    "test_ttl_is_refused_where_it_cannot_be_known",
]
"""As many as show it; all of them would take minutes."""


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run pytest as an author does."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "example.py").write_text(source("example.py"))
    path = os.pathsep.join([str(folder), str(ROOT)])
    alone = ["-p", "no:django", "-p", "no:cacheprovider", "--rootdir", str(folder)]
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rf", *alone, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_authors_file_is_all_it_takes(tmp_path: Path) -> None:
    (tmp_path / "test_example.py").write_text(source("test_example.py"))
    ended = run(tmp_path, "test_example.py", "-k", "test_tags_ or test_versions or test_ttl")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.search(r"^\d\d? passed", ended.stdout, re.MULTILINE)


def test_stores_with_a_fault_fail(tmp_path: Path) -> None:
    (tmp_path / "test_faults.py").write_text(FAULTS)
    faces = [f"{name}[" for name in CHOSEN]
    ended = run(tmp_path, "test_faults.py", "-k", " or ".join(CHOSEN))
    failed = re.findall(r"^FAILED \S+::(\w+)::(\w+)\[", ended.stdout, re.MULTILINE)
    found = {pair for pair in failed if f"{pair[1]}[" in faces}
    assert found == {
        ("TestNoEpoch", "test_cas_begins_anew_when_the_alias_was_flushed"),
        ("TestDeaf", "test_forget"),
        ("TestDeaf", "test_put_many"),
        ("TestPartial", "test_forget"),
        ("TestPartial", "test_put_many"),
        ("TestOnPurpose", "test_put_many"),
        ("TestModest", "test_counting_is_refused_where_it_would_not_be_exact"),
        ("TestModest", "test_listing_is_refused_where_it_cannot_be"),
        ("TestModest", "test_ttl_is_refused_where_it_cannot_be_known"),
    }, ended.stdout
    # What was found is told, as it is by tests of one's own.
    assert "AssertionError: assert 1 == 2" in ended.stdout


def test_a_capability_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match=r"can is of cas, count, .*; not fly, swim"):
        Store({}, can={"ttl", "swim", "fly"})


def test_every_test_of_every_module_is_in_the_suite() -> None:
    folder = ROOT / "django_cachekit" / "testing" / "conformance"
    written = [
        name
        for path in folder.glob("*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text(), re.MULTILINE)
    ]
    assert len(written) == len(set(written)), "two tests of one name are one test"
    assert set(written) == {name for name in dir(conformance.Suite) if name.startswith("test_")}
    assert {path.stem for path in folder.glob("*.py")} - {"__init__"} == {
        module.__name__.rpartition(".")[2] for module in MODULES
    }


def test_the_capabilities_are_told() -> None:
    page = (ROOT / "docs" / "extending" / "suite.md").read_text()
    told = re.findall(r"^\| `(\w+)` \| ", page.partition("| `can` | means |")[2], re.MULTILINE)
    assert told[: len(CAPABILITIES)] == sorted(CAPABILITIES)


def test_the_package_itself_does_not_need_pytest() -> None:
    code = (
        "import sys; sys.modules['pytest'] = None; import django; from django.conf import settings;"
        "settings.configure(INSTALLED_APPS=['django_cachekit']); django.setup();"
        "import django_cachekit.management.commands.cache_health"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
