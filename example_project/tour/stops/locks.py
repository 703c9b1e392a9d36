"""One at a time, with a ticket and a number."""

from django_cachekit import cache
from django_cachekit.errors import LockTimeout
from tour.stop import Action, Field, Stop


def take() -> dict[str, object]:
    lock = cache.lock("tour:invoice", ttl=30)
    if not lock.get():
        return {"taken": False, "another has it for": f"{lock.remaining():.0f} s"}
    return {"taken": True, "owner": lock.owner, "fence": str(lock.fence)}


def wait_a_second() -> dict[str, object]:
    try:
        with cache.lock("tour:invoice", ttl=30).block(1) as lock:
            return {"taken, and given back": True, "fence": str(lock.fence)}
    except LockTimeout as error:
        return {"taken": False, "LockTimeout": str(error)}


def give_back(owner: str) -> dict[str, object]:
    lock = cache.restore_lock("tour:invoice", owner.strip())
    return {"it was this owner's": lock.release(), "is it held now": lock.is_locked()}


# The page:
def now() -> dict[str, object]:
    """Tell whether somebody has the lock."""
    lock = cache.lock("tour:invoice", ttl=30)
    return {"held": lock.is_locked(), "remaining": f"{lock.remaining():.0f} s"}


STOP = Stop(
    slug="locks",
    title="Locks",
    line="An owner that can be handed on, a fence that only grows, waiting with an end.",
    text=(
        "Take the lock; try to take it again, or wait a second for it: another has it. Give it "
        "back with its owner, in whatever process, or let its 30 seconds pass. The fence grows "
        "each time it is had, so what it protects can refuse whoever comes late."
    ),
    module=__name__,
    actions=(
        Action("Take", take),
        Action("Wait a second for it", wait_a_second),
        Action("Give back", give_back, (Field("owner", "Owner"),)),
    ),
    docs="locks.md",
    now=now,
)
