"""The page for disasters can be used as it is: roles that are called exist, and what is not filled in is named."""

import re

from tests.documents.blocks import read_blocks, read_sections
from tests.infra.deployment import REPOSITORY

PAGE = REPOSITORY / "docs/operations/disaster-recovery.md"
SECTIONS = read_sections(PAGE)
MISSING = "to fill in"


def rows(section: str) -> list[list[str]]:
    """Return the cells of a section's table, without its heading."""
    lines = [line for line in SECTIONS[section].splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


CONTACTS = {role: filled for role, _, *filled in rows("Contacts")}


def test_who_is_called_has_a_row_among_the_contacts() -> None:
    called = {role for row in rows("Severity") for role in re.split(", ", row[2]) if role[0].isupper()}
    called |= {role for role in CONTACTS if any(role in row[2] for row in rows("Escalation"))}
    assert called <= CONTACTS.keys()
    assert {"On call", "Incident lead", "Recoverer", "Spokesperson", "Data protection officer"} <= called
    told = SECTIONS["Escalation"] + SECTIONS["Messages"] + SECTIONS["Severity"] + SECTIONS["Lessons learned"]
    assert {role for role in CONTACTS if role not in told} == set(), "nobody ever calls them"


def test_what_is_not_filled_in_is_named_and_nobody_is_invented() -> None:
    for role, filled in CONTACTS.items():
        assert len(filled) == 3, role
        assert all(cell == MISSING for cell in filled), f"{role}: names belong into the operator's own copy"


def test_escalation_goes_on_in_time() -> None:
    minutes = [int(row[0]) for row in rows("Escalation")]
    assert minutes[0] == 0
    assert minutes == sorted(minutes)


def test_every_word_that_a_message_leaves_open_is_explained() -> None:
    explained = {row[0].strip("`") for row in rows("Messages")}
    messages = [block.text for block in read_blocks(PAGE) if block.section == "Messages"]
    used = {word for text in messages for word in re.findall(r"<[^>]+>", text)}
    assert len(messages) >= 7
    assert used == explained


def test_the_form_asks_for_what_is_learned() -> None:
    (form,) = (block.text for block in read_blocks(PAGE) if block.section == "Lessons learned")
    assert re.findall(r"^## (.+)$", form, re.MULTILINE) == [
        "Timeline (UTC)",
        "Causes",
        "What went well, and what was luck",
        "Against what was promised",
        "Changes",
        "Pages that lacked something",
    ]
