"""What a release is made of takes a network and a minute, so it is asked for: ``--packaging``."""

from pathlib import Path

import pytest

from .building import Built, build

SLOW = {"test_files.py", "test_extras.py"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--packaging", action="store_true", help="build, install and try releases")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave those alone that were not asked for."""
    asked = config.getoption("--packaging", default=False)
    return True if collection_path.name in SLOW and not asked else None


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build the sdist, a wheel from the tree, and one from the sdist."""
    return build(tmp_path_factory.mktemp("dist"))
