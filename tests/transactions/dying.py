"""A process that is killed about a commit: ``python -m tests.transactions.dying SETTINGS``.

It changes a row and flushes the tag of what was computed from it, in one transaction, and has
itself killed at the moment that is named: ``before`` the commit, ``between`` it and the flush,
``after`` the flush and before the outbox's row is removed, or ``never``.
"""

import json
import os
import signal
import sys
from typing import Any

import django
from django.conf import settings


def die(**_: Any) -> None:
    """End at once, with nothing closed or finished."""
    os.kill(os.getpid(), signal.SIGKILL)


def main(moment: str) -> None:
    """Change the row, and flush."""
    from django.db import connection, transaction

    from django_cachekit import cache, signals

    if moment == "after":
        signals.tags_flushed.connect(die)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("UPDATE facts SET said = 'new'")
        if moment == "between":
            transaction.on_commit(die)
        cache.tags("facts").flush()
        if moment == "before":
            die()


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    if "mysql" in given["DATABASES"]["default"]["ENGINE"]:
        import pymysql

        pymysql.install_as_MySQLdb()
    settings.configure(
        SECRET_KEY="for tests only, it opens nothing",
        INSTALLED_APPS=["django_cachekit"],
        USE_TZ=True,
        **given,
    )
    django.setup()
    main(sys.argv[2])
