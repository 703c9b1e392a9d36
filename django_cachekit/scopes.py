"""Scopes: what a repository adds to every key, and the port through which its flows speak."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from typing import Any

from .conf import kind_of
from .core.faces import Face
from .core.keys import plain
from .core.operation import MISSING, UNSURE, Kind, Operation
from .layers.base import Driver, Layer, compose
from .layers.events import Events
from .layers.memo import Memo
from .layers.own import Own
from .layers.pending import BUSY, waiting
from .layers.policy import Policy
from .layers.stats import Stats
from .layers.tagstats import TagStats
from .layers.watch import Watch


def tag_names(names: Iterable[Any]) -> tuple[str, ...]:
    """Return tags as sorted, distinct text; lists may be nested, Enum members count by value.

    Whatever gives names one by one is as good as a list.
    """
    found: set[str] = set()
    for name in names:
        if isinstance(name, Iterable) and not isinstance(name, (str, bytes, Enum)):
            found.update(tag_names(name))
        else:
            found.add(_tag(name))
    return tuple(sorted(found))


class FoundTags:
    """Collect the tags that a value turns out to bear: ``add`` takes them as ``tags()`` does."""

    def __init__(self) -> None:
        self._names: dict[str, None] = {}

    def add(self, *names: Any) -> None:
        """Let the entry bear ``names`` too."""
        self._names.update(dict.fromkeys(tag_names(names)))

    update = add

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        """Say which they are."""
        return f"<tags {', '.join(self._names) or 'none'}>"


def namespace(tags: tuple[str, ...]) -> str:
    """Return what the keys of a namespace begin with: another for every set of tags."""
    text = "".join(f"{len(tag)}:{tag}" for tag in tags).encode("utf-8", "surrogatepass")
    return f"tagged:{hashlib.sha256(text).hexdigest()[:32]}:"


def _tag(name: Any) -> str:
    if name is None or name == "":
        raise ValueError("A tag needs a name; None and empty text are none.")
    if isinstance(name, bytes):
        raise TypeError("A tag is text, not bytes.")
    return plain(name)


def unsure(
    key: Any, version: int | None, tags: tuple[str, ...] = (), told: bool | None = False
) -> Any:
    """Take the long way round."""
    return UNSURE


class Stack:
    """Hold one alias made ready: its driver, and its layers composed for each kind of verb."""

    def __init__(self, alias: str, driver: Driver, layers: Sequence[Layer]) -> None:
        self.alias = alias
        self.driver = driver
        self.layers = tuple(layers)
        self.call = compose(self.layers, driver)
        self.instant = driver.instant
        own = any(isinstance(one, Own) for one in self.layers)
        self.quick: Callable[..., Any] = unsure if own else getattr(driver, "quick", unsure)
        # Who is told of computations too; they count, or watch, the straight line besides.
        self.told = [one for one in self.layers if isinstance(one, (Stats, Watch))]
        for one in reversed(self.told):
            self.quick = one.around(self.quick)
        self.stats = next((one for one in self.layers if isinstance(one, Stats)), None)
        self.tag_stats = next((one for one in self.layers if isinstance(one, TagStats)), None)
        self.counted = self.tag_stats  # of reads on the straight line

    def __repr__(self) -> str:
        """Say which it is, and what a call goes through."""
        names = [type(one).__name__.lower() for one in self.layers]
        return f"<stack {self.alias!r}: {', '.join(names)}, {self.driver.sender.__name__}>"

    def over(self, *outer: Layer) -> "Stack":
        """Return the same stack with more layers outside."""
        return Stack(self.alias, self.driver, (*outer, *self.layers))

    def recalling(self, quick: Callable[..., Any]) -> "Stack":
        """Return the same stack with a straight line that only looks at what is remembered."""
        stack = Stack(self.alias, self.driver, self.layers)
        stack.quick, stack.instant, stack.counted = quick, True, None
        return stack

    def bare(self) -> "Stack":
        """Return the same stack without what remembers, tells, counts, or answers for a failure."""
        kept = [one for one in self.layers if not isinstance(one, _HEARD)]
        return Stack(self.alias, self.driver, kept)


_HEARD = (Memo, Watch, Events, Policy, Stats, TagStats)


class Port:
    """Be all that a flow sees of the world: a face, one stack, and the tags of its scope."""

    __slots__ = ("_stack", "face", "space", "tags")

    def __init__(
        self,
        face: Face,
        stack: Callable[[], Stack],
        tags: tuple[str, ...] = (),
        space: str = "",
    ) -> None:
        self.face = face
        self.tags = tags
        self.space = space
        self._stack = stack

    @property
    def stack(self) -> Stack:
        """Return the stack of the alias as it is configured now."""
        return self._stack()

    @property
    def alias(self) -> str:
        """Return the alias's name."""
        return self._stack().alias

    @property
    def said(self) -> str:
        """Say which alias it is, and of what class, without making it ready."""
        alias = getattr(getattr(self._stack, "__self__", None), "alias", "")
        return f"{alias!r} ({kind_of(alias)})" if alias else "an alias"

    def quick(self, key: Any, version: int | None) -> Any:
        """Read one key on the straight line of its driver, or answer UNSURE."""
        stack = self._stack()
        # A call saved is a tenth of what a hit in memory takes: hardly ever is anything waiting.
        if (self.face.awaiting and not stack.instant) or (BUSY and waiting(stack.alias)):
            return UNSURE
        told: bool | None = None if self.face.awaiting else False
        if self.space:
            key, told = self.space + plain(key), None  # who listens knows the key without it
        found = stack.quick(key, version, self.tags, told)
        if self.tags and found is not UNSURE and stack.counted is not None:
            stack.counted.read(self.tags, found is not MISSING, found is MISSING)
        return found

    def bare(self) -> "Port":
        """Return a port to the same scope that nobody hears of, and that raises what goes wrong."""
        stack = self._stack().bare()
        return Port(self.face, lambda: stack, self.tags, self.space)

    async def call(self, op: Operation) -> Any:
        """Send one operation through the layers."""
        if self.space:
            op = op._replace(space=self.space)
        return await self._stack().call(self.face, op)

    def flight(self, key: str, version: int | None) -> tuple[str, int, str]:
        """Name the computation of a key, in this process."""
        stack = self._stack()
        version = stack.driver.version if version is None else version
        return stack.alias, version, self.space + key

    def by(self, face: Face) -> "Port":
        """Return the same port by another face."""
        return Port(face, self._stack, self.tags, self.space)

    def read(self, keys: Sequence[str], version: int | None, label: str = "get") -> Operation:
        """Return the operation that reads ``keys`` in this scope."""
        return Operation("read", Kind.READ, tuple(keys), version, tags=self.tags, label=label)


__all__ = ["FoundTags", "Port", "Stack", "namespace", "tag_names"]
