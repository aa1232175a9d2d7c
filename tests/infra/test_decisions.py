"""Each decision record has a status and a date, and the index lists it as it is."""

import re
from datetime import date
from pathlib import Path

import pytest
from tests.infra.deployment import REPOSITORY

FOLDER = REPOSITORY / "docs/decisions"
INDEX = FOLDER / "README.md"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))
HEAD = re.compile(r"# (?P<number>\d+)\. (?P<title>.+)\n- Status: (?P<status>.+)\n- Date: (?P<date>\d{4}-\d\d-\d\d)\n\n")
STATUS = re.compile(r"proposed|accepted|superseded by (\d+)")


def head(record: Path) -> re.Match[str]:
    found = HEAD.match(record.read_text())
    assert found, f"{record.name} does not begin with its title, `- Status: …` and `- Date: YYYY-MM-DD`"
    return found


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_record_has_a_number_a_status_and_a_date(record: Path) -> None:
    found = head(record)
    assert f"{int(found['number']):04}" == record.name[:4]
    assert date.fromisoformat(found["date"])
    status = STATUS.fullmatch(found["status"])
    assert status, f"{record.name}: the status is proposed, accepted or superseded by a number"
    assert status[1] is None or list(FOLDER.glob(f"{int(status[1]):04}-*.md"))


def test_the_index_lists_each_record_as_it_is() -> None:
    rows = [
        f"| [{found['number']}]({record.name}) | {found['title']} | {found['status']} | {found['date']} |"
        for record in RECORDS
        for found in [head(record)]
    ]
    assert [line for line in INDEX.read_text().splitlines() if line.startswith("| [")] == rows
