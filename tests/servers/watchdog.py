"""End the servers of a process that died without ending them itself.

Run as a program. It reads lines, ``+ PID SIGNAL``, ``- PID`` and ``rm FOLDER``, from a pipe that
only the watched process holds open; at the pipe's end it ends what is left and tidies up. (Linux
can end a child with its parent, but means the *thread* that started it, and forgets when the user
changes.)
"""

import os
import shutil
import signal
import sys
from collections.abc import Iterable


def main(lines: Iterable[str]) -> None:
    """Take note until the pipe ends, then end what still runs."""
    running: dict[int, int] = {}
    folders: list[str] = []
    for line in lines:
        verb, _, rest = line.strip().partition(" ")
        if verb == "+":
            pid, number = rest.split()
            running[int(pid)] = int(number)
        elif verb == "-":
            running.pop(int(rest), None)
        elif verb == "rm":
            folders.append(rest)
    for pid, number in running.items():
        end(pid, number)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def end(pid: int, number: int) -> None:
    """Signal a server's whole process group, one that is stopped too."""
    for each in (number, signal.SIGCONT):
        try:
            os.killpg(pid, each)
        except ProcessLookupError:
            return


if __name__ == "__main__":
    main(sys.stdin)
