"""``cache_lock``: a program that runs alone, and how it ends; ``cache_clear --locks``."""

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from django_cachekit.management import program

from .conftest import Run

pytestmark = pytest.mark.usefixtures("store")

MEMORY = ("cache_lock", "report", "--store", "memory", "--ttl", "30")


def python(text: str) -> list[str]:
    return ["--", sys.executable, "-c", text]


def test_a_program_runs_under_a_lock(run: Run, store: Any, tmp_path: Path) -> None:
    lock = store.store("memory").lock("report", 10)
    out = tmp_path / "fence"
    text = f"import os; open({str(out)!r}, 'w').write(os.environ['CACHEKIT_FENCE'])"

    ended = run(*MEMORY, "--format", "json", *python(text))

    assert ended.code == 0
    assert ended.json == {"name": "report", "ran": True}
    assert lock.acquire() is True
    assert 0 < int(out.read_text()) < lock.fence


def test_its_own_options_are_left_alone(run: Run, tmp_path: Path) -> None:
    text = "import sys; open(sys.argv[1], 'w').write(repr(sys.argv[2:]))"
    out = tmp_path / "out"
    assert run(*MEMORY, *python(text), str(out), "--ttl", "x", "--", "-v").code == 0
    assert out.read_text() == "['--ttl', 'x', '--', '-v']"


def test_it_ends_as_the_program_does(run: Run, store: Any) -> None:
    ended = run(*MEMORY, *python("raise SystemExit(7)"))
    assert ended.code == 7
    assert "The command ended with 7." in ended.err
    killed = run(*MEMORY, *python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"))
    assert killed.code == 128 + signal.SIGKILL
    assert store.store("memory").lock("report", 10).is_locked() is False


def test_while_another_has_the_lock_nothing_is_run(run: Run, store: Any, tmp_path: Path) -> None:
    lock, out = store.store("memory").lock("report", 30), tmp_path / "out"
    lock.acquire()
    program = python(f"open({str(out)!r}, 'w')")

    ended = run(*MEMORY, *program)
    assert ended.code == 1
    assert "Nothing was run" in ended.err
    skipped = run(*MEMORY, "--skip", *program)
    assert skipped.code == 0
    assert "Nothing was run" in skipped.out
    assert not out.exists()

    releasing = threading.Timer(0.2, lock.release)
    releasing.start()
    assert run(*MEMORY, "--wait", "20", *program).code == 0
    releasing.join()
    assert out.exists()


def test_a_program_whose_lock_is_lost_is_told_to_end(run: Run, store: Any) -> None:
    lock = store.store("memory").lock("report", 30)

    def take_away() -> None:
        while not lock.is_locked():
            time.sleep(0.01)
        lock.force_release()

    taking = threading.Thread(target=take_away)
    taking.start()
    began = time.monotonic()
    short = ("cache_lock", "report", "--store", "memory", "--ttl", "0.6")
    ended = run(*short, *python("import time; time.sleep(50)"))
    taking.join()

    assert ended.code == 1
    assert "lost" in ended.err
    assert time.monotonic() - began < 30


def test_a_command_that_is_told_to_end_tells_the_program(run: Run, tmp_path: Path) -> None:
    text = f"import os, signal, time\nos.kill({os.getpid()}, signal.SIGTERM)\ntime.sleep(50)"
    assert run(*MEMORY, *python(text)).code == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    "arguments",
    [
        ["cache_lock", "report", "--ttl", "30"],
        ["cache_lock", "report", "--ttl", "30", "--"],
        ["cache_lock", "report", "--", "true"],
        ["cache_lock", "report", "--ttl", "0", "--", "true"],
        ["cache_lock", "report", "--ttl", "30", "--store", "nope", "--", "true"],
    ],
)
def test_wrong_use(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).code == 2


def test_what_cannot_be_run_is_a_failure(run: Run) -> None:
    assert run(*MEMORY, "--", "no-such-program-anywhere").code == 1


def test_call_command_takes_it_too(tmp_path: Path) -> None:
    out = tmp_path / "out"
    call_command(*MEMORY, *python(f"open({str(out)!r}, 'w')"), verbosity=0)
    assert out.exists()


def test_where_there_are_no_locks_nothing_is_run(run: Run) -> None:
    ended = run("cache_lock", "report", "--store", "locmem", "--ttl", "30", "--", "true")
    assert ended.code == 1
    assert "lock" in ended.err


def test_all_locks_of_an_alias_are_given_back(run: Run, store: Any) -> None:
    memory = store.store("memory")
    memory.put("key", 1)
    one, other = memory.lock("one", 30), memory.lock("other", 30)
    one.acquire()
    other.acquire()
    clear = ("cache_clear", "--store", "memory", "--locks")

    assert "Would give all locks" in run(*clear, "--dry-run").out
    assert one.is_locked() is True
    assert run(*clear).code == 2  # nobody was there to say yes
    assert run(*clear, "--noinput", "--format", "json").json == {
        "store": "memory",
        "dry_run": False,
        "locks": 2,
    }
    assert one.is_locked() is False
    assert memory.get("key") == 1
    assert run(*clear, "--prefix", "k").code == 2


@pytest.mark.parametrize("wrong", [["--ttl", "nan"], ["--wait", "inf"], ["--max-hold", "x"]])
def test_what_is_no_time_is_wrong_use(run: Run, wrong: list[str]) -> None:
    assert run("cache_lock", "report", "--ttl", "30", *wrong, "--", "true").code == 2


def test_a_program_that_is_stubborn_is_ended_before_the_lock_is_left(
    run: Run, store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "GRACE", 0.5)
    out = tmp_path / "pid"
    text = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"open({str(out)!r}, 'w').write(str(os.getpid()))\n"
        f"os.kill({os.getpid()}, signal.SIGINT)\n"
        "time.sleep(50)"
    )
    assert run(*MEMORY, *python(text)).code == 128 + signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        os.kill(int(out.read_text()), 0)
    assert store.store("memory").lock("report", 10).is_locked() is False


def test_who_is_told_to_end_while_he_waits_runs_nothing(
    run: Run, store: Any, tmp_path: Path
) -> None:
    store.store("memory").lock("report", 60).acquire()
    telling = threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGTERM))
    telling.start()
    ended = run(*MEMORY, "--wait", "40", *python(f"open({str(tmp_path / 'out')!r}, 'w')"))
    telling.join()
    assert ended.code == 130
    assert not (tmp_path / "out").exists()


def test_what_the_program_wrote_stands_alone(run: Run) -> None:
    assert run(*MEMORY, *python("print('data')")).out == ""
