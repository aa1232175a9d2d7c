"""API keys of the persistence layer: create, list, rotate and revoke them.

Without --url it talks to the local stack (`make up`), as its operator. Elsewhere credentials come from the environment:
UTXOIQ_ADMIN_KEY, an API key with the scope admin, or UTXOIQ_ADMIN_TOKEN, an operator's ID token.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from commands.keys.api import Api, Refused

KEY, TOKEN = "UTXOIQ_ADMIN_KEY", "UTXOIQ_ADMIN_TOKEN"
SCOPES = (
    "backfill:read",
    "backfill:write",
    "feedback:read",
    "feedback:write",
    "metrics:read",
    "metrics:write",
    "admin",
)
COLUMNS = ("id", "name", "owner", "status", "scopes", "expires_at", "last_used_at")
PAGE = 100


def create(api: Api, arguments: argparse.Namespace) -> None:
    body = {
        "name": arguments.name,
        "owner": arguments.owner,
        "scopes": arguments.scope,
        "expires_at": _expiry(arguments.days),
        "requests_per_hour": arguments.requests,
        "batches_per_hour": arguments.batches,
    }
    _show_once(api.post("", {name: value for name, value in body.items() if value is not None}))


def list_keys(api: Api, arguments: argparse.Namespace) -> None:
    rows: list[Any] = []
    while True:
        page = api.get("", owner=arguments.owner, status=arguments.status, limit=PAGE, offset=len(rows))
        rows += page
        if len(page) < PAGE:
            break
    cells = [[_cell(row[column]) for column in COLUMNS] for row in rows]
    widths = [max(map(len, column)) for column in zip(COLUMNS, *cells, strict=True)]
    for line in [list(COLUMNS), *cells]:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())  # noqa: T201


def rotate(api: Api, arguments: argparse.Namespace) -> None:
    body = {"overlap_seconds": arguments.overlap, "expires_at": _expiry(arguments.days)}
    _show_once(api.post("/rotate", body, key_id=arguments.id))


def revoke(api: Api, arguments: argparse.Namespace) -> None:
    row = api.post("/revoke", None, key_id=arguments.id)
    print(f"{row['id']} ({row['name']}) is revoked; within seconds it opens nothing.")  # noqa: T201


def main() -> int:
    arguments = _parser().parse_args()
    try:
        arguments.run(_api(arguments.url, arguments.stack), arguments)
    except Refused as refusal:
        print(f"keys: {refusal}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="keys", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", help="of the system, such as https://api.example.com; the local stack's if left out")
    parser.add_argument("--stack", type=Path, default=Path(".local/stack.json"), help="the local stack's description")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("create", help="a new key; it is shown once")
    command.add_argument("name", help="what limits, logs and the audit know the service by")
    command.add_argument("--owner", required=True, help="who answers for it")
    command.add_argument("--scope", action="append", required=True, choices=SCOPES, help="may be given several times")
    command.add_argument("--days", type=int, help="until it expires; never if left out")
    command.add_argument("--requests", type=int, help="an hour; the usual limit if left out")
    command.add_argument("--batches", type=int, help="an hour; the usual limit if left out")
    command.set_defaults(run=create)

    command = commands.add_parser("list", help="all keys, newest first")
    command.add_argument("--owner")
    command.add_argument("--status", choices=("active", "expired", "revoked"))
    command.set_defaults(run=list_keys)

    command = commands.add_parser("rotate", help="a successor with the same rights; both are valid for a while")
    command.add_argument("id", help="the key's, from `list`")
    command.add_argument("--overlap", type=int, default=86400, help="seconds that both are valid (default: a day)")
    command.add_argument("--days", type=int, help="until the new one expires; never if left out")
    command.set_defaults(run=rotate)

    command = commands.add_parser("revoke", help="end a key for good")
    command.add_argument("id", help="the key's, from `list`")
    command.set_defaults(run=revoke)
    return parser


def _api(url: str | None, description: Path) -> Api:
    """Raises Refused."""
    credentials = _credentials(os.environ)
    if url is not None:
        if not credentials:
            raise Refused(f"set {KEY} to an API key with the scope admin, or {TOKEN} to an operator's ID token")
        return Api(url, credentials)
    if not description.exists():
        raise Refused("the local stack does not run: start it by `make up`, or give --url")
    stack = json.loads(description.read_text())
    return Api(stack["base_url"], credentials or {"Authorization": f"Bearer {stack['credentials']['admin_token']}"})


def _credentials(environment: Mapping[str, str]) -> dict[str, str]:
    if KEY in environment:
        return {"X-API-Key": environment[KEY]}
    return {"Authorization": f"Bearer {environment[TOKEN]}"} if TOKEN in environment else {}


def _expiry(days: int | None) -> str | None:
    return None if days is None else (datetime.now(UTC) + timedelta(days=days)).isoformat()


def _show_once(row: Any) -> None:
    """The key alone on standard output, to be piped to where it belongs."""
    print(f"{row['id']} ({row['name']}): keep this key, it is not shown again", file=sys.stderr)  # noqa: T201
    print(row["key"])  # noqa: T201


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(value)
    return "-" if value is None else str(value)[:40]


if __name__ == "__main__":
    sys.exit(main())
