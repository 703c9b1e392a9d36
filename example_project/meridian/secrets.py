"""Secrets made on the first run and kept in a file only their owner can read."""

import base64
import os
import secrets
from pathlib import Path


def kept(path: Path) -> str:
    """Return the secret kept in a file, and make it first if there is none.

    The secret is 32 random bytes as base64url text. Two processes that start together
    agree: the file is complete before it gets its name, and the first name wins.
    """
    if not path.exists():
        _create(path)
    return path.read_text("ascii").strip()


def kept_in(path: Path) -> str:
    """Return the option that names the file of a secret, which is made if there is none."""
    kept(path)
    return f"file:{path}"


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii"))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first: its secret is the one that counts
    finally:
        draft.unlink()
