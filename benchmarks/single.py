"""Measure a cold key that many ask for at once: ``python -m benchmarks.single [--quick]``.

Processes of threads (or tasks) ask for one key that takes 0.3 s to compute. What is printed is how
often it was computed, and after which part of that time 99 of a hundred had the value. A Redis is
started on a free port and ended. ``--to FILE`` writes the section into a file between two marks.
"""

import argparse
import os
import platform
import statistics
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import django
from django.conf import settings

from tests.servers.redis import Redis

from . import said

SECONDS = 0.3
TEXT = Path(__file__).with_name("single_section.md").read_text()


class Trial(NamedTuple):
    """Say how many ask, and how often it is tried."""

    processes: int
    askers: int
    rounds: int


FULL, QUICK = Trial(16, 64, 5), Trial(4, 16, 3)


def setup(url: str) -> None:
    """Set up Django, with ours and its own on one Redis."""
    settings.configure(
        SECRET_KEY=os.urandom(32).hex(),
        INSTALLED_APPS=["django_cachekit"],
        CACHES={
            "default": {"BACKEND": "django_cachekit.backends.redis.RedisCache", "LOCATION": url},
            "theirs": {
                "BACKEND": "django.core.cache.backends.redis.RedisCache",
                "LOCATION": url,
            },
        },
    )
    django.setup()


def ours(url: str, calls: Any) -> Any:
    """Return how ours is asked by threads."""
    from django_cachekit import cache
    from tests.races.crowd import Ask

    return Ask(lambda: cache.remember("cold", 60, calls.make), before=lambda: cache.get("connects"))


def ours_awaited(url: str, calls: Any) -> Any:
    """Return how ours is asked by tasks."""
    from django_cachekit import cache
    from tests.races.crowd import Ask

    return Ask(
        ours(url, calls).now,
        lambda: cache.aremember("cold", 60, calls.amake),
        before_later=lambda: cache.aget("connects"),
    )


def djangos(url: str, calls: Any) -> Any:
    """Return how Django's own get_or_set is asked."""
    from django.core.cache import caches

    from tests.races.crowd import Ask

    return Ask(
        lambda: caches["theirs"].get_or_set("cold", calls.make, 60),
        before=lambda: caches["theirs"].get("connects"),
    )


def dogpile(url: str, calls: Any) -> Any:
    """Return how a region of dogpile with its distributed lock is asked."""
    from dogpile.cache import make_region

    from tests.races.crowd import Ask

    region = make_region().configure(
        "dogpile.cache.redis",
        arguments={"url": url, "distributed_lock": True, "thread_local_lock": False},
    )
    return Ask(
        lambda: region.get_or_create("dogpile:cold", calls.make, expiration_time=60),
        before=lambda: region.get("dogpile:connects"),
    )


def cashews(url: str, calls: Any) -> Any:
    """Return how a function that cashews locks is asked; it is for tasks alone."""
    from cashews import Cache

    from tests.races.crowd import Ask

    cache = Cache()
    cache.setup(url)

    @cache(ttl=60, key="cashews:cold", lock=True)
    async def function() -> str:
        return str(await calls.amake())

    return Ask(lambda: None, function, before_later=lambda: cache.get("cashews:connects"))


SUBJECTS: dict[str, tuple[Callable[[str, Any], Any], bool]] = {
    "ours, threads": (ours, False),
    "ours, tasks": (ours_awaited, True),
    "Django's `get_or_set`, threads": (djangos, False),
    "dogpile, threads": (dogpile, False),
    "cashews, tasks": (cashews, True),
}
"""Each, and whether tasks ask."""


def measure(url: str, name: str, trial: Trial) -> str:
    """Let all ask, several times; return a row of the table."""
    import redis

    from tests.races.crowd import Calls, Size, gathered, p99

    subject, awaited = SUBJECTS[name]
    size = Size(trial.processes, 0 if awaited else trial.askers, trial.askers if awaited else 0)
    made, late, missed = [], [], 0
    for _ in range(trial.rounds):
        redis.Redis.from_url(url).flushdb()
        calls = Calls(SECONDS)
        answers = gathered(size, subject(url, calls))
        missed += size.askers - sum(answer.value == "value" for answer in answers)
        made.append(calls.number.value)
        late.append(p99(answers) / SECONDS)
    some = ", ".join(map(str, sorted(set(made))))
    return f"| {name} | {some} | {statistics.median(late):.2f} | {missed} |"


def section(trial: Trial) -> str:
    """Measure everything, and return the section."""
    with Redis() as server:
        url = f"{server.url}/0"
        setup(url)
        rows = [measure(url, name, trial) for name in SUBJECTS]
    names = ("Django", "redis", "dogpile.cache", "cashews")
    machine = ", ".join(f"{name} {version(name)}" for name in names)
    head = f"Python {platform.python_version()}, {machine}, {os.cpu_count()} cores"
    return TEXT.format(machine=head, rows="\n".join(rows), **trial._asdict())


def main() -> None:
    """Measure, and print or write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer processes, askers and rounds")
    parser.add_argument("--to", type=Path, metavar="FILE", help="where to write the section")
    asked = parser.parse_args()
    text = section(QUICK if asked.quick else FULL)
    if asked.to:
        said.write(asked.to, "single", text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
