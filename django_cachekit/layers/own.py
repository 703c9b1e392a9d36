"""Layers of a project's own: ``OPTIONS: {"LAYERS": [dotted paths]}``."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.module_loading import import_string

from ..core.faces import Face
from ..core.operation import Operation
from ..errors import Misconfigured
from .base import Layer, Proceed, through


class Own:
    """Hold a project's layers, the first outermost; where they are, no straight line is taken."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = tuple(layers)

    def idle(self, op: Operation) -> bool:
        """Tell whether none of them has to do with this call."""
        return all(layer.idle(op) for layer in self.layers)

    async def __call__(self, face: Face, op: Operation, proceed: Proceed) -> Any:
        return await through(self.layers, proceed)(face, op)


def own_layers(alias: str, options: Mapping[str, Any]) -> list[Layer]:
    """Return the layers that ``LAYERS`` names, as one, or none; Misconfigured if it cannot be."""
    given = options.get("LAYERS") or ()
    if not isinstance(given, (list, tuple)):
        raise Misconfigured(f"CACHES[{alias!r}]: LAYERS is a list of dotted paths, not {given!r}.")
    return [Own([_made(alias, path) for path in given])] if given else []


def _made(alias: str, path: Any) -> Layer:
    try:
        layer: Any = import_string(path)(alias)
    except (ImportError, TypeError, AttributeError) as error:
        raise Misconfigured(
            f"CACHES[{alias!r}]: LAYERS names {path!r}, which cannot be made of an alias: {error}"
        ) from error
    if not callable(layer) or not callable(getattr(layer, "idle", None)):
        raise Misconfigured(f"CACHES[{alias!r}]: LAYERS names {path!r}, which makes no layer.")
    made: Layer = layer
    return made
