"""Every promise of docs/api.md and docs/moving.md points to tests that are there, and no part of api.md is left out."""

import ast
import re
from functools import cache

import pytest
from tests.documents.blocks import read_sections
from tests.infra.deployment import REPOSITORY

SECTIONS = read_sections(REPOSITORY / "docs/api.md")
TEXTS = [*SECTIONS.values(), *read_sections(REPOSITORY / "docs/moving.md").values()]
HOLDS, RELY = "What holds it", "What to rely on"


def tables(text: str) -> list[list[list[str]]]:
    """Return the tables of a text as rows of cells, the heading among them."""
    found = re.findall(r"^(?:\|.*\n)+", text, re.MULTILINE)
    return [[[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()] for table in found]


PROMISES = [row for text in TEXTS for table in tables(text) for row in table[2:]]


@cache
def collected() -> frozenset[str]:
    """Return the names of all tests that pytest collects: functions of modules, by their name."""
    modules = (ast.parse(path.read_text()) for path in (REPOSITORY / "tests").rglob("test_*.py"))
    return frozenset(
        node.name
        for module in modules
        for node in module.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    )


@pytest.mark.parametrize("row", PROMISES, ids=lambda row: f"{row[0]}, {row[1]}"[:80])
def test_a_promise_is_held_by_tests(row: list[str]) -> None:
    held_by = re.findall(r"`(\w+)`", row[-1])
    assert held_by, f"no test holds {row[:-1]}"
    assert set(held_by) <= collected()


def test_each_part_of_the_page_has_promises() -> None:
    (table,) = tables(SECTIONS[HOLDS])
    where = {row[0] for row in table[2:]}
    paragraphs = set(re.findall(r"^\*\*([^*]+)\*\*", SECTIONS[RELY], re.MULTILINE))
    assert where == paragraphs | SECTIONS.keys() - {HOLDS, RELY}


def test_each_table_says_what_holds_it() -> None:
    headings = [table[0] for text in TEXTS for table in tables(text)]
    assert len(headings) >= 6
    assert {heading[-1] for heading in headings} == {"held by"}
