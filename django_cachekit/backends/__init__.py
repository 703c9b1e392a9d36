"""Backends for ``CACHES``, each named by its dotted path; nothing here is imported until named."""
