"""A table in DynamoDB, through boto3."""

from collections.abc import Mapping
from typing import Any

from .. import conf
from ..codecs import Chain, build
from ..core.operation import UNSURE, Record
from ..layers.base import Driver
from .base import Names, StoreCache, record_text
from .bytestore import Bytes
from .dynamo import making, options
from .dynamo.door import Door
from .dynamo.items import Space
from .dynamo.locks import HeldItems
from .dynamo.table import Table
from .tables import Made


class Items(Bytes):
    """Drive a table of items."""

    far = True

    def __init__(self, alias: str, sender: type, names: Names, table: Table, chain: Chain) -> None:
        super().__init__(alias, sender, names, table, chain)
        self.table = table
        self.locks = HeldItems(table.door, table.space)

    def quick(
        self,
        key: Any,
        version: int | None,
        tags: tuple[str, ...] = (),
        told: bool | None = False,
    ) -> Any:
        """Answer UNSURE: a request that failed must not be made again, for it was waited for."""
        return UNSURE

    def create_table(self, database: str | None = None, dry_run: bool = False) -> Made:
        """Make the table unless it is there; ``manage.py cache_table`` calls this."""
        return making.create(self.table.door, database, dry_run)


class DynamoDBCache(StoreCache):
    """Keep entries in a table of DynamoDB, through boto3.

    ``LOCATION`` names the table; ``manage.py cache_table`` makes it. Aliases that differ in
    ``STORE_ID`` or ``KEY_PREFIX`` may share one, and are flushed apart. Credentials come to boto3
    in its usual ways, never from here. ``OPTIONS``: those of the codecs, and

    ======================  ============================================================
    ENDPOINT_URL            where DynamoDB is, if not where boto3 looks
    REGION_NAME             the region, if boto3 is not told elsewhere
    SESSION                 dotted path of a callable that returns a boto3 Session
    CONNECT_TIMEOUT         seconds (0.5); so is ``READ_TIMEOUT``
    DEADLINE                seconds that trouble may cost a call (1): repeats and pauses
    MAX_POOL_CONNECTIONS    connections kept (50)
    CHUNKED                 True: spread what is over 400 KB over several items
    ======================  ============================================================
    """

    @staticmethod
    def faults(location: Any, given: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with a LOCATION and OPTIONS, in words; the system checks ask."""
        return options.faults(location, given)

    def connect(self, alias: str) -> Driver:
        """Return the driver over this configuration's table; nothing is sent yet."""
        settings = options.read(alias, self.location, self.options)
        chain = build(self.options, store_id=alias, secret_keys=conf.secret_keys())
        # Made like a key's name, so that the table tells neither prefix nor STORE_ID.
        mark = chain.name(record_text(Record("space", self.key_prefix))).hex()[:32]
        return Items(alias, type(self), Names(self), Table(Door(settings), Space(mark)), chain)
