"""The warmers of an app, where they are looked for."""

from django_cachekit import warmer


@warmer("found")
def found() -> int:
    return 1
