"""Which aliases keep entries under keys, and sealing those of one anew."""

from typing import NamedTuple

from django.core.cache import InvalidCacheBackendError

from .. import conf
from ..backends.bytestore import Bytes
from ..backends.rotation import rotate
from ..core import clock
from ..errors import Misconfigured
from ..layers.chores import tell_rotated
from ..layers.ground import driver_of
from ..manager import manager
from .command import Misused


class Resealed(NamedTuple):
    """Say what became of the entries of one alias: rows of key id, outcome and count.

    ``changed`` are those sealed anew, or those that would be in a dry run.
    """

    alias: str
    rows: list[tuple[str, str, int]]
    changed: int


def sealing_aliases(alias: str | None = None) -> list[str]:
    """Return the aliases that keep sealed or signed entries, or the one asked for, if it does.

    Those that cannot list what they keep are left out unless asked for: their entries expire.
    """
    if alias is None:
        return [name for name in conf.caches() if _sealing(name)]
    return [_driver(manager.store(alias).alias).alias]


def _sealing(alias: str) -> bool:
    try:
        driver = driver_of(alias)
        return isinstance(driver, Bytes) and driver.lists
    except Misconfigured:
        return True  # sealing it anew tells what is wrong with it
    except InvalidCacheBackendError:
        return False  # a backend that is not installed keeps nothing


def _driver(alias: str) -> Bytes:
    driver = driver_of(alias)
    if not isinstance(driver, Bytes):
        raise Misused(f"Alias {alias!r} keeps no sealed or signed entries.")
    return driver


def reseal(alias: str, dry_run: bool = False) -> Resealed:
    """Seal what is under older keys anew, and send ``key_rotated`` if anything was."""
    driver = _driver(alias)
    began = clock.monotonic()
    turns = rotate(driver, dry_run)
    rows = [(turn.key, turn.outcome, count) for turn, count in sorted(turns.items())]
    changed = sum(n for _, outcome, n in rows if outcome in ("resealed", "due"))
    if changed and not dry_run:
        tell_rotated(manager.home(alias).stack().layers, changed, clock.monotonic() - began)
    return Resealed(alias, rows, changed)
