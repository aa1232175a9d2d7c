"""`make keys`, as an admin types it."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.http.conftest import key_of
from tests.integration.http.functions import REPOSITORY, Api, Function

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
            [sys.executable, "-m", "commands.keys", *where, *arguments],
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
    assert [line.split()[0] for line in listed.splitlines()] == ["id", rotated.split("_")[1], key_id]
    assert rotated not in listed

    assert "revoked" in keys("revoke", key_id).stdout
    assert keys("list", "--owner", name, "--status", "revoked").stdout.splitlines()[1].startswith(key_id)


def test_what_goes_wrong_is_said_in_a_line(keys: Keys) -> None:
    for failed, says in (
        (keys("revoke", "abcdefghijkl"), "404: there is no API key abcdefghijkl"),
        (keys("list", key=key_of("reader")), "403: this API key lacks the scope admin"),
        (keys("list", url="http://127.0.0.1:9"), "cannot be reached"),
        (keys("list", url="file:///etc/passwd"), "is no URL"),
        (keys("list", key=None), "UTXOIQ_ADMIN_KEY"),
        (keys("list", url=None), "make up"),
    ):
        assert failed.returncode == 1
        assert says in failed.stderr
        assert len(failed.stderr.splitlines()) == 1


def test_help_tells_the_commands(keys: Keys) -> None:
    shown = keys("--help").stdout
    assert all(command in shown for command in ("create", "list", "rotate", "revoke"))
