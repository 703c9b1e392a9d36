"""What the memcached backend is made of: a wire, a node, an engine of bytes, and their drivers.

===========  ==================================================================================
wire         one connection: several commands in one packet, and a reply to each
node         one server: its connections, and whether it is worth asking
packets      what goes in one packet: keys, times, epochs
engine       the hooks of a store of bytes, on one node
locks        the hooks of locks, on one node
drivers      one node, or several that share the keys
settings     LOCATION and OPTIONS, read and refused
===========  ==================================================================================
"""

try:
    import pymemcache  # noqa: F401 - only to say what is missing
except ImportError as error:
    raise ImportError(
        "MemcachedCache needs pymemcache: pip install django-cachekit[memcached]"
    ) from error
