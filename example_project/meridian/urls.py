"""Addresses of the example site."""

from django.contrib.staticfiles.views import serve
from django.urls import include, path

urlpatterns = [
    path("", include("places.urls")),
    path("tour/", include("tour.urls")),
    # The demo has no web server in front of it, so it hands out its one style sheet itself.
    path("static/<path:path>", serve, {"insecure": True}),
]
