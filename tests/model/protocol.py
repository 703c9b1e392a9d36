"""Search the tag protocol and its known-bad relatives.

``python -m tests.model.protocol`` lists the variants; with the name of one it prints the shortest
trace of a violation in words, with ``--table`` the table in docs/decisions/tags-model.md.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache

from .broken import BROKEN as FIRST_BROKEN
from .checker import Report, explore
from .claim_variants import CLAIMS, CLAIMS_BROKEN
from .copies import COPIES, COPIES_BROKEN
from .parted_variants import PARTED, PARTED_BROKEN
from .transactions import TRANSACTIONS, TRANSACTIONS_BROKEN
from .variants import SOUND as FIRST

SOUND = FIRST + PARTED + CLAIMS + COPIES + TRANSACTIONS
BROKEN = FIRST_BROKEN + PARTED_BROKEN + CLAIMS_BROKEN + COPIES_BROKEN + TRANSACTIONS_BROKEN
VARIANTS = {variant.name: variant for variant in SOUND + BROKEN}


@cache
def run(name: str) -> Report:
    """Search one variant, once a process."""
    return explore(VARIANTS[name].model())


def table() -> str:
    """Write the variants as a Markdown table, by searching all of them."""
    rows = ["| variant | what | load | states | violating |", "|---|---|---|---:|---:|"]
    for name, variant in VARIANTS.items():
        report = run(name)
        load = " ".join(map(str, variant.load()))
        numbers = f"{report.states:,} | {report.violating:,}"
        rows.append(f"| `{name}` | {variant.about} | {load} | {numbers} |")
    return "\n".join(rows)


def main(arguments: Sequence[str]) -> int:
    """Print the list, the table, or one variant's shortest violation; return the exit code."""
    if not arguments:
        print("\n".join(f"{name:24}{variant.about}" for name, variant in VARIANTS.items()))
        return 0
    if arguments[0] == "--table":
        print(table())
        return 0
    if arguments[0] not in VARIANTS:
        print(f"no variant {arguments[0]!r}; there are: {', '.join(VARIANTS)}", file=sys.stderr)
        return 2
    report = run(arguments[0])
    print(f"{arguments[0]}: {report.states:,} states, {report.violating:,} violating")
    print(report.story())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
