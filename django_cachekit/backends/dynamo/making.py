"""Making the table."""

from typing import Any

from ...core import clock
from ...core.faces import BLOCKING, run_now
from ...errors import Misconfigured
from ..tables import Made
from .door import Door
from .failures import Failed

WAIT = 120.0
"""Seconds for a new table to become active; Amazon's takes some ten."""

_KEYS = [{"AttributeName": "k", "KeyType": "HASH"}]
_TYPES = [{"AttributeName": "k", "AttributeType": "S"}]
_TTL = {"AttributeName": "e", "Enabled": True}
# What engines say that stand in for Amazon's and delete nothing by themselves.
_UNKNOWN = ("UnknownOperationException", "UnknownOperation")


def create(door: Door, database: str | None, dry_run: bool) -> Made:
    """Make the table unless it is there, and have what has expired deleted from it."""
    door = Door(door.options._replace(connect_timeout=5, read_timeout=WAIT / 4, deadline=WAIT))
    table, where = door.options.table, place(door)
    if database is not None:  # one of DATABASES, where no table of ours can be
        return Made(table, database, "elsewhere")
    if _described(door) is not None:
        if not dry_run:
            _settle(door)
        return Made(table, where, "exists")
    if dry_run:
        return Made(table, where, "planned", statements(table))
    state = _made(door)
    _settle(door)
    return Made(table, where, state, statements(table))


def place(door: Door) -> str:
    """Return where the table is, for people."""
    return f"DynamoDB in {door.client.meta.region_name}"


def statements(table: str) -> tuple[str, ...]:
    """Return what is done, as commands of Amazon's own tool."""
    named = f"--table-name {table}"
    return (
        f"aws dynamodb create-table {named} --billing-mode PAY_PER_REQUEST"
        " --key-schema AttributeName=k,KeyType=HASH"
        " --attribute-definitions AttributeName=k,AttributeType=S",
        f"aws dynamodb update-time-to-live {named}"
        " --time-to-live-specification AttributeName=e,Enabled=true",
    )


def _made(door: Door) -> str:
    try:
        door.ask(
            "create_table",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=_KEYS,
            AttributeDefinitions=_TYPES,
        )
    except Failed as failed:
        if failed.word != "ResourceInUseException":
            raise
        return "exists"  # another process was quicker, which is as good
    return "created"


def _described(door: Door) -> Any:
    """Return what the table is like, or None if there is none; Misconfigured if it is not ours."""
    try:
        found = door.ask("describe_table", again=True)["Table"]
    except Misconfigured:
        return None
    if found["KeySchema"] != _KEYS or _TYPES[0] not in found["AttributeDefinitions"]:
        raise door.options.wrong(
            f"the table {door.options.table!r} has another key than cache_table makes (k, text); "
            "name another one in LOCATION, and run: manage.py cache_table"
        )
    return found


def _settle(door: Door) -> None:
    """Wait until the table can be used, and have what has expired deleted by DynamoDB itself."""
    until = clock.monotonic() + WAIT
    while (_described(door) or {}).get("TableStatus") not in ("ACTIVE", "UPDATING"):
        if clock.monotonic() > until:
            raise Failed("TableNotActive")
        run_now(BLOCKING.sleep(0.2))
    try:
        told = door.ask("describe_time_to_live", again=True)["TimeToLiveDescription"]
        if told.get("TimeToLiveStatus") not in ("ENABLED", "ENABLING"):
            door.ask("update_time_to_live", TimeToLiveSpecification=_TTL)
    except Failed as failed:
        if failed.word not in _UNKNOWN:
            raise
