"""The outbox: flushes of tags that are still to be carried out, as rows."""

import json
import uuid
from collections.abc import Iterable

from django.db import models
from django.utils import timezone


class PendingFlush(models.Model):
    """Be one flush that was asked for and is not known to be done.

    The row is written in the transaction that changed the data, so it is there if and only if
    that was committed. ``tags`` is JSON with nothing but ASCII in it, which every database holds.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    store = models.CharField(max_length=255)
    match = models.CharField(max_length=8)
    tags = models.TextField()
    created = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name = "pending flush"
        verbose_name_plural = "pending flushes"

    def __str__(self) -> str:
        return f"{self.store}: {self.match} of {self.tags}"

    @classmethod
    def of(cls, store: str, match: str, tags: Iterable[str]) -> "PendingFlush":
        """Return a row, not written yet."""
        return cls(store=store, match=match, tags=json.dumps(list(tags)))

    @property
    def names(self) -> tuple[str, ...]:
        """Return the tags as they were named."""
        return tuple(map(str, json.loads(self.tags)))
