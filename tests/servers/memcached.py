"""Memcached: one, or three that share the keys."""

from .process import Group, Server
from .programs import PROGRAMS


class Memcached(Server):
    """A memcached of 64 MB; stopped and started again it is empty."""

    name = "memcached"

    def command(self) -> list[str]:
        where = ["-l", self.host, "-p", str(self.port), "-U", "0"]
        return [*PROGRAMS["memcached"].command(), "-u", "nobody", *where, "-m", "64", "-t", "2"]

    @property
    def location(self) -> str:
        """Where it is, as Django's and pymemcache's ``LOCATION``."""
        return f"{self.host}:{self.port}"


class MemcachedPool(Group):
    """Three memcacheds; each can be stopped, and started again on its port."""

    def __init__(self) -> None:
        self.nodes = [Memcached() for _ in range(3)]
        super().__init__(list(self.nodes))

    @property
    def location(self) -> list[str]:
        """Where they are, as Django's ``LOCATION``."""
        return [node.location for node in self.nodes]
