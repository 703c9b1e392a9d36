"""What is to be installed for a part of this package, and the line that does it."""

from importlib.util import find_spec


def install(extra: str) -> str:
    """Return the command that installs an extra; quoted, for some shells read the brackets."""
    return f'pip install "django-cachekit[{extra}]"'


def need(what: str, library: str, extra: str) -> None:
    """Raise an ImportError that says what to install, where a library is not there.

    Django puts what it says into its own error about a backend that cannot be imported.
    """
    if find_spec(library) is None:
        raise ImportError(
            f"{what} needs {library}, which is not installed: {install(extra)}", name=library
        )
