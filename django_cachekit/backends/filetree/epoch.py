"""The epoch of a file store: a number beside its directory, which every ``clear()`` moves on.

Entries are sealed under it, so those of an older one cannot be read, also when a backup of the
directory brings them back.
"""

import errno
import os

from ...core import clock
from .disk import create, drop, fetch, sync_directory

_DIGITS = 20  # of the largest number of 64 bits


class EpochFile:
    """Keep the epoch in a file, and read it again only when that file has changed."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._known: tuple[tuple[int, ...], int] = ((), 0)

    def current(self) -> int:
        """Return the epoch; 0 before the first clear.

        An OSError if the file cannot be read: taking it for 0 would bring cleared entries back.
        """
        try:
            found = os.stat(self.path, follow_symlinks=False)
        except FileNotFoundError:
            return 0
        mark = found.st_ino, found.st_mtime_ns, found.st_size
        known, epoch = self._known
        if mark != known:
            epoch = self._load()
            self._known = (mark, epoch)
        return epoch

    def _load(self) -> int:
        data = fetch(self.path, _DIGITS)
        if data is None or not data.isdigit():
            raise OSError(errno.EINVAL, f"{self.path} holds no epoch; clear() writes a new one")
        return int(data)

    def advance(self) -> int:
        """Write a later epoch for good and return it; for one caller at a time."""
        try:
            before = self.current()
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            before = 0  # what it was is lost; the time is later than any clear before
        epoch = max(before + 1, int(clock.now() * 1000))
        try:
            self._write(epoch)
        except (PermissionError, FileNotFoundError) as error:
            raise type(error)(
                error.errno, f"{self.path} cannot be written; see OPTIONS EPOCH_FILE"
            ) from error
        return epoch

    def _write(self, epoch: int) -> None:
        fresh = self.path + ".new"
        drop(fresh)
        # The disk's own times may be too coarse to tell two clears apart: its time is the epoch.
        create(fresh, b"%d" % epoch, (epoch * 10**6, epoch * 10**6), sync=True)
        os.replace(fresh, self.path)
        sync_directory(os.path.dirname(self.path))
