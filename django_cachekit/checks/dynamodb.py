"""The checks of the DynamoDB store: a table, a region, and boto3 to reach them with."""

from importlib.util import find_spec
from typing import Any

from django.core import checks

from ..core.extras import install
from .common import DYNAMODB, Alias, Messages, error, imported, ours

_INSTALL = f"Run: {install('dynamodb')}"
_SETTINGS = "See docs/stores/dynamodb.md for what LOCATION and OPTIONS may say."
_REGION = "Give OPTIONS['REGION_NAME'], or set AWS_DEFAULT_REGION where the site runs."


def dynamodb_is_configured(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Check what aliases in DynamoDB need: E030, E031."""
    found: list[checks.CheckMessage] = []
    for alias in ours():
        if DYNAMODB in alias.kinds:
            found += [*_settings(alias), *_library(alias)]
    return found


def _settings(alias: Alias) -> Messages:
    # Checks lie below the backends, so they ask the class that CACHES names.
    backend = imported(alias.config.get("BACKEND"))
    for fault in backend.faults(alias.config.get("LOCATION"), alias.options):
        yield error("E030", alias.says(fault if fault.endswith("?") else f"{fault}."), _SETTINGS)


def _library(alias: Alias) -> Messages:
    if find_spec("boto3") is None:
        yield error(
            "E031", alias.says("DynamoDBCache needs boto3, which is not installed."), _INSTALL
        )
    elif not alias.options.get("REGION_NAME") and not alias.options.get("SESSION"):
        import boto3

        if boto3.Session().region_name is None:
            yield error("E030", alias.says("DynamoDB needs a region, and none is told."), _REGION)
