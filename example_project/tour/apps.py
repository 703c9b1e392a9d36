"""Start the app of the tour."""

from django.apps import AppConfig


class TourConfig(AppConfig):
    """The app of the tour."""

    name = "tour"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import stops  # noqa: F401  the rule of one of them is heard from the start
