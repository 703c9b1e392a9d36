"""How the code is written: small functions, docstrings, and a reason for whatever is silenced."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from importlib import import_module

from .package import Module, module_of

LONGEST_FUNCTION = 40
LONG_FILE = 300

Function = ast.FunctionDef | ast.AsyncFunctionDef
SILENCERS = re.compile(r"#\s*(type:\s*ignore|noqa|pragma:\s*no cover|pyright:\s*ignore)")
SILENCER_ITSELF = re.compile(
    r"#\s*(type:\s*ignore(\[[^\]]*\])?|noqa(:\s*[A-Z]+\d+(\s*,\s*[A-Z]+\d+)*)?"
    r"|pragma:\s*no cover|pyright:\s*ignore(\[[^\]]*\])?)"
)
BROAD = {"Exception", "BaseException"}


def long_functions(modules: Mapping[str, Module]) -> Iterator[str]:
    """Find functions of more lines than fit one look; the docstring does not count."""
    for module in modules.values():
        for node in ast.walk(module.tree):
            if isinstance(node, Function):
                lines = _length(node)
                if lines > LONGEST_FUNCTION:
                    yield f"{module.name}:{node.lineno}: {node.name}() has {lines} lines"


def _length(node: Function) -> int:
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def long_files(modules: Mapping[str, Module]) -> Iterator[str]:
    """Find files that ask to be two."""
    for module in modules.values():
        lines = module.source.count("\n")
        if lines > LONG_FILE:
            yield f"{module.name} has {lines} lines"


def undocumented(modules: Mapping[str, Module]) -> Iterator[str]:
    """Find public things whose docstring does not open with one sentence on one line."""
    for module in modules.values():
        if module.source.strip() and not ast.get_docstring(module.tree):
            yield f"{module.name}: no docstring"
        for node in module.tree.body:
            named = isinstance(node, Function | ast.ClassDef) and _public(node.name)
            if named and not _is_test(module, node.name):
                yield from _undocumented(module, node, modules)


def _undocumented(
    module: Module, node: Function | ast.ClassDef, modules: Mapping[str, Module]
) -> Iterator[str]:
    where = f"{module.name}:{node.lineno}: {node.name}"
    yield from _unsaid(where, node)
    if not isinstance(node, ast.ClassDef):
        return
    for method in node.body:
        if not isinstance(method, Function) or not _public(method.name) or _is_part(method):
            continue
        if ast.get_docstring(method) or not _inherits(module, node, method.name, modules):
            yield from _unsaid(f"{where}.{method.name}", method)


def _unsaid(where: str, node: ast.ClassDef | Function) -> Iterator[str]:
    text = ast.get_docstring(node)
    first = (text or "").partition("\n")[0].strip()
    if not first:
        yield f"{where}: no docstring"
    elif not first.endswith(".") or re.search(r"[a-z)`]\. [A-Z]", first):
        yield f"{where}: the docstring's first line is not one sentence: {first!r}"


def _public(name: str) -> bool:
    return not name.startswith("_")


def _is_test(module: Module, name: str) -> bool:
    """Tell whether it is a test that is shipped, whose name is the sentence."""
    return module.room == "testing" and name.startswith("test_")


def _is_part(method: Function) -> bool:
    """Tell whether a method only completes one that carries the docstring."""
    names = [ast.unparse(decorator) for decorator in method.decorator_list]
    return any(name.endswith((".setter", ".deleter", "overload")) for name in names)


def _inherits(
    module: Module, node: ast.ClassDef, method: str, modules: Mapping[str, Module]
) -> bool:
    """Tell whether a base class, ours or Django's, already says what the method does."""
    return any(_base_says(module, base, method, modules) for base in node.bases)


def _base_says(module: Module, base: ast.expr, method: str, modules: Mapping[str, Module]) -> bool:
    name = ast.unparse(base).partition("[")[0]
    found = _class_of(module, name)
    if found is not None:
        return _says(module, found, method, modules)
    target = _target_of(module, name)
    home = module_of(target, modules) if target else None
    if home is None:
        return bool(target) and _foreign_has(target or "", method)
    other = modules.get(home)
    there = _class_of(other, name.rpartition(".")[2]) if other else None
    return bool(other and there and _says(other, there, method, modules))


def _says(module: Module, node: ast.ClassDef, method: str, modules: Mapping[str, Module]) -> bool:
    own = (item for item in node.body if isinstance(item, Function) and item.name == method)
    return any(ast.get_docstring(item) for item in own) or _inherits(module, node, method, modules)


def _class_of(module: Module, name: str) -> ast.ClassDef | None:
    classes = (node for node in module.tree.body if isinstance(node, ast.ClassDef))
    return next((node for node in classes if node.name == name), None)


def _target_of(module: Module, name: str) -> str | None:
    """Return the dotted name that ``name`` was imported as, aliases included."""
    head, _, rest = name.partition(".")
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == head:
                    base = module._base(node) + "." if isinstance(node, ast.ImportFrom) else ""
                    return base + alias.name + ("." + rest if rest else "")
    return None


def _foreign_has(target: str, method: str) -> bool:
    home, _, name = target.rpartition(".")
    return hasattr(getattr(import_module(home), name), method)


def silenced(modules: Mapping[str, Module]) -> Iterator[str]:
    """Find what is silenced (a type, a lint, a line of coverage, any error) without a reason.

    Catching everything is no silence where it always ends in a ``raise``.
    """
    for module in modules.values():
        lines = module.source.splitlines()
        for token in tokenize.generate_tokens(io.StringIO(module.source).readline):
            if token.type == tokenize.COMMENT and SILENCERS.search(token.string):
                rest = SILENCER_ITSELF.sub("", token.string).strip(" #:-—")
                if not rest and not _comment_above(lines, token.start[0]):
                    yield f"{module.name}:{token.start[0]}: {token.string} without a reason"
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.ExceptHandler) or not _is_broad(node):
                continue
            if not _comment_near(lines, node.lineno) and not isinstance(node.body[-1], ast.Raise):
                yield f"{module.name}:{node.lineno}: swallows everything without a reason"


def _is_broad(node: ast.ExceptHandler) -> bool:
    if node.type is None:
        return True
    kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    return any(ast.unparse(kind) in BROAD for kind in kinds)


def _comment_above(lines: list[str], line: int) -> bool:
    return line >= 2 and lines[line - 2].lstrip().startswith("#")


def _comment_near(lines: list[str], line: int) -> bool:
    text = lines[line - 1]
    said = SILENCER_ITSELF.sub("", text[text.index("except") :]).partition(":")[2]
    return bool(said.strip(" #:-—")) or _comment_above(lines, line)
