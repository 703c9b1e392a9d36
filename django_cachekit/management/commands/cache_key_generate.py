"""``manage.py cache_key_generate``: make keys for sealed stores."""

from typing import Any

from django.core.management.base import CommandParser

from ...codecs import generate_key
from ..command import CacheCommand, Misused

ADVICE = (
    "Keep them out of the repository: OPTIONS also take 'env:NAME' and 'file:/path'. To change "
    "keys, put a new one before the others, run cache_key_rotate, then take the old one away."
)


class Command(CacheCommand):
    """Print lines to paste into OPTIONS; nothing is stored anywhere."""

    help = "Makes keys for stores that seal their entries, as lines to paste into OPTIONS."

    def options(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--count", type=int, default=1, metavar="N", help="So many encryption keys (1)."
        )

    def perform(self, **options: Any) -> None:
        if options["count"] < 1:
            raise Misused("--count is a whole number from 1.")
        keys = [generate_key() for _ in range(options["count"])]
        index = generate_key()
        listed = ", ".join(f'"{key}"' for key in keys)
        lines = [f'"ENCRYPTION_KEYS": [{listed}],', f'"INDEX_KEY": "{index}",']
        self.show({"ENCRYPTION_KEYS": keys, "INDEX_KEY": index}, lines, options)
        if options["verbosity"] and options["format"] == "text":
            self.note(ADVICE)
