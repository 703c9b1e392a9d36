#!/usr/bin/env python3
"""Install the servers and the browser that tests want and this machine lacks; say what there is.

    python scripts/servers.py           # install what can be installed here
    python scripts/servers.py --list    # only say
    python scripts/servers.py --require # and fail if one is still missing

Root on Debian or Ubuntu gets them by apt-get, and none is started as a service; anybody else is
told what to install. dynalite comes by npm into .cache/node, where there is Node.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # for a Python that this package is not installed in

from tests.servers.programs import DYNALITE, NAMES, NODE, PROGRAMS, available  # noqa: E402 see above

POLICY = Path("/usr/sbin/policy-rc.d")


def main() -> int:
    """Install and tell; 0 unless one is missing that is required."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="install nothing")
    parser.add_argument("--require", action="store_true", help="fail if one is missing")
    asked = parser.parse_args()
    if not asked.list:
        install()
    there = available()
    missing = [name for name in NAMES if name not in there]
    print(f"servers for the tests: {', '.join(there) or 'none'}", flush=True)
    for name in missing:
        print(f"  no {name}; install it: {PROGRAMS[name].install}", flush=True)
    return int(asked.require and bool(missing))


def install() -> None:
    """Install what is missing, as far as this user can."""
    missing = [program for program in PROGRAMS.values() if not program.find()]
    packages = sorted({name for program in missing for name in program.package.split()})
    if packages and is_root() and shutil.which("apt-get"):
        with services_kept_down():
            call("apt-get", "update", "-qq")
            call("apt-get", "install", "-qq", "-y", "--no-install-recommends", *packages)
    if PROGRAMS["dynalite"] in missing and shutil.which("npm") and shutil.which("node"):
        NODE.mkdir(parents=True, exist_ok=True)
        call("npm", "install", "--prefix", str(NODE), "--no-save", "--no-audit", DYNALITE)


def is_root() -> bool:
    """Tell whether packages may be installed here."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


@contextmanager
def services_kept_down() -> Iterator[None]:
    """Have Debian's packages start nothing, which is theirs to ask of this file."""
    mine = not POLICY.exists()
    if mine:
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    try:
        yield
    finally:
        if mine:
            POLICY.unlink()


def call(*command: str) -> None:
    """Run an installer and say so; what it does not manage is told at the end."""
    print(f"+ {' '.join(command)}", flush=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        check=False,
    )
    if done.returncode:
        print(done.stdout[-2000:], flush=True)


if __name__ == "__main__":
    sys.exit(main())
