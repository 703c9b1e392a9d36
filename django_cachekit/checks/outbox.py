"""The checks of the outbox."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.core import checks
from django.db import connections, router

from .. import conf
from .common import Messages, error

APP = "django_cachekit"


def outbox_can_be(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Check ``CACHEKIT["OUTBOX"]``, and what is to drain it: E023, W024."""
    given: Any = conf.given()
    wanted = given.get("OUTBOX") if isinstance(given, Mapping) else None
    return [*_place(wanted), *_tasks()] if wanted else []


def _place(wanted: Any) -> Messages:
    if wanted is not True and wanted not in connections:
        text = f'CACHEKIT["OUTBOX"] is {wanted!r}, which is not in DATABASES.'
        there = ", ".join(map(repr, connections))
        yield error("E023", text, f"Give True, or one of {there}.")
    elif not apps.is_installed(APP):
        text = 'CACHEKIT["OUTBOX"] needs a table, which is that of an app that is not installed.'
        yield error("E023", text, f"Add {APP!r} to INSTALLED_APPS, and run: manage.py migrate")
    else:
        model = apps.get_model(APP, "PendingFlush")
        where = router.db_for_write(model) if wanted is True else wanted
        if not router.allow_migrate_model(where, model):
            text = f'CACHEKIT["OUTBOX"]: DATABASE_ROUTERS keep its table out of {where!r}.'
            yield error("E023", text, f"Let them migrate {APP!r} there, or name another database.")


def _tasks() -> Messages:
    if conf.get("BACKGROUND") == "tasks" and find_spec("django.tasks") is None:
        text = 'CACHEKIT["BACKGROUND"] is "tasks", which Django has from 6.0 on.'
        hint = "Nothing drains the outbox by itself: run manage.py cache_outbox from cron."
        yield checks.Warning(text, hint=hint, id="cachekit.W024")
