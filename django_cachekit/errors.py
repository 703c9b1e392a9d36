"""What can go wrong, and whose move it is.

::

    CacheKitError
    ├── StoreUnavailable      the store cannot be reached (alias: CacheUnavailable)
    │   └── OutcomeUnknown    it may or may not have done what was asked
    ├── NotSupported          this store cannot do that rightly, so it does not do it
    ├── TypeMismatch          the value is of another type (also a ValueError)
    │   └── NotANumber        it was to be counted and is no int (also a TypeError)
    ├── ValueTooLarge         the value is over the store's limit (also a ValueError)
    ├── LockTimeout           the lock was not had in time
    ├── LockLost              the lock ended while it was held
    ├── RateLimited           the limit is used up
    └── Misconfigured         settings are wrong (also Django's ImproperlyConfigured)

The first branch is the store's trouble: try again later. The others are a
message to the developer. Bytes that cannot be read, were tampered with or are
somebody else's are none of these: they are a miss.
"""

from django.core.exceptions import ImproperlyConfigured

__all__ = [
    "CacheKitError",
    "CacheUnavailable",
    "LockLost",
    "LockTimeout",
    "Misconfigured",
    "NotANumber",
    "NotSupported",
    "OutcomeUnknown",
    "RateLimited",
    "StoreUnavailable",
    "TypeMismatch",
    "ValueTooLarge",
]


class CacheKitError(Exception):
    """Be the root of every error this package raises."""


class StoreUnavailable(CacheKitError):
    """Say that a store cannot be reached; the client's own error is the cause."""


CacheUnavailable = StoreUnavailable


class OutcomeUnknown(StoreUnavailable):
    """Say that the reply was lost, so the store may or may not have acted."""


class NotSupported(CacheKitError):
    """Say that this store cannot do what was asked, and why."""


class TypeMismatch(CacheKitError, ValueError):
    """Say that a stored value is not of the type that was asked for."""


class NotANumber(TypeMismatch, TypeError):
    """Say that something other than an int was to be counted; Django's caches raise TypeError."""


class ValueTooLarge(CacheKitError, ValueError):
    """Say that a value is larger than the store may hold."""


class LockTimeout(CacheKitError):
    """Say that a lock was not had in the time given."""


class LockLost(CacheKitError):
    """Say that a lock ended, or was taken by another, while it was held."""


class RateLimited(CacheKitError):
    """Say that no more attempts are allowed for now."""


class Misconfigured(CacheKitError, ImproperlyConfigured):
    """Say which setting is wrong and how to mend it."""
