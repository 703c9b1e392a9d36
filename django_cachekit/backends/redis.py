"""A Redis: alone, watched by sentinels, or a cluster; through django-redis, and awaited."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.core.cache.backends.base import default_key_func

from .. import conf
from ..codecs import Chain, build, classes
from ..codecs.legacy import Legacy, wanted
from ..core.operation import Record
from ..layers.base import Driver
from .base import Names, StoreCache, record_text
from .bytestore import Bytes
from .engine import Found
from .indexing import Rack
from .legacy import Adoption
from .redisdb import options as options_of
from .redisdb.engine import Engine
from .redisdb.index import Sets
from .redisdb.legacy import OldKeys
from .redisdb.locks import RedisLocks
from .redisdb.naming import Hidden, Naming, Readable
from .redisdb.place import Place
from .redisdb.wire import Wire


class Remote(Bytes):
    """Drive a Redis."""

    far = True
    straight = True

    def look(self, names: Sequence[bytes]) -> Found:
        """Read names in one trip, blocking."""
        return self.engine.look(names)  # type: ignore[no-any-return]  # one of redisdb

    def make_rack(self) -> Rack:
        """Return the sorted sets that tell which keys bear a tag."""
        sets = self.engine.index = Sets(self.engine, self.place)
        return sets


class RedisCache(StoreCache):
    """Keep entries in a Redis (6.2 or later) or a Valkey.

    ``LOCATION`` and ``OPTIONS`` are django-redis's, Sentinel and TLS included; ``CLUSTER: True``
    makes it a cluster. A list in ``LOCATION`` is the primary and its replicas, or any servers of
    the cluster; reads go to the primary all the same, for a replica would serve what was flushed
    until it has caught up. Aliases that differ in ``STORE_ID`` or ``KEY_PREFIX`` may share a
    server, with other programs too, and are flushed apart.

    Unless told otherwise connecting, and an answer, may take half a second; only a read is tried
    twice; and at most 50 connections are open, for which calls wait a second.
    """

    def connect(self, alias: str) -> Driver:
        """Return the driver over this configuration's server."""
        chain = build(self.options, store_id=alias, secret_keys=conf.secret_keys())
        place = Place(alias, self, self.location, self._params)
        wire = Wire(place)
        engine = Engine(alias, wire, self._naming(alias, chain))
        driver = Remote(alias, type(self), Names(self), engine, chain)
        driver.locks = RedisLocks(engine)
        if wanted(alias, self.options):
            driver.legacy = Adoption(alias, OldKeys(wire, Legacy(classes(self.options))))
        return driver

    @staticmethod
    def cachekit_problems(location: Any, options: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """Return what is wrong with LOCATION and OPTIONS, each with a hint; a system check asks."""
        return options_of.problems(location, options)

    @property
    def client(self) -> Any:
        """Return django-redis's client, whose ``get_client()`` speaks to the server itself."""
        driver: Any = self.cachekit_driver
        return driver.engine.wire.place.client

    def lock(
        self,
        key: Any,
        version: int | None = None,
        timeout: float | None = None,
        sleep: float = 0.1,
        blocking: bool = True,
        blocking_timeout: float | None = None,
        client: Any = None,
        thread_local: bool = True,
    ) -> Any:
        """Return redis-py's own lock, as django-redis's ``cache.lock()`` does.

        It lies apart from the entries, where ``clear`` does not reach it, and excludes none of the
        locks of ``django_cachekit.cache``, which waits better and has fences.
        """
        driver: Any = self.cachekit_driver
        name = driver.entries.name(str(key), version)
        made = self.client.get_client(write=True) if client is None else client
        return made.lock(
            driver.locks.keys.plain(driver.engine.naming.key(name)),
            timeout=timeout,
            sleep=sleep,
            blocking=blocking,
            blocking_timeout=blocking_timeout,
            thread_local=thread_local,
        )

    def _naming(self, alias: str, chain: Chain) -> Naming:
        if chain.sealed:
            return Hidden(chain.name(record_text(Record("space", self.key_prefix))).hex()[:32])
        usual = self.key_func is default_key_func
        store_id = self.options.get("STORE_ID", alias)
        return Readable(
            store_id, self.key_prefix, f"{self.key_prefix}:" if usual else "", chain.name
        )
