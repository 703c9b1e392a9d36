"""Functions whose results are remembered: what ``cached`` makes of one."""

import functools
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, cast, overload

from ..core.arguments import encode, filled, path_of
from ..core.faces import finish, is_coroutine_function, run_now
from ..core.keys import plain
from . import aging
from .options import read
from .tasks import Call

P = ParamSpec("P")
Q = ParamSpec("Q")
S = TypeVar("S")
T = TypeVar("T")
NONE: Mapping[str, Any] = {}
Tags = Iterable[Any] | Callable[..., Iterable[Any]]


class Named(Protocol[P]):
    """Be what has a key for each set of arguments."""

    def key(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """Return the key of these arguments, as ``cache.get`` takes it."""

    def recompute(self, seen: float | None, /, *args: P.args, **kwargs: P.kwargs) -> None:
        """Compute anew a result that was computed when it was ``seen``; a task of a worker."""


class CachedFunction(Named[P], Protocol[P, T]):
    """Be a function whose results are remembered; in an instance it is a method, without helpers.

    Those are asked of the class, and take ``self``: ``City.people.forget(city)``.
    """

    uncached: Callable[P, T]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return the remembered result, or compute it."""

    def forget(self, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Forget the result for these arguments; True if there was one."""

    def refresh(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Compute the result anew, store and return it."""

    @overload
    def __get__(self, instance: None, owner: Any, /) -> "CachedFunction[P, T]": ...
    @overload
    def __get__(
        self: "CachedFunction[Concatenate[S, Q], T]", instance: S, owner: Any = None, /
    ) -> Callable[Q, T]: ...


class CachedCoroutine(Named[P], Protocol[P, T]):
    """Be a coroutine function whose results are remembered; so are its helpers."""

    uncached: Callable[P, Coroutine[Any, Any, T]]

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return the remembered result, or compute it."""

    async def forget(self, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Forget the result for these arguments; True if there was one."""

    async def refresh(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Compute the result anew, store and return it."""

    @overload
    def __get__(self, instance: None, owner: Any, /) -> "CachedCoroutine[P, T]": ...
    @overload
    def __get__(
        self: "CachedCoroutine[Concatenate[S, Q], T]", instance: S, owner: Any = None, /
    ) -> Callable[Q, Coroutine[Any, Any, T]]: ...


class Recipe(Generic[P, T]):
    """Say how the calls of one function become keys and tags."""

    def __init__(self, function: Callable[P, T], key: Any, tags: Tags) -> None:
        self.function = function
        self.name = path_of(function)
        self.signature = inspect.signature(function)
        self._key = key
        self._tags = tags

    def key(self, *args: Any, **kwargs: Any) -> str:
        """Return the key of a call: the same for an argument by name or by place."""
        if callable(self._key):
            return plain(self._key(*args, **kwargs))
        arguments = self._bound(args, kwargs)
        if self._key is not None:
            return filled(plain(self._key), arguments)
        return f"cached:{self.name}({encode(dict(arguments))})"

    def tags(self, *args: Any, **kwargs: Any) -> list[str]:
        """Return the tags of a call."""
        if callable(self._tags):
            return list(self._tags(*args, **kwargs))
        names = [self._tags] if isinstance(self._tags, str) else self._tags
        texts = [plain(name) for name in names]
        if not any("{" in text for text in texts):
            return texts
        arguments = self._bound(args, kwargs)
        return [filled(text, arguments) for text in texts]

    def _bound(self, args: Any, kwargs: Any) -> Mapping[str, Any]:
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.arguments


class Decorator:
    """Turn a function into one whose results are remembered."""

    def __init__(
        self,
        store: Callable[[], Any],
        ttl: Any,
        key: Any,
        tags: Tags,
        options: Mapping[str, Any] = NONE,
    ) -> None:
        read("cached", options)  # what is wrong with them is said at once
        self.store = store
        self.ttl = ttl
        self.key = key
        self.tags = tags
        self.options = options

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, T]]) -> CachedCoroutine[P, T]: ...  # type: ignore[overload-overlap]  # a coroutine's is the closer one
    @overload
    def __call__(self, function: Callable[P, T]) -> CachedFunction[P, T]: ...
    def __call__(self, function: Callable[..., Any]) -> Any:
        """Return the function with a memory."""
        recipe = Recipe(function, self.key, self.tags)
        make: Any = self._awaited if is_coroutine_function(function) else self._blocking
        wrapped: Any = make(recipe)
        wrapped.key = recipe.key
        wrapped.uncached = function
        return wrapped

    def _scope(self, recipe: Recipe[Any, Any], args: Any, kwargs: Any) -> Any:
        tags = recipe.tags(*args, **kwargs)
        return self.store().tags(*tags) if tags else self.store()

    def _blocking(self, recipe: Recipe[P, T]) -> Callable[P, T]:
        def using(verb: str, args: Any, kwargs: Any) -> Any:
            scope = self._scope(recipe, args, kwargs)
            make = Call(recipe.name, recipe.function, args, kwargs)
            key = recipe.key(*args, **kwargs)
            return getattr(scope, verb)(key, self.ttl, make, **self.options)

        @functools.wraps(recipe.function)
        def remembered(*args: P.args, **kwargs: P.kwargs) -> T:
            return cast(T, using("remember", args, kwargs))

        def forget(*args: Any, **kwargs: Any) -> bool:
            return bool(self.store().forget(recipe.key(*args, **kwargs)))

        def refresh(*args: Any, **kwargs: Any) -> Any:
            return using("refresh", args, kwargs)

        def recompute(seen: float | None, /, *args: Any, **kwargs: Any) -> None:
            run_now(self._again(recipe, "_now", seen, args, kwargs))

        remembered.forget = forget  # type: ignore[attr-defined]  # see CachedFunction
        remembered.refresh = refresh  # type: ignore[attr-defined]  # see CachedFunction
        remembered.recompute = recompute  # type: ignore[attr-defined]  # see CachedFunction
        return remembered

    async def _again(
        self, recipe: Recipe[Any, Any], face: str, seen: float | None, args: Any, kwargs: Any
    ) -> None:
        port = getattr(self._scope(recipe, args, kwargs), face)
        make = Call(recipe.name, recipe.function, args, kwargs)
        key = recipe.key(*args, **kwargs)
        await aging.recompute(port, key, self.ttl, make, seen, **self.options)

    def _awaited(self, recipe: Recipe[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
        async def using(verb: str, args: Any, kwargs: Any) -> Any:
            scope = self._scope(recipe, args, kwargs)
            make = Call(recipe.name, recipe.function, args, kwargs)
            key = recipe.key(*args, **kwargs)
            return await getattr(scope, verb)(key, self.ttl, make, **self.options)

        @functools.wraps(recipe.function)
        async def remembered(*args: P.args, **kwargs: P.kwargs) -> T:
            return cast(T, await using("aremember", args, kwargs))

        async def forget(*args: Any, **kwargs: Any) -> bool:
            return bool(await self.store().aforget(recipe.key(*args, **kwargs)))

        async def refresh(*args: Any, **kwargs: Any) -> Any:
            return await using("arefresh", args, kwargs)

        def recompute(seen: float | None, /, *args: Any, **kwargs: Any) -> None:
            finish(functools.partial(self._again, recipe, "_later", seen, args, kwargs))

        remembered.forget = forget  # type: ignore[attr-defined]  # see CachedFunction
        remembered.refresh = refresh  # type: ignore[attr-defined]  # see CachedFunction
        remembered.recompute = recompute  # type: ignore[attr-defined]  # see CachedFunction
        return remembered
