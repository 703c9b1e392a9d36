"""A DynamoDB engine for Django's tests, one per process."""

import atexit
from functools import cache
from pathlib import Path
from typing import Any

from tests.servers.dynamodb import DynamoDB


@cache
def running() -> DynamoDB:
    """Return the engine, started at the first call and ended with the process."""
    server = DynamoDB()
    atexit.register(server.__exit__)
    return server.__enter__()


def on_dynamodb(place: str, folder: Path) -> dict[str, Any]:
    """Return the configuration of a cache in a table of its own."""
    return {
        "BACKEND": "django_cachekit.backends.dynamodb.DynamoDBCache",
        "LOCATION": f"cachekit.{place}",
        "OPTIONS": {**running().cache_options, "STORE_ID": place},
    }
