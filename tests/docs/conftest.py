"""What the examples need around them: a shop with a table, clean registries and signals."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.dispatch import Signal
from django.test import override_settings

from django_cachekit import invalidating, signals, warming

SIGNALS = [value for value in vars(signals).values() if isinstance(value, Signal)]


@pytest.fixture(scope="module")
def shop_app(django_db_setup: None) -> Iterator[None]:
    """Let the examples import ``shop``: after the database is made, which so has no table of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parent)
        with override_settings(INSTALLED_APPS=[*settings.INSTALLED_APPS, "shop"]):
            yield


@pytest.fixture
def shop(shop_app: None, db: None) -> None:
    """Make the shop's table, and put something on its shelves."""
    from shop.models import Product

    statement, _ = connection.schema_editor(collect_sql=True).table_sql(Product)
    with connection.cursor() as cursor:
        cursor.execute(statement)
    Product.objects.create(name="Assam", category="tea", price="7.50")
    Product.objects.create(name="Yunnan", category="tea", price="9.00")
    Product.objects.create(name="Kenya AA", category="coffee", price="12.00")


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[contextlib.ExitStack]:
    """Give a stack that undoes what a page did, to warmers, rules and signals too."""
    monkeypatch.setattr(warming, "_registry", dict(warming._registry))
    before = [(signal, list(signal.receivers)) for signal in SIGNALS]
    rules = list(invalidating._rules)
    with contextlib.ExitStack() as stack:
        yield stack
    for rule in [rule for rule in invalidating._rules if rule not in rules]:
        rule.disconnect()
    for signal, receivers in before:
        signal.receivers = receivers
        signal.sender_receivers_cache.clear()
