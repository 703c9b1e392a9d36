"""``manage.py check`` tells all that is wrong, and stops at nothing."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import override_settings

from .test_checks import ARRAY, FILE, KEYS, TAGGED


@pytest.mark.parametrize(
    ("config", "id"),
    [
        ({"BACKEND": FILE, "LOCATION": "{root}/cache"}, "E001"),
        ({"BACKEND": FILE, "LOCATION": "", "OPTIONS": KEYS}, "E003"),
        ({"BACKEND": TAGGED, "OPTIONS": {"STORE": "nowhere"}}, "E005"),
        ({"BACKEND": ARRAY, "OPTIONS": {"MAX_BYTES": 0}}, "E008"),
    ],
)
def test_a_misconfigured_alias_is_told_by_its_check(
    config: dict[str, Any], id: str, tmp_path: Path
) -> None:
    if "LOCATION" in config:
        config = {**config, "LOCATION": config["LOCATION"].format(root=tmp_path)}

    with (
        override_settings(CACHES={"default": config}),
        pytest.raises(SystemCheckError, match=rf"cachekit\.{id}"),
    ):
        call_command("check")
