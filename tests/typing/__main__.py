"""Look at the package as pyright's ``--verifytypes`` does: ``python -m tests.typing``.

A type is known, or unknown, or inferred: then another checker might infer something else. Of what
a user is given nothing may be unknown, and inferred nothing but the faces of verbs, of which
``tests/signatures`` sees to it that mypy and pyright are asked what they infer.
"""

import json
import subprocess
import sys
from typing import Any

FEWEST = 300
"""Names there are at least: fewer, and pyright looked at something else."""
INFERRED = "could be inferred differently by type checkers"
GIVEN = (
    *(
        "decorators",
        "errors",
        "facade",
        "health",
        "middleware",
        "repository",
        "signals",
        "signatures",
    ),
    *("core.ttl", "flows.blocks", "flows.funnels", "flows.locks", "flows.jobs.Draft"),
    *("flows.functions.CachedFunction", "flows.functions.CachedCoroutine", "flows.options.Given"),
    *("scopes.FoundTags", "testing.store.Store.caches", "views.cached_view", "views.add_tags"),
    *("invalidating.invalidates", "invalidating.invalidate_on", "warming.warmer"),
    *("testing.cases", "testing.overriding", "testing.recording", "testing.trips"),
    *("testing.background", "testing.clock"),
)
"""Modules and names, beside those of the package itself, that are a user's."""
FACES = ("repository.", "flows.locks.Lock.", "health.", "signatures.computing.Computing.")
"""Where names are pairs of faces, or second names of them."""
DJANGOS = ("InvalidatingManager",)
"""What is of a type that Django makes when it runs, as ``models.Manager.from_queryset`` does."""


def looked_at() -> list[dict[str, Any]]:
    """Return what pyright says of every public name, of modules too."""
    command = ["pyright", "--verifytypes", "django_cachekit", "--ignoreexternal", "--outputjson"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found = json.loads(said)["typeCompleteness"]
    assert found["packageRootDirectory"], "no django_cachekit with py.typed is installed here"
    symbols: list[dict[str, Any]] = found["symbols"]
    return symbols


def told(symbol: dict[str, Any]) -> str:
    """Return the first line of what is wrong with it."""
    return next((one["message"].partition("\n")[0] for one in symbol.get("diagnostics", ())), "")


def name_of(symbol: dict[str, Any]) -> str:
    """Return its name in the package."""
    return str(symbol["name"]).removeprefix("django_cachekit").lstrip(".")


def is_given(symbol: dict[str, Any]) -> bool:
    """Tell whether a user is given it."""
    name = name_of(symbol)
    named = any(name == given or name.startswith(f"{given}.") for given in GIVEN)
    return symbol["isExported"] and (named or "." not in name)


def is_wrong(symbol: dict[str, Any]) -> bool:
    """Tell whether nobody knows its type, or whether it was left to be inferred."""
    name = name_of(symbol)
    if symbol["isTypeKnown"] or name in DJANGOS:
        return False
    if not symbol.get("isTypeAmbiguous"):
        return True
    return INFERRED in told(symbol) and not name.startswith(FACES)


def main() -> int:
    """Print what is wrong; 0 if nothing is."""
    given = [symbol for symbol in looked_at() if is_given(symbol)]
    wrong = [f"{name_of(symbol)}: {told(symbol)}" for symbol in given if is_wrong(symbol)]
    print(
        *wrong, f"{len(given)} names for users, {len(wrong)} of a type that is not said", sep="\n"
    )
    return int(bool(wrong) or len(given) < FEWEST)


if __name__ == "__main__":
    sys.exit(main())
