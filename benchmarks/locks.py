"""Measure locks beside other locks on a Redis: ``python -m benchmarks.locks [--quick]``.

A real server is started on a free port and ended. What is printed is a section of
``docs/figures.md``; ``--to FILE`` writes it there. Only ratios mean something elsewhere.
"""

import argparse
import asyncio
import multiprocessing
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import django
import redis
from django.conf import settings

from tests.servers.redis import Redis

from . import said

TTL = 30
HOLD = 0.001
"""Seconds that a lock is held for where others wait for it."""

Pair = tuple[Callable[[], Any], Callable[[], Any]]


class Size(NamedTuple):
    """Say how much is measured."""

    rounds: int
    processes: int
    turns: int


FULL, QUICK = Size(2000, 8, 100), Size(300, 4, 30)


def ours(url: str, name: str) -> Pair:
    """Return what takes and gives back one of ours, waiting for it."""
    from django_cachekit import cache

    lock = cache.store("ours").lock(name, TTL)
    return lambda: lock.block(60), lock.release


def django_redis(url: str, name: str) -> Pair:
    """Return the same of django-redis."""
    from django.core.cache import caches

    lock: Any = caches["theirs"]
    lock = lock.lock(name, timeout=TTL)
    return lock.acquire, lock.release


def redis_py(url: str, name: str) -> Pair:
    """Return the same of redis-py."""
    lock = redis.Redis.from_url(url).lock(name, timeout=TTL)
    return lock.acquire, lock.release


def python_redis_lock(url: str, name: str) -> Pair:
    """Return the same of python-redis-lock."""
    import redis_lock

    lock = redis_lock.Lock(redis.Redis.from_url(url), name, expire=TTL)
    return lock.acquire, lock.release


def dogpile(url: str, name: str) -> Pair:
    """Return the same of dogpile's region on a Redis."""
    from dogpile.cache import make_region

    options = {"url": url, "distributed_lock": True, "lock_timeout": TTL}
    options["thread_local_lock"] = False
    region = make_region().configure("dogpile.cache.redis", arguments=options)
    mutex = region.backend.get_mutex(name)
    return mutex.acquire, mutex.release


def cashews(url: str, name: str) -> Pair:
    """Return the same of cashews, which is for asyncio: in a loop of its own."""
    from cashews import Cache

    loop, cache = asyncio.new_event_loop(), Cache()
    cache.setup(url)
    entered: list[Any] = []

    def take() -> None:
        entered.append(cache.lock(name, expire=TTL))
        loop.run_until_complete(entered[-1].__aenter__())

    def give() -> None:
        loop.run_until_complete(entered.pop().__aexit__(None, None, None))

    return take, give


SUBJECTS: dict[str, Callable[[str, str], Pair]] = {
    "ours": ours,
    "django-redis": django_redis,
    "redis-py": redis_py,
    "python-redis-lock": python_redis_lock,
    "dogpile": dogpile,
    "cashews": cashews,
}


def setup(url: str) -> None:
    """Set up Django in this process."""
    if settings.configured:
        return
    settings.configure(
        SECRET_KEY=os.urandom(32).hex(),
        INSTALLED_APPS=["django_cachekit"],
        CACHES={
            "default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"},
            "ours": {"BACKEND": "django_cachekit.backends.redis.RedisCache", "LOCATION": url},
            "theirs": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": url},
        },
    )
    django.setup()


def alone(url: str, rounds: int) -> dict[str, float]:
    """Return the µs of taking and giving back what nobody else wants: medians, taken in turns."""
    pairs = {name: subject(url, f"alone:{name}") for name, subject in SUBJECTS.items()}
    times: dict[str, list[float]] = {name: [] for name in pairs}
    for _ in range(rounds):
        for name, (take, give) in pairs.items():
            began = time.perf_counter()
            take()
            give()
            times[name].append(time.perf_counter() - began)
    return {name: statistics.median(found) * 1e6 for name, found in times.items()}


def _contends(url: str, name: str, turns: int, start: Any, waits: Any) -> None:
    setup(url)
    for do in SUBJECTS[name](url, f"warm:{name}:{os.getpid()}"):
        do()  # connects, and loads scripts
    take, give = SUBJECTS[name](url, f"crowd:{name}")
    start.wait()
    for _ in range(turns):
        began = time.monotonic()
        take()
        waits.put(time.monotonic() - began)
        time.sleep(HOLD)
        give()


def crowd(url: str, name: str, size: Size) -> dict[str, float]:
    """Return what becomes of many processes that want one lock, each for a millisecond."""
    fork = multiprocessing.get_context("spawn")
    start, waits = fork.Barrier(size.processes + 1), fork.Queue()
    arguments = (url, name, size.turns, start, waits)
    processes = [fork.Process(target=_contends, args=arguments) for _ in range(size.processes)]
    for process in processes:
        process.start()
    start.wait()
    client = redis.Redis.from_url(url)
    before, began = client.info()["total_commands_processed"], time.monotonic()
    found = sorted(waits.get() for _ in range(size.processes * size.turns))
    took = time.monotonic() - began
    for process in processes:
        process.join()
    asked = client.info()["total_commands_processed"] - before
    held = len(found)
    return {
        "per second": held / took,
        "worst wait, ms": found[-1] * 1000,
        "commands each": asked / held,
    }


def measure(size: Size) -> str:
    """Measure everything, and return the section."""
    with Redis() as server:
        url = f"{server.url}/0"
        setup(url)
        times = alone(url, size.rounds)
        crowds = {name: crowd(url, name, size) for name in SUBJECTS}
        told = redis.Redis.from_url(url).info()["redis_version"]
    names = ("Django", "redis", "django-redis", "python-redis-lock", "dogpile.cache", "cashews")
    machine = ", ".join(f"{name} {version(name)}" for name in names)
    head = f"Python {platform.python_version()}, Redis {told}, {machine}, {os.cpu_count()} cores"
    lines = [
        f"| {name} | {times[name]:.0f} ({times[name] / times['redis-py']:.2f}) "
        f"| {found['per second']:.0f} | {found['worst wait, ms']:.0f} "
        f"| {found['commands each']:.1f} |"
        for name, found in crowds.items()
    ]
    return TEXT.format(
        machine=head, rows="\n".join(lines), processes=size.processes, turns=size.turns
    )


TEXT = Path(__file__).with_name("locks_section.md").read_text()


def main() -> None:
    """Measure, and print or write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and processes")
    parser.add_argument("--to", type=Path, metavar="FILE", help="where to write the section")
    asked = parser.parse_args()
    text = measure(QUICK if asked.quick else FULL)
    if asked.to:
        said.write(asked.to, "locks", text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
