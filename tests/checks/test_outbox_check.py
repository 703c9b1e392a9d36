"""The check of ``CACHEKIT["OUTBOX"]``."""

from typing import Any

import pytest
from django.conf import settings

from django_cachekit.checks import outbox
from django_cachekit.checks import settings as cachekit_settings

from .test_checks import found, one

LONELY = [name for name in settings.INSTALLED_APPS if name != "django_cachekit"]


class Refuse:
    """Be a router that keeps the app's tables out of every database."""

    def allow_migrate(self, db: str, app_label: str, **_: Any) -> bool | None:
        return False if app_label == "django_cachekit" else None


@pytest.mark.parametrize("wanted", [False, None, True, "default"])
def test_a_good_one(wanted: Any) -> None:
    assert found({}, CACHEKIT={"OUTBOX": wanted}) == []


@pytest.mark.parametrize("wanted", ["nowhere", 5])
def test_e023_a_database_that_is_not_there(wanted: Any) -> None:
    said = one({}, CACHEKIT={"OUTBOX": wanted})
    assert said.id == "cachekit.E023"
    assert said.hint == "Give True, or one of 'default'."


def test_e023_an_app_that_is_not_installed() -> None:
    said = one({}, CACHEKIT={"OUTBOX": True}, INSTALLED_APPS=LONELY)
    assert said.id == "cachekit.E023"
    assert "INSTALLED_APPS" in str(said.hint)


@pytest.mark.parametrize("wanted", [True, "default"])
def test_e023_a_table_that_routers_keep_out(wanted: Any) -> None:
    said = one({}, CACHEKIT={"OUTBOX": wanted}, DATABASE_ROUTERS=[Refuse()])
    assert (said.id, "'default'" in said.msg) == ("cachekit.E023", True)


def test_w024_tasks_that_django_has_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "find_spec", lambda name: None)
    monkeypatch.setattr(cachekit_settings, "find_spec", lambda name: None)
    said = one({}, CACHEKIT={"OUTBOX": True, "BACKGROUND": "tasks"})
    assert said.id == "cachekit.W024"
    said = one({}, CACHEKIT={"OUTBOX": False, "BACKGROUND": "tasks"})
    assert (said.id, "threads" in str(said.hint)) == ("cachekit.W024", True)
    monkeypatch.setattr(outbox, "find_spec", lambda name: name)
    monkeypatch.setattr(cachekit_settings, "find_spec", lambda name: name)
    assert found({}, CACHEKIT={"OUTBOX": True, "BACKGROUND": "tasks"}) == []
    assert found({}, CACHEKIT={"OUTBOX": False, "BACKGROUND": "tasks"}) == []
