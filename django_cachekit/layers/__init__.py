"""What happens around a call. The order stands here, and nowhere else.

``memo`` → ``events`` → ``policy`` → ``tagstats`` → ``tags`` → ``tagindex`` → the driver. A memoised
read is silent, so ``memo`` is outermost, and only where it was asked for. ``events`` sees what the
caller sees: a store that is down is a miss, so ``policy`` is inside it. ``tagstats`` counts what a
store answered, by the tags of the call. ``tags`` turns one call into a read of keys and records,
which nothing above it need know. What it has stamped is noted by ``tagindex``, which is there only
where ``TAG_INDEX`` asks for it, and the store has to be told.
"""

from .base import Driver, Layer
from .events import Events
from .policy import Policy
from .tagindex import TagIndex
from .tags import Tags
from .tagstats import TagStats


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
    layers += [TagStats(), Tags(driver)]
    book = getattr(driver, "book", None)
    if book is not None:
        layers.append(TagIndex(alias, driver, book))
    return layers
