"""The local cloud's command lines: help of each, and what is wrong said in words."""

import json
import sys

import pytest

from commands.errors import MEANINGS
from local_cloud.__main__ import main
from local_cloud.errors import DeploymentFailed, NotRunning, WrongUsage


def run(line: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["local_cloud", *line.split()])
    return main()


@pytest.mark.parametrize("command", ["up", "down", "clean", "status", "run-job"])
def test_each_has_help(command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(f"{command} --help", monkeypatch)
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: local_cloud {command} ")
    assert "--json" in shown


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("up --port 80000", "--port: '80000' is not a port; choose one from 1 to 65535"),
        ("up --port 0", "--port: '0' is not a port"),
        ("up --port http", "--port: 'http' is not a port"),
        ("up --pace fast", "--pace: 'fast' is not a number from 1 to 60"),
        ("up --pace 61", "--pace: '61' is not a number from 1 to 60"),
        ("down --seconds 0", "--seconds: '0' is no whole number of seconds"),
        ("run-job", "the following arguments are required: JOB"),
        ("stop", "invalid choice: 'stop'"),
    ],
)
def test_a_wrong_command_line_is_answered_in_words(
    line: str, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(line, monkeypatch) == WrongUsage.exit_status
    assert says in capsys.readouterr().err
    assert run(f"{line} --json", monkeypatch) == WrongUsage.exit_status
    assert says in json.loads(capsys.readouterr().out)["error"]["message"]


def test_exit_statuses_are_those_of_the_commands() -> None:
    codes = {code.name.lower(): int(code) for code in MEANINGS}
    for kind in (DeploymentFailed, WrongUsage, NotRunning):
        assert codes[kind.code] == kind.exit_status
