"""A verb whose types are written apart from its flow is still that verb."""

import ast
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from django_cachekit import cache
from django_cachekit.flows.functions import CachedCoroutine, CachedFunction
from django_cachekit.flows.funnels import Funnel
from django_cachekit.flows.locks import Lock
from django_cachekit.repository import Repository, TaggedRepository
from django_cachekit.signatures.computing import Computing
from django_cachekit.signatures.reading import Reading

PINNED = Path(__file__).resolve().parents[1] / "typing"
APART = [
    pytest.param(name, declared, id=name)
    for part in (Reading, Computing)
    for name, declared in vars(part).items()
    if inspect.isfunction(declared)
]


def parameters(function: Callable[..., Any]) -> list[tuple[str, Any, Any]]:
    """Return name, kind and default of each parameter but the first, which is the face."""
    found = list(inspect.signature(function).parameters.values())[1:]
    kinds = inspect.Parameter
    return [
        ("" if one.kind is kinds.VAR_KEYWORD else one.name, one.kind, one.default) for one in found
    ]


def first(function: Callable[..., Any]) -> str:
    return (inspect.getdoc(function) or "").partition("\n")[0]


@pytest.mark.parametrize(("name", "declared"), APART)
def test_what_is_declared_is_what_is_called(name: str, declared: Callable[..., Any]) -> None:
    verb = getattr(Repository, name)
    assert parameters(declared) == parameters(verb)
    assert first(declared) == first(verb)
    if not name.endswith("remember_many") and name not in ("cas", "many"):
        assert inspect.iscoroutinefunction(declared) == name.startswith("a") * (name != "array")


def test_the_declarations_are_no_part_of_it_when_it_runs() -> None:
    # A base class would lie on every look-up of a verb.
    assert Repository.__mro__ == (Repository, object)


def public(part: type) -> Iterator[str]:
    for name, value in vars(part).items():
        if not name.startswith("_") and inspect.isfunction(value):
            yield name


# Where a name of the base class means something else in the derived one, it is pinned there too.
PARTS = (Repository, TaggedRepository, Lock, Funnel, CachedFunction, CachedCoroutine)
NOT_FOR_USERS = {
    "hold", "wait", "left", "aleft",  # how blocks and funnels take a lock
    "recompute",  # a worker's
}  # fmt: skip


def pinned() -> set[str]:
    """Return the methods whose results are asserted."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in PINNED.glob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    asserted = [call for call in calls if getattr(call.func, "id", "") == "assert_type"]
    inside = [node for call in asserted for node in ast.walk(call.args[0])]
    return {node.attr for node in inside if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_the_type_of_every_verb_is_pinned(part: type) -> None:
    """Inference is not the same in every checker, so what two of them infer is asserted."""
    assert sorted(set(public(part)) - pinned() - NOT_FOR_USERS) == []


def test_a_shell_is_told_of_every_verb() -> None:
    names = dir(cache)
    assert {"remember", "aremember", "get", "aget", "tags", "lock"} <= set(names)
    for name in names:
        if not name.startswith("_") and callable(getattr(cache, name)):
            verb = getattr(cache, name)
            assert "port" not in inspect.signature(verb).parameters, name
            assert first(verb).endswith("."), name


def test_both_faces_are_called_by_their_names() -> None:
    for name in ("remember", "aremember", "set", "aset", "float", "afloat", "ttl"):
        assert getattr(cache, name).__name__ == name
    assert Lock.arelease.__name__ == "arelease"
    assert TaggedRepository.aflush.__qualname__ == "TaggedRepository.aflush"
