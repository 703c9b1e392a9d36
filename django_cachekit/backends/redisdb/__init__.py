"""A Redis as a store of bytes: its connections, its keys, and what is said to it."""

from ...core.extras import need

for _library in ("django_redis", "redis"):
    need("RedisCache", _library, "redis")
