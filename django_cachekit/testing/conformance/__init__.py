"""What every store must do, by both faces: the suite that this package's own stores pass.

Each test is a function of one of the modules here, and a static method of ``Behaviour``. A store
that does something otherwise on purpose sets that test to None in its class, and says why.
"""

from typing import TYPE_CHECKING, Any

from .. import fixtures
from ..store import Tested
from . import computing, drop_in, reading, signals, tags, writing

MODULES = (reading, writing, computing, tags, signals, drop_in)


class Behaviour:
    """Be every test; the fixtures they ask for are the reader's own."""


class Suite(Behaviour):
    """Be every test, with all that it asks for: a subclass names its ``backend``.

    A fixture can be replaced like any method: ``configured`` where a store has to be made ready,
    ``clock`` where a server keeps its own time.
    """

    backend: Tested


def _give(owner: type, names: dict[str, Any]) -> None:
    for name, found in names.items():
        setattr(owner, name, staticmethod(found))


for _module in MODULES:
    _give(Behaviour, {k: v for k, v in vars(_module).items() if k.startswith("test_")})

FIXTURES = ("row", "configured", "store", "plain", "able", "clock", "heard")

if not TYPE_CHECKING:
    _give(Suite, {name: getattr(fixtures, name) for name in FIXTURES})

__all__ = ["Behaviour", "Suite"]
