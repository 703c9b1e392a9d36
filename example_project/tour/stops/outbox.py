"""A flush that a failure cannot lose."""

from pathlib import Path

from django.conf import settings
from django.db import transaction

from django_cachekit import cache
from django_cachekit.models import PendingFlush
from django_cachekit.outbox import drain
from tour.models import Trip
from tour.stop import Action, Stop

vault = cache.store("vault")  # a store in files
folder = Path(settings.CACHES["vault"]["LOCATION"])


def pull_the_plug() -> dict[str, object]:
    vault.tags("tour:offers").put("tour:offer", "an old offer", 600)
    if folder.is_dir():
        folder.rename(folder.with_name("away"))
        folder.write_text("a file where the directory was")
    return {"the store can be written": vault.put("tour:other", 1, 60)}


def change_and_flush() -> dict[str, object]:
    with transaction.atomic():
        Trip.objects.create(name="Grand tour", continent="Europe")
        vault.tags("tour:offers").flush()
    return {"flushes that wait in the outbox": waiting()}


def put_it_back() -> dict[str, object]:
    if folder.is_file():
        folder.unlink()
        folder.with_name("away").rename(folder)
    before = vault.get("tour:offer")
    drain()  # what `manage.py cache_outbox` does, from cron
    return {
        "the offer, before": before,
        "the offer, after": vault.get("tour:offer"),
        "flushes that wait in the outbox": waiting(),
    }


def waiting() -> list[str]:
    return [str(flush) for flush in PendingFlush.objects.all()]


# The page:
def now() -> dict[str, object]:
    """Tell what waits."""
    return {
        "the plug is": "pulled" if folder.is_file() else "in",
        "in the outbox": waiting(),
    }


STOP = Stop(
    slug="outbox",
    title="The outbox",
    line="A flush whose store is down is a row, and is carried out later.",
    text=(
        "With an outbox, what is to be flushed is written in the same transaction as the data. "
        "Pull the plug of a store, change something and flush: it waits. Put it back, and what "
        "`cache_outbox` does carries it out. Until then the old offer can be read."
    ),
    module=__name__,
    actions=(
        Action("1. Pull the plug", pull_the_plug),
        Action("2. Change and flush", change_and_flush),
        Action("3. Put it back", put_it_back),
    ),
    docs="transactions.md",
    now=now,
)
