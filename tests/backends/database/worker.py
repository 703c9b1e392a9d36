"""A process of its own over a cache in an SQLite file: python worker.py FILE; jobs by stdin."""

import os
import sys

import django
from django.conf import settings


def configure(path: str) -> None:
    """Set up Django with one cache, in the table ``cache`` of the database ``path``."""
    settings.configure(
        SECRET_KEY="for tests only, it opens nothing",
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": path,
                "OPTIONS": {"init_command": "PRAGMA synchronous=OFF"},
            }
        },
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


if __name__ == "__main__":
    configure(sys.argv[1])
    jobs = {"count": count, "win": win, "pull": pull}
    print("ready", flush=True)
    for line in sys.stdin:
        print(jobs[line.strip()](), flush=True)
