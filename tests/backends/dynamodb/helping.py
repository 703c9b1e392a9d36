"""What the tests of the DynamoDB store share."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.cache import caches
from django.core.management import call_command
from django.test import override_settings

from tests.servers.dynamodb import REGION, session
from tests.stores import INDEX_KEY, KEY, OURS

BACKEND = OURS + "dynamodb.DynamoDBCache"
SEALED = {"ENCRYPTION_KEYS": [KEY], "INDEX_KEY": INDEX_KEY}


def config(url: str, table: str, **more: Any) -> dict[str, Any]:
    """Return one entry of CACHES; names in capitals that are not Django's own go to OPTIONS."""
    own = {"KEY_PREFIX", "TIMEOUT", "VERSION", "KEY_FUNCTION"}
    options = {name: value for name, value in more.items() if name not in own}
    where = {"ENDPOINT_URL": url, "REGION_NAME": REGION, "SESSION": f"{session.__module__}.session"}
    given = {name: value for name, value in more.items() if name in own}
    # A test may run on a machine that is busy with others; tests of timeouts have their own.
    patient = {"CONNECT_TIMEOUT": 10, "READ_TIMEOUT": 10}
    said = {**where, **patient, **options}
    return {"BACKEND": BACKEND, "LOCATION": table, "OPTIONS": said, **given}


def unique() -> str:
    """Return the name of a table that no other test has."""
    return f"t{uuid.uuid4().hex[:16]}"


@contextmanager
def configured(**aliases: Any) -> Iterator[None]:
    """Have these caches, with their tables."""
    with override_settings(CACHES=aliases):
        call_command("cache_table", verbosity=0)
        yield


def driver_of(alias: str = "default") -> Any:
    """Return the driver of an alias."""
    return caches[alias].cachekit_driver  # type: ignore[attr-defined]  # it is ours


class Look:
    """Read and change a table behind the cache's back, with a client of its own."""

    def __init__(self, url: str, table: str) -> None:
        self.table = table
        self.client = session().client("dynamodb", endpoint_url=url, region_name=REGION)

    def all(self) -> list[dict[str, Any]]:
        """Return every item."""
        found: list[dict[str, Any]] = []
        for page in self.client.get_paginator("scan").paginate(TableName=self.table):
            found += page["Items"]
        return found

    def entries(self) -> list[dict[str, Any]]:
        """Return the items that are entries: neither epochs nor pieces."""
        return [item for item in self.all() if "p" in item]

    def pieces(self) -> list[dict[str, Any]]:
        """Return the items that are pieces."""
        return [item for item in self.all() if "#" in item["k"]["S"]]

    def put(self, item: dict[str, Any]) -> None:
        """Put an item."""
        self.client.put_item(TableName=self.table, Item=item)

    def item(self, key: str, alias: str = "default") -> dict[str, Any]:
        """Return the item of a key, or an empty one."""
        driver = driver_of(alias)
        at = driver.table.space.key(driver.entries.name(key, None))
        answer = self.client.get_item(TableName=self.table, Key={"k": {"S": at}})
        return dict(answer.get("Item") or {})
