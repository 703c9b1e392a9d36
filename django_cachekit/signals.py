"""Every signal: when it is sent, and with what.

All are Django signals, sent with the backend's class as sender, and all carry ``store`` (the
alias). Key signals carry ``key``, ``tags`` (those the caller declared) and, where the thing has
ended, ``duration`` in seconds; the ``*_many_keys`` ones carry ``keys`` and are followed by one
signal per key. Values travel (as ``value``) only with ``CACHEKIT = {"SIGNALS": {"values": True}}``.
A receiver that raises never breaks the cache call, and with no receiver connected nothing is sent.
"""

from typing import Final

from django.dispatch import Signal

# Reading
retrieving_key: Final = Signal()  #: about to read ``key``
retrieving_many_keys: Final = Signal()  #: about to read ``keys``
cache_hit: Final = Signal()  #: ``key`` was there
cache_missed: Final = Signal()  #: ``key`` was not there, expired, was flushed or could not be read

# Writing
writing_key: Final = Signal()  #: about to write ``key``; carries ``ttl``
writing_many_keys: Final = Signal()  #: about to write ``keys``; carries ``ttl``
key_written: Final = Signal()  #: ``key`` is stored
key_write_failed: Final = Signal()  #: ``key`` was not stored
forgetting_key: Final = Signal()  #: about to remove ``key``
key_forgotten: Final = Signal()  #: ``key`` was there and is gone
key_forget_failed: Final = Signal()  #: ``key`` was not there, or the store could not be reached
key_touched: Final = Signal()  #: ``key`` has a new time to live; carries ``ttl``
key_incremented: Final = Signal()  #: the number under ``key`` was changed; carries ``by``

# Emptying
cache_flushing: Final = Signal()  #: about to empty the alias
cache_flushed: Final = Signal()  #: the alias is empty
cache_flush_failed: Final = Signal()  #: the alias could not be emptied
tags_flushed: Final = Signal()  #: every entry that bears one of ``tags`` is gone

# Locks and limits
lock_acquired: Final = Signal()  #: a lock was taken; carries ``name``
lock_released: Final = Signal()  #: a lock was given back; carries ``name``
lock_refreshed: Final = Signal()  #: a lock has a new time to live; carries ``name``
lock_lost: Final = Signal()  #: a lock ended while it was held; carries ``name``
lock_timed_out: Final = Signal()  #: a lock was not had in time; carries ``name``
rate_limited: Final = Signal()  #: an attempt was refused; carries ``name``

# Stores
store_failed_over: Final = Signal()  #: another store answers in this one's place
store_recovered: Final = Signal()  #: the store answers again
breaker_opened: Final = Signal()  #: the store is left alone for a while
breaker_closed: Final = Signal()  #: the store is asked again as always
health_changed: Final = Signal()  #: a check found it up, degraded or down, and not ``before``

# Work done by commands
cache_warmed: Final = (
    Signal()
)  #: a warmer ended; carries ``name``, ``duration``, ``error`` (or None)
key_rotated: Final = Signal()  #: an entry was sealed anew under the first key; carries ``count``
