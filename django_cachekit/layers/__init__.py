"""What happens around a call. The order stands here, and nowhere else.

``memo`` → ``watch`` → ``events`` → ``policy`` → ``own`` → ``stats`` → ``tagstats`` → ``space`` →
``tags`` → ``tagindex`` → driver.
A memoised read is silent, so ``memo`` is outermost, and only where it was asked for. ``watch``
tells a toolbar of calls, if there is one. ``events`` sees what the caller sees: a store that is
down is a miss, so ``policy`` is inside it. ``own`` are the project's layers: what they refuse is
answered for like what a store refuses. ``stats`` counts what a store answered, where ``STATS``
asks for it, ``tagstats`` by the tags of the call. ``space`` and ``tags`` turn one call into one of
other keys, and of records besides, which nothing above them need know. What has been stamped is
noted by ``tagindex``, which is there only where ``TAG_INDEX`` asks for it, and the store has to be
told.
"""

from collections.abc import Sequence

from . import watch
from .base import Driver, Layer
from .events import Events
from .policy import Policy
from .space import Space
from .stats import Stats
from .tagindex import TagIndex
from .tags import Tags
from .tagstats import TagStats


def standard(
    alias: str,
    driver: Driver,
    *,
    silent: bool = False,
    strict: bool = False,
    staleness: float = 0,
    own: Sequence[Layer] = (),
    counted: bool = False,
) -> list[Layer]:
    """Return the layers of an alias, outermost first.

    ``silent`` leaves the signals out (``OPTIONS: {"SIGNALS": False}``), ``strict`` the answers for
    a store that is down (``OPTIONS: {"RAISE": True}``). ``staleness`` is for how many seconds a
    tag's record may be taken from a copy (``OPTIONS: {"TAG_STALENESS": 0}``). With
    ``counted`` this process counts what becomes of calls (``OPTIONS: {"STATS": True}``). ``own``
    are those of ``OPTIONS: {"LAYERS": [...]}``.
    """
    layers: list[Layer] = [watch.Watch(alias)] if watch.ASKED else []
    if not silent:
        layers.append(Events(alias, driver.sender))
    if not strict:
        layers.append(Policy(alias))
    layers += own
    if counted:
        layers.append(Stats())
    layers += [TagStats(), Space(), Tags(alias, driver, staleness)]
    book = getattr(driver, "book", None)
    if book is not None:
        layers.append(TagIndex(alias, driver, book))
    return layers
