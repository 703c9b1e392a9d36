"""The section of ``docs/figures.md`` about tags, written from the figures."""

from pathlib import Path
from typing import Any

from .tags_reads import SHORTER

COLUMNS = {
    "ours": "ours",
    "by hand": "Django, by hand",
    "Laravel's design": "Laravel's design",
    "cashews": "cashews",
    "cacheops": "cacheops",
    "cacheops, insideout": "cacheops, insideout",
}
VARIANTS = {
    "ours": ("ours, put", "by `get` and `put`"),
    "cacheops": ("cacheops, keep_fresh", "`keep_fresh`"),
    "cacheops, insideout": ("cacheops, insideout, keep_fresh", "`keep_fresh`"),
}

AIMS = {"redis": 1.15, "memcached": 1.3, "array": 2.0}
FLUSH_AIM = 1.2

TEMPLATE = Path(__file__).with_name("tags_section.md")


def section(figures: dict[str, Any]) -> str:
    """Return the whole section."""
    flush = figures["flush"]
    return TEMPLATE.read_text().format(
        machine=figures["versions"],
        peers=peers(figures),
        aims=aims(figures),
        stores=stores(figures["reads"]).rstrip(),
        rounds=figures["size"]["rounds"],
        read_rounds=figures["size"]["rounds"] * SHORTER,
        repeated=flush["repeated"],
        first=span(flush["many"]["ours"]["first"]),
        idle=span(flush["idle"]),
        control=figures["counts"]["control"],
        expired=figures["size"]["expired"],
    )


def peers(figures: dict[str, Any]) -> str:
    """Return the table of all ways on a Redis."""
    rows = [
        *_flushes(figures["flush"]),
        *_reads(figures["reads"]),
        *_counts(figures["counts"], figures["size"]),
    ]
    lines = ["| on Redis | " + " | ".join(COLUMNS.values()) + " |"]
    lines.append("|---" * (len(COLUMNS) + 1) + "|")
    lines += [
        f"| {what} | " + " | ".join(cells[name] for name in COLUMNS) + " |" for what, cells in rows
    ]
    return "\n".join(lines) + "\n"


Row = tuple[str, dict[str, str]]


def _flushes(flush: dict[str, Any]) -> list[Row]:
    few = {name: {**flush["few"][name], **flush["many"][name].get("few", {})} for name in COLUMNS}
    many = {name: flush["many"][name]["took"] for name in COLUMNS}
    large = f"{flush['count']:,}"
    thousand = {name: few[name]["1000"] / few[name]["1"] for name in COLUMNS}
    return [
        ("flush of a tag that 1 entry bears", {name: span(few[name]["1"]) for name in COLUMNS}),
        (
            "... 1,000 entries (over 1)",
            {name: f"{span(few[name]['1000'])} ({ratio(thousand[name])})" for name in COLUMNS},
        ),
        (
            f"... {large} entries (over 1)",
            {
                name: f"{span(many[name])} ({ratio(many[name] / few[name]['1'])})"
                for name in COLUMNS
            },
        ),
        (
            "longest wait of another client meanwhile",
            {name: span(flush["many"][name]["wait"]) for name in COLUMNS},
        ),
    ]


def _reads(reads: dict[str, Any]) -> list[Row]:
    if "redis" not in reads:
        return []
    found = reads["redis"]
    ours = {f"ours: {words}": found[words] for words in ("none", "one", "three")}
    found = {**found, **ours}
    rows = []
    for words, what in (
        ("one", "tagged `get` over untagged, one tag"),
        ("three", "... three tags"),
    ):
        cells = {
            name: f"{found[f'{name}: {words}'] / found[f'{name}: none']:.2f}" for name in COLUMNS
        }
        rows.append((what, cells))
    return rows


def _counts(counts: dict[str, Any], size: dict[str, int]) -> list[Row]:
    stale, left = counts["stale"], counts["left"]
    of = f"stale of {counts['trials']}"
    told = {
        "overtaken": f"{of}: overtaken by a flush",
        "own": f"{of}: the tag's record lost before the flush",
        "shared": f"{of}: a shared record lost before the flush",
        "outlived": f"{of}: outlived a shorter entry",
    }
    rows = [
        (words, {name: _stale(stale, name, what) for name in COLUMNS})
        for what, words in told.items()
    ]
    cells = {name: _left(left[name]) for name in COLUMNS}
    expired = f"{size['expired']:,} entries expired"
    rows.append((f"{expired}: keys left / without expiry / after cleaning", cells))
    memory = {name: f"{left[name]['bytes'] / 1e6:.1f} MB" for name in COLUMNS}
    return [*rows, ("... memory that the keys left take", memory)]


def _stale(stale: dict[str, Any], name: str, what: str) -> str:
    found = stale[name][what]
    told = "none to lose" if found is None else str(found)
    if what == "overtaken" and name in VARIANTS:
        variant, words = VARIANTS[name]
        return f"{told}; {words}: {stale[variant][what]}"
    return told


def _left(left: dict[str, Any]) -> str:
    pruned = "—" if left["pruned"] is None else f"{left['pruned']:,}"
    return f"{left['keys']:,} / {left['forever']:,} / {pruned}"


def aims(figures: dict[str, Any]) -> str:
    """Return what was aimed at, and what came of it."""
    ours = figures["flush"]["many"]["ours"]
    large, one = f"{figures['flush']['count']:,}", ours["few"]["1"]
    found = [
        ("flush of 1,000 entries over 1", ours["few"]["1000"] / one, FLUSH_AIM),
        (f"flush of {large} entries over 1", ours["took"] / one, FLUSH_AIM),
    ]
    found += [
        (f"tagged `get` over untagged, one tag, {name}", reads["one"] / reads["none"], AIMS[name])
        for name, reads in figures["reads"].items()
        if name in AIMS
    ]
    lines = ["| aim | at most | found |", "|---|---|---|"]
    for what, value, aim in found:
        told = f"{value:.2f}" if value <= aim else f"**{value:.2f}: missed**"
        lines.append(f"| {what} | {aim:g} | {told} |")
    return "\n".join(lines) + "\n"


def stores(figures: dict[str, Any]) -> str:
    """Return the table of tagged reads of our stores."""
    columns = ["untagged", "one tag", "three tags", "one, named", "three, named", "Django's `get`"]
    lines = ["| `get` of 1 KB, µs | " + " | ".join(columns) + " |"]
    lines.append("|---" * (len(columns) + 1) + "|")
    for name, reads in figures.items():
        cells = [micro(reads["none"])]
        for words in ("one", "three", "one, named", "three, named"):
            cells.append(f"{micro(reads[words])} ({reads[words] / reads['none']:.2f})")
        django = reads.get("Django")
        cells.append(micro(django) if django else "has none")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def span(seconds: float) -> str:
    """Say a time with two digits."""
    for unit, length in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= length:
            return f"{digits(seconds / length)} {unit}"
    return f"{digits(seconds / 1e-3)} ms"


def digits(number: float) -> str:
    """Round to two digits that count."""
    return f"{float(f'{number:.2g}'):g}" if number < 1000 else f"{number:,.0f}"


def micro(number: float) -> str:
    """Say microseconds."""
    return f"{number:.1f}" if number < 10 else f"{number:.0f}"


def ratio(number: float) -> str:
    """Say a ratio: near 1 exactly, and far from it roughly."""
    return f"{number:.2f}" if number < 10 else f"{digits(number)}"
