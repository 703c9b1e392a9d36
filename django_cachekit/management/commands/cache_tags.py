"""``manage.py cache_tags``: list the tags of an alias, or the keys that bear some."""

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser

from ...core.faces import run_now
from ...core.text import printable
from ...flows import tagged
from ...repository import Repository
from ...scopes import tag_names
from ..command import CacheCommand, add_store, counted, table
from ..strict import describe, quiet_port, strict


class Command(CacheCommand):
    """List tags, or keys; a store that keeps no index of its tags ends it with 1."""

    help = "Lists the tags that live entries bear, or the keys of those that bear every TAG."

    def options(self, parser: CommandParser) -> None:
        parser.add_argument("tags", nargs="*", metavar="TAG", help="List what bears all of them.")
        add_store(parser, "to look in")
        parser.add_argument("--keys", action="store_true", help="List the keys of each tag, too.")

    def perform(self, **options: Any) -> None:
        cache = strict(options["store"])
        self.warn_if_private(cache.alias)
        if options["tags"]:
            self._one(cache, tag_names(options["tags"]), options)
        else:
            self._all(cache, options)

    def _one(self, cache: Repository, tags: tuple[str, ...], options: dict[str, Any]) -> None:
        keys = sorted(cache.tags(*tags).keys())
        what = f"{counted(len(keys), 'entry', 'entries')} of {describe(cache.alias)}"
        told = f"{what} {'bears' if len(keys) == 1 else 'bear'} {printable(', '.join(tags))}."
        data = {"store": cache.alias, "tags": tags, "entries": len(keys), "keys": keys}
        self.show(data, [*map(printable, keys), told], options)

    def _all(self, cache: Repository, options: dict[str, Any]) -> None:
        names = run_now(tagged.tags(quiet_port(cache.alias)))
        found = {tag: sorted(cache.tags(tag).keys()) for tag in names}
        rows = [
            {"tag": tag, "entries": len(keys), **({"keys": keys} if options["keys"] else {})}
            for tag, keys in found.items()
        ]
        lines = _lines(found, options["keys"])
        told = f"{counted(len(rows), 'tag')} in {describe(cache.alias)}."
        self.show({"store": cache.alias, "tags": rows}, [*lines, told], options)


def _lines(found: dict[str, list[str]], keys: bool) -> Iterator[str]:
    if not keys:
        yield from table(("tag", "entries"), [(tag, len(some)) for tag, some in found.items()])
        return
    for tag, some in found.items():
        yield f"{printable(tag)} ({counted(len(some), 'entry', 'entries')})"
        yield from (f"  {printable(key)}" for key in some)
