"""A manager whose bulk verbs flush tags too: Django sends no signals for them."""

from collections.abc import Collection, Iterable
from functools import reduce
from operator import or_
from typing import Any, TypeVar

from django.db import models, transaction
from django.db.models import Q

from .invalidating import CHUNK, Changes

M = TypeVar("M", bound=models.Model, covariant=True)


class InvalidatingQuerySet(models.QuerySet[M]):
    """Flush the tags of the rows that ``update()`` and the bulk verbs change.

    The rows are read before and after, each once, in the transaction of the change. ``delete()``
    sends signals by itself; ``bulk_update()`` is made of ``update()``; the a-twins are made of
    these.
    """

    def update(self, **kwargs: Any) -> int:
        """Update all rows of this queryset, and flush their tags as they were and as they are."""
        self._for_write = True  # so that ``db`` is where it is written to
        changes = Changes(self.model, self.db)
        if not changes.rules or self.query.is_sliced or self.query.combinator:
            return super().update(**kwargs)  # which refuses what it cannot do
        with transaction.atomic(using=self.db, savepoint=False):
            keys = self._seen(changes)
            count = super().update(**kwargs)
            changes.see_keys(keys)
            changes.flush()
        return count

    def _seen(self, changes: Changes) -> list[Any]:
        """Note the rows of this queryset as they are, and return their keys."""
        keys = self.using(self.db).order_by().values("pk")
        if not changes.before:
            return [row["pk"] for row in keys]
        return changes.see(changes.rows.filter(pk__in=keys), before=True)

    def bulk_create(
        self,
        objs: Iterable[Any],
        batch_size: int | None = None,
        ignore_conflicts: bool = False,
        update_conflicts: bool = False,
        update_fields: Collection[str] | None = None,
        unique_fields: Collection[str] | None = None,
    ) -> list[Any]:
        """Insert the objects, and flush their tags; also those of rows that are updated instead."""
        self._for_write = True
        options: dict[str, Any] = {
            "ignore_conflicts": ignore_conflicts,
            "update_conflicts": update_conflicts,
            "update_fields": update_fields,
            "unique_fields": unique_fields,
        }
        changes, objs = Changes(self.model, self.db), list(objs)
        with transaction.atomic(using=self.db, savepoint=False):
            keys: list[Any] = []
            if update_conflicts and changes.rules:
                keys = self._conflicting(changes, objs, unique_fields)
            made = super().bulk_create(objs, batch_size, **options)
            changes.see(made)
            changes.see_keys(keys)
            changes.flush()
        return made

    def _conflicting(
        self, changes: Changes, objs: list[Any], unique: Collection[str] | None
    ) -> list[Any]:
        """Note the rows that will be updated in the place of an insert, and return their keys."""
        groups = [tuple(unique)] if unique else _uniques(self.model)
        keys: list[Any] = []
        step = max(1, CHUNK // sum(map(len, groups)))
        for at in range(0, len(objs), step):
            some = [_same(one, group) for one in objs[at : at + step] for group in groups]
            same = [found for found in some if found is not None]
            if same:
                keys += changes.see(changes.rows.filter(reduce(or_, same)), before=True)
        return keys


InvalidatingManager = models.Manager.from_queryset(InvalidatingQuerySet)
"""The manager of such querysets."""


def _same(one: Any, group: tuple[str, ...]) -> Q | None:
    """Return what finds the row that has the object's values in these fields; NULL is no value."""
    fields = [one._meta.pk if name == "pk" else one._meta.get_field(name) for name in group]
    values = {field.attname: getattr(one, field.attname) for field in fields}
    return None if None in values.values() else Q(**values)


def _uniques(model: type[models.Model]) -> list[tuple[str, ...]]:
    """Return the groups of fields of which no two rows have the same."""
    meta = model._meta
    single = [(field.name,) for field in meta.concrete_fields if field.unique]
    named = [tuple(one.fields) for one in meta.total_unique_constraints]
    return [*single, *named, *map(tuple, meta.unique_together)]
