"""Builds, environments and commands, for the tests beside it."""

import os
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UV = [sys.executable, "-m", "uv"]


@dataclass(frozen=True)
class Built:
    """Hold what was built: the files, and the sdist unpacked."""

    sdist: Path
    wheel: Path
    wheel_of_sdist: Path
    unpacked: Path


def build(folder: Path) -> Built:
    """Build an sdist and a wheel from the tree, and another wheel from the sdist."""
    run([*UV, "build", "--quiet", "--sdist", "--out-dir", folder, ROOT])
    run([*UV, "build", "--quiet", "--wheel", "--out-dir", folder, ROOT])
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    run([*UV, "build", "--quiet", "--wheel", "--out-dir", folder / "again", sdist])
    (again,) = (folder / "again").glob("*.whl")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    return Built(sdist, wheel, again, unpacked)


def contents(wheel: Path) -> dict[str, bytes]:
    """Return the files of a wheel, but for the list of them, whose lines are in any order."""
    with zipfile.ZipFile(wheel) as archive:
        return {
            name: archive.read(name)
            for name in archive.namelist()
            if not name.endswith(("/", "/RECORD"))
        }


def environment(folder: Path, *requirements: str, resolution: str = "highest") -> Path:
    """Make a clean virtual environment with what is required; return its Python."""
    run([*UV, "venv", "--quiet", "--python", sys.executable, folder])
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    install = ["pip", "install", "--quiet", "--python", python, "--resolution", resolution]
    run([*UV, *install, *requirements])
    return python


def run(command: list[str | Path], cwd: Path = ROOT, ok: bool = True) -> str:
    """Run a command that knows nothing of this tree; return what it said, on both channels."""
    hidden = ("PYTHONPATH", "DJANGO_SETTINGS_MODULE", "VIRTUAL_ENV", "PYTHONDEVMODE")
    settled = {
        "UV_PYTHON_DOWNLOADS": "never",
        "PYTHONWARNINGS": "error",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
    }
    clean = {name: text for name, text in os.environ.items() if name not in hidden}
    done = subprocess.run(
        command,
        cwd=cwd,
        env=clean | settled,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    if ok:
        assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}"
    return done.stdout
