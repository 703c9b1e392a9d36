"""How long a flush takes, by the number of entries that bear the tag, and what others see of it."""

import multiprocessing
import socket
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import Connection
from typing import Any

from .tags_peers import ByHand, Ours
from .tags_setup import MAIN, SUBJECTS
from .tags_subject import Subject

FEW = (1, 1000)
PAUSE = 0.0003
REPEATED = 300
WATCHED = 1.0
"""For how many seconds short flushes are repeated while others are watched."""


def ping(port: int, told: Connection) -> None:
    """Ask the server for a PONG again and again; tell, when asked, the longest wait.

    After 5 seconds of a script a Redis answers others with an error (BUSY), which is no PONG.
    """
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        seen: list[tuple[float, float]] = []
        told.send("ready")
        while True:
            began = time.perf_counter()
            link.sendall(b"PING\r\n")
            while link.recv(1000) != b"+PONG\r\n":
                time.sleep(PAUSE)
                link.sendall(b"PING\r\n")
            seen.append((began, time.perf_counter()))
            if told.poll(PAUSE):
                window = told.recv()
                if window is None:
                    return
                waits = [to - at for at, to in seen if to >= window[0] and at <= window[1]]
                told.send((max(waits, default=0.0), len(waits)))
                seen.clear()


class Watch:
    """Another client, in a process of its own, that sends a PING every third of a millisecond."""

    def __init__(self, port: int) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.told, theirs = spawn.Pipe()
        self.process = spawn.Process(target=ping, args=(port, theirs), daemon=True)
        self.process.start()
        self.told.recv()

    def worst(self, work: Callable[[], Any]) -> tuple[float, float]:
        """Return the seconds that the work took, and the longest wait for a PONG meanwhile."""
        time.sleep(0.05)  # so that what came before is answered
        began = time.perf_counter()
        work()
        ended = time.perf_counter()
        self.told.send((began, ended))
        longest, count = self.told.recv()
        assert count or ended - began < 10 * PAUSE, "No PING was answered meanwhile."
        return ended - began, longest

    def end(self) -> None:
        """Stop."""
        self.told.send(None)
        self.process.join()


def served(subject: Subject, tag: str, number: int = 0) -> bool:
    """Tell whether an entry is there, without computing it."""
    try:
        return bool(subject.read(tag, number, _absent) == "value")
    except LookupError:
        return False


def _absent() -> Any:
    raise LookupError


def clocked(subject: Subject, tag: str) -> float:
    """Flush, and return the seconds it took; what was there before is not after."""
    assert served(subject, tag), f"{subject.name}: not there before the flush"
    began = time.perf_counter()
    subject.flush(tag)
    took = time.perf_counter() - began
    assert not served(subject, tag), f"{subject.name}: there after the flush"
    return took


def few(rounds: int) -> dict[str, dict[str, float]]:
    """Return the median seconds of flushes of a few entries, all subjects in turns."""
    took: dict[str, dict[int, list[float]]] = {name: {count: [] for count in FEW} for name in MAIN}
    for _ in range(rounds):
        for name in MAIN:
            with SUBJECTS[name].active():
                for count in FEW:
                    SUBJECTS[name].fill(f"few{count}", count)
                    took[name][count].append(clocked(SUBJECTS[name], f"few{count}"))
    return {
        name: {str(count): statistics.median(times) for count, times in counts.items()}
        for name, counts in took.items()
    }


def many(name: str, count: int, watch: Watch, pool: ProcessPoolExecutor) -> dict[str, Any]:
    """Fill and flush a large tag; the seconds, and the longest wait of another client."""
    subject = SUBJECTS[name]
    subject.raw.flushdb()
    began = time.perf_counter()
    if isinstance(subject, Ours):
        spread(pool, count)
    else:
        subject.fill("many", count)
    filled = time.perf_counter() - began
    size = _size(subject)
    assert size >= count, f"{name}: {size} keys"
    last = count - 1 if subject.finds_copies else 0
    assert served(subject, "many", last)
    took, wait = watch.worst(lambda: subject.flush("many"))
    assert not served(subject, "many", last)
    found = {"first": took, "filled": filled, "took": took, "wait": wait}
    left = _size(subject)
    if subject.removes:
        assert left < 10, f"{name}: {left} keys after the flush"
        return found
    # Dead entries stay where they were, so the next flush meets as many keys as this one.
    assert left >= count * 0.99, f"{name}: {left} keys after the flush"
    return {**found, **again(subject, watch)}


def _size(subject: Subject) -> int:
    size = subject.raw.dbsize()
    assert isinstance(size, int)
    return size


def again(subject: Subject, watch: Watch) -> dict[str, Any]:
    """Repeat a flush among all these entries, in turns with those of tags that fewer bear."""
    took: dict[str, list[float]] = {"few1": [], "few1000": [], "many": []}
    for tag, count in zip(took, FEW, strict=False):
        subject.fill(tag, count)
    for _ in range(REPEATED):
        for tag, times in took.items():
            subject.read(tag, 0, lambda: "value")
            times.append(clocked(subject, tag))
    one, thousand, many = (statistics.median(times) for times in took.values())
    wait = beside(watch, lambda: subject.flush("many"))
    return {"took": many, "few": {"1": one, "1000": thousand}, "wait": wait}


def beside(watch: Watch, call: Callable[[], Any]) -> float:
    """Return the longest wait while a call is repeated for a second: the median of three."""

    def repeat() -> None:
        end = time.perf_counter() + WATCHED
        while time.perf_counter() < end:
            call()

    return statistics.median(watch.worst(repeat)[1] for _ in range(3))


def spread(pool: ProcessPoolExecutor, count: int) -> None:
    """Fill ours through the library, by several processes."""
    starts = range(0, count, 20_000)
    for done in [pool.submit(part, start, min(start + 20_000, count)) for start in starts]:
        done.result()


def part(start: int, end: int) -> None:
    """Put a part of the large tag."""
    ours = SUBJECTS[Ours.name]
    assert isinstance(ours, Ours)
    for begin in range(start, end, 1000):
        ours.fill_part("many", begin, min(begin + 1000, end))


def measure(port: int, count: int, rounds: int, pool: ProcessPoolExecutor) -> dict[str, Any]:
    """Return all figures about flushes."""
    figures: dict[str, Any] = {"count": count, "repeated": REPEATED, "few": few(rounds), "many": {}}
    watch = Watch(port)
    try:
        plain = SUBJECTS[ByHand.name].raw
        figures["idle"] = beside(watch, lambda: plain.set("key", "value"))
        for name in MAIN:
            with SUBJECTS[name].active():
                figures["many"][name] = many(name, count, watch, pool)
                SUBJECTS[name].raw.flushdb()
    finally:
        watch.end()
    return figures
