"""Every runbook has commands to confirm and to mend, which the test of its alert runs, or the reason why not."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.documents.blocks import Block, find_missing_line, read_blocks, read_sections
from tests.documents.runbooks import RUNBOOKS, STEPS
from tests.infra.deployment import REPOSITORY

PAGES = sorted(RUNBOOKS.glob("*.md"))
# Besides runbooks: by tests/system/test_documents.py, test_moving.py, and with every runbook.
RUN = {
    "README.md",
    "docs/api.md",
    "docs/moving.md",
    "docs/operations/disaster-recovery.md",
    "docs/operations/README.md",
}
KINDS = {"sh", "sh gcloud", "text"}
ELSEWHERE = "Only on Google Cloud:"
CLOUD_COMMAND = re.compile(r"\b(?:gcloud|pulumi) [a-z]")
# Commands in a line of prose, which nothing runs; `--help` may stand there.
UNRUN = re.compile(r"`((?:db|ask|ask_backup|curl|grep|tail|make run-job|make keys|make recover) (?!.*--help)[^`]+)`")


def faults(page: Path) -> Iterator[str]:
    """Say what is wrong with a runbook."""
    sections, blocks = read_sections(page), read_blocks(page)
    for step in STEPS:
        if step not in sections:
            yield f"it has no {step}"
            continue
        run = any(block.is_run for block in blocks if block.section == step)
        if not run and (step == "Confirm" or ELSEWHERE not in sections[step]):
            yield f"its {step} has nothing that runs on one machine"
        yield from (f"nothing runs {command!r} of {step}" for command in UNRUN.findall(sections[step]))
    in_prose = re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    if CLOUD_COMMAND.search(in_prose) and ELSEWHERE not in sections.get("Do", ""):
        yield f"it does not say why its commands of Google Cloud have no local form ({ELSEWHERE} …)"
    for block in blocks:
        yield from (f"line {block.line}: {fault}" for fault in _faults_of_block(block, blocks))


def _faults_of_block(block: Block, blocks: list[Block]) -> Iterator[str]:
    if block.kind not in KINDS or (block.kind != "text" and block.section not in STEPS):
        yield "no test runs this block"
    if block.is_run and CLOUD_COMMAND.search(block.text):
        yield "what needs Google Cloud is in a block of its own, `sh gcloud`"
    if block.needs_google_cloud and not CLOUD_COMMAND.search(block.text):
        yield "this does not need Google Cloud"
    local = any(other.is_run and other.text == block.followed_by for other in blocks)
    if block.needs_google_cloud and not (local or block.followed_by.startswith("Locally")):
        yield "after what needs Google Cloud stands its local form, or a paragraph `Locally …`"
    if block.kind == "text" and not any(other.is_run and other.followed_by == block.text for other in blocks):
        yield "this output follows no command"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_runbook_is_run(page: Path) -> None:
    assert list(faults(page)) == []


def test_no_other_document_has_commands_that_look_as_if_they_were_run() -> None:
    documents = [REPOSITORY / "README.md", *(REPOSITORY / "docs").rglob("*.md")]
    found = [document for document in documents if any(block.is_run for block in read_blocks(document))]
    assert {str(document.relative_to(REPOSITORY)) for document in found if document not in PAGES} == RUN


GOOD = """# Title

## Confirm
```sh gcloud
gcloud sql instances list
```
```sh
db -c "SELECT 1"
```
```text
1
```

## Do
Restart it.

Only on Google Cloud: one machine has none.
"""
DO = "## Do\nRestart it.\n\nOnly on Google Cloud: one machine has none.\n"


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        (DO, "", "it has no Do"),
        ("## Confirm", "## Look", "it has no Confirm"),
        (DO, "## Do\nWait.\n", "its Do has nothing that runs on one machine"),
        ("Restart it.", "Try `make run-job JOB=backup`.", "nothing runs 'make run-job JOB=backup' of Do"),
        ("```sh\n", "```bash\n", "line 7: no test runs this block"),
        ("```sh\n", "```sh\ngcloud sql instances list\n", "line 7: what needs Google Cloud is in a block of its own"),
        ("gcloud sql instances list", "db -c 'SELECT 1'", "line 4: this does not need Google Cloud"),
        ('```sh\ndb -c "SELECT 1"\n```\n```text\n1\n```\n', "Look.\n", "line 4: after what needs Google Cloud stands"),
        ("```text", "And\n```text", "line 11: this output follows no command"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, before: str, after: str, fault: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(GOOD)
    assert list(faults(page)) == []
    page.write_text(GOOD.replace(before, after))
    assert any(found.startswith(fault) for found in faults(page)), list(faults(page))


def test_what_a_command_prints_is_compared_line_by_line() -> None:
    output = 'name | state\n redis | up, since 5\n{"a": 1}\n'
    assert find_missing_line(("redis…since", '"a"'), output) is None
    assert find_missing_line(('"a"', "redis"), output) == "redis"
    assert find_missing_line(("redis…down",), output) == "redis…down"
    assert find_missing_line(("s.ate",), output) == "s.ate"
    assert find_missing_line(("…name…", "state…"), output) is None
    assert find_missing_line(("name…since",), output) == "name…since"
