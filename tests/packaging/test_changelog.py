"""Release notes: every change has a fragment that towncrier understands."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FRAGMENTS = ROOT / "changelog.d"
TYPES = ("added", "changed", "removed", "fixed", "security")
NAME = re.compile(rf"\+[a-z0-9]+(-[a-z0-9]+)*\.({'|'.join(TYPES)})\.md")
NOT_FRAGMENTS = {"template.md.jinja"}
TOLD = "## [1.2.3] - 2030-01-02"


def fragments() -> list[Path]:
    return sorted(path for path in FRAGMENTS.iterdir() if path.name not in NOT_FRAGMENTS)


def well_named(name: str) -> bool:
    return NAME.fullmatch(name) is not None


def well_written(text: str) -> bool:
    """Tell whether it is the text of one bullet, without the dash."""
    first = text.lstrip("\n")
    return bool(text.strip()) and first[0] not in "-*#+ " and text.endswith("\n")


@pytest.mark.parametrize("path", fragments(), ids=lambda path: path.name)
def test_fragment(path: Path) -> None:
    # Others would be left out of the notes, and nothing said.
    assert well_named(path.name), f"not +SLUG.TYPE.md, with a TYPE of {', '.join(TYPES)}"
    assert well_written(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "name", ["a.added.md", "+a.add.md", "+A.added.md", "+a.added", "+a.added.txt", "+.added.md"]
)
def test_a_badly_named_fragment_is_noticed(name: str) -> None:
    assert not well_named(name)


@pytest.mark.parametrize("text", ["", "\n", "- a dash\n", "# a heading\n", "no newline"])
def test_a_badly_written_fragment_is_noticed(text: str) -> None:
    assert not well_written(text)


def towncrier(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "towncrier", "build", *arguments]
    version = ["--version", "1.2.3", "--date", "2030-01-02"]
    done = subprocess.run(
        [*command, *version], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_draft_can_be_made() -> None:
    pytest.importorskip("towncrier")
    drafted = towncrier(ROOT, "--draft")
    assert TOLD in drafted or not fragments()
    for path in fragments():
        assert path.read_text(encoding="utf-8").split("\n")[0] in drafted


def test_a_release_puts_them_below_unreleased_by_type(tmp_path: Path) -> None:
    pytest.importorskip("towncrier")
    for name in ("CHANGELOG.md", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    before = (tmp_path / "CHANGELOG.md").read_text(encoding="utf-8")
    (tmp_path / "changelog.d").mkdir()
    shutil.copy(FRAGMENTS / "template.md.jinja", tmp_path / "changelog.d")
    for kind in TYPES:
        fragment = tmp_path / "changelog.d" / f"+one-{kind}.{kind}.md"
        fragment.write_text(f"What was {kind},\nin two lines.\n")
    towncrier(tmp_path, "--yes")

    parts = [f"### {kind.title()}\n\n- What was {kind},\n  in two lines.\n\n" for kind in TYPES]
    head, mark, rest = before.partition("## [Unreleased]\n")
    after = (tmp_path / "CHANGELOG.md").read_text(encoding="utf-8")
    assert after == f"{head}{mark}\n{TOLD}\n\n{''.join(parts)}{rest.lstrip()}"
    assert not [path.name for path in (tmp_path / "changelog.d").glob("+*")]
