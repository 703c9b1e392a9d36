"""Memcached, by pymemcache: one node, or several that share the keys."""

from collections.abc import Iterable, Mapping
from typing import Any

from .. import conf
from ..codecs import build, classes
from ..codecs.legacy import Legacy, wanted
from ..core.operation import Record
from ..layers.base import Driver
from .base import Names, StoreCache, record_text
from .legacy import Adoption
from .memcache import settings
from .memcache.drivers import One, Pool
from .memcache.engine import Engine
from .memcache.legacy import OldItems
from .memcache.locks import HeldItems


class MemcachedCache(StoreCache):
    """Keep entries in memcached (1.6.10 or later), under one epoch for each node.

    ``LOCATION`` names the nodes (``"host:port"``, ``"unix:/path"``) as a list or as text with
    commas; each key lies where pymemcache's ``HashClient`` would put it, and on no other while its
    own node is down. ``OPTIONS`` are pymemcache's, and those of the codecs; by default
    ``connect_timeout`` and ``timeout`` are 0.5 s, and a node that did not answer is asked again
    after ``dead_timeout``, 1 s. Every reply is waited for.

    Keys may be any text: what memcached sees is 46 characters that tell nothing of it. It cannot
    list its keys. A flush empties this alias and nothing else, by one small write per node; what it
    made unreadable goes when the server needs the room.
    """

    def connect(self, alias: str) -> Driver:
        """Return the driver over this configuration's nodes."""
        nodes = settings.nodes(alias, self.location, self.options)
        chain = build(self.options, store_id=alias, secret_keys=conf.secret_keys())
        # Made like a key's name, so that the item tells neither prefix nor STORE_ID.
        epoch = chain.name(record_text(Record("epoch", self.key_prefix)))
        names = Names(self)
        place = settings.placing(nodes, self.options)
        ones = [One(alias, type(self), names, Engine(node, epoch), chain) for node in nodes]
        for one in ones:
            one.locks = HeldItems(one.engine.node)
        if wanted(alias, self.options):
            engines, legacy = [one.engine for one in ones], Legacy(classes(self.options))
            old = Adoption(alias, OldItems(engines, place, legacy))
            for one in ones:
                one.legacy = old
        if len(ones) == 1:
            return ones[0]
        pool = Pool(alias, type(self), names, ones, place)
        pool.strict = bool(self.options.get("RAISE"))
        return pool

    @staticmethod
    def cachekit_problems(location: Any, options: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """Return what is wrong with LOCATION and OPTIONS, each with a hint; a system check asks."""
        return settings.problems(location, options)
