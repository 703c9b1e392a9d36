"""The verbs that list what bears some tags, from the index that the alias was asked to keep."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from ..core.faces import run_now
from ..core.operation import Kind, Operation
from ..errors import NotSupported
from ..layers.tagstats import NONE
from ..scopes import Port
from ..verbs import unwrap

BATCH = 200
"""How many entries are read in one trip to see whether they are alive, and bear the tags."""


async def candidates(port: Port, glob: str = "*") -> list[str]:
    """Return the keys that may bear all tags of the scope, as the index has them."""
    expect_index(port)
    op = Operation("members", Kind.READ, tags=port.tags, glob=glob)
    found: list[str] = await port.bare().call(op)
    return found


async def living(port: Port, keys: Sequence[str]) -> dict[str, Any]:
    """Return those of ``keys`` that a read in this scope finds, with their values.

    The index is told of the others, so that they are not looked at again.
    """
    port = port.bare()
    reply = await port.call(port.read(keys, None))
    dead = {key: None for key in keys if key not in reply.values}
    if dead:
        await port.call(Operation("sift", Kind.WRITE, values=dead, tags=port.tags))
    return {key: unwrap(reply.values[key]) for key in keys if key in reply.values}


def each(port: Port, keys: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Iterate over the live entries, read some at a time."""
    for part in _parts(keys):
        yield from run_now(living(port, part)).items()


async def aeach(port: Port, keys: Sequence[str]) -> AsyncIterator[tuple[str, Any]]:
    """Iterate over the live entries, read some at a time."""
    for part in _parts(keys):
        for pair in (await living(port, part)).items():
            yield pair


async def listing(port: Port, glob: str = "*") -> list[str]:
    """Return the keys of the live entries that bear all tags of the scope."""
    return [key async for key, _ in aeach(port, await candidates(port, glob))]


async def count(port: Port) -> int:
    """Return how many live entries bear all tags of the scope."""
    return len(await listing(port))


async def stats(port: Port) -> dict[str, Mapping[str, Any]]:
    """Return, for each tag of the scope, its entries and what this process counted.

    ``entries`` (None without an index), ``hits``, ``misses``, ``flushes``, and ``last_flush`` as a
    Unix time or None.
    """
    kept, found = port.stack.tag_stats, dict[str, Mapping[str, Any]]()
    for tag in port.tags:
        entries = await count(_alone(port, tag)) if _indexed(port) else None
        counts = NONE if kept is None else kept.of(tag)
        found[tag] = {"entries": entries, **counts._asdict()}
    return found


async def tags(port: Port) -> list[str]:
    """Return the tags that live entries bear, as the index has them."""
    expect_index(port)
    found: list[str] = await port.bare().call(Operation("tags", Kind.READ))
    return found


def expect_index(port: Port) -> None:
    """Raise NotSupported, with what to do about it, where the alias keeps no index of its tags."""
    if _indexed(port):
        return
    alias, driver = port.alias, port.stack.driver
    if getattr(driver, "lists", False):
        raise NotSupported(
            f"alias {alias!r} keeps no index of its tags; turn it on by OPTIONS: "
            f'{{"TAG_INDEX": True}} in CACHES[{alias!r}]; what is written from then on is in it.'
        )
    raise NotSupported(
        f"alias {alias!r} can keep no index of its tags: {driver.sender.__name__} cannot list what "
        "it holds; the array, file, database, Redis and DynamoDB stores of this package can."
    )


def _indexed(port: Port) -> bool:
    return bool(getattr(port.stack.driver, "indexed", False))


def _alone(port: Port, tag: str) -> Port:
    return Port(port.face, lambda: port.stack, (tag,), port.space)


def _parts(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[at : at + BATCH] for at in range(0, len(keys), BATCH))
