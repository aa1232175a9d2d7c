"""The commands of documents are run as they stand there, and print what stands under them."""

from pathlib import Path

import httpx
import pytest
from tests.documents.blocks import Block, read_blocks
from tests.documents.shell import run_blocks
from tests.system.running import REPOSITORY, LocalStack

# By its first words: why a block is not run here.
ELSEWHERE = {
    "make up": "the stack that the others are run on was started so (tests/system/running.py)",
    "make demo": "tests/system/test_demo.py loads less of it",
    "make down": "it would end the stack; tests/system/test_lifecycle.py stops one",
    "make test": "this is a part of it",
}
DOCUMENTS = ("README.md", "docs/api.md")


def blocks_of(document: str) -> list[Block]:
    """Return the blocks of a document that are run here."""
    return [block for block in read_blocks(REPOSITORY / document) if block.is_run and reason(block) is None]


def reason(block: Block) -> str | None:
    """Return why a block is not run here, None if it is."""
    return next((why for words, why in ELSEWHERE.items() if block.text.startswith(words)), None)


@pytest.mark.parametrize("document", [*DOCUMENTS, "docs/operations/disaster-recovery.md"])
def test_what_a_document_shows_happens(stack: LocalStack, tmp_path: Path, document: str) -> None:
    run_blocks(stack, blocks_of(document), tmp_path, {})


@pytest.mark.parametrize("document", [*DOCUMENTS, "docs/moving.md"])
def test_every_block_of_a_document_is_run_or_listed(document: str) -> None:
    """An output belongs to a command; what is neither is configuration, or Python that test_example.py runs."""
    blocks = read_blocks(REPOSITORY / document)
    assert {block.kind for block in blocks} <= {"sh", "sh gcloud", "text", "yaml", "python"}
    outputs = [block for block in blocks if block.kind == "text"]
    assert len(outputs) == sum(bool(block.expected) for block in blocks)


def test_what_is_listed_is_there() -> None:
    every = [block for document in DOCUMENTS for block in read_blocks(REPOSITORY / document)]
    for words in ELSEWHERE:
        assert any(block.text.startswith(words) for block in every), words


def test_docs_lead_to_the_pages_of_the_api(client: httpx.Client) -> None:
    answer = client.get("/docs")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/console/api")
    assert client.get(answer.headers["Location"]).status_code == 200


def test_jobs_are_shown_in_the_order_of_their_names(stack: LocalStack) -> None:
    """The documents show some of them, and they are created in another order at each deployment."""
    jobs = list(stack.status()["jobs"])
    assert jobs
    assert jobs == sorted(jobs)
