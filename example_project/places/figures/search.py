"""Find cities by a name that may be misspelt."""

from __future__ import annotations

import heapq
import unicodedata
from typing import Any

from places.models import City

LIMIT = 40
FLOOR = 0.3  # how alike two names must be at least; the default of PostgreSQL's pg_trgm


def plain(text: str) -> str:
    """Bring a name down to small letters without accents, and single spaces."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    kept = (letter for letter in letters if not unicodedata.combining(letter))
    return " ".join("".join(kept).split())


def trigrams(text: str) -> frozenset[str]:
    """Cut a plain name into all runs of three letters, with blanks at its ends."""
    padded = f"  {text} "
    return frozenset(padded[at : at + 3] for at in range(len(padded) - 2))


def alike(one: frozenset[str], other: frozenset[str]) -> float:
    """Rate two sets of trigrams from 0 (nothing shared) to 1 (the same)."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared)


def search(query: str) -> list[dict[str, Any]]:
    """Compare the query with the name of every city, and list the most alike."""
    wanted = trigrams(plain(query))
    rows = City.objects.order_by().values_list("geoname", "name", "population").iterator()
    rated = ((alike(wanted, trigrams(plain(name))), people, pk) for pk, name, people in rows)
    best = heapq.nlargest(LIMIT, (rating for rating in rated if rating[0] >= FLOOR))
    return _rows(best)


def _rows(best: list[tuple[float, int, int]]) -> list[dict[str, Any]]:
    fields = City.objects.filter(pk__in=[pk for _, _, pk in best]).values(
        "geoname", "name", "country_id", "population"
    )
    cities = {row["geoname"]: row for row in fields}
    return [{**cities[pk], "alike": round(100 * score)} for score, _, pk in best]
