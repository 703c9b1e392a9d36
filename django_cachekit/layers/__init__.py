"""What happens around a call. The order stands here, and nowhere else.

``memo`` → ``events`` → ``policy`` → ``space`` → ``tags`` → the driver. A memoised read is silent,
so ``memo`` is outermost, and only where it was asked for. ``events`` sees what the caller sees: a
store that is down is a miss, so ``policy`` is inside it. ``space`` and ``tags`` turn one call into
one of other keys, and of records besides, which nothing above them need know.
"""

from .base import Driver, Layer
from .events import Events
from .policy import Policy
from .space import Space
from .tags import Tags


def standard(
    alias: str,
    driver: Driver,
    *,
    silent: bool = False,
    strict: bool = False,
    staleness: float = 0,
) -> list[Layer]:
    """Return the layers of an alias, outermost first.

    ``silent`` leaves the signals out (``OPTIONS: {"SIGNALS": False}``), ``strict`` the answers for
    a store that is down (``OPTIONS: {"RAISE": True}``). ``staleness`` is for how many seconds a
    tag's record may be taken from a copy (``OPTIONS: {"TAG_STALENESS": 0}``).
    """
    layers: list[Layer] = []
    if not silent:
        layers.append(Events(alias, driver.sender))
    if not strict:
        layers.append(Policy(alias))
    return [*layers, Space(), Tags(alias, driver, staleness)]
