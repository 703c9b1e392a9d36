"""Flushes that wait for a commit, the outbox, and flushes that follow from saving models."""
