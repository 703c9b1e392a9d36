"""Four plots of the kept figures, as SVG that reads on light and on dark pages."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

Documents = Mapping[str, Mapping[str, Any]]
GREY = "#808080"
OURS, PEER = "#2f81d6", "#9a9a9a"
BLUES = {
    "ours": OURS,
    "ours, sealed": "#1d5fa3",
    "ours, sealed and compressed": "#7db5ec",
    "ours, COPY off": "#7db5ec",
}
OTHERS = (PEER, "#d9822b", "#4c9f58", "#a666c4", "#c44e52", "#8c6d31", "#17a2a2", "#c2b000")
COLOURS = ("#2f81d6", "#d9822b")


def draw(found: Documents, folder: Path) -> list[Path]:
    """Draw what has been measured into a folder; return what was drawn."""
    # Peers are there only where the group bench is installed.
    import matplotlib as mpl  # type: ignore[import-not-found,import-untyped,unused-ignore]

    mpl.use("svg")
    with mpl.rc_context(STYLE):
        plots = {
            "memory-hits": memory_hits(found),
            "redis-verbs": redis_verbs(found),
            "set-by-entries": set_by_entries(found),
            "bytes-of-an-entry": sizes(found),
        }
        return [_save(figure, folder / f"{name}.svg") for name, figure in plots.items() if figure]


STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "django_cachekit",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": GREY,
    "axes.labelcolor": GREY,
    "axes.edgecolor": GREY,
    "axes.facecolor": "none",
    "xtick.color": GREY,
    "ytick.color": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


def _figure(height: float) -> tuple[Any, Any]:
    # Peers are there only where the group bench is installed.
    from matplotlib.figure import Figure  # type: ignore[import-not-found,import-untyped,unused-ignore]

    figure = Figure(figsize=(7.5, height), layout="constrained")
    return figure, figure.add_subplot()


def _save(figure: Any, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, transparent=True, metadata={"Date": None, "Creator": None})
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line.rstrip() for line in lines) + "\n")
    return path


def _rows(found: Documents, section: str, title: str) -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]]
    rows = found.get(section, {}).get("tables", {}).get(title, {}).get("rows", {})
    return rows


def memory_hits(found: Documents) -> Any:
    """Draw a bar for each store's hit of 1 KB of text, and one for a dict's."""
    rows = _rows(found, "memory", "hit in memory")
    rows = {name: row for name, row in rows.items() if name != "an empty function"}
    if not rows:
        return None
    kinds = {"1 KB": "1 KB of text", "list of 100 dicts": "list of 100 dicts"}
    figure, axes = _figure(4.2)
    for number, (work, told) in enumerate(kinds.items()):
        _bars(axes, rows, work, number, len(kinds), told)
    axes.set_xscale("log")
    axes.set_xlabel("µs of processor time for one hit (less is better)")
    axes.set_yticks(range(len(rows)), list(rows))
    axes.invert_yaxis()
    axes.legend()
    return figure


def _bars(axes: Any, rows: Any, work: str, number: int, of: int, told: str) -> None:
    height = 0.8 / of
    places = [place - 0.4 + height * (number + 0.5) for place in range(len(rows))]
    cells = [row.get(work) for row in rows.values()]
    middles = [cell["median"] if cell else 0 for cell in cells]
    errors = [
        [max(0.0, cell["median"] - cell["low"]) if cell else 0 for cell in cells],
        [max(0.0, cell["high"] - cell["median"]) if cell else 0 for cell in cells],
    ]
    axes.barh(
        places,
        middles,
        height * 0.9,
        xerr=errors,
        label=told,
        color=COLOURS[number],
        error_kw={"ecolor": GREY, "elinewidth": 0.8},
    )


def redis_verbs(found: Documents) -> Any:
    """Draw each verb on Redis relative to django-redis."""
    rows = _rows(found, "redis", "1 KB on redis")
    if not rows:
        return None
    first = rows["django-redis"]
    verbs = list(first)
    figure, axes = _figure(4.2)
    width = 0.84 / len(rows)
    for number, (name, row) in enumerate(rows.items()):
        some = [place for place, verb in enumerate(verbs) if verb in row]
        axes.bar(
            [place - 0.42 + width * (number + 0.5) for place in some],
            [row[verbs[place]]["median"] / first[verbs[place]]["median"] for place in some],
            width * 0.92,
            label=name,
            color=BLUES.get(name, OTHERS[number % len(OTHERS)]),
        )
    axes.axhline(1, color=GREY, linewidth=0.8)
    axes.set_xticks(range(len(verbs)), verbs)
    axes.set_ylabel("time, in django-redis's (less is better)")
    figure.legend(ncols=3, fontsize=8, loc="outside upper center")
    return figure


def set_by_entries(found: Documents) -> Any:
    """Draw a set against the number of entries that are there."""
    rows = _rows(found, "files", "set of 1 KB by entries")
    if not rows:
        return None
    figure, axes = _figure(3.8)
    for number, (name, row) in enumerate(rows.items()):
        counts = [int(count.replace(",", "")) for count in row]
        cells = list(row.values())
        colour = BLUES.get(name, OTHERS[number])
        axes.plot(counts, [cell["median"] for cell in cells], marker="o", label=name, color=colour)
        axes.fill_between(
            counts,
            [cell["low"] for cell in cells],
            [cell["high"] for cell in cells],
            color=colour,
            alpha=0.2,
            linewidth=0,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("entries that are there")
    axes.set_ylabel("µs for one set of 1 KB")
    axes.legend()
    return figure


def sizes(found: Documents) -> Any:
    """Draw what an entry takes: in memory and where it is stored."""
    stored = _rows(found, "start", "bytes of one entry")
    memory = _rows(found, "start", "memory of 100,000 entries")
    if not stored or not memory:
        return None
    rows = {
        **{f"memory: {name}": row["grown by"]["median"] * 10 for name, row in memory.items()},
        **{name: row["100 B"]["median"] for name, row in stored.items()},
    }
    figure, axes = _figure(4.8)
    axes.barh(
        range(len(rows)),
        list(rows.values()),
        0.75,
        color=[OURS if "ours" in name else PEER for name in rows],
    )
    axes.set_yticks(range(len(rows)), list(rows))
    axes.invert_yaxis()
    axes.set_xlabel("bytes for an entry whose value is 100 bytes of text (less is better)")
    return figure
