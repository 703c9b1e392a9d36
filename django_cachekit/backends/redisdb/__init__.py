"""A Redis as a store of bytes: its connections, its keys, and what is said to it."""

try:
    import django_redis  # noqa: F401 - only to say what is missing
except ImportError as error:
    raise ImportError(
        "RedisCache needs django-redis: pip install django-cachekit[redis]"
    ) from error
