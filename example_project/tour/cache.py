"""Where `cache_warm` looks for warmers: the one of the tour stands with its page."""

from .stops.warmers import sizes

__all__ = ["sizes"]
