"""The site in a browser: each page of the tour does what it says, wide, narrow and in the dark.

A picture of each page is left in a temporary folder. `CACHEKIT_SCREENSHOTS=1` has them written to
`docs/screenshots/` too, with all places loaded.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from tests.servers.fixtures import required
from tests.servers.programs import PROGRAMS, ServerMissing

from .conftest import ROOT, Start, address_of

pytest.importorskip("selenium", reason="the group `test` brings it")

from .browser import PHONE, WIDE, Browser, chromium, small

ASKED = bool(os.environ.get("CACHEKIT_SCREENSHOTS"))
KEPT = ROOT / "docs" / "screenshots"
PLACES = () if ASKED else ("--min-population", "15000")


class Step(NamedTuple):
    """Press a button, having filled in fields; a text that has to come of it, as a pattern."""

    label: str
    text: str
    fields: dict[str, str] = {}


TOUR = {
    "remember": [Step("Twenty ask at once", r"moment\s20\scomputed\s1\s.*answer\syes")],
    "flexible": [
        Step("Flush", "is gone"),
        Step("Read", r"time no\.\s\d+\swaited\s3\d\d"),
        Step("Make it old", "is stale"),
        Step("Read", r"waited\s[\d.]+ ms"),
    ],
    "early": [Step("Thirty reads, early=1000.0", r"reads\s30\scomputed behind them\s[1-9]")],
    "stale-if-error": [
        Step("Read", r"served\sfetched at"),
        Step(
            "Read when it is over and the source is down",
            r"with stale_if_error\sfetched at .*\swithout\sConnectionError: .*\splain get\sNone",
        ),
    ],
    "cached": [
        Step("Forget", "it was there", {"code": "JP"}),
        Step("Call", r"largest\sTokyo.*ran\syes.*otherwise\syes", {"code": "JP"}),
        Step("Call", r"largest\sTokyo.*ran\sno", {"code": "JP"}),
    ],
    "memo": [Step("A hundred reads, twice", r"cache\.get\(\)\s100.*memo\(\)\.get\(\)\s1\b")],
    "warmers": [
        Step("Forget", "it was there"),
        Step("Read", "nothing: warm it first"),
        Step("Warm", "1 of 1 warmer done"),
        Step("Read", r"/\w+\s[\d,]+"),
    ],
    "tags": [
        Step("Fill", "Paris.*Fuji"),
        Step("Flush", r"flushed\sfrance\sgone\sMont Blanc\sParis\sstill there\sFuji\sOsaka"),
        Step("Flush the mountains of Japan", r"gone\sFuji\sstill there\sOsaka"),
    ],
    "promise": [Step("Compute, and be overtaken", r"has\stea costs \d+\s.* has\sNone")],
    "found": [
        Step("Flush Paris", r"flushed\sParis\sthe front page is there\syes"),
        Step("Flush the second city", r"the front page is there\sno"),
    ],
    "expire": [
        Step("Forget it", "it was there"),
        Step("Flush, then read", r"plain get\sNone\sflexible\sthe new"),
        Step("Forget it", "it was there"),
        Step("Expire, then read", r"plain get\sNone\sflexible\sthe old"),
    ],
    "namespace": [Step("Store three johns", r"a person\sa painter\sa key.*None\sa painter\sa key")],
    "listing": [
        Step("Fill", r"stored\s4"),
        Step("List", r"almanac.*atlas.*lent\stour:book:cookbook\scount\s4"),
    ],
    "locks": [
        Step("Take", r"taken\syes\sowner\s[0-9a-f]{8}.*fence\s\d+"),
        Step("Give back", r"this owner's\syes\sis it held now\sno"),
        Step("Wait a second for it", r"given back\syes"),
        Step("Take", r"taken\syes"),
        Step("Wait a second for it", r"taken\sno\sLockTimeout"),
    ],
    "funnel": [
        Step("No room", "turned away"),
        Step("Nine through three", r"served\s9\smost inside at once\s3"),
    ],
    "overlap": [
        Step("Three reports", r"one after the other\syes"),
        Step("Three rebuilds", r"one after the other\syes"),
    ],
    "counters": [
        Step("Count together", r"25 each\s200"),
        Step("Fill two baskets", r"by cas\s12"),
    ],
    "typed": [
        Step("Store and read", r"integer\(\)\s12.*boolean\(\)\sTypeMismatch"),
        Step("Store and read", r"boolean\(\)\sTrue", {"value": "True"}),
    ],
    "views": [
        Step("Flush", "flushed", {"code": "EU"}),
        Step(
            "Visit", r"Europe: most.*Surrogate-Key\s.*tour:continent:EU.*tour:pages", {"code": "EU"}
        ),
    ],
    "fragments": [
        Step("Flush and render", r"then rendered\sThe list.*the card", {"tag": "tour:list"}),
        Step("Render", r"The list, rendered at [\d:.]+, with\sthe card"),
    ],
    "async": [Step("Forget", "forgotten"), Step("Ask for three", r"Tokyo.*took\s\d+ ms")],
    "models": [
        Step("Save one in Asia", r"gone\sAsia\sstill there\sAfrica\sEurope"),
        Step("Move one to Africa", r"gone\sAfrica\sAsia\sstill there\sEurope"),
    ],
    "transactions": [
        Step("Roll back", r"after the rollback\sten trips for nine"),
        Step("Commit", r"here\sNone.*everybody else\sten trips.*after the commit\sNone"),
    ],
    "outbox": [
        Step("1. Pull the plug", r"can be written\sno"),
        Step("2. Change and flush", r"in the outbox\svault"),
        Step("3. Put it back", r"after\sNone.*in the outbox\snone"),
    ],
    "signals": [Step("Make a few calls", r"cache_missed.*lock_acquired.*tags_flushed")],
    "sealed": [
        Step("Copy one onto another's name", r"after\sNone"),
        Step("Turn one bit", r"after\sNone"),
        Step("Show the bytes", r"Alice is among them\sno"),
    ],
    "health": [Step("Ask every store", r"default\sup.*vault\sup")],
}
SITE = {
    "world": "/",
    "country": "/country/FR/",
    "city": "/city/2988507/",
    "cache": "/cache/",
    "tour": "/tour/",
}


@pytest.fixture(scope="module")
def site(browser: Browser, start: Start, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the site by `make demo`'s own command, and give its address; not without a browser."""
    var = tmp_path_factory.mktemp("browsed")
    with start("demo", *PLACES, MERIDIAN_VAR=str(var)) as process:
        try:
            yield address_of(process).rstrip("/")
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.communicate(timeout=30)
            finally:
                process.kill()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give a browser; without its programs skip, or fail if it is required."""
    try:
        program, driver = PROGRAMS["chromium"].command()
    except ServerMissing as missing:
        refuse = pytest.fail if "chromium" in required() else pytest.skip
        refuse(f"chromium: {missing}")
    with chromium(program, driver) as started:
        yield started


@pytest.fixture(scope="module")
def picture(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., None]:
    """Give a function that keeps a picture of the page: for a look, or for the docs."""
    folder = tmp_path_factory.mktemp("screenshots")

    def take(name: str, whole: bool = True) -> None:
        browser.picture(folder / f"{name}.png", whole)
        if ASKED:
            KEPT.mkdir(exist_ok=True)
            (KEPT / f"{name}.png").write_bytes(small((folder / f"{name}.png").read_bytes()))

    return take


@pytest.mark.parametrize("slug", TOUR)
def test_page_of_the_tour(
    slug: str, site: str, browser: Browser, picture: Callable[..., None]
) -> None:
    browser.look(WIDE)
    browser.open(f"{site}/tour/{slug}/")
    browser.complaints()
    assert "cache" in browser.text(".code pre")
    for step in TOUR[slug]:
        press(browser, step)
    picture(slug)
    assert browser.complaints() == []
    assert_fits_a_phone_in_the_dark(browser)


def press(browser: Browser, step: Step) -> None:
    """Fill in a form, press its button, and look at what came of it."""
    button = f'button[data-label="{step.label}"]'
    for name, text in step.fields.items():
        browser.choose(f'form:has({button}) [name="{name}"]', text)
    browser.click(button)
    assert browser.text("#came h3").startswith(step.label)
    told = browser.text("#came")
    assert re.search(step.text, told, re.DOTALL), told


def assert_fits_a_phone_in_the_dark(browser: Browser) -> None:
    """Look at the page on a phone at night: nothing is cut off, and it is dark."""
    browser.look(PHONE, "dark")
    assert browser.asked("document.documentElement.scrollWidth") <= PHONE[0]
    red, green, blue = map(int, re.findall(r"\d+", browser.asked(PAPER))[:3])
    assert max(red, green, blue) < 60


PAPER = "getComputedStyle(document.body).backgroundColor"


@pytest.mark.parametrize("name", SITE)
def test_page_of_the_site(
    name: str, site: str, browser: Browser, picture: Callable[..., None]
) -> None:
    browser.look(WIDE)
    browser.complaints()
    for _ in range(5 if ASKED else 2):  # a picture is of what the fifth visitor gets
        browser.open(f"{site}{SITE[name]}")
    if name in ("world", "country", "city"):
        assert "0 misses" in browser.text(".meter")
    browser.look((WIDE[0], 780))
    picture(name, whole=name == "tour")
    assert browser.complaints() == []
    assert_fits_a_phone_in_the_dark(browser)


def test_tour_leads_from_page_to_page(site: str, browser: Browser) -> None:
    browser.look(WIDE)
    browser.open(f"{site}/")
    browser.click('nav[aria-label="Main"] a[href="/tour/"]')
    links = browser.asked("[...document.querySelectorAll('.stops a')].map(a => a.pathname)")
    assert [path.split("/")[2] for path in links] == list(TOUR)
    browser.click(".stops a")
    assert browser.text("h1") == "One computation"
    browser.click('.around [rel="next"]')
    assert browser.text("h1") == "Old at once, new behind"
    browser.click('.around [rel="prev"]')
    assert browser.text("h1") == "One computation"
    assert browser.text('nav [aria-current="page"]') == "Tour"


def test_old_rate_comes_at_once_and_the_new_one_after_it(site: str, browser: Browser) -> None:
    browser.look(WIDE)
    browser.open(f"{site}/tour/flexible/")
    press(browser, Step("Flush", "is gone"))
    press(browser, Step("Read", "waited"))
    first = fetched(browser)
    press(browser, Step("Make it old", "is stale"))
    press(browser, Step("Read", "waited"))
    assert fetched(browser) == first
    browser.wait(lambda: fetched_when_read(browser) > first, "the rate that is fetched behind")


def fetched_when_read(browser: Browser) -> int:
    """Read the rate once more."""
    press(browser, Step("Read", "waited"))
    return fetched(browser)


def fetched(browser: Browser) -> int:
    """Return how often the rate had been fetched when the one that is shown was."""
    found = re.search(r"time no\.\s([\d,]+)", browser.text("#came"))
    assert found is not None
    return int(found[1].replace(",", ""))


def test_async_view_answers(site: str, browser: Browser) -> None:
    browser.open(f"{site}/tour/async/")
    browser.click(".actions a.quiet")
    assert '"Asia/Tokyo": "Tokyo"' in browser.text("body")
