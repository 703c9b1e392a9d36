"""``cache_warm``."""

import io
import threading
from typing import Any

import pytest
from django.test import override_settings

from django_cachekit import warmer
from django_cachekit.management.progress import Bar

from .conftest import Run


@pytest.fixture
def three(store: Any) -> None:
    """Have three warmers, the second of which fails."""

    @warmer("overview", ttl=600, tags=["people", "cities"])
    def overview() -> int:
        return 1

    @warmer("bad")
    def bad() -> None:
        raise ValueError("no\nluck")

    @warmer("numbers")
    def numbers() -> Any:
        yield from {f"n:{number}": number for number in range(1000)}.items()


def test_all_are_run_and_a_table_tells_of_each(run: Run, store: Any, three: None) -> None:
    ended = run("cache_warm")

    assert ended.code == 1
    head, overview, bad, numbers, total = ended.lines
    assert head.split() == ["warmer", "status", "entries", "seconds", "error"]
    assert overview.split()[:3] == ["overview", "warmed", "1"]
    assert bad.split(maxsplit=4)[::2] == ["bad", "0", r"ValueError: no\nluck"]
    assert numbers.split()[:3] == ["numbers", "warmed", "1,000"]
    assert total == "2 of 3 warmers done, 1,001 entries."
    assert ended.err == "Failed: 1 of 3 warmers failed: bad\n"
    assert head.index("error") == bad.index("ValueError")
    assert (store.get("overview"), store.get("n:7")) == (1, 7)


def test_those_named_are_run_and_no_others(run: Run, store: Any, three: None) -> None:
    ended = run("cache_warm", "overview")

    assert (ended.code, ended.err) == (0, "")
    assert ended.lines[-1] == "1 of 1 warmer done, 1 entry."
    assert store.missing("n:7")


def test_an_unknown_name_is_wrong_use_and_nothing_runs(run: Run, store: Any, three: None) -> None:
    ended = run("cache_warm", "overview", "overveiw")

    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "Misused: No warmer is named 'overveiw'; known: 'overview', 'bad', 'numbers'.\n"
    )
    assert store.missing("overview")


@pytest.mark.parametrize(
    "option",
    [
        ["--concurrency", "0"],
        ["--concurrency", "many"],
        ["--timeout", "0"],
        ["--timeout", "-1"],
        ["--timeout", "nan"],
        ["--format", "xml"],
        ["--no-such-option"],
    ],
)
def test_options_that_mean_nothing_are_wrong_use(
    run: Run, store: Any, three: None, option: list[str]
) -> None:
    ended = run("cache_warm", *option)

    assert (ended.code, ended.out) == (2, "")
    assert option[0] in ended.err


def test_one_that_hangs_fails_after_its_time(run: Run, store: Any) -> None:
    release = threading.Event()
    warmer("hangs")(lambda: release.wait())
    warmer("good")(lambda: 1)

    ended = run("cache_warm", "--timeout", "0.1", "--concurrency", "2")
    release.set()

    assert ended.code == 1
    assert "TimeoutError: not done within 0.1 s" in ended.out
    assert "1 of 2 warmers failed: hangs" in ended.err
    assert store.get("good") == 1


def test_json_tells_the_same(run: Run, store: Any, three: None) -> None:
    ended = run("cache_warm", "--format", "json")

    assert ended.code == 1
    for told in ended.json:
        assert told.pop("seconds") >= 0
    assert ended.json[0]["name"] == "overview"
    assert [told["status"] for told in ended.json] == ["warmed", "failed", "warmed"]
    assert ended.json[1]["error"] == r"ValueError: no\nluck"
    assert "Failed: 1 of 3" in ended.err


def test_they_are_listed(run: Run, store: Any, three: None) -> None:
    ended = run("cache_warm", "--list")

    assert ended.code == 0
    assert [line.split()[0] for line in ended.lines] == ["warmer", "overview", "bad", "numbers"]
    assert "cities, people" in ended.lines[1]
    assert "for ever" in ended.lines[2]
    assert store.missing("overview")
    listed = run("cache_warm", "overview", "--list", "--format", "json").json
    assert listed == [
        {
            "name": "overview",
            "store": "default",
            "ttl": "600",
            "tags": ["cities", "people"],
            "function": "tests.commands.test_cache_warm.three.<locals>.overview",
        }
    ]


def test_without_warmers_it_says_how_to_have_one(run: Run, store: Any) -> None:
    for arguments in (["cache_warm"], ["cache_warm", "--list"]):
        ended = run(*arguments)
        assert ended.code == 0
        assert "@warmer" in ended.out


@pytest.mark.parametrize("alias", ["memory", "locmem"])
def test_a_store_in_memory_is_warned_of(run: Run, store: Any, alias: str) -> None:
    warmer("vain", store=alias)(lambda: 1)

    ended = run("cache_warm")

    assert ended.code == 0
    assert f"Warning: alias {alias!r} is in the memory of one process" in ended.err


def test_a_store_that_processes_share_is_not(run: Run, store: Any) -> None:
    warmer("good")(lambda: 1)

    assert run("cache_warm").err == ""


@pytest.mark.parametrize("alias", ["down", "nowhere"])
def test_a_store_that_is_not_there_is_one_line(run: Run, store: Any, alias: str) -> None:
    warmer("vain", store=alias)(lambda: 1)

    ended = run("cache_warm")

    assert ended.code == 1
    assert alias in ended.out
    assert ended.err == "Failed: 1 of 1 warmer failed: vain\n"


def test_traceback_shows_where_it_was(run: Run, store: Any, three: None) -> None:
    with pytest.raises(Exception, match="1 of 1 warmer") as raised:
        run("cache_warm", "bad", "--traceback")

    assert isinstance(raised.value.__cause__, ValueError)


def test_ctrl_c_is_one_line(run: Run, store: Any) -> None:
    @warmer("pressed")
    def pressed() -> None:
        raise KeyboardInterrupt

    ended = run("cache_warm")

    assert (ended.code, ended.out, ended.err) == (130, "", "Interrupted: stopped by Ctrl-C.\n")


def test_quietly_it_prints_nothing_but_failures(run: Run, store: Any, three: None) -> None:
    warmer("vain", store="memory")(lambda: 1)

    assert run("cache_warm", "overview", "vain", "-v0")[:] == (0, "", "")
    assert run("cache_warm", "-v0").err == "Failed: 1 of 4 warmers failed: bad\n"


@override_settings(CACHEKIT={"WARMERS": ["no.such.module"]})
def test_a_path_that_leads_nowhere_is_one_line(run: Run, store: Any) -> None:
    ended = run("cache_warm")

    assert ended.code == 1
    assert "'no.such.module' cannot be imported" in ended.err
    assert len(ended.err.splitlines()) == 1


class Screen(io.StringIO):
    """Be a stream of Django's commands, on a terminal or not."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str, style_func: Any = None, ending: str = "") -> int:
        return super().write(text + ending)


def test_a_bar_is_drawn_over_itself_and_taken_away() -> None:
    screen = Screen(terminal=True)

    with Bar(screen, 3) as bar:
        bar.step("first\n")
        bar.step("second")

    drawn = screen.getvalue().split("\r\x1b[K")
    assert drawn == [
        "",
        "[........................] 0/3  ",
        "[########................] 1/3  first\\n",
        "[################........] 2/3  second",
        "",
    ]


def test_a_bar_fits_its_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    screen = Screen(terminal=True)

    with Bar(screen, 1) as bar:
        bar.step("x" * 100)

    assert max(map(len, screen.getvalue().split("\r\x1b[K"))) == 39


@pytest.mark.parametrize("stream", [Screen(terminal=False), None])
def test_nothing_is_drawn_elsewhere(stream: Screen | None) -> None:
    with Bar(stream, 3) as bar:
        bar.step("first")

    assert stream is None or stream.getvalue() == ""
