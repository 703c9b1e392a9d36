"""The cache every Django project reaches for.

::

    from django_cachekit import cache            # in place of django.core.cache's

    cache.put("greeting", "hello", ttl=600)
    people = cache.tags("people").remember("people:all", 600, load_people)
    cache.tags("people").flush()                 # every entry tagged so is gone, at once

``cache`` is a superset of Django's cache object over any backend in ``CACHES``: values computed
before a flush are never served after it, and one caller computes each key.
"""

from .bulk import InvalidatingManager, InvalidatingQuerySet
from .decorators import cached, synchronized
from .facade import cache
from .invalidating import invalidate_on, invalidates
from .layers.memo import memo_scope
from .views import cached_view
from .warming import warmer

__version__ = "0.1.0"

__all__ = [
    "InvalidatingManager",
    "InvalidatingQuerySet",
    "__version__",
    "cache",
    "cached",
    "cached_view",
    "invalidate_on",
    "invalidates",
    "memo_scope",
    "synchronized",
    "warmer",
]


def __dir__() -> list[str]:
    return __all__
