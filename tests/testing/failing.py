"""Seeing an assertion fail."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest


def failure(block: AbstractContextManager[Any], work: Callable[[], Any] = int) -> str:
    """Return what a block says that fails around ``work``."""
    with pytest.raises(AssertionError) as failed, block:
        work()
    return str(failed.value)
