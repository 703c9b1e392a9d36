"""Run the table, some jobs at a time, and say what came of each."""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import django

from .rows import ROWS, WAYS, Row
from .sdist import tests

ROOT = Path(__file__).parents[2]
LOGS = ROOT / ".cache" / "django_suite" / django.get_version()
LONGEST = 300  # seconds; a job takes a few
SHOWN = 60  # lines of a failed job


@dataclass
class Outcome:
    """What came of one job."""

    row: Row
    way: str
    run: int
    skipped: int
    different: int
    failed: list[str]
    trouble: str
    seconds: float
    output: str

    @property
    def good(self) -> bool:
        """Tell whether it came out as it should: a faulty backend has to be noticed."""
        if self.trouble:
            return False
        if self.row.broken:
            return self.row.broken in self.failed and "test_simple" not in self.failed
        return not self.failed

    @property
    def said(self) -> str:
        """One line of the table."""
        if self.trouble:
            return f"FAILED: {self.trouble}"
        if self.row.broken:
            seen = "fails, as it should" if self.good else "FAILED: its fault went unseen"
            return f"{seen} ({some(self.failed)})"
        parts = [f"{self.run} run"]
        parts += [f"{self.skipped} skipped"] if self.skipped else []
        parts += [f"{self.different} differ as listed"] if self.different else []
        parts += [f"{len(self.failed)} FAILED: {some(self.failed)}"] if self.failed else []
        return ", ".join(parts)


def some(names: list[str]) -> str:
    """Return a few of the names."""
    return ", ".join([*names[:4], "..."] if len(names) > 4 else names)


def main() -> int:
    """Read the command line, run, report; 0 if all is well."""
    asked = parse()
    jobs = [
        (row, way)
        for row in ROWS
        for way in row.ways
        if asked.row in (None, row.name) and asked.way in (None, way)
    ]
    if asked.list or not jobs:
        print("\n".join(f"{row.name:20} {way}" for row, way in jobs) or "No such row and way.")
        return 0 if jobs else 2
    print(f"Django {django.get_version()}'s own cache tests, {len(jobs)} jobs", flush=True)
    tests()
    with ThreadPoolExecutor(asked.processes) as pool:
        outcomes = list(pool.map(lambda job: report(run(*job), asked.verbose), jobs))
    counts = {"passed": sum(o.good for o in outcomes), "failed": sum(not o.good for o in outcomes)}
    told = [outcome for outcome in outcomes if not outcome.row.broken]
    counts["tests"] = sum(o.run - o.skipped - len(o.failed) for o in told)
    counts["skipped"] = sum(o.skipped for o in told)
    if asked.report:
        Path(asked.report).write_text(json.dumps(counts))
    print(
        "{tests} tests passed, {skipped} skipped; {passed} jobs passed, {failed} failed".format(
            **counts
        )
    )
    return int(counts["failed"] > 0)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.django_suite")
    parser.add_argument("--row", choices=[row.name for row in ROWS])
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--list", action="store_true", help="name the jobs and stop")
    parser.add_argument("--processes", type=int, default=3)
    parser.add_argument("--report", help="write the counts there, as JSON")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="print what good jobs said too"
    )
    return parser.parse_args()


def run(row: Row, way: str) -> Outcome:
    """Run one job in a process of its own."""
    begun = time.monotonic()
    outcome = Outcome(row, way, 0, 0, 0, [], "", 0.0, "")
    with tempfile.NamedTemporaryFile("r", suffix=".json") as file:
        command = [sys.executable, "-m", "tests.django_suite.job", row.name, way, file.name]
        try:
            done = subprocess.run(
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=LONGEST,
                check=False,
            )
            outcome.output = done.stdout
            for name, value in json.loads(file.read() or "{}").items():
                setattr(outcome, name, value)
            if not outcome.run:
                outcome.trouble = f"no test was run (exit code {done.returncode})"
        except subprocess.TimeoutExpired as late:
            outcome.output = (late.stdout or b"").decode(errors="replace")
            outcome.trouble = f"not done after {LONGEST} s"
    outcome.seconds = time.monotonic() - begun
    return outcome


def report(outcome: Outcome, verbose: bool) -> Outcome:
    """Print a job's line, and the end of what it said if it went wrong; the whole is kept."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{outcome.row.name}-{outcome.way}.log".replace(" ", "-")
    log.write_text(outcome.output)
    line = f"  {outcome.row.name:20} {outcome.way:13} {outcome.seconds:5.1f} s  {outcome.said}"
    if verbose:
        line = f"{outcome.output}\n{line}"
    elif not outcome.good:
        end = outcome.output.strip().splitlines()[-SHOWN:]
        line = "\n".join([*end, line, f"  The whole of it: {log.relative_to(ROOT)}"])
    print(line, flush=True)
    return outcome


if __name__ == "__main__":
    sys.exit(main())
