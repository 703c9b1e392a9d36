"""What the README tells a newcomer to paste works in a project that is just begun."""

import os
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import ROOT, read

README = read(ROOT / "README.md", (ROOT / "README.md").read_text())
LINES = 10

VISIT = """
import django
django.setup()
from django.test import Client
from django_cachekit import cache
get = lambda: Client(SERVER_NAME="localhost").get("/report/").json()["made"]
made = get()
assert get() == made, "it was not kept"
{flush}
assert get() != made, "it was not flushed"
"""


def shown(beginning: str) -> str:
    """Return the README's one block that begins so."""
    [block] = [block for block in README.blocks if block.source.startswith(beginning)]
    assert not block.hidden
    return block.source


def run(folder: Path, *arguments: str) -> None:
    """Run Python in a project, with this package and no settings of these tests."""
    paths = {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    environment = {**os.environ, **paths, "DJANGO_SETTINGS_MODULE": "mysite.settings"}
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_ten_lines_work_when_pasted(tmp_path: Path) -> None:
    settings, urls = shown("# settings.py"), shown("# urls.py")
    run(tmp_path, "-m", "django", "startproject", "mysite", str(tmp_path))
    for name, block in (("settings", settings), ("urls", urls)):
        with (tmp_path / "mysite" / f"{name}.py").open("a") as file:
            file.write(f"\n{block}")
    run(tmp_path, "manage.py", "check", "--fail-level", "WARNING")
    run(tmp_path, "-c", VISIT.format(flush=shown("cache.tags")))


def test_ten_lines_are_ten() -> None:
    lines = (shown("# settings.py") + shown("# urls.py")).splitlines()
    assert len([line for line in lines if line and not line.startswith("#")]) == LINES
