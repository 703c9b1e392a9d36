"""Two engines that speak DynamoDB's protocol: roto, complete and fast, and dynalite, stricter."""

from functools import cache
from typing import Any

from .process import Server
from .programs import PROGRAMS

REGION = "eu-central-1"


@cache
def session() -> Any:
    """Return a boto3 session with credentials that open nothing, whatever this machine has.

    One for all tests of a process: it takes a while to read what DynamoDB is.
    """
    import boto3

    return boto3.Session(aws_access_key_id="test", aws_secret_access_key="test")


class DynamoDB(Server):
    """The engine roto, its tables in memory.

    It has transactions and ``UpdateTimeToLive``, but does not page at 1 and 16 MB, and takes keys
    longer than 2048 bytes. Like Amazon's it gives out what has expired.
    """

    name = "dynamodb"
    scheme = "http"

    def command(self) -> list[str]:
        where = ["--host", self.host, "--port", str(self.port)]
        return [*PROGRAMS["dynamodb"].command(), *where, "--ephemeral"]

    @property
    def options(self) -> dict[str, str]:
        """What ``boto3.client("dynamodb", **options)`` needs to find it."""
        return {
            "endpoint_url": self.url,
            "region_name": REGION,
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
        }

    @property
    def environment(self) -> dict[str, str]:
        """What tells boto3 of it by its own environment variables."""
        where = {"AWS_ENDPOINT_URL_DYNAMODB": self.url, "AWS_DEFAULT_REGION": REGION}
        return {**where, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}

    @property
    def cache_options(self) -> dict[str, Any]:
        """What ``OPTIONS`` of a cache need to find it, on a machine that is busy with others."""
        patient = dict.fromkeys(("CONNECT_TIMEOUT", "READ_TIMEOUT", "DEADLINE"), 10)
        where = {"ENDPOINT_URL": self.url, "REGION_NAME": REGION}
        return {**where, **patient, "SESSION": f"{__name__}.session"}


class Dynalite(DynamoDB):
    """The engine dynalite: Amazon's limits, but no transactions and no ``UpdateTimeToLive``."""

    name = "dynalite"

    def command(self) -> list[str]:
        where = ["--host", self.host, "--port", str(self.port)]
        at_once = [f"--{verb}TableMs=0" for verb in ("create", "delete", "update")]
        return [*PROGRAMS["dynalite"].command(), *where, *at_once]
