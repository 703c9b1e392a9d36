"""Without a server's program its tests are skipped, or fail where it is required."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(tmp_path: Path, require: str) -> subprocess.CompletedProcess[str]:
    """Run a test that asks for memcached, where PATH has no program at all."""
    (tmp_path / "test_it.py").write_text("def test_it(memcached): pass\n")
    (tmp_path / "sitecustomize.py").write_text(
        "import shutil\nshutil.which = lambda *_, **__: None\n"
    )
    settings = {"CACHEKIT_REQUIRE": require, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "pytest", "-p", "tests.servers.fixtures", "-rsEf"]
    return subprocess.run(
        [*command, f"--rootdir={tmp_path}", "-p", "no:cacheprovider", "-p", "no:django", tmp_path],
        cwd=tmp_path,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("require", ["", "redis,mariadb"])
def test_it_is_skipped_and_says_how_to_install_it(tmp_path: Path, require: str) -> None:
    done = run(tmp_path, require)
    assert "1 skipped" in done.stdout, done.stdout + done.stderr
    assert "apt-get install memcached" in done.stdout


@pytest.mark.parametrize("require", ["memcached", "redis,memcached", "all"])
def test_where_it_is_required_the_test_fails(tmp_path: Path, require: str) -> None:
    done = run(tmp_path, require)
    assert "1 error" in done.stdout, done.stdout + done.stderr
    assert "apt-get install memcached" in done.stdout
    assert done.returncode == 1


def test_a_name_that_is_none_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path, "redsi")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "redsi" in done.stderr
