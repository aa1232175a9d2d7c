"""Runs the blocks of documents as a person would who pastes them into one shell, against a local stack."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.documents.blocks import Block, find_missing_line
from tests.documents.outside_make import environment_outside_make
from tests.system.running import REPOSITORY, LocalStack

# What the documents call the base URL of a stack that `make up` started.
DOCUMENTED_BASE = "http://127.0.0.1:8080"
# Ends what hangs; a slow machine takes its time.
SECONDS = 1200.0
_END = "the block on line {line} has ended"
# `make` finds what it installs too old wherever the lock was written later, as in a checkout.
_MAKE = 'make() { command make --old-file=.venv/installed "$@"; }'


def run_blocks(stack: LocalStack, blocks: Sequence[Block], folder: Path, names: Mapping[str, str]) -> None:
    """Run the blocks in one shell, and compare what each prints with what the document says of it.

    folder: where it runs; it is made to look like the repository, with the stack's state as `.local`.
    names: variables of the shell that hold what is not the same every time, such as an incident's labels.
    Raises AssertionError, naming the line, for the first block that fails or prints something else.
    """
    _imitate_repository(folder, stack.state)
    script = folder / "documented.sh"
    script.write_text("\n".join(_script(stack, blocks)))
    done = subprocess.run(
        ["bash", script],
        cwd=folder,
        env=_environment(stack, names),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    rest = done.stdout
    for block in blocks:
        output, ended, rest = rest.partition(f"{_END.format(line=block.line)}\n")
        assert ended, f"line {block.line} failed:\n{block.text}\n{output}"
        missing = find_missing_line(block.expected, output)
        assert missing is None, f"line {block.line} does not print {missing!r}:\n{block.text}\n{output}"


def _script(stack: LocalStack, blocks: Sequence[Block]) -> Iterator[str]:
    yield "set -o errexit -o pipefail"
    yield _MAKE
    for block in blocks:
        yield block.text.replace(DOCUMENTED_BASE, stack.base_url)
        yield f"echo '{_END.format(line=block.line)}'"


def _imitate_repository(folder: Path, state: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, there in {
        **{entry.name: entry for entry in REPOSITORY.iterdir() if not entry.name.startswith(".")},
        ".venv": Path(sys.prefix),
        ".local": state,
    }.items():
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(there)


def _environment(stack: LocalStack, names: Mapping[str, str]) -> dict[str, str]:
    own = {"LOCAL_STATE": str(stack.state), "PYTHON": "python3", "UV_DEFAULT_INDEX": "unused"}
    return {**environment_outside_make(), **own, **names}
