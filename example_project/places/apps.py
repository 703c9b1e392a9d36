"""Start the app: listen to the cache from the first request on."""

from django.apps import AppConfig


class PlacesConfig(AppConfig):
    """The app of the example site."""

    name = "places"

    def ready(self) -> None:
        from . import events

        events.listen()
