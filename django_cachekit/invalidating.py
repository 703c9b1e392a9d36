"""Flushes that follow from saving models.

::

    invalidates(Product, tags=lambda product: ["products", f"category:{product.category_id}"])

    @invalidate_on(Product, "shop.Price")
    def shelf(row):
        return [f"category:{row.category_id}"]

What is saved, deleted, added or removed flushes the tags of each row as it was and as it is, at the
commit and as one flush. ``InvalidatingManager`` does so for what sends no signals: ``update()`` and
the bulk verbs.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, TypeVar

from django.apps import apps
from django.db import models
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete, pre_save

from .errors import Misconfigured
from .manager import manager
from .scopes import tag_names

F = TypeVar("F", bound=Callable[..., Any])
Model = type[models.Model]
Tags = Callable[[Any], Any] | Iterable[Any]

CHUNK = 500
"""How many rows are asked for by their keys at once."""

_BEFORE = "_cachekit_before"
"""Under which name an instance carries its tags from a signal to the one that follows."""

log = logging.getLogger("django_cachekit")


class _Fields:
    """Give the fields of a row by name, as a text with ``{field}`` parts asks for them."""

    def __init__(self, row: Any) -> None:
        self.row = row

    def __getitem__(self, name: str) -> Any:
        return getattr(self.row, name)


def _filled(tags: tuple[str, ...], row: Any) -> list[str]:
    return [name.format_map(_Fields(row)) if "{" in name else name for name in tags]


class Rule:
    """Say which tags of which store the rows of a model stand for."""

    def __init__(self, model: Model | str, tags: Tags, store: str | None, before: bool) -> None:
        self.named = model
        self.tags: Any = tags if callable(tags) else tag_names((tags,))
        self.store = store
        self.before = before

    @cached_property
    def model(self) -> Model:
        """Return the model; one that does not exist is Django's LookupError."""
        return apps.get_model(self.named) if isinstance(self.named, str) else self.named

    def of(self, row: Any) -> tuple[str, ...]:
        """Return the tags of a row; what goes wrong in it is logged, and raised to who saves."""
        try:
            found = self.tags(row) if callable(self.tags) else _filled(self.tags, row)
            return () if found is None else tag_names((found,))
        except Exception:
            log.exception("the tags of a %s could not be told", type(row).__qualname__)
            raise

    def heard(self) -> set[tuple[Any, Any]]:
        """Return the signals, each with its sender, that tell of its rows."""
        models = _family(self.model)
        pairs = {(signal, one) for one in models for signal in RECEIVERS if signal != m2m_changed}
        return pairs | {(m2m_changed, through) for one in models for through in _throughs(one)}

    def disconnect(self) -> None:
        """Flush no more."""
        if self in _rules:
            _rules.remove(self)
            connect()


_rules: list[Rule] = []
_heard: set[tuple[Any, Any]] = set()


def invalidates(
    model: Model | str, tags: Tags, *, store: str | None = None, before: bool = True
) -> Rule:
    """Flush tags when a row of ``model`` (a class, or text as ``"app.Model"``) changes.

    ``tags`` is called with the row, and may also be a list, whose ``{field}`` parts are the row's.
    The row as it was is read before it is saved, which is a query; ``before=False`` does without.
    Returns a rule, to ``disconnect()``.
    """
    if apps.apps_ready and not apps.is_installed("django_cachekit"):
        raise Misconfigured('invalidates() needs "django_cachekit" in INSTALLED_APPS.')
    rule = Rule(model, tags, store, before)
    if apps.models_ready:
        rule.heard()  # a model that is not there is an error here, not in the next save of another
    _rules.append(rule)
    if apps.models_ready:
        connect()
    return rule


def invalidate_on(
    *models: Model | str, store: str | None = None, before: bool = True
) -> Callable[[F], F]:
    """Flush the tags that a function gives for a row, whenever a row of these models changes."""
    if not models:
        raise TypeError("invalidate_on() needs a model.")

    def register(function: F) -> F:
        for model in models:
            invalidates(model, function, store=store, before=before)
        return function

    return register


def connect() -> None:
    """Hear of the models that rules are about, and of no others; called when the app is ready."""
    wanted: set[tuple[Any, Any]] = set().union(*(rule.heard() for rule in _rules))
    for signal, sender in _heard - wanted:
        signal.disconnect(RECEIVERS[signal], sender=sender)
    for signal, sender in wanted:
        signal.connect(RECEIVERS[signal], sender=sender)
    _heard.clear()
    _heard.update(wanted)


def rules_of(model: Model) -> list[Rule]:
    """Return the rules about a model: its own, and those about what it inherits from."""
    return [rule for rule in _rules if issubclass(model, rule.model)]


def _family(model: Model) -> list[Model]:
    """Return the model and those that inherit from it, proxies too; abstract ones have no rows."""
    below = [one for child in model.__subclasses__() for one in _family(child)]
    return below if model._meta.abstract else [model, *below]


def _throughs(model: Model) -> set[Any]:
    """Return the tables between this model and others, whichever has the field."""
    fields: list[Any] = [f for f in model._meta.get_fields(include_hidden=True) if f.many_to_many]
    # The field has it behind its relation, the far side is the relation.
    sides = [field if hasattr(field, "through") else field.remote_field for field in fields]
    return {side.through for side in sides if hasattr(side, "through")}


class Changes:
    """Gather the tags of rows of one model, and flush them together."""

    def __init__(self, model: Model, using: str | None, found: Any = None) -> None:
        self.rules = rules_of(model)
        self.model = model
        self.using = using
        self.before = any(rule.before for rule in self.rules)
        self.found: dict[str | None, set[str]] = {} if found is None else found

    @property
    def rows(self) -> Any:
        """Return all rows of the model, by its base manager."""
        return self.model._base_manager.using(self.using)

    def see(self, rows: Iterable[Any], *, before: bool = False) -> list[Any]:
        """Note the tags of rows, which are as they were if ``before``; return their keys."""
        keys = []
        for row in rows:
            keys.append(row.pk)
            for rule in self.rules:
                if rule.before or not before:
                    self.found.setdefault(rule.store, set()).update(rule.of(row))
        return keys

    def see_keys(self, keys: Sequence[Any], *, before: bool = False) -> None:
        """Note the tags of the rows with these keys, as they are in the database."""
        if not self.rules:
            return
        for at in range(0, len(keys), CHUNK):
            self.see(self.rows.filter(pk__in=keys[at : at + CHUNK]), before=before)

    def flush(self) -> None:
        """Flush what was found, in each store at once."""
        for store, tags in self.found.items():
            if tags:
                manager.store(store).tags(*tags).flush()


def _before_save(sender: Model, instance: Any, using: str, raw: bool = False, **_: Any) -> None:
    changes = Changes(sender, using)
    if not raw and changes.before and _may_be_there(instance):
        changes.see_keys([instance.pk], before=True)
    setattr(instance, _BEFORE, changes.found)


def _may_be_there(instance: Any) -> bool:
    """Tell whether a save may change a row: not that of a new object whose key is being made."""
    if instance.pk is None:
        return False
    field = instance._meta.pk
    made = field.has_default() or field.has_db_default()
    return not (instance._state.adding and made)


def _after_save(sender: Model, instance: Any, using: str, **_: Any) -> None:
    changes = Changes(sender, using, instance.__dict__.pop(_BEFORE, None))
    changes.see([instance])
    changes.flush()


def _before_delete(sender: Model, instance: Any, using: str, **_: Any) -> None:
    """Ask for the tags while what they may be made of (relations) is still there."""
    changes = Changes(sender, using)
    changes.see([instance])
    setattr(instance, _BEFORE, changes.found)


def _after_delete(sender: Model, instance: Any, using: str, **_: Any) -> None:
    Changes(sender, using, instance.__dict__.pop(_BEFORE, None)).flush()


def _related(
    sender: Any, instance: Any, action: str, reverse: bool, model: Model, using: str,
    pk_set: set[Any] | None = None, **_: Any,
) -> None:  # fmt: skip
    """Flush the rows on both sides: as they are before the change, and as they are after it."""
    before = action.startswith("pre_")
    changes = Changes(type(instance), using)
    changes.see([instance], before=before)
    others = Changes(model, using, changes.found)
    if others.rules:
        cleared = instance.__dict__.setdefault(_BEFORE + "_cleared", {})
        if action == "pre_clear":
            cleared[sender] = _cleared(sender, instance, reverse)
        keys = list(pk_set or ()) if pk_set is not None else cleared.get(sender, [])
        others.see_keys(keys, before=before)
        if action == "post_clear":
            cleared.pop(sender, None)
    changes.flush()


def _cleared(through: Any, instance: Any, reverse: bool) -> list[Any]:
    """Return the keys of what the instance is related to, by the accessor it is cleared by."""
    meta = type(instance)._meta
    for field in meta.related_objects if reverse else meta.many_to_many:
        found: Any = field if reverse else field.remote_field
        if found.many_to_many and found.through is through:
            name = found.get_accessor_name() if reverse else field.name
            return list(getattr(instance, name).values_list("pk", flat=True))
    return []


RECEIVERS: dict[Any, Callable[..., None]] = {
    pre_save: _before_save,
    post_save: _after_save,
    pre_delete: _before_delete,
    post_delete: _after_delete,
    m2m_changed: _related,
}
"""What hears which signal."""
