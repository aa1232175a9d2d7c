"""`make release` tags what is complete, and says what is not."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.infra.deployment import REPOSITORY

SECTION = "## 1.2.0 - 2026-12-01\n### Added\n- Something.\n\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of its own, in which 1.2.0 may be released."""
    shutil.copy(REPOSITORY / "Makefile", tmp_path)
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n## Unreleased\n\n{SECTION}")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1.2.0"\n')
    git(tmp_path, "init", "--quiet")
    commit(tmp_path)
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    return subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "A state")


def release(folder: Path, version: str) -> subprocess.CompletedProcess[str]:
    identity = {
        f"GIT_{who}_{what}": "test@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    return subprocess.run(
        ["make", "release", f"VERSION={version}"],
        cwd=folder,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), **identity},
    )


def test_a_version_that_is_complete_is_tagged_with_its_changes(repository: Path) -> None:
    assert release(repository, "1.2.0").returncode == 0
    assert git(repository, "tag").split() == ["v1.2.0"]
    assert "- Something." in git(repository, "tag", "--list", "--format=%(contents)")


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("CHANGELOG.md", "# Changelog\n\n## Unreleased\n", "CHANGELOG.md has no section"),
        ("CHANGELOG.md", f"# Changelog\n\n## Unreleased\n- More.\n\n{SECTION}", "under Unreleased"),
        ("pyproject.toml", '[project]\nversion = "1.1.0"\n', "pyproject.toml has another version"),
    ],
)
def test_what_a_version_lacks_is_said(repository: Path, file: str, text: str, message: str) -> None:
    (repository / file).write_text(text)
    commit(repository)
    refused = release(repository, "1.2.0")
    assert refused.returncode != 0
    assert message in refused.stderr
    assert git(repository, "tag") == ""


def test_what_is_not_committed_is_not_released(repository: Path) -> None:
    (repository / "new").write_text("")
    assert "not committed" in release(repository, "1.2.0").stderr
    assert git(repository, "tag") == ""


@pytest.mark.parametrize("version", ["", "v1.2.0", "1.2", "1.2.0; touch pwned", "1x2x0"])
def test_a_version_is_three_numbers(repository: Path, version: str) -> None:
    assert "three numbers" in release(repository, version).stderr
    assert not (repository / "pwned").exists()


def test_a_version_is_released_once(repository: Path) -> None:
    assert release(repository, "1.2.0").returncode == 0
    assert "is released already" in release(repository, "1.2.0").stderr


def test_the_version_is_in_one_place() -> None:
    (version,) = re.findall(r'^version = "(.+)"$', (REPOSITORY / "pyproject.toml").read_text(), re.MULTILINE)
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
