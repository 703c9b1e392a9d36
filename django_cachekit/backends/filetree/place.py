"""Where a file store lies, how its tree begins, and how it is cleared.

A tree's ledger says under which epoch the tree was begun. A clear moves the epoch on, then renames
the tree aside; if it dies between, or a backup brings an old tree back, the next writer sees that
the two differ and sets the tree aside itself.
"""

import contextlib
import errno
import logging
import os
import shutil

from .disk import TRIES, Lock, create, drop, own_directory, sync_directory, unfit
from .epoch import EpochFile
from .ledger import Ledger, blank

log = logging.getLogger("django_cachekit")

_FULL = (errno.ENOSPC, errno.EDQUOT)


class Place:
    """Know the paths of one store, and make and clear what lies there.

    ``shared`` lets the root be a directory that others can write to.
    """

    def __init__(self, root: str, store: str, epoch: EpochFile, shared: bool) -> None:
        self.root = root
        self.epoch = epoch
        self._store = store
        self._shared = shared
        self.tree = f"{root}/v1/{store}"
        self._locks = f"{self.tree}.locks"
        self._ledger = f"{self.tree}/.ledger"

    def shard(self, number: int) -> str:
        """Return the directory of one shard."""
        return f"{self.tree}/{number:02x}"

    def file(self, name: bytes) -> str:
        """Return the path of one entry."""
        text = name.hex()
        return f"{self.tree}/{text[:2]}/{text}"

    def lock(self, shard: int) -> Lock:
        """Return the lock of one shard."""
        return Lock(f"{self._locks}/{shard:02x}", self.prepare)

    def prepare(self) -> None:
        """Make the directories that stay when the store is cleared."""
        _ancestors(os.path.dirname(self.root))
        wrong = trouble(self.root, self._shared)
        if wrong:
            raise PermissionError(errno.EACCES, f"{self.root} {wrong}")
        if not os.path.isdir(self.root):
            own_directory(self.root)
        own_directory(f"{self.root}/v1")
        own_directory(self._locks)

    def ledger(self) -> Ledger | None:
        """Open the ledger of the tree that is there; None if there is none, or it is broken."""
        try:
            ledger = Ledger(self._ledger)
        except FileNotFoundError:
            return None
        if ledger.epoch is not None:
            return ledger
        ledger.close()
        return None

    def begun(self) -> Ledger:
        """Open the ledger of a tree that belongs to the current epoch, making one if need be."""
        for _ in range(TRIES):
            ledger = self.ledger()
            if ledger is not None and self._fits(ledger):
                return ledger
            self.settle()
        raise OSError(errno.ESTALE, f"{self.tree} is cleared again and again")

    def _fits(self, ledger: Ledger) -> bool:
        """Tell whether a ledger is of the current epoch; it is closed if not."""
        fits = False
        try:
            # Read after the ledger, the epoch cannot be older, whoever clears meanwhile.
            fits = ledger.epoch == self.epoch.current()
        finally:
            if not fits:
                ledger.close()
        return fits

    def settle(self) -> None:
        """Set aside a tree of another epoch, and make sure there is one of this."""
        with self._guard():
            ledger = self.ledger()
            if ledger is not None and self._fits(ledger):
                ledger.close()
                return
            if ledger is not None:
                self.set_aside(self.tree)
            own_directory(self.tree)
            fresh = f"{self._ledger}.new"
            drop(fresh)
            create(fresh, blank(self.epoch.current()))
            os.replace(fresh, self._ledger)

    def sync(self) -> None:
        """Make new directories last through a power cut."""
        for path in (self.tree, f"{self.root}/v1", self.root):
            sync_directory(path)

    def clear(self) -> None:
        """Move the epoch on for good, then remove the tree."""
        with self._guard():
            try:
                self.epoch.advance()
            except OSError as error:
                if error.errno not in _FULL:
                    raise
                # The one thing that can make room on a full disk is what was asked for.
                self.set_aside(self.tree)
                self._delete_aside()
                self.epoch.advance()
            self.set_aside(self.tree)
        self.discard()

    def set_aside(self, path: str) -> None:
        """Rename what is in the way to where ``discard`` finds it."""
        with contextlib.suppress(FileNotFoundError):  # then nothing is in the way
            os.rename(path, f"{self.tree}.gone.{os.urandom(8).hex()}")

    def discard(self) -> None:
        """Delete what was set aside, by this process or one that died; report what stays."""
        # One at a time, so that what is still there afterwards could not be deleted.
        with Lock(f"{self._locks}/gone", self.prepare):
            self._delete_aside()

    def _delete_aside(self) -> None:
        for name in os.listdir(f"{self.root}/v1"):
            if name.startswith(f"{self._store}.gone."):
                path = f"{self.root}/v1/{name}"
                shutil.rmtree(path, ignore_errors=True)
                if os.path.lexists(path):
                    log.warning("cache files set aside in %s could not be deleted", path)

    def _guard(self) -> Lock:
        return Lock(f"{self._locks}/tree", self.prepare)


def trouble(root: str, shared: bool) -> str | None:
    """Say why a directory cannot be the root of a store, or None; it need not be there yet."""
    try:
        found = os.lstat(root)
    except FileNotFoundError:
        return None
    wrong = unfit(found)
    return None if shared and os.path.isdir(root) and not os.path.islink(root) else wrong


def _ancestors(path: str) -> None:
    if not os.path.isdir(path):
        _ancestors(os.path.dirname(path))
        own_directory(path)
