"""Measure tags beside other ways to have them: ``python -m benchmarks.tags [--quick]``.

Real servers are started on free ports and ended. What is printed is a section of
``docs/figures.md``; ``--to FILE`` writes it there between two marks, or with them at the end. Only
ratios and counts mean something elsewhere.
"""

import argparse
import contextlib
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.servers.redis import Redis

from . import said, tags_flush, tags_reads, tags_setup
from .tags_subject import Place
from .tags_table import section


class Size(NamedTuple):
    """Say how much is measured."""

    entries: int
    rounds: int
    trials: int
    expired: int


FULL = Size(entries=1_000_000, rounds=15, trials=200, expired=10_000)
QUICK = Size(entries=100_000, rounds=5, trials=20, expired=1_000)


def measure(size: Size, stores: list[str]) -> dict[str, Any]:
    """Measure everything, and return the figures."""
    figures: dict[str, Any] = {"size": size._asdict(), "took": {}}
    with clock(figures, "reads"):
        figures["reads"] = {name: tags_reads.elsewhere(name, size.rounds) for name in stores}
    with Redis() as server, tempfile.TemporaryDirectory() as folder:
        place = Place(server.url, f"{folder}/data.sqlite3", os.urandom(32).hex())
        tags_setup.setup(place)
        from . import tags_data, tags_races

        told = f"Redis {tags_setup.SUBJECTS['ours'].raw.info()['redis_version']}"
        figures["versions"] = f"Python {platform.python_version()}, {told}, {tags_setup.versions()}"
        tags_data.make_table(tags_races.tags(size.trials))
        with tags_setup.others(place, 2) as pool:
            with clock(figures, "flush"):
                figures["flush"] = tags_flush.measure(server.port, size.entries, size.rounds, pool)
            with clock(figures, "stale"):
                figures["counts"] = tags_races.measure(size.trials, pool)
            with clock(figures, "left"):
                figures["counts"]["left"] = tags_races.leftovers(size.expired)
    return figures


@contextlib.contextmanager
def clock(figures: dict[str, Any], what: str) -> Iterator[None]:
    """Note how long a part takes, and say so: it is a while."""
    began = time.monotonic()
    yield
    figures["took"][what] = round(time.monotonic() - began)
    print(f"{what}: {figures['took'][what]} s", file=sys.stderr)


def main() -> None:
    """Measure, and print or write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stores", nargs="*", metavar="STORE", help=", ".join(tags_reads.STORES))
    parser.add_argument("--quick", action="store_true", help="fewer entries, rounds and trials")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures there too")
    parser.add_argument("--from", dest="old", type=Path, help="do not measure: kept figures")
    parser.add_argument("--to", type=Path, metavar="FILE", help="where to write the section")
    asked = parser.parse_args()
    if asked.old:
        figures = json.loads(asked.old.read_text())
    else:
        stores = asked.stores or list(tags_reads.STORES)
        figures = measure(QUICK if asked.quick else FULL, stores)
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1))
    text = section(figures)
    if asked.to:
        said.write(asked.to, "tags", text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
