"""A headless Chromium, driven by Selenium, and its pictures."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

WIDE, PHONE = (1200, 860), (390, 844)
PATIENCE = 30  # seconds, on a machine that is busy with other things
COLOURS = 64


@contextmanager
def chromium(program: str, driver: str) -> Iterator[Browser]:
    """Start a browser, and end it. Both programs are named, so Selenium fetches none."""
    options = webdriver.ChromeOptions()
    options.binary_location = program
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for argument in (
        "--headless=new",
        "--no-sandbox",  # root has none
        "--disable-dev-shm-usage",  # containers have little of it
        "--disable-background-networking",
        "--hide-scrollbars",
        "--force-device-scale-factor=1",
        "--window-size={},{}".format(*WIDE),
    ):
        options.add_argument(argument)
    started = webdriver.Chrome(options=options, service=Service(executable_path=driver))
    try:
        yield Browser(started)
    finally:
        started.quit()


class Browser:
    """What the tests do with a browser."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, address: str) -> None:
        """Go to a page."""
        self.driver.get(address)

    def look(self, size: tuple[int, int], scheme: str = "light") -> None:
        """Be a screen of this size, with this colour scheme."""
        self._size(*size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._tell("Emulation.setEmulatedMedia", features=features)

    def text(self, selector: str) -> str:
        """Return the text of the first element that is meant."""
        return str(self.driver.find_element(By.CSS_SELECTOR, selector).text)

    def texts(self, selector: str) -> list[str]:
        """Return the texts of all elements that are meant."""
        found = self.driver.find_elements(By.CSS_SELECTOR, selector)
        return [str(element.text) for element in found]

    def click(self, selector: str) -> None:
        """Click an element, and wait until the page it leads to is there."""
        before = self.driver.current_url
        element = self.driver.find_element(By.CSS_SELECTOR, selector)
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()
        self.wait(lambda: self.driver.current_url != before and self._complete(), selector)

    def choose(self, selector: str, text: str) -> None:
        """Choose an option of a field."""
        Select(self.driver.find_element(By.CSS_SELECTOR, selector)).select_by_visible_text(text)

    def asked(self, script: str) -> Any:
        """Return what a line of JavaScript gives."""
        return self.driver.execute_script(f"return {script}")

    def complaints(self) -> list[str]:
        """Return what the console has said since it was last asked."""
        driver: Any = self.driver  # whose logs have no types
        return [str(entry["message"]) for entry in driver.get_log("browser")]

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Look again and again until something holds."""
        patient = WebDriverWait(
            self.driver, PATIENCE, 0.05, ignored_exceptions=[StaleElementReferenceException]
        )
        patient.until(lambda _: condition(), f"waiting for {what}")

    def picture(self, path: Path, whole: bool = True) -> None:
        """Keep what is seen, or the whole page, as a PNG."""
        width = self.asked("innerWidth")
        height = self.asked("document.documentElement.scrollHeight" if whole else "innerHeight")
        before = self.asked("innerHeight")
        self._size(width, height)
        self.driver.execute_script("document.activeElement.blur(); scrollTo(0, 0)")
        data = self._tell("Page.captureScreenshot", format="png")["data"]
        self._size(width, before)
        path.write_bytes(base64.b64decode(data))

    def _complete(self) -> bool:
        return bool(self.asked("document.readyState") == "complete")

    def _size(self, width: int, height: int) -> None:
        self._tell(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def _tell(self, command: str, **arguments: Any) -> Any:
        return self.driver.execute_cdp_cmd(command, arguments)


def small(data: bytes) -> bytes:
    """Give a picture few colours, where Pillow is there to do it."""
    try:
        from PIL import Image
    except ImportError:
        return data
    with Image.open(BytesIO(data)) as image:
        few = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    out = BytesIO()
    few.save(out, "PNG", optimize=True)
    return out.getvalue()
