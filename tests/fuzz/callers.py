"""Who calls the API with what schemathesis makes of its document, and how schemathesis is run for each."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENT = REPOSITORY / "docs/openapi.json"
SCOPES = ("admin", "backfill:read", "backfill:write", "feedback:read", "metrics:read", "metrics:write")
# More requests than a run makes, so that none is refused for their number.
KEY_LIMIT = 1_000_000
# What a user calls as the user; what the platform opens to Google identities only, whose token names the function; and
# what a schedule calls, or an operator.
USERS = "/v1/feedback$|/feedback/(rate|comment|flag|user)$"
BACKUP = "/monitoring/backup/(status|watch)$"
RETENTION = "/monitoring/retention/"
SCHEDULED = "/database/publish-metrics$|/metrics/sketches$"
METRICS = "/monitoring/metrics"
# The gateway has no `/` of migrate's and a /health of its own; backups run for minutes.
OTHERS = f"^/$|^/health$|{USERS}|/monitoring/backup/|{RETENTION}|{SCHEDULED}"


@dataclass(frozen=True)
class FuzzingCaller:
    """Describes a kind of caller: the credential of stack.json, or a new key; and which paths it calls."""

    name: str
    credential: str
    paths: Sequence[str]

    def header(self, stack: Mapping[str, Any]) -> str:
        """Return the header that identifies the caller."""
        if not self.credential:
            return f"X-API-Key: {_make_key(stack)}"
        return f"Authorization: Bearer {stack['credentials'][self.credential]}"


CALLERS = (
    FuzzingCaller("service", "", ("--exclude-path-regex", f"{OTHERS}|{METRICS}")),
    FuzzingCaller("metrics service", "", ("--include-path-regex", METRICS, "--exclude-path-regex", SCHEDULED)),
    FuzzingCaller("user", "user_token", ("--include-path-regex", USERS)),
    FuzzingCaller("backup operator", "backup_token", ("--include-path-regex", BACKUP)),
    FuzzingCaller("retention operator", "retention_token", ("--include-path-regex", RETENTION)),
    FuzzingCaller("operator", "admin_token", ("--include-path-regex", SCHEDULED)),
)


def command(stack: Mapping[str, Any], caller: FuzzingCaller, phases: str, more: Sequence[str]) -> list[str]:
    """Return the command that runs schemathesis with all of its checks as a caller of a running stack.

    The same command makes the same requests each time; `more` is what it takes besides. Several commands may run at
    once; workers of one are threads, which Python's parser, that hypothesis uses, does not always survive.
    """
    return [
        *(f"{sys.prefix}/bin/schemathesis", "--config-file", str(Path(__file__).with_name("schemathesis.toml"))),
        *("run", str(DOCUMENT), "--url", stack["base_url"], "--checks", "all", "--phases", phases),
        *("--header", caller.header(stack), *caller.paths),
        *("--generation-deterministic", *more),
    ]


def environment() -> dict[str, str]:
    """Return the environment of that command.

    In each new folder hypothesis would compute its tables of Unicode anew, which takes a second; it keeps nothing else
    there that matters, since what is deterministic remembers no examples. Its plugins, such as trio's, do nothing here.
    """
    return {
        **os.environ,
        "HYPOTHESIS_STORAGE_DIRECTORY": str(REPOSITORY / ".hypothesis"),
        "HYPOTHESIS_NO_PLUGINS": "1",
    }


def _make_key(stack: Mapping[str, Any]) -> str:
    """Return a new API key that may do all that a key may, for an hour."""
    expires_at = datetime.now(UTC) + timedelta(hours=1)
    answer = httpx.post(
        f"{stack['base_url']}/api/v1/access/keys",
        json={
            "name": f"fuzz-{uuid4()}",
            "owner": "make fuzz",
            "scopes": SCOPES,
            "expires_at": expires_at.isoformat(),
            "requests_per_hour": KEY_LIMIT,
            "batches_per_hour": KEY_LIMIT,
        },
        headers={"Authorization": f"Bearer {stack['credentials']['admin_token']}"},
        timeout=60,
    )
    answer.raise_for_status()
    return str(answer.json()["key"])
