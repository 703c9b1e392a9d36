#!/usr/bin/env python3
"""Run everything that has to pass, then say what did: part, result, seconds.

    python scripts/test_all.py              # all of it, as `make test` does
    python scripts/test_all.py lint typing  # some parts
    python scripts/test_all.py --list

Every part runs, whatever became of the ones before. The last line counts tests and checks; the
exit code is 0 only if nothing failed. Environments are made as needed (scripts/venv.py): .venv with
Django 5.2 on the Python this runs on, and .venv-newest with Django 6.1, which wants Python 3.12 or
later: one is looked for, and where there is none those parts are left out on a person's machine
and failed in continuous integration (CI=true). The same goes for the servers that tests want, which
scripts/servers.py installs where it may: CACHEKIT_REQUIRE says which must be there, in CI all.

A few tests that failed are run once more, by themselves: machines stand still now and then, and a
time that passed decides nothing. Each of them is named.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REPORTS = ROOT / ".cache" / "reports"
IN_CI = os.environ.get("CI") == "true"

OLDEST, NEWEST = "5.2", "6.1"
NEWEST_NEEDS = (3, 12)
MINORS = (13, 12, 14)  # of Python 3, in the order of liking for the newest Django
TIMED = " or ".join(
    [
        *("races", "processes", "kill", "crash", "crew", "hang", "deadline", "within"),
        *("lock", "slot", "funnel", "fence", "holder"),
        *("faults", "trouble", "outage", "failover", "sentinel", "down"),
    ]
)
# Crowds of processes, and tests in which time passes: each would disturb the other, and the rest.
ONCE = " or ".join(
    [
        *(f"{store}-sealed" for store in ("database", "postgresql", "redis")),
        *("memcached", "dynamodb", "mariadb", "redis-cluster", "test_redis_", "tagindex"),
    ]
)
# What is between the package and a client library: no Django has a part in it, so once is enough.
RACES = "tests/races"
FEW = 20  # failures that may be of time; more are of something else
WORKERS = 3  # on two cores: some test is waiting most of the time
LONGEST = 2400  # seconds, for a command that hangs
BIN = "Scripts" if os.name == "nt" else "bin"


@dataclass
class Counts:
    """Tests or checks that passed, failed, and were left out."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __str__(self) -> str:
        text = f"{self.passed} passed, {self.failed} failed"
        return f"{text}, {self.skipped} skipped" if self.skipped else text


@dataclass
class Part:
    """One thing to run: commands, in one of the environments, and who counts what they did."""

    name: str
    commands: list[list[str]]
    newest: bool = False
    count: Callable[[str, bool], Counts] = field(default=lambda name, good: one(good))
    again: bool = False  # what failed may be asked once more, by itself


@dataclass
class Outcome:
    """What came of a part."""

    part: Part
    counts: Counts
    seconds: float
    note: str = ""


def one(good: bool) -> Counts:
    """Count a part that is one check."""
    return Counts(passed=int(good), failed=int(not good))


def of_pytest(name: str, good: bool) -> Counts:
    """Count by pytest's report; a run that wrote none, or is red for another reason, failed."""
    try:
        suites = list(ElementTree.parse(REPORTS / f"{name}.xml").iter("testsuite"))  # noqa: S314
    except (OSError, ElementTree.ParseError):
        return Counts(failed=1)
    total, failures, errors, skipped = (
        sum(int(suite.get(what, 0)) for suite in suites)
        for what in ("tests", "failures", "errors", "skipped")
    )
    failed = failures + errors
    passed = max(total - failed - skipped, 0)
    return Counts(passed, failed or int(not good or not passed), skipped)


def of_django_suite(name: str, good: bool) -> Counts:
    """Count by the report of tests/django_suite: tests that passed, and jobs that failed."""
    try:
        report = json.loads((REPORTS / f"{name}.json").read_text())
    except (OSError, ValueError):
        return Counts(failed=1)
    return Counts(report["tests"], report["failed"] or int(not good), report["skipped"])


def pytest(name: str, which: str, workers: int = WORKERS) -> list[str]:
    """Return the command of a pytest run of the tests whose names say that they are ``which``."""
    report = f"--junitxml={REPORTS / name}.xml"
    command = ["python", "-m", "pytest", "--cache-clear", "-q", "--no-header", report]
    return [*command, "-n", str(workers), "-k", which]


def packaging(name: str) -> list[str]:
    """Return the command of the tests that build releases and install them."""
    report = f"--junitxml={REPORTS / name}.xml"
    command = ["python", "-m", "pytest", "-q", "--no-header", report, "-n", "2"]
    return [*command, "tests/packaging", "--packaging"]


def django_suite(name: str) -> list[str]:
    """Return the command of Django's own cache tests."""
    return ["python", "-m", "tests.django_suite", "--report", str(REPORTS / f"{name}.json")]


def parts() -> list[Part]:
    """Return what there is to run."""
    typing = [
        ["mypy", "django_cachekit", "tests/typing"],
        ["pyright", "tests/typing"],
        ["python", "-m", "tests.typing"],
    ]
    sphinx = ["python", "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
    return [
        Part(
            "lint",
            [
                ["ruff", "check", "--quiet", "."],
                ["ruff", "format", "--check", "--quiet", "."],
                ["python", "-m", "tests.architecture"],
            ],
        ),
        Part("typing", typing),
        Part("packaging", [packaging("packaging")], count=of_pytest),
        Part("docs", [[*sphinx, "docs", ".cache/docs"]]),
        Part("servers", [["python", "scripts/servers.py", *(["--require"] if IN_CI else [])]]),
        Part("tests-5.2", [pytest("tests-5.2", f"not ({TIMED})")], count=of_pytest, again=True),
        Part("timed-5.2", [pytest("timed-5.2", TIMED, workers=2)], count=of_pytest, again=True),
        Part(
            "tests-6.1",
            [pytest("tests-6.1", f"not ({TIMED} or {ONCE})")],
            newest=True,
            count=of_pytest,
            again=True,
        ),
        Part("django-5.2", [django_suite("django-5.2")], count=of_django_suite),
        Part("django-6.1", [django_suite("django-6.1")], newest=True, count=of_django_suite),
    ]


def main() -> int:
    """Run the parts asked for; 0 if nothing failed."""
    asked = parse()
    if asked.list:
        print("\n".join(part.name for part in asked.parts))
        return 0
    os.chdir(ROOT)
    shutil.rmtree(REPORTS, ignore_errors=True)
    REPORTS.mkdir(parents=True)
    if IN_CI:
        os.environ.setdefault("CACHEKIT_REQUIRE", "all")
    environments = Environments()
    outcomes = [run(part, environments) for part in asked.parts]
    return summarise(outcomes)


def parse() -> argparse.Namespace:
    """Read the command line."""
    known = {part.name: part for part in parts()}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(known))
    parser.add_argument("--list", action="store_true", help="name the parts and stop")
    asked = parser.parse_args()
    unknown = [name for name in asked.parts if name not in known]
    if unknown:
        parser.error(f"no part is called {', '.join(unknown)}; there are {', '.join(known)}")
    asked.parts = [known[name] for name in asked.parts or known]
    return asked


class Environments:
    """The two virtual environments, each made when it is first asked for."""

    def __init__(self) -> None:
        self.found: dict[bool, tuple[Path | None, str]] = {}

    def get(self, newest: bool) -> tuple[Path | None, str]:
        """Return the environment's folder of programs; or None, and why it is missing."""
        if newest not in self.found:
            self.found[newest] = self.newest() if newest else self.oldest()
        return self.found[newest]

    def oldest(self) -> tuple[Path | None, str]:
        made = make(".venv", sys.executable, "dev", OLDEST)
        return (made, "") if made else (None, "failed: .venv could not be made")

    def newest(self) -> tuple[Path | None, str]:
        python = newer_python()
        if python is None:
            wanted = ".".join(map(str, NEWEST_NEEDS))
            return None, f"no Python {wanted} or later found for Django {NEWEST}"
        made = make(".venv-newest", python, "test", NEWEST)
        return (made, "") if made else (None, "failed: .venv-newest could not be made")


def make(folder: str, python: str, group: str, django: str) -> Path | None:
    """Make an environment with every extra and one Django."""
    command = [python, "scripts/venv.py", folder, "--extra", "all", "--group", group]
    done = subprocess.run([*command, f"Django=={django}.*"], cwd=ROOT, check=False)
    return None if done.returncode else ROOT / folder / BIN


def newer_python() -> str | None:
    """Return a Python that Django's newest release runs on, and that can make environments."""
    return next((python for python in candidates() if fits(python)), None)


def candidates() -> Iterator[str]:
    """Yield the Pythons there may be: this one, those on PATH, those that pyenv keeps."""
    yield sys.executable
    for minor in MINORS:
        found = shutil.which(f"python3.{minor}")
        if found:
            yield found
    pyenv = shutil.which("pyenv")
    if pyenv:
        root = subprocess.run([pyenv, "root"], capture_output=True, text=True, check=False)
        kept = Path(root.stdout.strip()) / "versions"
        for minor in MINORS:
            yield from map(str, sorted(kept.glob(f"3.{minor}.*/bin/python")))


def fits(python: str) -> bool:
    """Tell whether a Python runs (pyenv's names for versions that are off do not) and will do."""
    question = f"import sys, venv, ensurepip; sys.exit(sys.version_info < {NEWEST_NEEDS})"
    try:
        return subprocess.run([python, "-c", question], capture_output=True).returncode == 0
    except OSError:
        return False


def run(part: Part, environments: Environments) -> Outcome:
    """Run a part's commands, all of them, and count."""
    print(f"\n== {part.name}", flush=True)
    folder, trouble = environments.get(part.newest)
    if folder is None:
        failed = IN_CI or trouble.startswith("failed")
        print(trouble, flush=True)
        return Outcome(part, Counts(failed=int(failed), skipped=int(not failed)), 0.0, trouble)
    begun = time.monotonic()
    results = [call(command, folder) for command in part.commands]
    counts, note = part.count(part.name, all(results)), ""
    if part.again and 0 < counts.failed <= FEW:
        counts, note = once_more(part.name, counts, folder)
    return Outcome(part, counts, time.monotonic() - begun, note)


def once_more(name: str, counts: Counts, folder: Path) -> tuple[Counts, str]:
    """Run what failed by itself, but for the races: a promise that was broken once is broken.

    What passes then failed of the time that passed beside others; it is named in the output, and
    told in the table.
    """
    report = f"--junitxml={REPORTS / name}-again.xml"
    asked = ["--last-failed", "--last-failed-no-failures=none", f"--ignore={RACES}", report]
    good = call(["python", "-m", "pytest", "-n", "0", "--no-header", "-v", *asked], folder)
    alone = of_pytest(f"{name}-again", good)
    failed = max(alone.failed, counts.failed - alone.passed)
    told = f"{alone.passed} of them only alone" if alone.passed else ""
    return Counts(counts.passed + alone.passed, failed, counts.skipped), told


def call(command: list[str], folder: Path) -> bool:
    """Run one program of the environment; True if it is content."""
    program, *arguments = command
    print(f"+ {' '.join(command)}".replace(f"{ROOT}/", ""), flush=True)
    variables = {
        "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
        "VIRTUAL_ENV": str(folder.parent),
    }
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    try:
        done = subprocess.run(
            [folder / program, *arguments],
            cwd=ROOT,
            env=environment | variables,
            stdin=subprocess.DEVNULL,
            timeout=LONGEST,
            check=False,
        )
    except subprocess.TimeoutExpired:
        print(f"not done after {LONGEST} s, and ended", flush=True)
        return False
    return done.returncode == 0


def summarise(outcomes: list[Outcome]) -> int:
    """Print the table and the sum; 0 if nothing failed."""
    print(f"\n{'part':12} {'result':40} seconds")
    for outcome in outcomes:
        said = str(outcome.counts) + (f" ({outcome.note})" if outcome.note else "")
        print(f"{outcome.part.name:12} {said:40} {outcome.seconds:7.1f}")
    total = Counts(
        sum(outcome.counts.passed for outcome in outcomes),
        sum(outcome.counts.failed for outcome in outcomes),
        sum(outcome.counts.skipped for outcome in outcomes),
    )
    print(f"{'together':52} {sum(outcome.seconds for outcome in outcomes):8.1f}\n\n{total}")
    return int(total.failed > 0 or not total.passed)


if __name__ == "__main__":
    sys.exit(main())
