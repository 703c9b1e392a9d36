"""How the verbs are typed that read."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar, overload

D = TypeVar("D")
K = TypeVar("K")
V = TypeVar("V")

Default: TypeAlias = V | Callable[[], V]
"""A default, or what makes it."""
AwaitedDefault: TypeAlias = V | Callable[[], V | Awaitable[V]]
"""A default, or what makes it, to be awaited or not."""

Float: TypeAlias = float  # in the class the name is a verb's
Array: TypeAlias = list[Any] | tuple[Any, ...]


class Reading:
    """Be the verbs that read, as a checker sees them.

    What lies in a cache is Any, for anybody may have put it there; with a default it is that or
    the default, and without one that or None, as in ``dict[str, Any].get``.
    """

    @overload
    def get(self, key: Any, default: None = None, version: int | None = None) -> Any | None: ...
    @overload
    def get(self, key: Any, default: Callable[[], D], version: int | None = None) -> Any | D: ...
    @overload
    def get(self, key: Any, default: D, version: int | None = None) -> Any | D: ...
    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """Return the value, or ``default``; a default that can be called is called."""

    @overload
    async def aget(
        self, key: Any, default: None = None, version: int | None = None
    ) -> Any | None: ...
    @overload
    async def aget(
        self, key: Any, default: Callable[[], Awaitable[D]], version: int | None = None
    ) -> Any | D: ...
    @overload
    async def aget(
        self, key: Any, default: Callable[[], D], version: int | None = None
    ) -> Any | D: ...
    @overload
    async def aget(self, key: Any, default: D, version: int | None = None) -> Any | D: ...
    async def aget(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """Return the value, or ``default``; a default that can be called is called."""

    @overload
    def pull(self, key: Any, default: None = None) -> Any | None: ...
    @overload
    def pull(self, key: Any, default: Callable[[], D]) -> Any | D: ...
    @overload
    def pull(self, key: Any, default: D) -> Any | D: ...
    def pull(self, key: Any, default: Any = None) -> Any:
        """Return the value and remove it, for one caller only; or ``default``."""

    @overload
    async def apull(self, key: Any, default: None = None) -> Any | None: ...
    @overload
    async def apull(self, key: Any, default: Callable[[], Awaitable[D]]) -> Any | D: ...
    @overload
    async def apull(self, key: Any, default: Callable[[], D]) -> Any | D: ...
    @overload
    async def apull(self, key: Any, default: D) -> Any | D: ...
    async def apull(self, key: Any, default: Any = None) -> Any:
        """Return the value and remove it, for one caller only; or ``default``."""

    @overload
    def many(self, keys: Mapping[K, Callable[[], D]]) -> dict[K, Any | D]: ...
    @overload
    def many(self, keys: Mapping[K, D]) -> dict[K, Any | D]: ...
    @overload
    def many(self, keys: Iterable[K]) -> dict[K, Any | None]: ...
    def many(self, keys: Any) -> Any:
        """Return a dict of every key in the order asked; ``{key: default}`` gives defaults."""

    @overload
    async def amany(self, keys: Mapping[K, Callable[[], Awaitable[D]]]) -> dict[K, Any | D]: ...
    @overload
    async def amany(self, keys: Mapping[K, Callable[[], D]]) -> dict[K, Any | D]: ...
    @overload
    async def amany(self, keys: Mapping[K, D]) -> dict[K, Any | D]: ...
    @overload
    async def amany(self, keys: Iterable[K]) -> dict[K, Any | None]: ...
    async def amany(self, keys: Any) -> Any:
        """Return a dict of every key in the order asked; ``{key: default}`` gives defaults."""

    @overload
    def string(self, key: Any, default: Default[str]) -> str: ...
    @overload
    def string(self, key: Any, default: Default[str | None] = None) -> str | None: ...
    def string(self, key: Any, default: Any = None) -> Any:
        """Return the value if it is text; another type is a TypeMismatch."""

    @overload
    async def astring(self, key: Any, default: AwaitedDefault[str]) -> str: ...
    @overload
    async def astring(self, key: Any, default: AwaitedDefault[str | None] = None) -> str | None: ...
    async def astring(self, key: Any, default: Any = None) -> Any:
        """Return the value if it is text; another type is a TypeMismatch."""

    @overload
    def integer(self, key: Any, default: Default[int | str]) -> int: ...
    @overload
    def integer(self, key: Any, default: Default[int | str | None] = None) -> int | None: ...
    def integer(self, key: Any, default: Any = None) -> Any:
        """Return the value if it is an int or numeric text; another type is a TypeMismatch."""

    @overload
    async def ainteger(self, key: Any, default: AwaitedDefault[int | str]) -> int: ...
    @overload
    async def ainteger(
        self, key: Any, default: AwaitedDefault[int | str | None] = None
    ) -> int | None: ...
    async def ainteger(self, key: Any, default: Any = None) -> Any:
        """Return the value if it is an int or numeric text; another type is a TypeMismatch."""

    @overload
    def float(self, key: Any, default: Default[Float | str]) -> Float: ...
    @overload
    def float(self, key: Any, default: Default[Float | str | None] = None) -> Float | None: ...
    def float(self, key: Any, default: Any = None) -> Any:
        """Return the value if it is a number or numeric text; another type is a TypeMismatch."""

    @overload
    async def afloat(self, key: Any, default: AwaitedDefault[Float | str]) -> Float: ...
    @overload
    async def afloat(
        self, key: Any, default: AwaitedDefault[Float | str | None] = None
    ) -> Float | None: ...
    async def afloat(self, key: Any, default: Any = None) -> Any:
        """Return the value if it is a number or numeric text; another type is a TypeMismatch."""

    @overload
    def boolean(self, key: Any, default: Default[bool]) -> bool: ...
    @overload
    def boolean(self, key: Any, default: Default[bool | None] = None) -> bool | None: ...
    def boolean(self, key: Any, default: Any = None) -> Any:
        """Return the value if it is a bool; another type is a TypeMismatch."""

    @overload
    async def aboolean(self, key: Any, default: AwaitedDefault[bool]) -> bool: ...
    @overload
    async def aboolean(
        self, key: Any, default: AwaitedDefault[bool | None] = None
    ) -> bool | None: ...
    async def aboolean(self, key: Any, default: Any = None) -> Any:
        """Return the value if it is a bool; another type is a TypeMismatch."""

    @overload
    def array(self, key: Any, default: Default[Array]) -> Array: ...
    @overload
    def array(self, key: Any, default: Default[Array | None] = None) -> Array | None: ...
    def array(self, key: Any, default: Any = None) -> Any:
        """Return the value if it is a list or tuple; another type is a TypeMismatch."""

    @overload
    async def aarray(self, key: Any, default: AwaitedDefault[Array]) -> Array: ...
    @overload
    async def aarray(
        self, key: Any, default: AwaitedDefault[Array | None] = None
    ) -> Array | None: ...
    async def aarray(self, key: Any, default: Any = None) -> Any:
        """Return the value if it is a list or tuple; another type is a TypeMismatch."""
