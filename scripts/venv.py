#!/usr/bin/env python3
"""Make a virtual environment with this package and what a task needs, unless it stands already.

    python scripts/venv.py .venv --extra all --group dev 'Django==5.2.*'

The package is installed in place (editable). The environment is made anew whenever
pyproject.toml, the Python or the wishes change. Needs nothing but Python itself; uv, installed
into the environment, does the work in a tenth of pip's time, and pip does it where uv cannot.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line asks; 0 if the environment stands."""
    asked = parse(arguments)
    folder = ROOT / asked.folder
    stamp, wanted = folder / ".stamp", fingerprint(asked)
    if stamp.exists() and stamp.read_text() == wanted and runs(python_of(folder)):
        return 0
    print(f"Making {asked.folder} with Python {sys.version.split()[0]} ...", flush=True)
    try:
        clear(folder)
        create(folder)
        install(folder, wishes(asked))
    except subprocess.CalledProcessError as error:
        print(f"Could not make {asked.folder}: {told(error)}", file=sys.stderr)
        return 1
    stamp.write_text(wanted)
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--extra", action="append", default=[], help="an extra of the package")
    parser.add_argument("--group", action="append", default=[], help="a dependency group")
    parser.add_argument(
        "requirements", nargs="*", help="further requirements, e.g. 'Django==5.2.*'"
    )
    return parser.parse_intermixed_args(arguments)


def fingerprint(asked: argparse.Namespace) -> str:
    """Return a text that changes when the environment has to."""
    facts = (sys.version, sys.base_prefix, asked.folder, asked.extra, asked.group)
    digest = hashlib.sha256((ROOT / "pyproject.toml").read_bytes())
    digest.update(repr((*facts, asked.requirements)).encode())
    return digest.hexdigest()


def wishes(asked: argparse.Namespace) -> list[str]:
    """Return the installer's arguments."""
    extras = f"[{','.join(asked.extra)}]" if asked.extra else ""
    groups = [part for group in asked.group for part in ("--group", group)]
    return [*groups, "--editable", f".{extras}", *asked.requirements]


def python_of(folder: Path) -> Path:
    """Return the environment's interpreter."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def runs(python: Path) -> bool:
    """Tell whether the interpreter starts: the one it was made from may be gone."""
    try:
        return subprocess.run([python, "-c", ""], check=False).returncode == 0
    except OSError:
        return False


def clear(folder: Path) -> None:
    """Take away what is there: a folder, or the note that other tools leave under that name."""
    if folder.is_file() or folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def create(folder: Path) -> None:
    """Make the bare environment, with pip in it."""
    call([sys.executable, "-m", "venv", folder])


def install(folder: Path, what: list[str]) -> None:
    """Install by uv, or by pip where uv is not to be had or does not get through."""
    python = python_of(folder)
    pip: list[str | Path] = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    try:
        call([*pip, "uv"])
        call([python, "-m", "uv", "pip", "install", "--quiet", "--python", python, *what])
    except subprocess.CalledProcessError as error:
        print(f"uv did not manage ({told(error)}); using pip ...", flush=True)
        # Dependency groups came with pip 25.1.
        call([*pip, "--upgrade", "pip>=25.1"])
        call([*pip, *what])


def told(error: subprocess.CalledProcessError) -> str:
    """Return the last lines of what a failed command said."""
    lines = (error.output or "").strip().splitlines()
    return "\n".join(lines[-15:]) or str(error)


def call(command: list[str | Path]) -> None:
    """Run a command in the project's folder; its output is kept for when it fails."""
    subprocess.run(
        command,
        cwd=ROOT,
        check=True,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"UV_PYTHON_DOWNLOADS": "never"},
    )


if __name__ == "__main__":
    sys.exit(main())
