"""Functions that settings name."""

from django_cachekit import warmer

NUMBER = 3


def plain() -> str:
    return "plain"


@warmer("its own name", ttl=60)
def decorated() -> str:
    return "decorated"
