"""What a process pays before it has read anything, and what an entry takes."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .engine import Size, Spread, once, spread, table

DJANGO, OURS = "django.core.cache.backends.", "django_cachekit.backends."

IMPORTS = {
    "django_cachekit": "import django_cachekit",
    "... with its array store": "import django_cachekit, django_cachekit.backends.array",
    "... with its file store": "import django_cachekit, django_cachekit.backends.file",
    "... with its Redis store": "import django_cachekit, django_cachekit.backends.redis",
    "django-redis": "import django_redis.cache",
    "diskcache": "import diskcache",
    "cashews": "import cashews",
    "dogpile": "import dogpile.cache",
    "cachetools": "import cachetools",
    "cachebox": "import cachebox",
}
IMPORTING = """
import time
import django
from django.conf import settings
settings.configure(SECRET_KEY="secret" * 9, INSTALLED_APPS=["django.contrib.contenttypes"])
django.setup()
import django.contrib.contenttypes.models, django.core.cache, django.urls, django.views
import django.core.handlers.wsgi, django.template.response
b = time.process_time()
{line}
print(time.process_time() - b)
"""

COLD = {
    "Django's LocMemCache": (DJANGO + "locmem.LocMemCache", "django.core.cache", {}),
    "ours, ArrayCache": (OURS + "array.ArrayCache", "django_cachekit", {}),
    "ours, sealed files": (
        OURS + "file.EncryptedFileCache",
        "django_cachekit",
        {"KEYS_FROM_SECRET_KEY": True},
    ),
}
STARTING = """
import time
import django
from django.conf import settings
settings.configure(SECRET_KEY="secret" * 9, INSTALLED_APPS=[{app}], CACHES={{"default": {{
    "BACKEND": "{backend}", "LOCATION": "{place}", "OPTIONS": {options}}}}})
django.setup()
from {module} import cache
cache.set("key", "value")
assert cache.get("key") == "value"
print(time.process_time())
"""


def run(program: str) -> str:
    """Run a program in a process of its own, and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return done.stdout


def measure(size: Size) -> list[dict[str, Any]]:
    """Measure imports and cold starts in turns, and memory and bytes once each."""
    rounds, unit = (2 if size.quick else min(size.rounds, 7)), "ms of processor time"
    with tempfile.TemporaryDirectory() as root:
        tables = [
            table("import into a Django that is set up", imports(rounds), unit=unit),
            table("cold start", starts(root, rounds), unit=unit),
        ]
    return [
        *tables,
        table("memory of 100,000 entries", memories(), unit="MB"),
        table("bytes of one entry", stored(), unit="as it lies"),
    ]


def imports(rounds: int) -> dict[str, dict[str, Spread]]:
    """Return how long imports take, each in processes of its own."""
    took: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for _ in range(rounds):
        for name, line in IMPORTS.items():
            took[name].append(float(run(IMPORTING.format(line=line))))
    return {name: {"import": spread(values, 1e3)} for name, values in took.items()}


def starts(root: str, rounds: int) -> dict[str, dict[str, Spread]]:
    """Return how long a process takes from nothing to a first value."""
    took: dict[str, list[float]] = {name: [] for name in COLD}
    for _ in range(rounds):
        for name, (backend, module, options) in COLD.items():
            app = "'django_cachekit'" if module == "django_cachekit" else ""
            program = STARTING.format(
                app=app, backend=backend, place=f"{root}/files", options=options, module=module
            )
            took[name].append(float(run(program)))
    return {name: {"first value": spread(values, 1e3)} for name, values in took.items()}


FILLING = """
import gc
from django.conf import settings
room = {{"MAX_ENTRIES": 10**9}}
settings.configure(SECRET_KEY="secret" * 9, CACHES={{
    "default": {{"BACKEND": "{django}locmem.LocMemCache", "OPTIONS": room}},
    "array": {{"BACKEND": "{ours}array.ArrayCache", "OPTIONS": {{**room, "MAX_BYTES": 2**40}}}},
}})
from benchmarks import memory
from django.core.cache import caches
made = {make}
made.set("first", "x", 600)
gc.collect()
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * {page}
before = resident()
for number in range(100_000):
    made.set(f"key{{number}}", "%100d" % number, 600)
gc.collect()
assert made.get("key0") is not None
print(resident() - before)
"""
MADE = {
    "Django's LocMemCache": "caches['default']",
    "ours, ArrayCache": "caches['array']",
    "a bare dict": "memory.Bare(10**9)",
    "cachetools": "memory.others(10**9)['cachetools']",
    "cachebox": "memory.others(10**9)['cachebox']",
    "dogpile": "memory.others(10**9)['dogpile']",
}


def memories() -> dict[str, dict[str, Spread]]:
    """Return by how much a process grows with 100,000 entries."""
    if not Path("/proc/self/statm").exists():
        return {"not Linux": {}}
    page = os.sysconf("SC_PAGE_SIZE")
    found = {}
    for name, make in MADE.items():
        grown = int(run(FILLING.format(make=make, page=page, django=DJANGO, ours=OURS)))
        found[name] = {"grown by": once(round(grown / 1e6, 1))}
    return found


STORING = "import json; from benchmarks import bytes_stored; print(json.dumps(bytes_stored.all()))"


def stored() -> dict[str, dict[str, Spread]]:
    """Return how many bytes an entry takes where it lies."""
    found = json.loads(run(STORING))
    return {name: {what: once(size) for what, size in row.items()} for name, row in found.items()}
