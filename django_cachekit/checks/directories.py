"""The checks of where the file store keeps its files."""

import os
import stat
from pathlib import Path
from typing import Any

from django.core import checks

from .. import conf
from .common import FILE, Alias, Messages, error, ours, root_of

_OWN = "Name a directory of its own, with mode 0700, outside of what a web server hands out."


def directories_are_private(app_configs: Any = None, **_: Any) -> list[checks.CheckMessage]:
    """Check where the file store keeps its files: E003, W011, W012."""
    found: list[checks.CheckMessage] = []
    for alias in ours():
        if FILE in alias.kinds:
            found += [*_location(alias), *_served(alias), *_open(alias)]
    return found


def _location(alias: Alias) -> Messages:
    root = root_of(alias)
    if root is None:
        yield error("E003", alias.says("LOCATION is missing: it names a directory."), _OWN)
    elif not root.is_absolute():
        text = f"LOCATION {str(root)!r} is relative: where it is depends on who starts the site."
        yield error("E003", alias.says(text), f"Give an absolute path. {_OWN}")
    elif root.is_symlink() or (root.exists() and not root.is_dir()):
        what = "a symbolic link" if root.is_symlink() else "no directory"
        yield error("E003", alias.says(f"LOCATION {str(root)!r} is {what}."), _OWN)
    elif wrong := _refused(alias, root):
        yield error("E003", alias.says(f"LOCATION {str(root)!r} {wrong}."), _OWN)


def _refused(alias: Alias, root: Path) -> str | None:
    if not root.exists() or alias.options.get("ALLOW_SHARED_DIRECTORY"):
        return None
    found = root.stat()
    if found.st_uid != os.geteuid():
        return "belongs to another user"
    return "can be written to by other users" if found.st_mode & 0o022 else None


def _served(alias: Alias) -> Messages:
    root = root_of(alias)
    if root is None or not root.is_absolute():
        return
    for setting, path in conf.served_directories():
        inside = root.resolve().is_relative_to(path)
        if inside or path.is_relative_to(root.resolve()):
            text = f"LOCATION {str(root)!r} {'is inside' if inside else 'contains'} {setting}."
            yield checks.Warning(alias.says(text), hint=_OWN, id="cachekit.W011")


def _open(alias: Alias) -> Messages:
    root = root_of(alias)
    if root is not None and root.is_dir() and not root.is_symlink():
        mode = stat.S_IMODE(root.stat().st_mode)
        if mode & 0o077:
            text = f"the directory {str(root)!r} is open to other users (mode {mode:04o})."
            hint = f"Run: chmod 700 {str(root)!r}"
            yield checks.Warning(alias.says(text), hint=hint, id="cachekit.W012")
