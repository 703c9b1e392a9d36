"""django-redis on a cluster: it ships no client for one, so its users write this."""

from typing import Any

from django_redis.client import DefaultClient
from redis.cluster import RedisCluster


class ClusterClient(DefaultClient):  # type: ignore[misc]  # django-redis has no types
    """Have redis-py's own client of the cluster in the place of one server's."""

    def connect(self, index: int = 0) -> Any:
        return RedisCluster.from_url(self._server[index])

    def get_many(self, keys: Any, version: Any = None, client: Any = None) -> dict[Any, Any]:
        # MGET does not go over several slots.
        found = {key: self.get(key, self, version) for key in keys}
        return {key: value for key, value in found.items() if value is not self}
