"""Every signal: when it is sent, and with what.

All are Django signals, sent with the backend's class as sender, and all carry ``store`` (the
alias). Key signals carry ``key``, ``tags`` (those the caller declared) and, where the thing has
ended, ``duration`` in seconds; the ``*_many_keys`` ones carry ``keys`` and are followed by one
signal per key. Values travel (as ``value``) only with ``CACHEKIT = {"SIGNALS": {"values": True}}``.
A receiver that raises never breaks the cache call, and with no receiver connected nothing is sent.
"""

from django.dispatch import Signal

# Reading
retrieving_key = Signal()  #: about to read ``key``
retrieving_many_keys = Signal()  #: about to read ``keys``
cache_hit = Signal()  #: ``key`` was there
cache_missed = Signal()  #: ``key`` was not there, had expired, was flushed or could not be read

# Writing
writing_key = Signal()  #: about to write ``key``; carries ``ttl``
writing_many_keys = Signal()  #: about to write ``keys``; carries ``ttl``
key_written = Signal()  #: ``key`` is stored
key_write_failed = Signal()  #: ``key`` was not stored
forgetting_key = Signal()  #: about to remove ``key``
key_forgotten = Signal()  #: ``key`` was there and is gone
key_forget_failed = Signal()  #: ``key`` was not there, or the store could not be reached
key_touched = Signal()  #: ``key`` has a new time to live; carries ``ttl``
key_incremented = Signal()  #: the number under ``key`` was changed; carries ``by``

# Emptying
cache_flushing = Signal()  #: about to empty the alias
cache_flushed = Signal()  #: the alias is empty
cache_flush_failed = Signal()  #: the alias could not be emptied
tags_flushed = Signal()  #: every entry that bears one of ``tags`` is gone

# Locks and limits
lock_acquired = Signal()  #: a lock was taken; carries ``name``
lock_released = Signal()  #: a lock was given back; carries ``name``
lock_refreshed = Signal()  #: a lock has a new time to live; carries ``name``
lock_lost = Signal()  #: a lock ended while it was held; carries ``name``
lock_timed_out = Signal()  #: a lock was not had in time; carries ``name``
rate_limited = Signal()  #: an attempt was refused; carries ``name``

# Stores
store_failed_over = Signal()  #: another store answers in this one's place
store_recovered = Signal()  #: the store answers again
breaker_opened = Signal()  #: the store is left alone for a while
breaker_closed = Signal()  #: the store is asked again as always
health_changed = Signal()  #: a check found it up, degraded or down, and not ``before``

# Work done by commands
cache_warmed = Signal()  #: a warmer ended; carries ``name``, ``duration`` and ``error`` (or None)
key_rotated = Signal()  #: an entry was sealed anew under the first key; carries ``count``
