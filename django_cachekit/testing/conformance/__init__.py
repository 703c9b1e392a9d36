"""What every store must do, by both faces: the suite that this package's own stores pass.

Each test is a function of one of the modules here, and a static method of ``Behaviour``. A store
that does something otherwise on purpose sets that test to None in its class, and says why.
"""

from ..fixtures import Configured, Given
from . import (
    aging_options,
    cas,
    computing,
    drop_in,
    late_tags,
    locks,
    reading,
    signals,
    stats,
    tags,
    writing,
)

MODULES = (
    reading,
    writing,
    computing,
    aging_options,
    tags,
    late_tags,
    locks,
    signals,
    stats,
    drop_in,
    cas,
)


class Behaviour(Given):
    """Be every test, over what the fixtures ``row`` and ``configured`` of its reader give."""


class Suite(Configured, Behaviour):
    """Be every test, over one store: a subclass names its ``backend``.

    A fixture can be replaced like any method: ``configured`` where a store has to be made ready,
    ``clock`` where a server keeps its own time.
    """


for _module in MODULES:
    for _name, _test in vars(_module).items():
        if _name.startswith("test_"):
            setattr(Behaviour, _name, staticmethod(_test))

__all__ = ["Behaviour", "Suite"]
