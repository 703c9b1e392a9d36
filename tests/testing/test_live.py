"""A server in a thread, as browsers are tested with: it has the store and the time of the test."""

from typing import Any
from urllib.request import urlopen

from django.http import HttpRequest, HttpResponse
from django.test import LiveServerTestCase, override_settings
from django.urls import path

from django_cachekit import cache
from django_cachekit.core import clock
from django_cachekit.testing import (
    CacheAssertions,
    Time,
    assert_cache,
    frozen_time,
    override_cache,
    record_round_trips,
)


def tea(request: HttpRequest) -> HttpResponse:
    return HttpResponse(cache.remember("tea", 60, lambda: str(clock.now())))


urlpatterns = [path("tea", tea)]


@override_settings(ROOT_URLCONF=__name__, STATIC_URL="/static/")
@override_cache()
@frozen_time("2030-01-01", attr_name="time")
class Live(CacheAssertions, LiveServerTestCase):
    time: Time

    def get(self) -> Any:
        with urlopen(f"{self.live_server_url}/tea") as answer:  # noqa: S310 - of this test's
            return answer.read().decode()

    def test_a_page(self) -> None:
        assert cache.get("tea") is None
        with assert_cache(computed=["tea"], hits=["tea"]), record_round_trips() as trips:
            assert [self.get(), self.get()] == ["1893456000.0"] * 2
        assert trips.commands.count("write tea") == 1
        assert cache.get("tea") == "1893456000.0"
        self.time.advance(61)
        assert self.get() == "1893456061.0"

    test_another_begins_anew = test_a_page
