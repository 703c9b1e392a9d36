"""The package as data: its modules, read but never run, and what each imports."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

NAME = "django_cachekit"
ROOT = Path(__file__).parents[2] / NAME


@dataclass(frozen=True)
class Import:
    """One imported name: where it is said, and the dotted name of what it brings."""

    line: int
    target: str
    nested: str  # the function it is said in, or ""


@dataclass(frozen=True)
class Module:
    """One file: its dotted name, its text, and its tree."""

    name: str
    source: str
    is_package: bool = False

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @property
    def room(self) -> str:
        """The part of the package the module belongs to; "" is the door itself."""
        return room_of(self.name)

    @property
    def within(self) -> str:
        """The module's name without the package's."""
        return self.name.partition(".")[2]

    @cached_property
    def imports(self) -> list[Import]:
        return list(self._imports(self.tree, ""))

    def _imports(self, node: ast.AST, nested: str) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(child.lineno, alias.name, nested)
            elif isinstance(child, ast.ImportFrom):
                base = self._base(child)
                for alias in child.names:
                    yield Import(child.lineno, f"{base}.{alias.name}", nested)
            elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from self._imports(child, nested or child.name)
            else:
                yield from self._imports(child, nested)

    def _base(self, node: ast.ImportFrom) -> str:
        """The absolute name of what a ``from`` statement imports from."""
        if not node.level:
            return node.module or ""
        here = self.name.split(".")
        up = node.level - 1 if self.is_package else node.level
        base = here[: len(here) - up]
        return ".".join([*base, node.module] if node.module else base)


def read(root: Path = ROOT) -> dict[str, Module]:
    """Return the package's modules by name."""
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = [root.name, *path.relative_to(root).with_suffix("").parts]
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        found[name] = Module(name, path.read_text(encoding="utf-8"), is_package)
    return found


def room_of(name: str) -> str:
    """Return the part of the package that a dotted name of ours lies in."""
    return name.partition(".")[2].partition(".")[0]


def snippet(name: str, source: str) -> dict[str, Module]:
    """Return a package of one made-up module, ``name`` being its path within the package."""
    full = f"{NAME}.{name}" if name else NAME
    return {full: Module(full, source, is_package=not name)}


def module_of(target: str, modules: Mapping[str, Module]) -> str | None:
    """Return the package's module that an imported name lies in, or None for other people's."""
    if target != NAME and not target.startswith(NAME + "."):
        return None
    while target not in modules and "." in target:
        target = target.rpartition(".")[0]
    return target
