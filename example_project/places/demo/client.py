"""A visitor: fetches pages, takes the time, and fills in the form."""

from __future__ import annotations

import re
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from time import perf_counter
from typing import NamedTuple
from urllib.parse import urlencode

from .server import HOST

TIMEOUT = 60
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class Answer(NamedTuple):
    """What came back, after how many milliseconds, and where it sends the visitor."""

    status: int
    text: str
    ms: float
    leads_to: str = ""


class Visitor:
    """One visitor on one connection, with cookies."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection(HOST, port, timeout=TIMEOUT)
        self._cookies: SimpleCookie = SimpleCookie()

    def get(self, path: str) -> Answer:
        """Fetch a page."""
        return self._request("GET", path)

    def post(self, path: str, fields: dict[str, str]) -> Answer:
        """Open a form, fill it in, send it, and go where it leads.

        The page it leads to tells that all went well; the ones after it do not, and so must
        show a change by themselves.
        """
        return self.press(self.get(path), path, fields)

    def press(self, form: Answer, path: str, fields: dict[str, str]) -> Answer:
        """Send a form of a page that was fetched, and go where it leads."""
        token = TOKEN.search(form.text)
        if token is None:
            return Answer(form.status, f"No form at {path}.", form.ms)
        sent = self._request("POST", path, {**fields, "csrfmiddlewaretoken": token[1]})
        return self.get(sent.leads_to.partition("#")[0]) if sent.leads_to else sent

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _request(self, method: str, path: str, fields: dict[str, str] | None = None) -> Answer:
        headers = {"Cookie": self._cookies.output(attrs=[], header="", sep=";").strip()}
        if fields is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        started = perf_counter()
        self._connection.request(method, path, urlencode(fields) if fields else None, headers)
        response = self._connection.getresponse()
        text = response.read().decode(errors="replace")
        ms = (perf_counter() - started) * 1000
        for cookie in response.headers.get_all("Set-Cookie") or ():
            self._cookies.load(cookie)
        return Answer(response.status, text, ms, response.headers.get("Location", ""))
