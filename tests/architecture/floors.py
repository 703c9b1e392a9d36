"""Who may import whom."""

from collections.abc import Iterator, Mapping

from .package import Import, Module, module_of, room_of

DOOR = ""
FLOORS = (
    # It stands where a user stands, outside, and looks at the house from all sides.
    {"testing"},
    {DOOR},
    {"management", "admin"},
    {"monitor", "health", "statistics", "warming", "outbox", "invalidating", "bulk", "decorators"}
    | {"views", "middleware", "templatetags", "contrib", "apps"},
    {"facade"},
    {"manager"},
    {"repository", "signatures", "limiter"},
    {"flows", "backends"},
    {"verbs"},
    {"scopes", "checks"},
    {"layers"},
    {"codecs"},
    {"conf"},
    {"core", "signals", "errors", "models", "migrations"},
)
"""From the top of the house down: a room imports from its own floor and from those below."""

APART = ({"flows", "backends"},)
"""Rooms of one floor that do not know each other."""

OPTIONAL = {
    "backports", "boto3", "botocore", "compression", "cryptography", "debug_toolbar",
    "django_redis", "msgspec", "opentelemetry", "prometheus_client", "pymemcache", "redis",
    "rest_framework", "rich", "zstandard",
}  # fmt: skip
"""What may be missing, and so may be imported in the function that needs it."""


def floor_of(room: str) -> int | None:
    """Return the floor a room is on, counted from the top."""
    return next((at for at, rooms in enumerate(FLOORS) if room in rooms), None)


def upward(modules: Mapping[str, Module]) -> Iterator[str]:
    """Find imports from a floor above, from a room kept apart, and rooms without a floor."""
    for module in modules.values():
        if floor_of(module.room) is None:
            yield f"{module.name}: {module.room!r} has no floor"
            continue
        for said in module.imports:
            if module_of(said.target, modules) is not None:
                yield from _fault(module, said)


def _fault(module: Module, said: Import) -> Iterator[str]:
    room = room_of(said.target)
    # A name that is no room of ours is one that the door holds open.
    room = DOOR if floor_of(room) is None else room
    own, other = floor_of(module.room), floor_of(room)
    where = f"{module.name}:{said.line}: imports {said.target}"
    if own is None or other is None or other < own:
        yield f"{where}, a floor above"
    elif room != module.room and any({room, module.room} <= pair for pair in APART):
        yield f"{where}: {room} and {module.room} do not know each other"


def cycles(modules: Mapping[str, Module]) -> Iterator[str]:
    """Find circles of imports, module by module."""
    edges = {name: _needs(module, modules) for name, module in modules.items()}
    done: set[str] = set()
    for start in edges:
        yield from _walk(start, edges, [], done)


def _needs(module: Module, modules: Mapping[str, Module]) -> set[str]:
    found = {module_of(said.target, modules) for said in module.imports}
    return {name for name in found if name in modules and name != module.name and name is not None}


def _walk(
    name: str, edges: Mapping[str, set[str]], path: list[str], done: set[str]
) -> Iterator[str]:
    if name in path:
        yield " → ".join([*path[path.index(name) :], name])
    elif name not in done:
        for needed in sorted(edges[name]):
            yield from _walk(needed, edges, [*path, name], done)
        done.add(name)


def nested(modules: Mapping[str, Module]) -> Iterator[str]:
    """Find imports inside functions, other than of optional packages."""
    for module in modules.values():
        for said in module.imports:
            ready = module.room == "apps" and said.nested == "ready"
            if said.nested and not ready and said.target.partition(".")[0] not in OPTIONAL:
                yield f"{module.name}:{said.line}: {said.nested}() imports {said.target}"
