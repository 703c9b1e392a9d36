"""Settings that change hold for the facade, whichever thread asks first afterwards."""

import threading

from django.core.cache import caches
from django.test import override_settings

from django_cachekit import cache

STORE = {"BACKEND": "django_cachekit.backends.array.ArrayCache", "LOCATION": "changed"}


def test_a_thread_with_an_older_backend_asks_first() -> None:
    asks, asked = threading.Event(), threading.Event()
    ready = threading.Event()
    told: list[bool] = []

    def other() -> None:
        caches["default"].get("key")
        ready.set()
        asks.wait(10)
        told.append(cache.stats()["counted"])
        asked.set()

    with override_settings(CACHES={"default": STORE}):
        thread = threading.Thread(target=other)
        thread.start()
        assert ready.wait(10)
        with override_settings(CACHEKIT={"STATS": True}):
            asks.set()
            assert asked.wait(10)
            told.append(cache.stats()["counted"])
        thread.join()
    assert told == [True, True]
