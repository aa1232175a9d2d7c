"""Runbooks as a browser gets them, and nothing besides."""

from pathlib import Path

import pytest

from local_cloud.serving.platform_error import PlatformError
from local_cloud.serving.runbooks import Runbooks


@pytest.fixture
def runbooks(tmp_path: Path) -> Runbooks:
    folder = tmp_path / "operations"
    (folder / "alerts").mkdir(parents=True)
    (folder / "alerts" / "queue.md").write_text("# The queue\n| a | b |\n|---|---|\n| <b>1</b> | 2 |\n")
    (folder / "notes.txt").write_text("not a runbook")
    (tmp_path / "secret.md").write_text("secret")
    return Runbooks(folder)


def test_a_runbook_is_a_page(runbooks: Runbooks) -> None:
    text = str(runbooks.render("alerts/queue.md").text)
    assert "<h1>The queue</h1>" in text
    assert "<table>" in text
    assert "&lt;b&gt;1" in text  # a source's own HTML is text


def test_the_list_names_them(runbooks: Runbooks) -> None:
    assert 'href="alerts/queue.md"' in str(runbooks.render("").text)


@pytest.mark.parametrize("name", ["alerts/none.md", "../secret.md", "..%2Fsecret.md", "notes.txt", "alerts"])
def test_there_is_nothing_else(runbooks: Runbooks, name: str) -> None:
    with pytest.raises(PlatformError) as refused:
        runbooks.render(name)
    assert refused.value.status == 404
