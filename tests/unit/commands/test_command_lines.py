"""The program's command lines: help and options at every level, and what is wrong said in words."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.errors import MEANINGS, ExitCode
from commands.parser import CommandParser
from commands.program import build_parser, main
from commands.stack import REPOSITORY


def paths(parser: CommandParser, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command, the program itself and groups among them."""
    yield above
    for name, command in parser.commands.items():
        yield from paths(command, (*above, name))


PATHS = list(paths(build_parser()))
LEAVES = [path for path in PATHS if not any(other[: len(path)] == path and other != path for other in PATHS)]


def test_these_are_the_commands() -> None:
    assert {" ".join(path) for path in LEAVES} == {
        "recover point-in-time",
        "recover table",
        "recover region",
        "recover remove",
        "keys create",
        "keys list",
        "keys rotate",
        "keys revoke",
        "archive query",
        "archive restore",
        "import",
        "export",
        "demo",
        "preview",
        "deploy",
    }


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_each_has_help_with_options_and_exit_codes(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*path, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: {' '.join(('commands', *path))} ")
    assert "--json" in shown
    assert "--stack-file" in shown
    assert all(f"{int(code):<4} {meaning}" in shown for code, meaning in MEANINGS.items())


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_shared_option_may_stand_at_any_level(place: int) -> None:
    words = ["keys", "list"]
    words[place:place] = ["--json"]
    assert build_parser().parse_args(words).json
    words[place : place + 1] = ["--stack-file", "elsewhere.json"]
    assert build_parser().parse_args(words).stack_file == Path("elsewhere.json")
    assert not build_parser().parse_args(words).json


def test_a_group_s_option_may_stand_before_or_after_its_command() -> None:
    for words in (["--url", "https://a", "list"], ["list", "--url", "https://a"]):
        assert build_parser().parse_args(["keys", *words]).url == "https://a"
    assert build_parser().parse_args(["keys", "list"]).url is None


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("recover table --table t --time yesterday", "--time: 'yesterday' is not a time; write one like 2026-"),
        ("recover table --table t --time 2026-03-01T12:30:00", "--time: '2026-03-01T12:30:00' lacks an offset"),
        ("recover table --table t --time 2026-03-01T12:30:00Z --where=", "--where: it is empty"),
        ("recover --project p table --table t --time 2026-03-01T12:30:00Z", "name --instance and --user as well"),
        ("keys rotate abc --overlap -5", "--overlap"),
        ("keys rotate abc --overlap soon", "--overlap: 'soon' is not a whole number from 1"),
        ("keys create n --owner o --scope all", "invalid choice: 'all'"),
        ("archive query --since May x", "--since: 'May' is not a day; write one like 2026-"),
        ("archive query --csv --json x", "exclude each other"),
        ("archive restore system_metrics 2026-03-02T00:00:00Z 2026-03-01T00:00:00Z", "TO is not after FROM"),
        ("import http://old", "SOURCE is postgresql://user@host/name or gs://bucket"),
        ("import --project p postgresql://old/name", "name --instance and --user as well"),
        ("export", "TARGET"),
        ("demo --scale huge", "invalid choice: 'huge'"),
        ("keys", "COMMAND"),
        ("nothing", "invalid choice: 'nothing'"),
        ("keys list --nothing", "unrecognized arguments: --nothing"),
    ],
)
def test_a_wrong_command_line_is_answered_in_words(line: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line.split()) == ExitCode.USAGE
    said = capsys.readouterr()
    assert says in (said.out if "--json" in line else said.err)
    assert "Traceback" not in said.err


def test_without_a_running_system_each_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for line in (
        "keys list",
        "demo",
        "recover remove x",
        "archive query x",
        "import gs://x",
        "export postgresql://h/x",
    ):
        assert main([*line.split(), "--stack-file", str(tmp_path / "stack.json")]) == ExitCode.NOT_RUNNING
        said = capsys.readouterr()
        assert "Start it with `make up`" in said.err
        assert said.out == ""


def test_with_json_an_error_is_one_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = str(tmp_path / "stack.json")
    assert main(["keys", "list", "--json", "--stack-file", missing]) == ExitCode.NOT_RUNNING
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "not_running"
    assert missing in error["message"]
    assert main(["nothing", "--json"]) == ExitCode.USAGE
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "usage"


def test_a_fault_of_the_program_is_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    description = tmp_path / "stack.json"
    description.write_text("{}")  # a system without a base URL: no running one writes that
    assert main(["keys", "list", "--stack-file", str(description)]) == ExitCode.FAILED
    said = capsys.readouterr().err
    assert "a fault of this program: KeyError" in said
    assert "Traceback" not in said
    monkeypatch.setenv("COMMANDS_TRACEBACK", "1")
    with pytest.raises(KeyError):
        main(["keys", "list", "--stack-file", str(description)])


def test_a_description_that_cannot_be_read_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    description = tmp_path / "stack.json"
    description.write_text("{")
    assert main(["keys", "list", "--stack-file", str(description)]) == ExitCode.FAILED
    assert f"{description} cannot be read" in capsys.readouterr().err


def test_the_documents_table_of_exit_codes_is_the_program_s() -> None:
    text = (REPOSITORY / "docs" / "commands.md").read_text()
    assert [line for line in text.splitlines() if line.startswith("| ") and line[2].isdigit()] == [
        f"| {int(code)} | {meaning} |" for code, meaning in MEANINGS.items()
    ]
