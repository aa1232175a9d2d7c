"""The API: its operations, and a form to try each with."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from utxoiq_console import trial
from utxoiq_console.documentation import Operation
from utxoiq_console.page_context import PageContext
from utxoiq_console.refusal import Refused
from utxoiq_console.sources import SourceUnavailable
from utxoiq_console.trial import InvalidTrial, Outcome


async def show_all(context: PageContext, request: Request, _: str) -> Response:
    """Return the list of operations."""
    return context.page("api.html", request, groups=context.groups())


async def show_one(context: PageContext, request: Request, name: str) -> Response:
    """Return an operation with its form, and the answer to what the form has sent. Raises Refused."""
    operation = context.operations.get(name)
    if operation is None:
        raise Refused(404, "There is no such operation. The list of all is under API.")
    if request.method != "POST":
        return _page(context, request, operation, _suggested(context, request, operation), None, "")
    form = await context.form(request)
    opened = await context.opened.get()
    try:
        local = context.credentials.find(form.get("credential_kind", ""), operation, form)
        sent = trial.fill_in(operation, form, local, context.settings.base_url)
        outcome = await trial.send(opened.session, sent)
    except (InvalidTrial, SourceUnavailable) as problem:
        return _page(context, request, operation, form, None, str(problem))
    return _page(context, request, operation, form, outcome, "")


def _suggested(context: PageContext, request: Request, operation: Operation) -> dict[str, str]:
    """Return the form's values for the kind of caller that the query chooses, by default the first that may call."""
    given = context.query(request)
    kind = given.get("as", "") or next(iter(operation.kinds), "")
    if kind not in operation.kinds:
        kind = ""
    return {
        **{name: value for name, value in given.items() if name.partition(".")[0] in ("path", "query", "header")},
        "as": kind,
        "credential_kind": context.credentials.choice(kind),
    }


def _page(
    context: PageContext,
    request: Request,
    operation: Operation,
    given: Mapping[str, str],
    outcome: Outcome | None,
    problem: str,
) -> Response:
    try:
        local = context.credentials.find(given.get("credential_kind", ""), operation, given)
        curl = trial.fill_in(operation, _with_names(operation, given), local, context.settings.base_url).curl
    except InvalidTrial:
        curl = ""
    return context.page(
        "operation.html",
        request,
        operation=operation,
        given=given,
        outcome=outcome,
        problem=problem,
        curl=curl,
        offered=context.credentials.offered(),
        said=f"Answered {outcome.status}." if outcome else problem,
    )


def _with_names(operation: Operation, given: Mapping[str, str]) -> dict[str, str]:
    """Return the values with the names of path parameters in place of those that are missing, for the curl line."""
    names = {f"path.{one.name}": one.name.upper() for one in operation.fields if one.place == "path"}
    return {**names, **{name: value for name, value in given.items() if value.strip() or name not in names}}
