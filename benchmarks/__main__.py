"""Measure, and say what was found: ``python -m benchmarks [SECTION ...] [--quick]``.

Each section runs in a process of its own, for Django is set up but once, and leaves its figures in
``.cache/bench/``. With ``--to docs/figures.md`` the tables go there between marks, and the
plots into the directory of the same name; otherwise they are printed. Only ratios mean something
elsewhere.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from . import engine, said
from .sections import AIMS, OTHERS, SECTIONS

AIMS_HEAD = """## Aims

Each is the ratio of two medians of one run, and whether it is met is computed from it. In memory,
the call of an empty function, which all are measured with, is taken off both.

"""


def here(name: str, size: engine.Size) -> None:
    """Measure one section in this process."""
    one = SECTIONS[name]
    engine.keep(engine.document(name, one.measure(name)(size), size))


def elsewhere(name: str, asked: argparse.Namespace) -> bool:
    """Do the same in a process of its own; tell if it went well."""
    began = time.monotonic()
    quick = ["--quick"] if asked.quick else []
    if name in OTHERS:
        to = ["--to", str(asked.to)] if asked.to else []
        command = [sys.executable, "-m", f"benchmarks.{name}", *quick, *to]
    else:
        rounds = ["--rounds", str(asked.rounds)] if asked.rounds else []
        command = [sys.executable, "-m", "benchmarks", name, "--here", *quick, *rounds]
    done = subprocess.run(command).returncode == 0
    how = "" if done else ", FAILED"
    print(f"{name}: {time.monotonic() - began:.0f} s{how}", file=sys.stderr)
    return done


def kept() -> dict[str, dict[str, object]]:
    """Return the figures of all sections that have been measured."""
    paths = {name: engine.KEPT / f"{name}.json" for name in SECTIONS}
    return {name: json.loads(path.read_text()) for name, path in paths.items() if path.exists()}


def tell(names: list[str], to: Path | None) -> None:
    """Print what was found, or write it."""
    found = kept()
    texts = {
        name: said.section(SECTIONS[name].title, SECTIONS[name].prose, found[name])
        for name in names
        if name in found
    }
    texts["aims"] = AIMS_HEAD + said.aims(AIMS, found)
    for name, text in texts.items():
        if to:
            said.write(to, name, text)
        else:
            print(f"{text}\n")
    if to:
        from . import plots

        plots.draw(found, to.with_suffix(""))


def main() -> int:
    """Measure, and print or write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "sections", nargs="*", metavar="SECTION", help=", ".join((*SECTIONS, *OTHERS))
    )
    parser.add_argument("--quick", action="store_true", help="some two minutes; for a first look")
    parser.add_argument("--rounds", type=int, help="how many turns each is given")
    parser.add_argument("--to", type=Path, metavar="FILE", help="write into this page")
    parser.add_argument("--kept", action="store_true", help="do not measure: tell what is kept")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    names = asked.sections or [*SECTIONS, *OTHERS]
    if unknown := set(names) - SECTIONS.keys() - set(OTHERS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    size = engine.QUICK if asked.quick else engine.FULL
    if asked.here:
        here(names[0], size._replace(rounds=asked.rounds or size.rounds))
        return 0
    failed = [name for name in names if not asked.kept and not elsewhere(name, asked)]
    tell([name for name in names if name in SECTIONS], asked.to)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
