"""One environment variable puts the site's store on a server, and the tour works there."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.servers.process import free_port

from .conftest import ROOT, Manage

FEW = ("--min-population", "15000")
PATIENT = "timeout=10"  # for a machine that is busy with other things
NOT_LISTED = "listing: List, listing: Forget those with a"
NOWHERE = {
    "redis": "redis://127.0.0.1:{port}/0",
    "memcached": "memcached://127.0.0.1:{port}",
    "postgresql": "postgresql://nobody@127.0.0.1:{port}/nothing",
    "dynamodb": "dynamodb://meridian?region=eu-central-1&endpoint=http://127.0.0.1:{port}",
}
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def _dynamodb(server: Any) -> str:
    return f"dynamodb://meridian?region=eu-central-1&endpoint={server.url}&{PATIENT}"


URLS: dict[str, Callable[[Any], str]] = {
    "redis": lambda server: f"{server.url}?{PATIENT}",
    "memcached": lambda server: f"memcached://{server.location}?{PATIENT}",
    "postgresql": lambda server: f"{server.url}?{PATIENT}",
    "dynamodb": _dynamodb,
}


@pytest.mark.parametrize("name", URLS)
def test_tour_works_on_a_server(name: str, manage: Manage, request: pytest.FixtureRequest) -> None:
    url = URLS[name](request.getfixturevalue(name))
    walked = manage("demo", "--tour", *FEW, MERIDIAN_STORE=url, **KEYS)
    assert walked.returncode == 0, walked.stdout + walked.stderr
    pressed = re.search(r"The tour: (\d+) pages, (\d+) buttons", walked.stdout)
    assert pressed is not None
    assert int(pressed[1]) > 20
    assert int(pressed[2]) > 50
    refused = re.search(r"Not to be had from this store: (.*)\.", walked.stdout)
    assert (refused and refused[1]) == (NOT_LISTED if name == "memcached" else None)


@pytest.mark.parametrize("name", NOWHERE)
def test_server_that_is_not_there_is_one_sentence(name: str, manage: Manage) -> None:
    url = NOWHERE[name].format(port=free_port())
    ended = manage("demo", "--tour", *FEW, MERIDIAN_STORE=url, **KEYS)
    assert ended.returncode == 1, ended.stdout
    said = ended.stderr.strip().splitlines()
    assert re.search(r"cannot be used \(\w+\): start it, or unset MERIDIAN_STORE\.$", said[-1]), (
        said
    )
    assert "Traceback" not in ended.stderr


def test_address_of_no_store_is_one_sentence(manage: Manage) -> None:
    ended = manage("check", MERIDIAN_STORE="mongodb://127.0.0.1")
    assert ended.returncode == 1
    assert ended.stderr.startswith("MERIDIAN_STORE begins with none of redis://")


def test_client_that_is_not_installed_is_named_with_its_remedy(
    manage: Manage, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text('import sys; sys.modules["pymemcache"] = None\n')
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    ended = manage("check", MERIDIAN_STORE="memcached://127.0.0.1:1", PYTHONPATH=path)
    assert ended.returncode == 1
    assert "pip install 'django-cachekit[memcached]'" in ended.stderr
    assert "Traceback" not in ended.stderr
