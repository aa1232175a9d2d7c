"""The Makefile, as a newcomer meets it: a Python that will not do is refused by name, before anything is done."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.documents.outside_make import environment_outside_make

from commands.stack import REPOSITORY

TOOLS = ("make", "bash", "sh", "sed", "awk", "grep", "cat")
# Its answers to the two questions that the Makefile asks: which version, and whether that is new enough.
OLD_PYTHON = """#!/bin/sh
case "$2" in *print*) echo 3.9 ;; *) exit 1 ;; esac
"""
Make = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """In a folder of its own where nothing is installed, with a PATH of a few tools."""
    project, tools = tmp_path / "project", tmp_path / "tools"
    project.mkdir()
    tools.mkdir()
    for name in ("Makefile", "requirements.lock"):
        shutil.copy(REPOSITORY / name, project)
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found is not None
        (tools / tool).symlink_to(found)

    def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["make", *arguments],
            cwd=project,
            env={"PATH": str(tools), "HOME": str(tmp_path), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture
def old_python(tmp_path: Path) -> str:
    path = tmp_path / "python3.9"
    path.write_text(OLD_PYTHON)
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("target", ["up", "keys", "demo", "test", "status"])
def test_without_a_python_each_target_says_so_and_no_more(make: Make, target: str) -> None:
    done = make(target)
    assert done.returncode != 0
    assert done.stdout == ""
    said = done.stderr.splitlines()
    assert said[0].startswith("This needs Python 3.11 or newer, and the PATH has none: install it, or name one:")
    assert [line for line in said[1:] if not line.startswith("make: ***")] == []


@pytest.mark.parametrize("on_the_command_line", [True, False])
def test_a_python_that_will_not_do_is_refused_by_name(make: Make, old_python: str, on_the_command_line: bool) -> None:
    for python, says in (
        ("nowhere", "PYTHON=nowhere is no Python that can be run"),
        (old_python, f"PYTHON={old_python} is Python 3.9; this needs 3.11 or newer"),
    ):
        done = make("keys", f"PYTHON={python}") if on_the_command_line else make("keys", PYTHON=python)
        assert done.returncode != 0
        assert done.stderr.startswith(says)


def test_an_old_python_on_the_path_is_passed_over(make: Make, old_python: str, tmp_path: Path) -> None:
    Path(old_python).rename(tmp_path / "tools" / "python3")
    assert "the PATH has none" in make("keys").stderr


def test_help_needs_no_python(make: Make) -> None:
    done = make("help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "make demo" in done.stdout


@pytest.mark.parametrize("target", ["archive-query", "archive-restore", "export", "import", "keys", "recover"])
def test_without_anything_to_do_there_is_usage(target: str) -> None:
    done = make_here(target)
    assert (done.returncode, done.stdout.startswith("usage: commands ")) == (0, True), done.stderr


def make_here(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """`make` in the repository, as from a shell."""
    return subprocess.run(
        ["make", "--old-file=.venv/installed", *arguments],
        cwd=REPOSITORY,
        env={**environment_outside_make(), "UV_DEFAULT_INDEX": "unused"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_nothing_that_make_was_given_reaches_the_make_of_a_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the tests run within `make test-python WITH=python3.12 ARGS=tests/unit`."""
    given = {"ARGS": "tests/unit", "WITH": "python3.12", "SQL": "SELECT 1", "STACK": "another"}
    words = " ".join(f"{name}={value}".replace("t 1", r"t\ 1") for name, value in given.items())
    handed_down = {
        **given,
        "MAKEFLAGS": f"w -- {words}",
        "MFLAGS": "-w",
        "MAKELEVEL": "1",
        "MAKEOVERRIDES": "${-*-command-variables-*-}",
    }
    for name, value in handed_down.items():
        monkeypatch.setenv(name, value)
    assert not handed_down.keys() & environment_outside_make().keys()
    for target in ("keys", "preview"):
        done = make_here("--dry-run", target)
        assert done.returncode == 0, done.stderr
        assert not [text for text in (*given.values(), "Entering directory") if text in done.stdout]
