"""What was measured, as Markdown between marks: tables, and aims that are met or missed."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

Documents = Mapping[str, Mapping[str, Any]]
Where = tuple[str, str, str, str]
"""Section, table, subject, work."""


class Aim(NamedTuple):
    """Say what is aimed at: one figure over another, at most so much (or at least).

    ``why`` is told where it is missed.
    """

    what: str
    ours: Where
    over: Where
    at_most: float | None = None
    at_least: float | None = None
    why: str = ""
    less: Where | None = None
    """What is taken off both first: an empty call."""
    on_top: bool = False
    """Say it as what comes on top, in percent."""


def figure(found: Documents, where: Where) -> float | None:
    """Return a median, or None where it was not measured."""
    section, title, subject, work = where
    try:
        value: float = found[section]["tables"][title]["rows"][subject][work]["median"]
    except KeyError:
        return None
    return value


def outcome(aim: Aim, found: Documents) -> tuple[float, bool] | None:
    """Return the ratio and whether the aim is met; None if something was not measured."""
    ours, over = figure(found, aim.ours), figure(found, aim.over)
    if not ours or not over:
        return None
    less = figure(found, aim.less) or 0 if aim.less else 0
    ours, over = max(ours - less, 1e-4), max(over - less, 1e-4)
    if aim.at_least is not None:  # how many times faster
        return over / ours, over / ours >= aim.at_least
    assert aim.at_most is not None
    return ours / over, ours / over <= aim.at_most


def aims(wanted: Iterable[Aim], found: Documents) -> str:
    """Return what was aimed at, and what came of it, with reasons where it was missed."""
    lines, reasons = ["| aim | | found | |", "|---|---|---|---|"], []
    for aim in wanted:
        came = outcome(aim, found)
        if came is None:
            lines.append(f"| {aim.what} | {_bound(aim)} | not measured | |")
            continue
        value, met = came
        told = f"{(value - 1) * 100:+.0f} %" if aim.on_top else f"{number(value)} times"
        lines.append(f"| {aim.what} | {_bound(aim)} | {told} | {'met' if met else '**missed**'} |")
        if not met and aim.why:
            reasons.append(f"- **{aim.what}**: {aim.why}")
    told = "\n".join(dict.fromkeys(reasons))
    return "\n".join(lines) + (f"\n\nWhy some are missed:\n\n{told}\n" if told else "\n")


def _bound(aim: Aim) -> str:
    if aim.on_top:
        return f"at most {((aim.at_most or 0) - 1) * 100:+.0f} %"
    if aim.at_least is not None:
        return f"at least {aim.at_least:g} times faster"
    return f"at most {aim.at_most:g} times"


def table(one: Mapping[str, Any]) -> str:
    """Return a table: a row for each subject, each figure with its spread and its ratio."""
    rows: Mapping[str, Mapping[str, Mapping[str, float]]] = one["rows"]
    works = list(dict.fromkeys(work for row in rows.values() for work in row))
    first = rows[next(iter(rows))]
    lines = [f"| {one['title']}, {one['unit']} | " + " | ".join(works) + " |"]
    lines.append("|---" + "|---:" * len(works) + "|")
    for name, row in rows.items():
        cells = [cell(row.get(work), None if row is first else first.get(work)) for work in works]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    note = f"\n{one['note']}\n" if one.get("note") else ""
    return "\n".join(lines) + "\n" + note


def cell(found: Mapping[str, float] | None, first: Mapping[str, float] | None) -> str:
    """Say a median, half the distance of the quartiles, and the ratio to the first row."""
    if found is None:
        return ""
    median = found["median"]
    told = number(median)
    if found["high"] != found["low"] and median:
        told += f" ±{(found['high'] - found['low']) / 2 / median * 100:.0f} %"
    return f"{told} ({number(median / first['median'])})" if first and first["median"] else told


def number(value: float) -> str:
    """Round to three digits that count, or to whole numbers."""
    if value >= 100 or value == 0:
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 1 else f"{float(f'{value:.3g}'):g}"


def machine(found: Mapping[str, Any]) -> str:
    """Say what it was measured on."""
    on = found["machine"]
    return f"Python {on['python']}, Django {on['django']}, {on['cores']} cores ({on['system']})"


def section(title: str, prose: str, found: Mapping[str, Any]) -> str:
    """Return a section: what was done, and its tables."""
    size = found["size"]
    some = " (a quick run)" if size["quick"] else ""
    head = f"## {title}\n\n{prose.strip()}\n\n"
    head += f"{machine(found)}; medians of {size['rounds']} rounds{some}.\n\n"
    return head + "\n".join(table(one) for one in found["tables"].values())


def write(path: Path, name: str, text: str) -> None:
    """Put a text into a file: between its marks, or with marks at the end."""
    begin, end = f"<!-- {name} -->\n\n", f"\n<!-- end of {name} -->\n"
    old = path.read_text() if path.exists() else ""
    marked = f"{begin}{text.rstrip()}\n{end}"
    found = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if found.search(old):
        path.write_text(found.sub(lambda _: marked, old))
    else:
        path.write_text(f"{old}\n{marked}" if old else marked)


def versions(documents: Sequence[Mapping[str, Any]]) -> str:
    """Say which releases of the others were measured."""
    peers: dict[str, str] = {}
    for found in documents:
        peers |= found["machine"]["peers"]
    return ", ".join(f"{name} {told}" for name, told in sorted(peers.items(), key=str))
