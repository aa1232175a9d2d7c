"""`make keys`, as an admin types it."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.http.conftest import key_of
from tests.integration.http.functions import REPOSITORY, Api, Function

from commands.errors import ExitCode

Keys = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def keys(functions: dict[str, Function], tmp_path: Path) -> Keys:
    def run(
        *arguments: str, url: str | None = functions["keys"].url, key: str | None = key_of("powerless")
    ) -> "subprocess.CompletedProcess[str]":
        where = [] if url is None else ["--url", url]
        environment = {
            **os.environ,
            "PYTHONPATH": str(REPOSITORY / "infra"),
            **({"UTXOIQ_ADMIN_KEY": key} if key else {}),
        }
        return subprocess.run(
            [sys.executable, "-m", "commands", "keys", *where, *arguments],
            capture_output=True,
            text=True,
            env=environment,
            cwd=tmp_path,
            check=False,
        )

    return run


def test_a_key_is_created_listed_rotated_and_revoked(keys: Keys, api: Api) -> None:
    name = f"command-{uuid.uuid4().hex[:8]}"
    created = keys(
        "create", name, "--owner", name, "--scope", "metrics:read", "--scope", "feedback:read", "--days", "2"
    )
    key = created.stdout.strip()
    key_id = key.split("_")[1]
    assert key_id in created.stderr
    assert key not in created.stderr
    assert api("GET", "/api/v1/monitoring/database/pool", None, {"X-API-Key": key}).status_code == 200

    rotated = keys("rotate", key_id, "--overlap", "60").stdout.strip()
    listed = keys("list", "--owner", name).stdout
    assert [line.split()[0] for line in listed.splitlines()[1:]] == ["id", rotated.split("_")[1], key_id]
    assert rotated not in listed

    assert "revoked" in keys("revoke", key_id).stdout
    assert keys("list", "--owner", name, "--status", "revoked").stdout.splitlines()[2].startswith(key_id)


def test_with_json_the_answer_is_one_document(keys: Keys) -> None:
    name = f"command-{uuid.uuid4().hex[:8]}"
    made = keys("create", name, "--owner", name, "--scope", "metrics:read", "--json")
    assert json.loads(made.stdout)["key"].startswith("uiq_")
    assert [row["name"] for row in json.loads(keys("--json", "list", "--owner", name).stdout)] == [name]
    refused = keys("revoke", "abcdefghijkl", "--json")
    assert refused.returncode == ExitCode.FAILED
    assert json.loads(refused.stdout)["error"]["message"] == "404: there is no API key abcdefghijkl"


def test_what_goes_wrong_is_said_in_words_with_a_code(keys: Keys) -> None:
    for failed, code, says in (
        (keys("revoke", "abcdefghijkl"), ExitCode.FAILED, "404: there is no API key abcdefghijkl"),
        (keys("list", key=key_of("reader")), ExitCode.REFUSED, "403: this API key does not have the required scope"),
        (keys("list", url="http://127.0.0.1:9"), ExitCode.NOT_RUNNING, "does not answer"),
        (keys("list", url="file:///etc/passwd"), ExitCode.USAGE, "is no URL"),
        (keys("list", key=None), ExitCode.REFUSED, "UTXOIQ_ADMIN_KEY"),
        (keys("list", "--stack-file", "none.json", url=None), ExitCode.NOT_RUNNING, "make up"),
        (keys("create", "name"), ExitCode.USAGE, "--owner, --scope"),
    ):
        assert (failed.returncode, failed.stdout) == (code, "")
        assert says in failed.stderr
        assert "Traceback" not in failed.stderr


def test_help_tells_the_commands(keys: Keys) -> None:
    shown = keys("--help").stdout
    assert all(command in shown for command in ("create", "list", "rotate", "revoke"))
