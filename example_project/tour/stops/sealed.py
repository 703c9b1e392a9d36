"""What lies on the disk."""

import shutil
from pathlib import Path

from django.conf import settings

from django_cachekit import cache
from django_cachekit.errors import StoreUnavailable
from tour.stop import Action, Stop

vault = cache.store("vault")  # EncryptedFileCache
folder = Path(settings.CACHES["vault"]["LOCATION"])


def show_the_bytes() -> dict[str, object]:
    path = written("tour:alice", {"name": "Alice", "pin": "1234"})
    data = path.read_bytes()
    return {
        "the value": vault.get("tour:alice"),
        "its file": f"{path.relative_to(folder)}, {len(data)} bytes",
        "the first of them": hexdump(data[:128]),
        "the name Alice is among them": b"Alice" in data,
    }


def copy_onto_anothers_name() -> dict[str, object]:
    alice = written("tour:alice", {"name": "Alice", "pin": "1234"})
    mallory = written("tour:mallory", {"name": "Mallory", "pin": "0000"})
    before = vault.get("tour:alice")
    shutil.copyfile(mallory, alice)  # who can write to the disk has it their way?
    return {"alice, before": before, "alice, after": str(vault.get("tour:alice"))}


def turn_one_bit() -> dict[str, object]:
    path = written("tour:alice", {"name": "Alice", "pin": "1234"})
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    return {"alice, after": str(vault.get("tour:alice"))}


def written(key: str, value: dict[str, str]) -> Path:
    """Store a value, and return the entry's file, which was not there before."""
    vault.forget(key)
    before = entries()
    if not vault.put(key, value, 600):
        raise StoreUnavailable("its plug is pulled, on the page of the outbox")
    return (entries() - before).pop()


def entries() -> set[Path]:
    return {path for path in folder.rglob("*") if len(path.name) == 64}


def hexdump(data: bytes) -> str:
    lines = [data[at : at + 16] for at in range(0, len(data), 16)]
    return "\n".join(
        f"{line.hex(' ')}  {''.join(map(printable, line))}" for line in lines
    )


def printable(byte: int) -> str:
    return chr(byte) if 32 <= byte < 127 else "."


# The page:
STOP = Stop(
    slug="sealed",
    title="Sealed entries",
    line="What lies on the disk tells nothing, and an entry that was moved is a miss.",
    text=(
        "An entry is encrypted, and bound to its key and its store. Whoever reads the directory "
        "sees sizes and times. An entry that is copied onto another's name, or changed in one bit, "
        "is a miss. This page uses a store in files, whatever the others use."
    ),
    module=__name__,
    actions=(
        Action("Show the bytes", show_the_bytes),
        Action("Copy one onto another's name", copy_onto_anothers_name),
        Action("Turn one bit", turn_one_bit),
    ),
    docs="security.md",
)
