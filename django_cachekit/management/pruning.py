"""Pruning one alias, and telling beforehand what that would remove."""

from typing import Any

from ..errors import NotSupported
from ..manager import manager
from .strict import strict


def prune(alias: str, named: bool) -> int:
    """Remove what has expired or is over the bounds, and return how many entries went."""
    _able(alias, named)
    return strict(alias).prune()


def prunable(alias: str, named: bool) -> int | None:
    """Return how many entries would go, or None where the store cannot tell without doing it."""
    tell = getattr(getattr(_able(alias, named), "engine", None), "prunable", None)
    return None if tell is None else int(tell())


def _able(alias: str, named: bool) -> Any:
    """Return the driver of an alias that can be pruned.

    One that is not ``named`` is left out also where it is in the memory of a process, which no
    command reaches.
    """
    driver: Any = manager.home(alias).stack().driver
    engine = getattr(driver, "engine", driver)
    able = hasattr(engine, "prune") or hasattr(engine, "do_prune")
    if not able or (driver.instant and not named):
        raise NotSupported(f"alias {alias!r}: this store has nothing to prune.")
    return driver
