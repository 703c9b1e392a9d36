"""``manage.py cache_flush_tag``: let every entry that bears one of some tags be gone."""

from typing import Any

from django.core.management.base import CommandParser

from ...core.text import printable
from ...scopes import tag_names
from ..command import CacheCommand, Failed, add_store, counted
from ..strict import describe, is_shared, strict, unknown_tags


class Command(CacheCommand):
    """Flush tags of one alias; a tag that no entry can bear is told, and ends it with 1."""

    help = "Flushes tags: every entry that bears any of them is gone."
    destructive = True

    def options(self, parser: CommandParser) -> None:
        parser.add_argument("tags", nargs="+", metavar="TAG")
        add_store(parser, "to flush in")
        parser.add_argument(
            "--all-of", action="store_true", help="Only entries that bear all of the tags."
        )

    def perform(self, **options: Any) -> None:
        cache = strict(options["store"])
        tags = tag_names(options["tags"])
        unknown = unknown_tags(cache.alias, tags)
        known = [tag for tag in tags if tag not in unknown]
        # Nothing bears all of them where one is borne by none: what bears the rest was not meant.
        if known and not (unknown and options["all_of"]):
            self._flush(cache, known, options)
        if unknown:
            raise Failed(_unknown(cache.alias, unknown))

    def _flush(self, cache: Any, tags: list[str], options: dict[str, Any]) -> None:
        match = "all" if options["all_of"] else "any"
        what = (
            f"{counted(len(tags), 'tag')} ({printable(', '.join(tags))}) in {describe(cache.alias)}"
        )
        self.confirm(f"Flush {what}?", **options)
        if not options["dry_run"]:
            cache.tags(*tags).flush(match=match)
        data = {"store": cache.alias, "tags": tags, "match": match, "dry_run": options["dry_run"]}
        self.show(data, f"{'Would flush' if options['dry_run'] else 'Flushed'} {what}.", options)


def _unknown(alias: str, tags: list[str]) -> str:
    names = ", ".join(map(repr, tags))
    said = f"no live entry of alias {alias!r} bears the tag {names}"
    if not is_shared(alias):
        return f"{said}: it is in the memory of this process only, so flush in the one that serves."
    return f"{said}; see that it is spelled as where entries are written."
