"""A process that warms one slow warmer, and says on its output how far it is."""

import json
import os
import sys
from typing import Any

import django
from django.conf import settings

settings.configure(
    CACHES=json.loads(os.environ["CACHES"]),
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["DATABASE"],
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
        }
    },
    INSTALLED_APPS=["django_cachekit"],
    SECRET_KEY="for tests only, it opens nothing",
    USE_TZ=True,
)
django.setup()

from django.core.management import call_command  # noqa: E402

from django_cachekit import cache, warmer  # noqa: E402
from django_cachekit.core.faces import Blocking  # noqa: E402
from django_cachekit.flows import leases  # noqa: E402
from django_cachekit.warming import warm  # noqa: E402

leases.SECONDS = float(os.environ["LEASE"])
sleep = Blocking.sleep
said: list[str] = []


def say(text: str) -> None:
    print(text, flush=True)


async def waiting(self: Any, seconds: float) -> None:
    if not said:
        said.append("waiting")
        say("waiting")
    await sleep(self, seconds)


Blocking.sleep = waiting  # type: ignore[method-assign]


@warmer("slow", ttl=60)
def slow() -> str:
    say("computing")
    word = sys.stdin.readline().strip()
    if word == "raise":
        raise ValueError("told to")
    return word


call_command("cache_table", verbosity=0)
say("ready")
sys.stdin.readline()
(outcome,) = warm()
say(
    json.dumps(
        {
            "status": outcome.status,
            "entries": outcome.entries,
            "error": outcome.error,
            "value": cache.get("slow"),
        }
    )
)
