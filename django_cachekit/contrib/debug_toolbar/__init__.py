"""For django-debug-toolbar: a panel of our own, and what its cache panel does not see by itself.

::

    DEBUG_TOOLBAR_PANELS = [..., "django_cachekit.contrib.debug_toolbar.CacheKitPanel"]
"""

from .panels import CacheKitPanel

__all__ = ["CacheKitPanel"]
