"""`keys`: create, list, rotate and revoke API keys."""

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from commands import stack
from commands.api import Api, connect
from commands.errors import CommandFailed, ExitCode
from commands.output import Output
from commands.parser import CommandParser, Run, count, filled
from utxoiq_infra.configuration import catalog

DESCRIPTION = """\
API keys: create, list, rotate and revoke them.

Without --url it talks to the local system (`make up`), as its operator. Elsewhere credentials come from the
environment: UTXOIQ_ADMIN_KEY, an API key with the scope admin, or UTXOIQ_ADMIN_TOKEN, an operator's ID token."""
KEY, TOKEN = "UTXOIQ_ADMIN_KEY", "UTXOIQ_ADMIN_TOKEN"
SCOPES = (*catalog.SCOPES, catalog.ADMIN_SCOPE)
PATH = "/api/v1/access/keys"
COLUMNS = ("id", "name", "owner", "status", "scopes", "expires_at", "last_used_at")
WIDEST = 40
PAGE = 100
A_DAY = 86_400


def add_to(parser: CommandParser) -> None:
    """Add the commands."""
    keys = parser.add_group("keys", "create, list, rotate and revoke API keys", DESCRIPTION)
    keys.inherit(_add_url, {"url": None})

    command = keys.add_command("create", "make a new key; it is shown once", _over_http(create))
    command.add_argument("name", type=filled, help="what limits, logs and the audit log know the service by")
    command.add_argument("--owner", required=True, type=filled, help="who answers for it")
    command.add_argument("--scope", action="append", required=True, choices=SCOPES, help="may be given several times")
    command.add_argument("--days", type=count, help="until it expires; never if left out")
    command.add_argument("--requests", type=count, help="an hour; the usual limit if left out")
    command.add_argument("--batches", type=count, help="an hour; the usual limit if left out")

    command = keys.add_command("list", "show all keys, newest first", _over_http(list_keys))
    command.add_argument("--owner", help="only this owner's")
    command.add_argument("--status", choices=("active", "expired", "revoked"), help="only those")

    command = keys.add_command(
        "rotate", "make a successor with the same rights; both are valid for a while", _over_http(rotate)
    )
    command.add_argument("id", type=filled, help="the key's, from `list`")
    command.add_argument("--overlap", type=count, default=A_DAY, help="seconds that both are valid (default: a day)")
    command.add_argument("--days", type=count, help="until the new one expires; never if left out")

    command = keys.add_command("revoke", "end a key for good", _over_http(revoke))
    command.add_argument("id", type=filled, help="the key's, from `list`")


async def create(api: Api, given: argparse.Namespace, output: Output) -> Any:
    """Make a key and return it with its secret."""
    body = {
        "name": given.name,
        "owner": given.owner,
        "scopes": given.scope,
        "expires_at": _expiry(given.days),
        "requests_per_hour": given.requests,
        "batches_per_hour": given.batches,
    }
    answer = await api.post(PATH, {name: value for name, value in body.items() if value is not None})
    return _show_once(answer.body, output)


async def list_keys(api: Api, given: argparse.Namespace, output: Output) -> Any:
    """Return all keys that were asked for."""
    rows: list[Any] = []
    while True:
        page = await api.get(PATH, owner=given.owner, status=given.status, limit=PAGE, offset=len(rows))
        rows += page
        if len(page) < PAGE:
            break
    output.table("API keys", COLUMNS, [[_cell(row[column]) for column in COLUMNS] for row in rows])
    return rows


async def rotate(api: Api, given: argparse.Namespace, output: Output) -> Any:
    """Make a key's successor and return it with its secret."""
    body = {"overlap_seconds": given.overlap, "expires_at": _expiry(given.days)}
    answer = await api.post(f"{PATH}/rotate", body, query={"key_id": given.id})
    return _show_once(answer.body, output)


async def revoke(api: Api, given: argparse.Namespace, output: Output) -> Any:
    """End a key and return it."""
    row = (await api.post(f"{PATH}/revoke", None, query={"key_id": given.id})).body
    output.line(f"{row['id']} ({row['name']}) is revoked; within seconds it opens nothing.")
    return row


def _over_http(call: Callable[[Api, argparse.Namespace, Output], Awaitable[Any]]) -> Run:
    def run(given: argparse.Namespace, output: Output) -> Any:
        base_url, headers = _target(given)

        async def connected() -> Any:
            async with connect(base_url, headers) as api:
                return await call(api, given, output)

        return asyncio.run(connected())

    return run


def _add_url(parser: CommandParser) -> None:
    parser.add_argument("--url", help="of the system, such as https://api.example.com (default: the local system's)")


def _target(given: argparse.Namespace) -> tuple[str, Mapping[str, str]]:
    """The base URL, and the credentials. Raises CommandFailed."""
    headers = _credentials(os.environ)
    if given.url is not None:
        if not headers:
            raise CommandFailed(
                "no credentials were given",
                remedy=f"Set {KEY} to an API key with the scope admin, or {TOKEN} to an operator's ID token.",
                code=ExitCode.REFUSED,
            )
        return given.url, headers
    found = stack.read(given.stack_file, otherwise="--url")
    return found.base_url, headers or {"Authorization": f"Bearer {found.credential('admin_token')}"}


def _credentials(environment: Mapping[str, str]) -> dict[str, str]:
    if KEY in environment:
        return {"X-API-Key": environment[KEY]}
    return {"Authorization": f"Bearer {environment[TOKEN]}"} if TOKEN in environment else {}


def _expiry(days: int | None) -> str | None:
    return None if days is None else (datetime.now(UTC) + timedelta(days=days)).isoformat()


def _show_once(row: Any, output: Output) -> Any:
    """The key alone on standard output, to be piped to where it belongs."""
    output.note(f"{row['id']} ({row['name']}): keep this key, it is not shown again")
    output.line(row["key"])
    return row


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(value)
    return "-" if value is None else str(value)[:WIDEST]
