"""Awaited."""

import asyncio
from functools import partial
from time import perf_counter

from django.http import HttpRequest, HttpResponse, JsonResponse

from django_cachekit import cache
from places.models import City
from tour.stop import Action, Stop


async def zone(name: str) -> str:
    largest = await City.objects.filter(time_zone=name).order_by("-population").afirst()
    await asyncio.sleep(0.2)  # another server, asked without holding up a thread
    return largest.name if largest else "nobody"


async def people(request: HttpRequest) -> HttpResponse:
    return JsonResponse(await ask_three())


async def ask_three() -> dict[str, object]:
    started = perf_counter()
    names = ("Europe/Paris", "Asia/Tokyo", "Africa/Lagos")
    tagged = cache.tags("tour:cities")
    largest = await asyncio.gather(
        *(
            tagged.aremember(f"tour:zone:{name}", 600, partial(zone, name))
            for name in names
        )
    )
    took = f"{(perf_counter() - started) * 1000:.0f} ms"
    return {**dict(zip(names, largest, strict=True)), "took": took}


async def forget() -> dict[str, object]:
    names = [
        f"tour:zone:{name}" for name in ("Europe/Paris", "Asia/Tokyo", "Africa/Lagos")
    ]
    return {"forgotten": await cache.aforget_many(names)}


# The page:
STOP = Stop(
    slug="async",
    title="Awaited",
    line="Every verb has a coroutine twin with an `a` before its name.",
    text=(
        "Three values that are not there, each 200 ms away, asked for at once: they take 200 ms "
        "together, and the next time none. `asyncio.gather` works on the cache as on all else."
    ),
    module=__name__,
    actions=(Action("Ask for three", ask_three), Action("Forget", forget)),
    docs="async.md",
    links=(("Open the async view", "/tour/people/"),),
)
