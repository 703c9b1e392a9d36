"""The Django app: checks, the outbox, and what is found in each app's ``cache`` module."""

from django.apps import AppConfig, apps


class CacheKitConfig(AppConfig):
    """Register the checks, find the warmers and hear of models at start-up."""

    name = "django_cachekit"
    label = "django_cachekit"
    verbose_name = "Cache"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import ``cache.py`` of every installed app that has one, and know a debug toolbar."""
        from . import checks, invalidating, outbox, warming

        checks.register_all()
        outbox.listen()
        warming.discover()
        invalidating.connect()
        if apps.is_installed("debug_toolbar"):
            from .contrib.debug_toolbar import bridge

            bridge.connect()
