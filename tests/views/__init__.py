"""Whole responses kept by ``cached_view``."""
