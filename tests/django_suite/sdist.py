"""Where Django's own tests come from: its source release, unpacked once under .cache/."""

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

import django

CACHE = Path(__file__).parents[2] / ".cache" / "django"


def tests() -> Path:
    """Return the folder of the installed Django's tests, fetched if need be."""
    folder = CACHE / django.get_version() / "tests"
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as work:
            unpacked = unpack(download(Path(work)), Path(work) / "unpacked")
            folder.parent.mkdir(exist_ok=True)
            shutil.move(unpacked, folder)
    return folder


def download(into: Path) -> Path:
    """Fetch the source release of the installed version."""
    wanted = f"django=={django.get_version()}"
    command = [a_pip(), "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "django"]
    # The pip found may be of an older Python than the one that runs.
    command += ["--python-version", "{}.{}".format(*sys.version_info)]
    command += ["--disable-pip-version-check", "--dest", str(into), wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"Could not fetch the source of {wanted} by pip:\n{done.stderr}")
    return next(into.glob("*.tar.gz"))


def a_pip() -> str:
    """Return a Python that has pip: this one, the one it was made from, or the machine's."""
    known: tuple[str | None, ...] = (
        sys.executable,
        getattr(sys, "_base_executable", None),
        shutil.which("python3"),
    )
    for python in filter(None, known):
        if subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0:
            return python
    raise SystemExit("pip is needed to fetch Django's tests; no Python here has it.")


def unpack(archive: Path, into: Path) -> Path:
    """Write out the plain files under tests/, and nothing else the archive may hold."""
    with tarfile.open(archive) as tar:
        for member in tar:
            path = PurePosixPath(*PurePosixPath(member.name).parts[1:])
            if not member.isfile() or path.parts[:1] != ("tests",) or ".." in path.parts:
                continue
            target = into / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with tar.extractfile(member) as file:  # type: ignore[union-attr]  # it is a file
                target.write_bytes(file.read())
    return into / "tests"
