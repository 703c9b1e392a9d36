"""``manage.py cache_get``: show one entry."""

import pprint
from typing import Any

from django.core.management.base import CommandParser

from ...core.text import printable
from ..command import CacheCommand, Failed, add_store
from ..strict import Found, describe, look, strict


class Command(CacheCommand):
    """Show the value of a key, its type, its tags and its time to live; a miss ends with 1."""

    help = "Shows one entry: its type, the time it has left, its tags and its value."

    def options(self, parser: CommandParser) -> None:
        parser.add_argument("key", metavar="KEY")
        add_store(parser, "to look in")

    def perform(self, **options: Any) -> None:
        key, alias = options["key"], strict(options["store"]).alias
        found = look(alias, key)
        if found is None:
            raise Failed(f"Not in alias {alias!r}: {printable(key)}")
        self.show({"key": key, "store": alias, **_facts(found)}, _lines(key, alias, found), options)


def _facts(found: Found) -> dict[str, Any]:
    facts = {"type": _type(found.value), "tags": list(found.tags), "value": found.value}
    return {**facts, "ttl": found.ttl} if found.ttl_known else facts


def _lines(key: str, alias: str, found: Found) -> list[str]:
    value = pprint.pformat(found.value, width=88, sort_dicts=False).splitlines()
    return [
        f"key    {printable(key)}",
        f"store  {describe(alias)}",
        f"type   {_type(found.value)}",
        f"ttl    {_ttl(found)}",
        f"tags   {printable(', '.join(found.tags)) or 'none'}",
        *(f"{'value' if not at else '':7}{printable(line)}" for at, line in enumerate(value)),
    ]


def _type(value: Any) -> str:
    kind = type(value)
    own = kind.__module__ == "builtins"
    return kind.__qualname__ if own else f"{kind.__module__}.{kind.__qualname__}"


def _ttl(found: Found) -> str:
    if not found.ttl_known:
        return "not told by this store"
    return "for ever" if found.ttl is None else f"{found.ttl:,.1f} s left"
