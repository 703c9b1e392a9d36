"""Arguments of a call, as text that two different calls never share."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any
from uuid import UUID

_PLAIN = (str, bytes, int, float, bool, NoneType, Decimal, UUID, datetime, date, time, timedelta)


def encode(value: Any) -> str:
    """Return text for a plain value, a container of them, an Enum member or a saved model instance.

    1, 1.0, True and "1" differ. Anything else is a TypeError: its text might not tell two apart.
    """
    kind = type(value)
    if kind in _PLAIN:
        return f"{kind.__name__}:{value!r}"
    if isinstance(value, Enum):
        return f"{_path(kind)}.{value.name}"
    if kind in (list, tuple):
        return f"{kind.__name__}[{','.join(map(encode, value))}]"
    if kind in (set, frozenset):
        return f"{kind.__name__}[{','.join(sorted(map(encode, value)))}]"
    if kind is dict:
        pairs = sorted(f"{encode(key)}={encode(part)}" for key, part in value.items())
        return f"dict[{','.join(pairs)}]"
    return _object(value)


def _object(value: Any) -> str:
    if isinstance(value, type):
        return f"type:{_path(value)}"
    meta, pk = getattr(value, "_meta", None), getattr(value, "pk", None)
    if meta is not None and pk is not None:
        return f"{meta.label}({encode(pk)})"
    raise TypeError(
        f"An argument of type {type(value).__name__} makes no cache key; give cached() a key=, "
        f"a text with {{argument}} fields or a function of the arguments."
    )


def _path(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def path_of(function: Callable[..., Any]) -> str:
    """Return the dotted path of a function."""
    return f"{function.__module__}.{function.__qualname__}"


def filled(text: str, arguments: Mapping[str, Any]) -> str:
    """Fill the ``{argument}`` fields of a text; text without any is left alone."""
    return text.format(**arguments) if "{" in text else text
