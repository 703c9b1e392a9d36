"""The one way out to DynamoDB: a client per process, bounded requests, one kind of error."""

import threading
import weakref
from collections.abc import Mapping
from typing import Any

from django.utils.module_loading import import_string

from ...core import clock
from ...core.extras import install
from ...core.faces import after_fork
from ...core.remedies import by
from ...errors import Misconfigured
from .failures import Failed, Patience, Refused
from .options import Options

Answer = Mapping[str, Any]

_CONDITION = "ConditionalCheckFailedException"
_NO_TABLE = "ResourceNotFoundException"
# What comes out of boto3 where a reply is no reply: its parsers check little.
_NONSENSE = (ValueError, LookupError, TypeError, AttributeError)


class Door:
    """Send requests about one table; threads may share it.

    The client is made at the first request, and anew in a process that was forked since.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.errors: tuple[type[Exception], ...] = ()
        self._client: Any = None
        _doors.add(self)

    @property
    def client(self) -> Any:
        """Return boto3's client, which this process shares with no other."""
        made = self._client
        if made is None:
            with _lock:
                made = self._client = self._client or self._made()
        return made

    def forget(self) -> None:
        """Leave the client and its connections to the process they were made in."""
        self._client = None

    def ask(
        self, verb: str, again: bool = False, patience: Patience | None = None, **params: Any
    ) -> Answer:
        """Return the answer to a request about the table.

        ``again`` says that it may be repeated where nothing came back. What DynamoDB had no
        capacity for is sent again in any case, under ``patience``. Raises ``Refused`` if the
        condition did not hold, else ``Failed``.
        """
        return self.call(verb, again, patience, TableName=self.options.table, **params)

    def call(
        self, verb: str, again: bool = False, patience: Patience | None = None, **params: Any
    ) -> Answer:
        """Return the answer to a request of any kind."""
        work = getattr(self.client, verb)
        patience = patience or Patience(self.options.deadline)
        while True:
            began = clock.monotonic()
            try:
                return work(**params)  # type: ignore[no-any-return]  # a dict
            except self.errors as error:
                failed = self._translated(error)
                patience.left -= clock.monotonic() - began
                if not patience.allows(failed, again):
                    raise failed from error

    def _translated(self, error: Exception) -> Failed:
        failed = Failed.of(error)
        if failed.word == _CONDITION:
            raise Refused(getattr(error, "response", {}).get("Item")) from error
        if failed.word == _NO_TABLE:
            raise self.options.wrong(
                f"there is no table {self.options.table!r} in this region; "
                f"make it by: {by(f'cache_table {self.options.alias}')}"
            ) from error
        return failed

    def _made(self) -> Any:
        try:
            import boto3
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError, ClientError, NoRegionError
            from botocore.parsers import ResponseParserError
        except ImportError as error:
            text = f"DynamoDBCache needs boto3, which is not installed: {install('dynamodb')}"
            raise self.options.wrong(text) from error
        self.errors = (ClientError, BotoCoreError, ResponseParserError, *_NONSENSE)
        options = self.options
        config = Config(
            connect_timeout=options.connect_timeout,
            read_timeout=options.read_timeout,
            max_pool_connections=options.max_pool_connections,
            # One attempt each: what may be repeated is known here, and not there.
            retries={"mode": "standard", "total_max_attempts": 1},
            parameter_validation=False,
            tcp_keepalive=True,
        )
        session = boto3.Session() if options.session is None else self._session(options.session)
        where = {"endpoint_url": options.endpoint_url, "region_name": options.region_name}
        try:
            return session.client("dynamodb", config=config, **where)
        except NoRegionError as error:
            raise options.wrong(
                "DynamoDB needs a region: give OPTIONS['REGION_NAME'], or set AWS_DEFAULT_REGION"
            ) from error
        except (BotoCoreError, ValueError) as error:
            raise options.wrong(
                f"boto3 can make no client: {type(error).__name__}; see REGION_NAME, ENDPOINT_URL "
                "and boto3's own settings"
            ) from error

    def _session(self, path: str) -> Any:
        try:
            return import_string(path)()
        except ImportError as error:
            raise Misconfigured(
                f"CACHES[{self.options.alias!r}]: SESSION names {path!r}, which cannot be "
                "imported; it is the dotted path of a function that returns a boto3 Session"
            ) from error


# Doors may share a session, and a session bears one maker of clients at a time.
_lock = threading.Lock()
_doors: "weakref.WeakSet[Door]" = weakref.WeakSet()


def _forked() -> None:
    global _lock
    _lock = threading.Lock()
    for door in list(_doors):
        door.forget()


after_fork(_forked)
