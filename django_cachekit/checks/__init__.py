"""System checks: what is wrong with the settings, and how to mend it.

======= ==================================================================================
id      what it says
======= ==================================================================================
E001    a sealed store has no key, or no key for names
E002    a key is short, long, not base64url, there twice, like SECRET_KEY, or not to be had
E003    the file store's LOCATION is missing, relative, a link, or a place it refuses
E004    a file with a key lies in the cache directory
E005    STORE or STORES name no alias, an unknown one, or lead back to where they stand
E006    CACHEKIT holds a name or a value that means nothing
E007    DEFAULT_STORE, LIMITER_STORE or SESSION_CACHE_ALIAS is not in CACHES
E008    a bound is no whole number from 1
E009    SERIALIZER, COMPRESSION or CIPHER is unknown, or its library is not installed
W010    keys are derived from SECRET_KEY
W011    the cache directory lies where a web server hands out files
W012    the cache directory is open to other users
W013    the default store is in the memory of each process, outside of DEBUG
W014    a name in OPTIONS is no option
W015    READ_LEGACY is on: entries that nobody vouches for are read, pickles too
W016    sessions lie where they are lost, or where other processes do not see them
W017    a name stands in OPTIONS that belongs beside it, or the other way round
W018    TIMEOUT lets everything expire at once, or is no number
W019    two aliases are one store
E020    a backend of this package cannot be imported
E021    a warmer in CACHEKIT["WARMERS"] cannot be imported
E022    LOCATION or an option is not one that the backend's client library takes
E023    the outbox has no app, no database, or none that its table may be in
W024    work is to be left to tasks, which this Django has not
W025    a cache table is not there; asked only by check --database
W026    the default store keeps nothing; asked only by check --deploy
W027    a store that hangs would hold its callers for more than ten seconds
E030    the DynamoDB store has no table, no region, or an option that means nothing
E031    boto3, which the DynamoDB store needs, is not installed
======= ==================================================================================

All are under the tag ``caches``; those on keys and directories also under ``security``. No
message shows any part of a key.
"""

from django.core import checks

from .clients import clients_can_be_made
from .directories import directories_are_private
from .dynamodb import dynamodb_is_configured
from .keys import keys_are_fit
from .memory import default_store_is_shared, default_store_keeps, sessions_are_kept
from .options import options_mean_something
from .outbox import outbox_can_be
from .placing import entries_mean_something
from .settings import settings_mean_something
from .stores import aliases_are_over_others, backends_are_there
from .tables import tables_are_there
from .waits import waits_are_short

__all__ = ["register_all"]


def register_all() -> None:
    """Register every check with Django."""
    for check in (
        settings_mean_something,
        outbox_can_be,
        backends_are_there,
        aliases_are_over_others,
        options_mean_something,
        dynamodb_is_configured,
        clients_can_be_made,
        default_store_is_shared,
        sessions_are_kept,
        entries_mean_something,
        waits_are_short,
    ):
        checks.register(check, checks.Tags.caches)
    checks.register(default_store_keeps, checks.Tags.caches, deploy=True)
    # Not among those of caches: from Django 6.1 on, who asks by a tag asks all databases.
    checks.register(tables_are_there, checks.Tags.database)
    for check in (keys_are_fit, directories_are_private):
        checks.register(check, checks.Tags.caches, checks.Tags.security)
