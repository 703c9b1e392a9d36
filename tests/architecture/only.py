"""Things that only one room may do."""

import ast
from collections.abc import Iterator, Mapping

from .package import Module

FACES = "core.faces"
GROUND = "layers.ground"

TESTING = "testing"
"""The room whose tests are a user's: it awaits both faces, and asks what plain Django sees."""

DECODERS = {
    "_pickle", "backports", "bz2", "compression", "cryptography", "dill", "lzma", "marshal",
    "msgspec", "pickle", "shelve", "zlib", "zstandard",
}  # fmt: skip

SENDS = {"send", "send_robust", "asend", "asend_robust"}

VERBS = {
    "add", "clear", "decr", "decr_version", "delete", "delete_many", "get", "get_many",
    "get_or_set", "has_key", "incr", "incr_version", "set", "set_many", "touch",
}  # fmt: skip
VERBS |= {"a" + verb for verb in VERBS}


def waits(modules: Mapping[str, Module]) -> Iterator[str]:
    """Find who knows asyncio or sleeps, but for core/faces.py."""
    for module in modules.values():
        if module.within == FACES or module.room == TESTING:
            continue
        for said in module.imports:
            if (
                said.target.partition(".")[0] in {"asyncio", "asgiref"}
                or said.target == "time.sleep"
            ):
                yield f"{module.name}:{said.line}: imports {said.target}"
        for call in _calls(module):
            if ast.unparse(call.func) == "time.sleep":
                yield f"{module.name}:{call.lineno}: sleeps"


def decodes(modules: Mapping[str, Module]) -> Iterator[str]:
    """Find who imports decoders, compressors or ciphers, but for codecs/."""
    for module in modules.values():
        if module.room == "codecs":
            continue
        for said in module.imports:
            if said.target.partition(".")[0] in DECODERS:
                yield f"{module.name}:{said.line}: imports {said.target}"


def configures(modules: Mapping[str, Module]) -> Iterator[str]:
    """Find who reads Django's settings, but for conf.py."""
    for module in modules.values():
        if module.within == "conf":
            continue
        for said in module.imports:
            if said.target.startswith("django.conf") and not said.target.startswith(
                "django.conf.urls"
            ):
                yield f"{module.name}:{said.line}: imports {said.target}"


def announces(modules: Mapping[str, Module]) -> Iterator[str]:
    """Find who sends signals, but for layers/ (through the faces, which do it for them)."""
    for module in modules.values():
        if module.room == "layers" or module.within == FACES:
            continue
        for call in _calls(module):
            if isinstance(call.func, ast.Attribute) and call.func.attr in SENDS:
                yield f"{module.name}:{call.lineno}: {ast.unparse(call.func)}()"


def touches_caches(modules: Mapping[str, Module]) -> Iterator[str]:
    """Find who calls the verbs of a Django cache, but for layers/ground.py.

    By sight: verbs called on ``caches[...]`` or on a name or attribute that was given it, and any
    import of Django's ``cache``, which is of no other use.
    """
    for module in modules.values():
        if module.within == GROUND or module.room == TESTING:
            continue
        for said in module.imports:
            if said.target == "django.core.cache.cache":
                yield f"{module.name}:{said.line}: imports {said.target}"
        given = set(_given_a_cache(module))
        for call in _calls(module):
            verb = call.func
            if not isinstance(verb, ast.Attribute) or verb.attr not in VERBS:
                continue
            if _is_cache(verb.value) or ast.unparse(verb.value) in given:
                yield f"{module.name}:{call.lineno}: {ast.unparse(verb)}()"


def _calls(module: Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(module.tree) if isinstance(node, ast.Call))


def _is_cache(node: ast.expr | None) -> bool:
    """Tell whether an expression is ``caches[...]``, by whatever path ``caches`` is reached."""
    if isinstance(node, ast.Subscript):
        return ast.unparse(node.value).rpartition(".")[2] == "caches"
    return False


def _given_a_cache(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Assign) and _is_cache(node.value):
            yield from map(ast.unparse, node.targets)
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and _is_cache(node.value):
            yield ast.unparse(node.target)
