"""Keys of a namespace: the same key under other tags is another entry."""

from typing import Any

from ..core.faces import Face
from ..core.operation import Key, Operation, Record, Reply
from .base import Proceed

LISTS = ("keys", "members")
"""Verbs that answer with keys."""


class Space:
    """Carry a call out under the keys of its namespace, and answer in the caller's."""

    def idle(self, op: Operation) -> bool:
        """Tell whether the keys are those of the alias at large."""
        return not op.space

    async def __call__(self, face: Face, op: Operation, proceed: Proceed) -> Any:
        names = {key: _named(op.space, key) for key in (*op.keys, *op.values)}
        values = {names[key]: value for key, value in op.values.items()}
        lists = op.verb in LISTS
        glob = _named(op.space, op.glob) if lists else op.glob
        keys = tuple(names[key] for key in op.keys)
        asked = op._replace(keys=keys, values=values, glob=glob, space="")
        result = await proceed(face, asked)
        back = {name: key for key, name in names.items()}
        if isinstance(result, Reply):
            found = {back[name]: value for name, value in result.values.items()}
            return result._replace(values=found, held=frozenset(map(back.get, result.held)))
        if isinstance(result, set):
            return {back[name] for name in result}
        if lists:
            return [name[len(op.space) :] for name in result]
        return result


def _named(space: str, key: Key) -> Any:
    return key if isinstance(key, Record) else space + key
