"""What has a life: schedules and their attempts, backups, retention, the archive; keys, and the audit log."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from utxoiq_console import changes, tables, trial
from utxoiq_console.changes import Change, ChangeQuery
from utxoiq_console.documentation import Operation
from utxoiq_console.page_context import Opened, PageContext, see_other
from utxoiq_console.refusal import Refused
from utxoiq_console.sources import Reading, SourceUnavailable
from utxoiq_console.tables import AUDIT, KEYS, Rows, Table
from utxoiq_console.trial import InvalidTrial, Outcome

SECONDS = 5
KEPT_SECONDS = 4
RUNS = {
    "retention.run": "Retention runs",
    "retention.restore": "Restores",
    "backup.run": "Backups",
    "backup.verify": "Verifications",
}
RUNS_SHOWN = 10
MAX_FIELD = 200


async def show(context: PageContext, request: Request, _: str) -> Response:
    """Return schedules, backups, retention runs, restores and the archive. Raises Refused."""
    form = await context.form(request) if request.method == "POST" else {}
    opened = await context.opened.get()
    ran = context.query(request).get("ran", "")
    backup = await _answer(context, opened, "get_backup_status", form)
    archive = await _answer(context, opened, "list_archive_days", form)
    runs = {action: await _runs(context, opened, action) for action in RUNS}
    return context.page(
        "lifecycle.html",
        request,
        every=0 if form.get("credential") else SECONDS,
        schedules=await opened.overviews.schedules(),
        backup=backup,
        archive=archive,
        runs=runs,
        titles=RUNS,
        is_local=bool(context.credentials.offered()),
        said=f"{ran} was started: its last run shows how it ended." if ran else "",
    )


async def show_schedule(context: PageContext, request: Request, name: str) -> Response:
    """Return a schedule and its attempts of the last days. Raises Refused."""
    opened = await context.opened.get()
    schedules = await opened.overviews.schedules()
    schedule = next((one for one in schedules.value or () if one.name == name), None)
    if schedule is None:
        raise Refused(502 if schedules.problem else 404, schedules.problem or "This stack has no such schedule.")
    attempts = await opened.read(("attempts", name), lambda: opened.schedules.history(name), KEPT_SECONDS)
    return context.page("schedule.html", request, every=SECONDS, schedule=schedule, attempts=attempts)


async def run_schedule(context: PageContext, request: Request, _: str) -> Response:
    """Run a schedule now, and lead to where its last run is shown. Raises Refused."""
    form = await context.form(request)
    opened = await context.opened.get()
    name = form.get("name", "")
    try:
        await opened.schedules.run(name)
    except SourceUnavailable as away:
        raise Refused(502, f"{name[:MAX_FIELD]} was not started. {away}") from away
    context.note_change(request, "schedule.run", name, {})
    opened.overviews.run_happened()
    return see_other(f"/console/lifecycle?ran={quote(name)}#schedules")


async def show_access(context: PageContext, request: Request, _: str) -> Response:
    """Return the keys and the audit log, and what the form does to a key. Raises Refused."""
    form = await context.form(request) if request.method == "POST" else {}
    given = {**context.query(request), **{name: value.strip() for name, value in form.items()}}
    opened = await context.opened.get()
    outcome, problem = await _change_key(context, request, opened, given) if given.get("do") else (None, "")
    keys = await _rows(context, opened, KEYS, given)
    audit = await _rows(context, opened, AUDIT, given)
    return context.page(
        "access.html",
        request,
        keys=keys,
        audit=audit,
        fields={one.name: tables.filters(context.operations[one.operation]) for one in (KEYS, AUDIT)},
        scopes=_scopes(context.operations["create_api_key"]),
        given=given,
        is_local=bool(context.credentials.offered()),
        outcome=outcome,
        issued=_issued(outcome),
        problem=problem,
        said=problem or (f"Answered {outcome.status}." if outcome else ""),
    )


async def _change_key(
    context: PageContext, request: Request, opened: Opened, given: Mapping[str, str]
) -> tuple[Outcome | None, str]:
    """Create, rotate or revoke a key as the form says, with the operator's own credential."""
    what, _, key = given["do"].partition(":")
    name = {"create": "create_api_key", "rotate": "rotate_api_key", "revoke": "revoke_api_key"}.get(what)
    if name is None or request.method != "POST":
        raise Refused(422, "A key is created, rotated or revoked by a button of this page.")
    operation = context.operations[name]
    filled = {"query.key_id": key, "body": json.dumps(_body(what, given))}
    credential = context.operator(operation, given)
    if credential is None:
        return None, "Nothing was done: paste an operator's ID token first."
    try:
        return await trial.send(opened.session, trial.fill_in(operation, filled, credential)), ""
    except (InvalidTrial, SourceUnavailable) as failed:
        return None, str(failed)


def _body(what: str, given: Mapping[str, str]) -> dict[str, Any]:
    if what != "create":
        return {}
    scopes = [name.removeprefix("scope.") for name in given if name.startswith("scope.")]
    named = {name: given[name] for name in ("name", "owner", "expires_at") if given.get(name)}
    return {**named, "scopes": scopes}


def _issued(outcome: Outcome | None) -> str:
    """Return the key that an answer shows this one time; empty if it has none."""
    if outcome is None or not outcome.good:
        return ""
    body: Mapping[str, Any] = json.loads(outcome.body)
    return str(body.get("key", ""))


def _scopes(operation: Operation) -> list[str]:
    schema = json.loads(operation.body.schema) if operation.body else {}
    scopes: list[str] = schema["properties"]["scopes"]["items"]["enum"]
    return scopes


async def _answer(
    context: PageContext, opened: Opened, name: str, given: Mapping[str, str]
) -> Reading[Mapping[str, Any]] | None:
    """Return what an operation answers an operator; None without an operator's credential."""
    operation = context.operations[name]
    credential = context.operator(operation, given)
    if credential is None:
        return None

    async def read() -> Mapping[str, Any]:
        answer: Mapping[str, Any] = (await opened.functions.get(operation.path, {}, credential)).body
        return answer

    return await opened.read((name, credential), read, KEPT_SECONDS)


async def _rows(context: PageContext, opened: Opened, table: Table, given: Mapping[str, str]) -> Reading[Rows] | None:
    operation = context.operations[table.operation]
    credential = context.operator(operation, given)
    if credential is None:
        return None
    query = tables.build_query(table, operation, given)
    cursor = given.get(f"{table.name}.cursor", "")
    try:
        return Reading(await tables.read(opened.functions, table, operation, query, cursor, credential))
    except SourceUnavailable as away:
        return Reading(problem=str(away))


async def _runs(context: PageContext, opened: Opened, action: str) -> Reading[list[Change]]:
    wanted = ChangeQuery(action, limit=RUNS_SHOWN)
    return await opened.read(wanted, lambda: changes.read(context.settings, opened.google, wanted), KEPT_SECONDS)
