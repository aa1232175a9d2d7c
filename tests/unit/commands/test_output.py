"""What a command says: on a terminal, in a pipe, and as JSON."""

import io
import json
import uuid
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from rich.console import Console

from commands.errors import CommandFailed
from commands.output import Output


@pytest.fixture
def piped() -> tuple[io.StringIO, io.StringIO]:
    return io.StringIO(), io.StringIO()


def output(piped: tuple[io.StringIO, io.StringIO], *, as_json: bool = False, terminal: bool = False) -> Output:
    result, progress = (Console(file=file, force_terminal=terminal, width=200, highlight=False) for file in piped)
    return Output(as_json=as_json, result=result, progress=progress)


def test_in_a_pipe_progress_is_plain_lines_beside_the_result(
    piped: tuple[io.StringIO, io.StringIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commands.output.PLAIN_SECONDS", 0.0)
    said = output(piped)
    with said.progress("ratings", 2000) as advance:
        advance(500)
        advance(1500)
    with said.step("archiving"):
        said.line("a result")
    result, progress = (file.getvalue() for file in piped)
    assert result == "a result\n"
    assert "ratings: 500 of 2,000 (25 %)" in progress
    assert "ratings: 2,000 of 2,000 (100 %)" in progress
    assert "archiving …\n  done in " in progress
    assert "\x1b" not in progress


def test_on_a_terminal_progress_is_a_bar(piped: tuple[io.StringIO, io.StringIO]) -> None:
    with output(piped, terminal=True).progress("ratings", 2) as advance:
        advance(2)
    assert "\x1b" in piped[1].getvalue()
    assert "2/2" in piped[1].getvalue()


def test_what_is_shown_is_no_markup(piped: tuple[io.StringIO, io.StringIO]) -> None:
    said = output(piped)
    said.line("[red]x[/] [/]")
    said.table("t", ("[bold]a",), [("[/]",)])
    assert "[red]x[/] [/]" in piped[0].getvalue()
    assert "[bold]a" in piped[0].getvalue()


def test_with_json_only_the_document_is_on_standard_output(piped: tuple[io.StringIO, io.StringIO]) -> None:
    said = output(piped, as_json=True)
    said.line("words")
    said.table("t", ("a",), [("1",)])
    said.note("on its way")
    key = uuid.uuid4()
    said.result({"at": datetime(2026, 1, 1, tzinfo=UTC), "id": key, "sum": Decimal("1.5"), "bytes": b"\x01", "é": "€"})
    assert json.loads(piped[0].getvalue()) == {
        "at": "2026-01-01T00:00:00+00:00",
        "id": str(key),
        "sum": "1.5",
        "bytes": "01",
        "é": "€",
    }
    assert piped[1].getvalue() == "on its way\n"


def test_an_error_says_what_and_what_next(piped: tuple[io.StringIO, io.StringIO]) -> None:
    output(piped).error(CommandFailed("it broke", remedy="Mend it."))
    assert (piped[0].getvalue(), piped[1].getvalue()) == ("", "it broke\nMend it.\n")
