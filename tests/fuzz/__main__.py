"""Calls a running stack with what schemathesis makes of docs/openapi.json, with all of its checks: `make fuzz`.

It writes to the stack. What schemathesis says is printed; the exit code is 1 if it found something.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

REPOSITORY = Path(__file__).resolve().parents[2]
SCHEMATHESIS = "schemathesis==4.32.5"
SCOPES = ("admin", "backfill:read", "backfill:write", "feedback:read", "metrics:read", "metrics:write")
# What a user calls as the user; what the platform opens to Google identities only, whose token names the function.
USERS = "/feedback/(rate|comment|flag|user)$"
BACKUP = "/monitoring/backup/(status|watch)$"
RETENTION = "/monitoring/retention/"
# The gateway has no `/` of migrate's and a /health of its own; backups run for minutes; publishing wants its schedule.
OTHERS = f"^/$|^/health$|{USERS}|/monitoring/backup/|{RETENTION}"


def main() -> int:
    """Run schemathesis once for each kind of caller. Return 1 if it found something, else 0."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--phases", default="examples,coverage", help="of schemathesis; fuzzing and stateful take long")
    parser.add_argument("--stack", type=Path, default=REPOSITORY / ".local/stack.json", help="as `make up` wrote it")
    arguments = parser.parse_args()
    if not arguments.stack.exists():
        parser.error(f"{arguments.stack} is not there: run `make up` first")
    stack = json.loads(arguments.stack.read_text())
    codes = [_run(stack["base_url"], arguments.phases, *call) for call in _calls(stack)]
    return 1 if any(codes) else 0


def _calls(stack: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield for each kind of caller its header and which paths it calls."""
    tokens = stack["credentials"]
    yield f"X-API-Key: {_make_key(stack)}", "--exclude-path-regex", OTHERS
    yield f"Authorization: Bearer {tokens['user_token']}", "--include-path-regex", USERS
    yield f"Authorization: Bearer {tokens['backup_token']}", "--include-path-regex", BACKUP
    yield f"Authorization: Bearer {tokens['retention_token']}", "--include-path-regex", RETENTION


def _make_key(stack: dict[str, Any]) -> str:
    """Return a new API key that may do all that a key may, for an hour."""
    expires_at = datetime.now(UTC) + timedelta(hours=1)
    answer = httpx.post(
        f"{stack['base_url']}/api/v1/access/keys",
        json={"name": f"fuzz-{uuid4()}", "owner": "make fuzz", "scopes": SCOPES, "expires_at": expires_at.isoformat()},
        headers={"Authorization": f"Bearer {stack['credentials']['admin_token']}"},
        timeout=60,
    )
    answer.raise_for_status()
    return str(answer.json()["key"])


def _run(base_url: str, phases: str, header: str, *paths: str) -> int:
    tool = (
        "uv",
        "tool",
        "run",
        "--quiet",
        SCHEMATHESIS,
        "--config-file",
        str(Path(__file__).with_name("schemathesis.toml")),
    )
    document = str(REPOSITORY / "docs/openapi.json")
    checks = ("--url", base_url, "--checks", "all", "--phases", phases, "--header", header, *paths)
    return subprocess.run([f"{sys.prefix}/bin/{tool[0]}", *tool[1:], "run", document, *checks], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
