"""The facade: ``cache`` is the default alias, bound when it is first used."""

from .manager import manager
from .repository import Repository

cache: Repository = Repository(manager.default, manager)
"""The repository of ``CACHEKIT["DEFAULT_STORE"]``, which is ``default`` unless set otherwise."""
