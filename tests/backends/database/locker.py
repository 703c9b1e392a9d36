"""A process of its own that takes locks in a database: python locker.py SETTINGS; jobs by stdin."""

import sys
import time
from pathlib import Path
from typing import Any

from tests.backends.database.worker import configure

LOCKS: dict[str, Any] = {}


def take(name: str, ttl: str) -> str:
    """Try once, and tell the fence, or 0."""
    from django_cachekit import cache

    LOCKS[name] = cache.lock(name, float(ttl))
    return str(LOCKS[name].fence if LOCKS[name].acquire() else 0)


def release(name: str) -> str:
    """Give back."""
    return str(LOCKS[name].release())


def refresh(name: str) -> str:
    """Let it last anew."""
    return str(LOCKS[name].refresh())


def remaining(name: str) -> str:
    """Tell for how long it is held."""
    from django_cachekit import cache

    return str(cache.lock(name, 1).remaining())


def guarded(name: str, file: str, times: str) -> str:
    """Count in a file that nothing but the lock protects, and note the fences in another."""
    from django_cachekit import cache

    counter, fences = Path(file), Path(f"{file}.fences")
    for _ in range(int(times)):
        with cache.lock(name, 60).block(120) as lock:
            seen = int(counter.read_text())
            with fences.open("a") as log:
                log.write(f"{lock.fence}\n")
            time.sleep(0.001)
            counter.write_text(str(seen + 1))
    return "done"


def hours(wrong: str) -> str:
    """Set this process's clock wrong."""
    from django_cachekit.core import clock

    now, stamp, by = clock.now, time.time, float(wrong) * 3600
    clock.now = lambda: now() + by
    time.time = lambda: stamp() + by
    return "done"


if __name__ == "__main__":
    configure(sys.argv[1])
    jobs = {job.__name__: job for job in (take, release, refresh, remaining, guarded, hours)}
    print("ready", flush=True)
    for line in sys.stdin:
        job, *args = line.split()
        print(jobs[job](*args), flush=True)
