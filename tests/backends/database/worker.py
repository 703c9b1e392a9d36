"""A process of its own over a cache in a database: python worker.py SETTINGS; jobs by stdin."""

import json
import os
import sys

import django
import pymysql
from django.conf import settings


def configure(database: str) -> None:
    """Set up Django with one cache, in the table ``cache`` of the database given as JSON."""
    if "mysql" in database:
        pymysql.install_as_MySQLdb()
    settings.configure(
        SECRET_KEY="for tests only, it opens nothing",
        DATABASES={"default": json.loads(database)},
        CACHES={
            "default": {
                "BACKEND": "django_cachekit.backends.database.DatabaseCache",
                "LOCATION": "cache",
            }
        },
        USE_TZ=True,
    )
    django.setup()


def count() -> str:
    """Count to 200, together with whoever else does."""
    from django.core.cache import cache

    for _ in range(200):
        cache.incr("n")
    return "done"


def win() -> str:
    """Try to be first in 50 races, and tell which were won."""
    from django.core.cache import cache

    return " ".join(str(race) for race in range(50) if cache.add(f"race{race}", os.getpid()))


def pull() -> str:
    """Take out what is there, and tell which of 50 values came out."""
    from django_cachekit import cache

    return " ".join(str(race) for race in range(50) if cache.pull(f"prize{race}") is not None)


def overlap() -> str:
    """Write many keys, in one order or another, together with whoever else does."""
    import random

    from django.core.cache import cache

    failed = 0
    for _ in range(30):
        keys = random.sample(range(40), 30)
        failed += len(cache.set_many(dict.fromkeys(map("many{}".format, keys), os.getpid())))
        cache.delete_many(map("many{}".format, random.sample(range(40), 5)))
    return str(failed)


if __name__ == "__main__":
    configure(sys.argv[1])
    jobs = {"count": count, "win": win, "pull": pull, "overlap": overlap}
    print("ready", flush=True)
    for line in sys.stdin:
        print(jobs[line.strip()](), flush=True)
