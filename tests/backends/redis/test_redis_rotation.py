"""Sealing what lies in a Redis anew, under another key."""

from typing import Any

import pytest
from django.core.management import call_command
from django.test import override_settings

from .helping import INDEX_KEY, KEY, alone

OTHER = "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8"


@pytest.mark.parametrize("many", [3, 700])
def test_entries_are_sealed_anew_and_the_old_key_can_go(many: int, empty: Any, capsys: Any) -> None:
    values = {f"k{number}": number for number in range(many)}
    with alone(empty.url, ENCRYPTION_KEYS=[KEY], INDEX_KEY=INDEX_KEY) as cache:
        cache.put_many(values, 600)
        cache.tags("t").put("tagged", 1)
        cache.increment("n", 5)
    with alone(empty.url, ENCRYPTION_KEYS=[OTHER, KEY], INDEX_KEY=INDEX_KEY) as cache:
        call_command("cache_key_rotate", verbosity=0)
        assert cache.many(list(values)) == values
    with alone(empty.url, ENCRYPTION_KEYS=[OTHER], INDEX_KEY=INDEX_KEY) as cache:
        assert cache.many(list(values)) == values
        assert cache.get("tagged") == 1
        assert cache.increment("n") == 6
        assert 590 < cache.ttl("k1") <= 600


def test_entries_are_signed_anew_long_keys_too(empty: Any) -> None:
    values = {"k": 1, "x" * 700: 2, "\0": 3}
    with override_settings(SECRET_KEY="old" * 20), alone(empty.url) as cache:
        cache.put_many(values)
    both = {"SECRET_KEY": "new" * 20, "SECRET_KEY_FALLBACKS": ["old" * 20]}
    with override_settings(**both), alone(empty.url) as cache:
        call_command("cache_key_rotate", verbosity=0)
    with override_settings(SECRET_KEY="new" * 20), alone(empty.url) as cache:
        assert cache.many(list(values)) == values
