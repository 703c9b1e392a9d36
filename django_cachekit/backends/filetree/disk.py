"""What files promise: whole or not at all, private, locked, and never followed elsewhere.

Locks are ``flock`` on files of their own, which are never deleted: a ``lockf`` lock vanishes when
any descriptor of the file is closed, and a lock on a file that is then replaced guards nothing.
They are not promised on NFS.
"""

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Callable
from types import TracebackType

from ...core import clock

READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
LOCK = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC

ABSENT = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ENODEV, errno.ESTALE}
)
"""What opening says of something that is not there, or is no file: a miss, no error."""

USED = 60
"""Seconds after which a read counts as a use, and makes a file young again."""

TRIES = 16
"""How often something starts again because others removed what it was working in."""

_held: set[int] = set()


def fetch(path: str, largest: int, used: bool = False) -> bytes | None:
    """Return what is in a file of ours of at most ``largest`` bytes, or None; never wait.

    A link, a pipe, a directory, a device and another user's file are None too. Other trouble is
    an OSError. ``used`` makes an old file young again, so that room is made elsewhere.
    """
    try:
        fd = os.open(path, READ)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in ABSENT:
            return None
        raise
    try:
        found = os.fstat(fd)
        if not _ours(found) or found.st_size > largest:
            return None
        size = found.st_size
        if used and clock.now() - found.st_mtime > USED:
            _use(fd, found)
        data = os.read(fd, size)
        return data if len(data) == size else _drain(fd, size, data)
    finally:
        os.close(fd)


def _ours(found: os.stat_result) -> bool:
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()


def peek(path: str, size: int) -> bytes | None:
    """Return the first ``size`` bytes of a file of ours, or None if there is none."""
    try:
        fd = os.open(path, READ)
    except OSError as error:
        if error.errno in ABSENT:
            return None
        raise
    try:
        return os.read(fd, size) if _ours(os.fstat(fd)) else None
    finally:
        os.close(fd)


def _drain(fd: int, size: int, data: bytes) -> bytes:
    while len(data) < size:
        more = os.read(fd, size - len(data))
        if not more:
            break
        data += more
    return data


def _use(fd: int, found: os.stat_result) -> None:
    with contextlib.suppress(OSError):  # on a read-only disk reads go on, and files grow old
        os.utime(fd, ns=(found.st_atime_ns, now_ns()))


def now_ns() -> int:
    """Return the clock in nanoseconds, as file times are written."""
    return int(clock.now() * 1e9)


def create(
    path: str, data: bytes, times: tuple[int, int] | None = None, sync: bool = False
) -> None:
    """Make a new file, private whatever the umask; leave none behind if that fails."""
    fd = os.open(path, CREATE, 0o600)
    try:
        try:
            os.fchmod(fd, 0o600)
            _pour(fd, data)
            if times is not None:
                os.utime(fd, ns=times)
            if sync:
                os.fsync(fd)
        finally:
            os.close(fd)
    except BaseException:
        drop(path)
        raise


def _pour(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        written = os.write(fd, view)
        if not written:
            raise OSError(errno.EIO, "nothing was written")
        view = view[written:]


def drop(path: str) -> bool:
    """Remove a file, and tell whether it was there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def sync_directory(path: str) -> None:
    """Make a rename in a directory last through a power cut."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def unfit(found: os.stat_result) -> str | None:
    """Say what is wrong with a directory as a private place, or None."""
    if not stat.S_ISDIR(found.st_mode):
        return "is no directory"
    if found.st_uid != os.geteuid():
        return "belongs to another user"
    if found.st_mode & 0o022:
        return "can be written to by others"
    return None


def own_directory(path: str) -> None:
    """Make a directory of mode 0700 whatever the umask; PermissionError if it is another's."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        wrong = unfit(os.lstat(path))
        if wrong:
            raise PermissionError(errno.EACCES, f"{path} {wrong}") from None
    else:
        os.chmod(path, 0o700)


class Lock:
    """Hold a lock file against all other threads and processes, waiting as long as it takes.

    Each holder opens the file anew, so threads exclude each other as processes do, and a child
    has nothing to open again after a fork.
    """

    __slots__ = ("_fd", "_path", "_prepare")

    def __init__(self, path: str, prepare: Callable[[], None]) -> None:
        """Lock the file at ``path``; ``prepare`` makes the directory it is in."""
        self._path = path
        self._prepare = prepare

    def __enter__(self) -> None:
        while True:
            fd = self._open()
            _held.add(fd)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
                if self._stands(fd):
                    self._fd = fd
                    return
            except BaseException:
                _release(fd)
                raise
            _release(fd)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _release(self._fd)

    def _open(self) -> int:
        for _ in range(TRIES):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                return os.open(self._path, LOCK)
            # Another may be quicker to make it, or to remove its directory.
            with contextlib.suppress(FileNotFoundError, FileExistsError):
                self._prepare()
                return _made(self._path)
        raise OSError(errno.ESTALE, f"{self._path} is removed again and again")

    def _stands(self, fd: int) -> bool:
        """Tell whether the file locked is still the one others will open."""
        try:
            return os.path.samestat(os.fstat(fd), os.lstat(self._path))
        except FileNotFoundError:
            return False


def _made(path: str) -> int:
    fd = os.open(path, LOCK | os.O_CREAT | os.O_EXCL, 0o600)
    os.fchmod(fd, 0o600)
    return fd


def _release(fd: int) -> None:
    _held.discard(fd)
    try:
        # Closing would not do: a child forked meanwhile has the descriptor too.
        fcntl.flock(fd, fcntl.LOCK_UN)
    finally:
        os.close(fd)


def _forked() -> None:
    """Close what the parent's threads held, or the child would hold their locks if they died."""
    for fd in list(_held):
        os.close(fd)
    _held.clear()


os.register_at_fork(after_in_child=_forked)
