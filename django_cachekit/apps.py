"""The Django app: checks, and warmers found in each app's ``cache`` module."""

from django.apps import AppConfig


class CacheKitConfig(AppConfig):
    """Register the checks and find the warmers at start-up."""

    name = "django_cachekit"
    label = "django_cachekit"
    verbose_name = "Cache"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import ``cache.py`` of every installed app that has one."""
        from . import checks, warming

        checks.register_all()
        warming.discover()
