"""What settings may say, and what is said of those that are wrong; making the table."""

import builtins
import json
from io import StringIO
from typing import Any

import pytest
from django.core import checks
from django.core.cache import caches
from django.core.management import call_command
from django.test import override_settings

from django_cachekit.backends.tables import create_tables
from django_cachekit.errors import Misconfigured, StoreUnavailable
from tests.servers.dynamodb import REGION

from .helping import BACKEND, Look, config, configured, driver_of
from .rewriting import Endpoint

NOWHERE = {"BACKEND": BACKEND, "LOCATION": "table"}


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """Have a machine on which nobody has told Amazon's tools anything."""
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))


def found(**options: Any) -> list[tuple[str, str]]:
    """Return the ids and texts of what the checks say of one alias."""
    given = {**NOWHERE, **{"LOCATION": options.pop("LOCATION", "table")}, "OPTIONS": options}
    with override_settings(CACHES={"default": given}):
        said = checks.run_checks(tags=[checks.Tags.caches])
    return [(str(message.id), str(message.msg)) for message in said]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"LOCATION": ""}, "DynamoDBCache needs a table's name in LOCATION"),
        ({"LOCATION": 5}, "DynamoDBCache needs a table's name in LOCATION"),
        ({"MAX_ENTRIES": 5}, "DynamoDBCache has no option 'MAX_ENTRIES'"),
        ({"AWS_SECRET_ACCESS_KEY": "s"}, "DynamoDBCache has no option 'AWS_SECRET_ACCESS_KEY'"),
        ({"READ_TIMEOUT": 0}, "READ_TIMEOUT is a number of seconds over 0"),
        ({"DEADLINE": "1"}, "DEADLINE is a number of seconds over 0"),
        ({"MAX_POOL_CONNECTIONS": 1.5}, "MAX_POOL_CONNECTIONS is a whole number from 1"),
        ({"CHUNKED": "yes"}, "CHUNKED is True or False"),
        ({"SESSION": 5}, "SESSION is text"),
    ],
)
def test_settings_that_are_wrong(options: dict[str, Any], text: str) -> None:
    assert ("cachekit.E030", f"CACHES['default']: {text}.") in found(REGION_NAME=REGION, **options)
    given = {**NOWHERE, "LOCATION": options.pop("LOCATION", "table"), "OPTIONS": options}
    with override_settings(CACHES={"default": given}), pytest.raises(Misconfigured) as caught:
        driver_of()
    assert text in str(caught.value)


def test_a_misspelt_option_is_asked_about() -> None:
    ((id, text),) = found(REGION_NAME=REGION, ENCRYPTION_KEY="x")
    assert id == "cachekit.E030"
    assert text.endswith("no option 'ENCRYPTION_KEY'; did you mean ENCRYPTION_KEYS?")


def test_no_region(bare: None, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "CACHES['default']: DynamoDB needs a region, and none is told."
    assert found() == [("cachekit.E030", text)]
    with (
        override_settings(CACHES={"default": NOWHERE}),
        pytest.raises(Misconfigured, match=r"REGION_NAME.*AWS_DEFAULT_REGION"),
    ):
        caches["default"].get("a")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    assert found() == []


def test_no_credentials(bare: None, dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    given = config(dynamodb.url, "table", SESSION=None)
    with override_settings(CACHES={"default": given}):
        assert caches["default"].get("a") is None
        with pytest.raises(StoreUnavailable, match="NoCredentialsError"):
            caches["default"].incr("a")


def test_credentials_from_the_environment(
    bare: None, dynamodb: Any, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with configured(default=config(dynamodb.url, table, SESSION=None)):
        caches["default"].set("a", 1)
        assert caches["default"].get("a") == 1


def test_a_session_that_is_not_there() -> None:
    given = config("http://127.0.0.1:1", "table", SESSION="no.where")
    with (
        override_settings(CACHES={"default": given}),
        pytest.raises(Misconfigured, match=r"SESSION names 'no.where'"),
    ):
        caches["default"].get("a")


def test_no_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    load = builtins.__import__

    def missing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] in ("boto3", "botocore"):
            raise ImportError(name)
        return load(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with (
        override_settings(CACHES={"default": config("http://127.0.0.1:1", "table")}),
        pytest.raises(Misconfigured, match=r'pip install "django-cachekit\[dynamodb\]"'),
    ):
        caches["default"].get("a")
    monkeypatch.setattr("django_cachekit.checks.dynamodb.find_spec", lambda name: None)
    assert [id for id, _ in found()] == ["cachekit.E031"]


def test_the_backend_is_imported_without_boto3() -> None:
    import subprocess
    import sys

    code = "import sys, django_cachekit.backends.dynamodb; sys.exit('boto3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_table_is_made_once(server: Any, table: str) -> None:
    look = Look(server.url, table)
    with override_settings(CACHES={"default": config(server.url, table)}):
        out = StringIO()
        call_command("cache_table", "--dry-run", "--format", "json", stdout=out)
        (planned,) = json.loads(out.getvalue())
        assert planned["state"] == "planned"
        assert "PAY_PER_REQUEST" in planned["statements"][0]
        with pytest.raises(look.client.exceptions.ResourceNotFoundException):
            look.client.describe_table(TableName=table)
        made = create_tables()["default"]
        assert (made.state, made.database) == ("created", f"DynamoDB in {REGION}")  # type: ignore[union-attr]  # no error
        assert create_tables()["default"].state == "exists"  # type: ignore[union-attr]  # no error
        assert create_tables(database="default")["default"].state == "elsewhere"  # type: ignore[union-attr]  # no error
    found = look.client.describe_table(TableName=table)["Table"]
    assert found["TableStatus"] == "ACTIVE"
    assert found["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    told = look.client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    if type(server).__name__ == "DynamoDB":  # dynalite has none
        assert told == {"TimeToLiveStatus": "ENABLED", "AttributeName": "e"}


def test_a_table_made_by_hand_gets_its_ttl(dynamodb: Any, table: str) -> None:
    look = Look(dynamodb.url, table)
    key = {"AttributeName": "k", "KeyType": "HASH"}
    kind = {"AttributeName": "k", "AttributeType": "S"}
    look.client.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[key],
        AttributeDefinitions=[kind],
    )
    with configured(default=config(dynamodb.url, table)):
        told = look.client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        assert told["TimeToLiveStatus"] == "ENABLED"


def test_a_table_of_another_kind_is_refused(server: Any, table: str) -> None:
    look = Look(server.url, table)
    look.client.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    with override_settings(CACHES={"default": config(server.url, table)}):
        assert "has another key" in str(create_tables()["default"])


def test_a_new_table_is_waited_for(endpoint: Endpoint, table: str) -> None:
    asked: list[str] = []

    def slow(operation: str, body: Any, forward: Any) -> Any:
        status, reply = forward(body)
        if operation == "DescribeTable" and status == 200:
            asked.append(operation)
            reply["Table"]["TableStatus"] = "CREATING" if len(asked) < 3 else "ACTIVE"
        return status, reply

    with (
        endpoint.ruled(slow),
        override_settings(CACHES={"default": config(endpoint.url, table)}),
    ):
        assert create_tables()["default"].state == "created"  # type: ignore[union-attr]  # no error
    assert len(asked) == 3
    assert endpoint.seen[-1] == "UpdateTimeToLive"
