"""Time that Django's tests move instead of sleeping through it."""

import time
from typing import Any

from django_cachekit.core import clock


class MovedTime:
    """Stand in for the ``time`` module in a test module: sleeping moves the clocks.

    The clocks moved are ``time.time`` and our own. A store that takes its time from elsewhere (a
    server, SQL, C code) does not see them move, keeps what should have expired and so fails the
    tests: such a row has to ``really_sleep``.
    """

    slept = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)

    def __setattr__(self, name: str, value: Any) -> None:
        # Django's tests also replace time.time by mock.patch.object(time, ...).
        if name in vars(type(self)):
            object.__setattr__(self, name, value)
        else:
            setattr(time, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(time, name)

    def sleep(self, seconds: float) -> None:
        self.slept += seconds

    def install(self, module: Any) -> None:
        """Take the place of ``module.time``, and move the clocks from now on."""
        now, monotonic = time.time, time.monotonic
        time.time = lambda: now() + self.slept
        # Looked up at each call, for Django's tests set time.time by hand at times.
        clock.now = lambda: time.time()
        clock.monotonic = lambda: monotonic() + self.slept
        module.time = self
