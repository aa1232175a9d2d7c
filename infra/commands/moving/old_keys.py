"""The old system's API keys. They cannot move, since their hashes are of another make; new ones can be made."""

import shlex
from collections.abc import Sequence
from typing import Any

from commands.keys.command import SCOPES
from commands.output import Output
from commands.recover.database import Database

# What an old scope lets do here; the others are about what is not ours.
MEANINGS = {
    "monitoring:read": ("backfill:read", "metrics:read"),
    "monitoring:write": ("backfill:write", "metrics:write"),
    **{scope: (scope,) for scope in SCOPES},
}
KEYS = """
    SELECT name, coalesce(users.email, api_keys.user_id::text, 'nobody'), scopes, subscription_tier
    FROM api_keys LEFT JOIN users ON users.id = api_keys.user_id WHERE revoked_at IS NULL ORDER BY 1, 2"""
# What the old system let a user of this tier do in an hour.
POWER, POWER_REQUESTS = "power", 10_000


def show_keys(old: Database, output: Output) -> list[dict[str, Any]]:
    """Show the keys that are in use, and how to make their like; return the same. Raises CommandFailed."""
    keys = [_key(*row) for row in old.rows(KEYS)]
    if not keys:
        return keys
    output.table(
        "API keys to make anew",
        ("name", "owner", "old scopes", "scopes here"),
        [[row["name"], row["owner"], " ".join(row["old_scopes"]), " ".join(row["scopes"]) or "none"] for row in keys],
    )
    for row in keys:
        if row["command"]:
            output.line(row["command"])
    return keys


def _key(name: str | None, owner: str, old_scopes: Sequence[str] | None, tier: str | None) -> dict[str, Any]:
    scopes = sorted({scope for old in old_scopes or () for scope in MEANINGS.get(old, ())})
    words = ["keys", "create", name or "unnamed", "--owner", owner]
    for scope in scopes:
        words += ["--scope", scope]
    if tier == POWER:
        words += ["--requests", str(POWER_REQUESTS)]
    return {
        "name": name or "unnamed",
        "owner": owner,
        "old_scopes": list(old_scopes or ()),
        "scopes": scopes,
        # Names are anybody's words: what is pasted into a shell is quoted for it.
        "command": f"PYTHONPATH=infra .venv/bin/python -m commands {shlex.join(words)}" if scopes else None,
    }
