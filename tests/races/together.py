"""Processes that do one thing at the same moment."""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Callable
from typing import Any

from django.db import connections

FORK = multiprocessing.get_context("fork")


def together(work: Callable[[int], Any], processes: int = 8) -> list[Any]:
    """Call ``work(number)`` in so many processes, all at once, and return what each gave."""
    gate, said = FORK.Barrier(processes), FORK.Queue()
    for connection in connections.all(initialized_only=True):
        if connection.alias != "default":
            connection.close()  # two processes cannot speak by one

    def run(number: int) -> None:
        try:
            gate.wait(60)
            said.put((number, work(number), None))
        except BaseException:
            said.put((number, None, traceback.format_exc()))
            raise

    running = [FORK.Process(target=run, args=(number,)) for number in range(processes)]
    for process in running:
        process.start()
    try:
        found = [said.get(timeout=120) for _ in running]
    finally:
        for process in running:
            process.join(20)
            if process.exitcode is None:
                process.kill()
    failed = [trace for _, _, trace in found if trace]
    if failed:
        raise RuntimeError(failed[0])
    return [given for _, given, _ in sorted(found, key=lambda one: one[0])]
