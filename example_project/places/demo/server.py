"""The site on a loopback port that the system chooses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from django.core.management.commands.runserver import Command as RunServer
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application

HOST = "127.0.0.1"


class PromptHandler(WSGIRequestHandler):
    """Send each answer at once: the system would hold a small one back for 40 ms."""

    disable_nagle_algorithm = True


@contextmanager
def served() -> Iterator[int]:
    """Serve the site from threads of this process, and give the port."""
    server = ThreadedWSGIServer((HOST, 0), PromptHandler)
    server.set_app(get_wsgi_application())
    thread = Thread(target=server.serve_forever, name="site", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class FriendlyServer(RunServer):
    """Django's own server, which says what to try instead of what it is."""

    def on_bind(self, server_port: int) -> None:
        """Print the address once it is known: with port 0 the system chooses one."""
        self.stdout.write(WELCOME.format(address=f"http://{HOST}:{server_port}/"))
        self.stdout.flush()


WELCOME = """
The site is ready:  {address}

  Try this:
  · Open the front page, then “View uncached” at its foot, and compare the times.
  · Open a city, edit its name: every page that shows it has the new name at once,
    and what does not depend on it stays in the cache.
  · Search for “reykjavic”: all names are compared, the second time none.
  · {address}tour/ shows each feature on a page, with the code beside it.
  · {address}cache/ lists what was hit and missed, and how long it took.

  Ctrl+C ends it.
"""
