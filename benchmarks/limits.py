"""Limits of rates on a Redis: limits, django-ratelimit, and ours once there is one."""

from collections.abc import Callable
from typing import Any

from tests.servers.redis import Redis

from .engine import Size, Subject, Work, compare, table
from .setup import OURS, setup

MUCH, LITTLE = 10_000_000, 5
WORDS = {"under the limit": MUCH, "refused": LITTLE}
MOST = 500


def measure(size: Size) -> list[dict[str, Any]]:
    """Start a Redis, and compare."""
    with Redis() as server:
        url = f"{server.url}/0"
        setup(
            {
                "ours": {"BACKEND": OURS + "redis.RedisCache", "LOCATION": url},
                "theirs": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": url},
            }
        )
        subjects = [*limits(url), ratelimit(), *ours()]
        missing = "" if ours() else "This release has no rate limiter of its own yet."
        found = compare(subjects, size._replace(turn=size.turn * 2))
        return [table("one request that is counted, on redis", found, note=missing)]


def limits(url: str) -> list[Subject]:
    """Return the strategies of limits."""
    # Peers are there only where the group bench is installed.
    from limits import RateLimitItemPerHour, strategies  # type: ignore[import-not-found,import-untyped,unused-ignore]
    from limits.storage import storage_from_string  # type: ignore[import-not-found,import-untyped,unused-ignore]

    storage = storage_from_string(url)
    found = {
        "limits, fixed window": strategies.FixedWindowRateLimiter(storage),
        "limits, sliding counter": strategies.SlidingWindowCounterRateLimiter(storage),
        "limits, moving window": strategies.MovingWindowRateLimiter(storage),
    }

    def hit(limiter: Any, name: str, most: int) -> Callable[[], Any]:
        item = RateLimitItemPerHour(most)
        return lambda: limiter.hit(item, name)

    # A moving window keeps each request, and refuses to be asked for more than it has room for.
    return [
        Subject(name, {what: Work(hit(one, name, most), most=MOST) for what, most in WORDS.items()})
        for name, one in found.items()
    ]


def ratelimit() -> Subject:
    """Return django-ratelimit, as its decorator asks it."""
    from django.conf import settings
    from django.http import HttpRequest

    # Peers are there only where the group bench is installed.
    from django_ratelimit.core import get_usage  # type: ignore[import-not-found,import-untyped,unused-ignore]

    settings.RATELIMIT_USE_CACHE = "theirs"

    def hit(most: int) -> Callable[[], Any]:
        request = HttpRequest()

        def key(group: str, request: HttpRequest) -> str:
            return "somebody"

        return lambda: get_usage(
            request, group=f"group{most}", key=key, rate=f"{most}/h", increment=True
        )

    works = {what: Work(hit(most), most=MOST) for what, most in WORDS.items()}
    return Subject("django-ratelimit", works)


def ours() -> list[Subject]:
    """Return ours, by algorithm."""
    try:
        # Measured as soon as there is one.
        from django_cachekit import RateLimiter  # type: ignore[attr-defined]
    except ImportError:
        return []

    def hit(limiter: Any, most: int) -> Callable[[], Any]:
        from django_cachekit import Limit  # type: ignore[attr-defined]

        limit = Limit.per_hour(most)
        return lambda: limiter.hit(f"somebody{most}", limit)

    return [
        Subject(
            f"ours, {name}",
            {
                what: Work(hit(RateLimiter("ours", algorithm=name), most), most=MOST)
                for what, most in WORDS.items()
            },
        )
        for name in ("fixed", "gcra", "sliding_log")
    ]
