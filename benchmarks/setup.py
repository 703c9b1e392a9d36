"""Django, set up for one section; and the values that all sections store."""

import os
import random
from typing import Any

import django
from django.conf import settings

DJANGO = "django.core.cache.backends."
OURS = "django_cachekit.backends."

_WORDS = [
    *(
        "a",
        "tea",
        "from",
        "some",
        "hill",
        "is",
        "made",
        "by",
        "hand",
        "when",
        "rain",
        "has",
        "gone",
    ),
    *("and", "paid", "in", "silver"),
]
_dice = random.Random(7)


def _text(length: int) -> str:
    """Return words in no order: they compress as texts do, not as one letter would."""
    return " ".join(_dice.choices(_WORDS, k=length))[:length]


TEXTS = {"100 B": _text(100), "1 KB": _text(1000), "100 KB": _text(100_000)}
RECORD = {f"field{number}": _text(60) for number in range(14)}
"""About 1 KB, however it is written."""
RECORDS = [{"id": number, "name": f"name {number}", "price": number / 4} for number in range(100)]
LARGE = {f"field{number}": os.urandom(500).hex() for number in range(100)}
"""About 100 KB, that do not compress well."""
MANY = [f"many{number}" for number in range(100)]


def setup(caches: dict[str, dict[str, Any]], database: dict[str, Any] | None = None) -> None:
    """Set up Django with these aliases."""
    memory = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    settings.configure(
        SECRET_KEY=os.urandom(32).hex(),
        INSTALLED_APPS=["django.contrib.contenttypes", "django_cachekit"],
        DATABASES={"default": database or memory},
        CACHES={"default": {"BACKEND": DJANGO + "dummy.DummyCache"}, **caches},
    )
    django.setup()


def queryset() -> Any:
    """Return a queryset of a hundred rows, in a table that is made for it."""
    from django.contrib.contenttypes.models import ContentType
    from django.db import connection

    if ContentType._meta.db_table not in connection.introspection.table_names():
        with connection.schema_editor() as editor:
            editor.create_model(ContentType)
        rows = [ContentType(app_label="shop", model=f"model {number}") for number in range(100)]
        ContentType.objects.bulk_create(rows)
    return ContentType.objects.order_by("pk")


def values() -> dict[str, Any]:
    """Return what is stored, by what it is called."""
    rows = queryset()
    assert len(rows) == 100  # evaluated, as what is cached is
    return {**TEXTS, "dict, 1 KB": RECORD, "list of 100 dicts": RECORDS, "queryset of 100": rows}


def keys() -> dict[str, Any]:
    """Return keys for a store of ours that seals."""
    from django_cachekit.codecs import generate_key

    return {"ENCRYPTION_KEYS": [generate_key()], "INDEX_KEY": generate_key()}
