"""The suite over a ``TaggedCache`` with a prefix, on stores that judge tags themselves."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from django_cachekit.testing.conformance import Behaviour
from tests.placing import placed
from tests.stores import BY_NAME, OURS, Row

OVER = {
    "BACKEND": OURS + "tagged.TaggedCache",
    "KEY_PREFIX": "over",
    "OPTIONS": {"STORE": "beside"},
}


class TestPrefixed(Behaviour):
    """Have every test run over a prefix, by both faces."""

    @pytest.fixture(params=["file", "redis"])
    def row(self, request: pytest.FixtureRequest) -> Row:
        under = BY_NAME[request.param]
        return dataclasses.replace(under, can=under.can - {"list"})

    @pytest.fixture
    def configured(self, row: Row, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
        with placed(row, request, tmp_path):
            both = {"default": OVER, "beside": settings.CACHES["default"]}
            with override_settings(CACHES=both):
                yield row
