"""The commands that a document shows in fenced blocks, each with the output that the document says it has.

A block `sh` is run by a test. One of `sh gcloud` needs Google Cloud. A block `text` right after it has lines that the
output contains, in their order; `…` stands for anything within a line.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from markdown_it import MarkdownIt

_HEADING = 2
_SHELL, _GOOGLE_CLOUD, _OUTPUT = "sh", "sh gcloud", "text"


@dataclass(frozen=True)
class Block:
    """One block of a document. kind: what follows its fence, empty where it is indented. line: where it begins.

    followed_by: the text of what stands right after it, a paragraph or a block.
    """

    kind: str
    text: str
    section: str
    line: int
    followed_by: str = ""
    expected: tuple[str, ...] = ()

    @property
    def is_run(self) -> bool:
        """Return whether a test has to run it."""
        return self.kind == _SHELL

    @property
    def needs_google_cloud(self) -> bool:
        """Return whether it can be run on Google Cloud alone."""
        return self.kind == _GOOGLE_CLOUD


def read_blocks(document: Path) -> list[Block]:
    """Return the blocks of a document in their order, each under the heading of level 2 that it belongs to."""
    return list(_join_output(_read(document.read_text())))


def read_sections(document: Path) -> dict[str, str]:
    """Return what stands under each heading of level 2, by the heading."""
    parts = re.split(r"^## (.+)$", document.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def find_missing_line(expected: tuple[str, ...], output: str) -> str | None:
    """Return the first expected line that the output lacks after those before it; None if it has all of them.

    Answers come without a line's end, so that one line of output may have several of them.
    """
    position = 0
    for line in expected:
        pattern = re.compile(".*?".join(re.escape(part) for part in line.strip("…").split("…")))
        found = pattern.search(output, position)
        if found is None:
            return line
        position = found.end()
    return None


def _read(text: str) -> list[Block]:
    found: list[Block] = []
    section, in_heading = "", False
    for token in MarkdownIt("commonmark").parse(text):
        if token.type == "heading_open":
            in_heading = token.tag == f"h{_HEADING}"
        elif token.type == "inline":
            section = token.content if in_heading else section
            found = _follow(found, token.content)
            in_heading = False
        elif token.type in ("fence", "code_block"):
            assert token.map is not None
            kind = token.info.strip()
            found = [*_follow(found, token.content), Block(kind, token.content, section, token.map[0] + 1)]
    return found


def _follow(blocks: list[Block], text: str) -> list[Block]:
    if not blocks or blocks[-1].followed_by:
        return blocks
    return [*blocks[:-1], replace(blocks[-1], followed_by=text)]


def _join_output(blocks: list[Block]) -> Iterator[Block]:
    for position, block in enumerate(blocks):
        after = blocks[position + 1] if position + 1 < len(blocks) else None
        if block.is_run and after is not None and after.kind == _OUTPUT and block.followed_by == after.text:
            lines = tuple(line.strip() for line in after.text.splitlines() if line.strip(" …"))
            block = replace(block, expected=lines)
        yield block
