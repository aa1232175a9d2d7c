"""Every command line that the documents show is one that the programs take: `make` expands it, the parser parses it."""

import argparse
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from tests.documents.outside_make import environment_outside_make

from commands.program import build_parser
from commands.stack import REPOSITORY
from local_cloud import __main__ as local_cloud

TARGETS = "demo|keys|recover|archive-query|archive-restore|import|export|up|down|clean|status|run-job"
# In a block of its own, or in backquotes; `&&` and a comment end it.
MAKE = re.compile(rf"""make ({TARGETS})\b((?:\s+(?:[A-Z]+=(?:"[^"]*"|'[^']*'|[^\s`)"']+)))*)""")
PROGRAMS = {"commands", "local_cloud"}
DIRECT = re.compile(r"python -m ((?:commands|local_cloud) [^`\n]+)")


def documents() -> Iterator[Path]:
    yield REPOSITORY / "README.md"
    yield from sorted((REPOSITORY / "docs").rglob("*.md"))


def lines() -> Iterator[tuple[str, str]]:
    """A document, and a command line of it."""
    for document in documents():
        text = document.read_text().replace("\\\n", " ")
        for found in MAKE.finditer(text):
            yield str(document.relative_to(REPOSITORY)), found.group(0)
        for found in DIRECT.finditer(text):
            yield str(document.relative_to(REPOSITORY)), f"python -m {found.group(1)}"


def parser_of(program: str) -> argparse.ArgumentParser:
    return build_parser() if program == "commands" else local_cloud.build_parser()


def expanded(line: str) -> list[str]:
    """The words that `make` would run the program with."""
    # So that make need not find a Python, nor ask its pip for an index.
    environment = {**environment_outside_make(), "PYTHON": "python3", "UV_DEFAULT_INDEX": "unused"}
    command = ["make", "--dry-run", "--old-file=.venv/installed", *shlex.split(line)[1:]]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True)
    (run,) = (found for found in done.stdout.splitlines() if any(f"-m {program} " in found for program in PROGRAMS))
    sql = next((word.removeprefix("SQL=") for word in command if word.startswith("SQL=")), "")
    return [sql if word == "$SQL" else word for word in shlex.split(run)]


DOCUMENTED = sorted(set(lines()))


def test_there_are_some() -> None:
    shown = {line.split()[1] for _, line in DOCUMENTED if line.startswith("make")}
    assert shown == set(TARGETS.split("|"))


@pytest.mark.parametrize(("document", "line"), DOCUMENTED)
def test_a_documented_line_is_taken(document: str, line: str) -> None:
    words = expanded(line) if line.startswith("make") else shlex.split(line)
    (program,) = PROGRAMS & set(words)
    with pytest.raises(SystemExit) if "--help" in words else nullcontext():
        parser_of(program).parse_args(words[words.index(program) + 1 :])
