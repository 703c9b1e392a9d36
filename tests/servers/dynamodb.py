"""Two engines that speak DynamoDB's protocol: roto, complete and fast, and dynalite, stricter."""

from .process import Server
from .programs import PROGRAMS

REGION = "eu-central-1"


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


class Dynalite(DynamoDB):
    """The engine dynalite: Amazon's limits, but no transactions and no ``UpdateTimeToLive``."""

    name = "dynalite"

    def command(self) -> list[str]:
        where = ["--host", self.host, "--port", str(self.port)]
        at_once = [f"--{verb}TableMs=0" for verb in ("create", "delete", "update")]
        return [*PROGRAMS["dynalite"].command(), *where, *at_once]
