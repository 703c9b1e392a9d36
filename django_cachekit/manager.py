"""Which repository belongs to which alias: one of each per process, made at first use."""

import threading
from collections.abc import Callable
from typing import Any

from django.core.cache import InvalidCacheBackendError
from django.core.signals import setting_changed

from . import conf
from .core.faces import BLOCKING
from .layers import standard
from .layers.ground import backend_of, driver_of
from .layers.memo import Memo
from .repository import Repository
from .scopes import Port, Stack


class Home:
    """Hold the stack of one alias, built when it is first asked for."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.ready: Stack | None = None
        self._memoised: Stack | None = None
        self._lock = threading.Lock()

    def stack(self) -> Stack:
        """Return the alias's stack."""
        return self.ready or self._build()[0]

    def memoised(self) -> Stack:
        """Return the alias's stack with a memory for reads."""
        return self._memoised or self._build()[1]

    def _build(self) -> tuple[Stack, Stack]:
        with self._lock:
            base = self._base()
            memo = Memo(self.alias, reads=True)
            self._memoised = base.over(memo).recalling(memo.quick)
            self.ready = base.over(Memo(self.alias, reads=False))
            return self.ready, self._memoised

    def _base(self) -> Stack:
        backend = backend_of(self.alias)
        renew: Callable[[], None] | None = getattr(backend, "renew", None)
        if renew is not None:
            renew()  # it may be of another thread than that in which the settings changed
        ours: Stack | None = getattr(backend, "cachekit_stack", None)
        if ours is not None:
            return ours
        driver = driver_of(self.alias)
        layers = standard(self.alias, driver, counted=conf.counts(self.alias))
        return Stack(self.alias, driver, layers)

    def reset(self) -> None:
        """Build anew at the next use: the settings have changed."""
        self.ready = self._memoised = None


class Default:
    """Hold the stack of the default alias, whichever that is when it is first asked for."""

    def __init__(self, manager: "Manager") -> None:
        self._manager = manager
        self._found: Home | None = None
        self.ready: Stack | None = None

    @property
    def alias(self) -> str:
        """Return the name of the default alias."""
        return self._home().alias

    def stack(self) -> Stack:
        """Return the default alias's stack."""
        stack = self.ready
        if stack is None:
            self.ready = stack = self._home().stack()
        return stack

    def memoised(self) -> Stack:
        """Return the default alias's stack with a memory for reads."""
        return self._home().memoised()

    def reset(self) -> None:
        """Find it anew at the next use: the settings have changed."""
        self._found = self.ready = None

    def _home(self) -> Home:
        if self._found is None:
            self._found = self._manager.home(conf.get("DEFAULT_STORE"))
        return self._found


class Manager:
    """Give out the repository of an alias: the same object each time."""

    def __init__(self) -> None:
        self._repositories: dict[str, Repository] = {}
        self._homes: dict[str, Home] = {}
        self._lock = threading.Lock()
        self.default = Default(self)

    def store(self, alias: str | None = None) -> Repository:
        """Return the repository of ``alias``, or of ``CACHEKIT["DEFAULT_STORE"]``.

        An alias that is not in ``CACHES`` raises Django's ``InvalidCacheBackendError``.
        """
        name = conf.get("DEFAULT_STORE") if alias is None else alias
        repository = self._repositories.get(name)
        if repository is None or name not in conf.caches():
            repository = self._make(name)
        return repository

    def _make(self, name: str) -> Repository:
        if name not in conf.caches():
            known = ", ".join(map(repr, conf.caches()))
            raise InvalidCacheBackendError(
                f"The connection '{name}' doesn't exist: CACHES has {known}."
            )
        with self._lock:
            if name not in self._repositories:
                self._repositories[name] = Repository(self._home(name), self)
            return self._repositories[name]

    def port(self, alias: str | None, tags: tuple[str, ...] = ()) -> Port:
        """Return the blocking port of an alias, for those who speak with it by flows."""
        return Port(BLOCKING, self.home(self.store(alias).alias).stack, tags)

    def home(self, name: str) -> Home:
        """Return where the stack of an alias is kept."""
        with self._lock:
            return self._home(name)

    def _home(self, name: str) -> Home:
        return self._homes.setdefault(name, Home(name))

    def reset(self, **_: Any) -> None:
        """Let every repository look at the settings again."""
        for home in self._homes.values():
            home.reset()
        self.default.reset()


manager = Manager()


def _changed(*, setting: str, **_: Any) -> None:
    if setting in ("CACHES", "CACHEKIT", "SECRET_KEY", "SECRET_KEY_FALLBACKS"):
        manager.reset()


setting_changed.connect(_changed, dispatch_uid="cachekit.manager")
