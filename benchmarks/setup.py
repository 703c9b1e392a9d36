"""Django, set up for one section; and the values that all sections store."""

import os
from typing import Any

import django
from django.conf import settings

DJANGO = "django.core.cache.backends."
OURS = "django_cachekit.backends."

TEXTS = {"100 B": "x" * 100, "1 KB": "x" * 1000, "100 KB": "x" * 100_000}
RECORD = {f"field{number}": f"value {number} " * 6 for number in range(14)}
"""About 1 KB, however it is written."""
RECORDS = [{"id": number, "name": f"name {number}", "price": number / 4} for number in range(100)]
LARGE = {f"field{number}": os.urandom(500).hex() for number in range(100)}
"""About 100 KB, that do not compress well."""
MANY = [f"many{number}" for number in range(100)]


def setup(caches: dict[str, dict[str, Any]], database: dict[str, Any] | None = None) -> None:
    """Set up Django with these aliases, and a table with a hundred rows in its database."""
    from django.core.management import call_command

    memory = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    settings.configure(
        SECRET_KEY=os.urandom(32).hex(),
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "django_cachekit",
        ],
        DATABASES={"default": database or memory},
        CACHES={"default": {"BACKEND": DJANGO + "dummy.DummyCache"}, **caches},
    )
    django.setup()
    call_command("migrate", verbosity=0)


def queryset() -> Any:
    """Return a queryset of a hundred rows."""
    from django.contrib.auth.models import Group

    if not Group.objects.exists():
        Group.objects.bulk_create(Group(name=f"group {number}") for number in range(100))
    return Group.objects.order_by("pk")


def values() -> dict[str, Any]:
    """Return what is stored, by what it is called."""
    rows = queryset()
    assert len(rows) == 100  # evaluated, as what is cached is
    return {**TEXTS, "dict, 1 KB": RECORD, "list of 100 dicts": RECORDS, "queryset of 100": rows}


def keys() -> dict[str, Any]:
    """Return keys for a store of ours that seals."""
    from django_cachekit.codecs import generate_key

    return {"ENCRYPTION_KEYS": [generate_key()], "INDEX_KEY": generate_key()}
