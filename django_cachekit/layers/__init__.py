"""What happens around a call. The order stands here, and nowhere else.

``memo`` → ``events`` → ``policy`` → ``tags`` → the driver. A memoised read is silent, so ``memo``
is outermost, and only where it was asked for. ``events`` sees what the caller sees: a store that is
down is a miss, so ``policy`` is inside it. ``tags`` turns one call into a read of keys and records,
which nothing above it need know.
"""

from .base import Driver, Layer
from .events import Events
from .policy import Policy
from .tags import Tags


def standard(
    alias: str, driver: Driver, *, silent: bool = False, strict: bool = False
) -> list[Layer]:
    """Return the layers of an alias, outermost first.

    ``silent`` leaves the signals out (``OPTIONS: {"SIGNALS": False}``), ``strict`` the answers for
    a store that is down (``OPTIONS: {"RAISE": True}``).
    """
    layers: list[Layer] = []
    if not silent:
        layers.append(Events(alias, driver.sender))
    if not strict:
        layers.append(Policy(alias))
    return [*layers, Tags(driver)]
