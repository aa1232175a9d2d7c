"""Incidents: the open ones and their history, and each with its value, its limit and what can be done."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from utxoiq_console import changes, incident_values, incidents, snoozes
from utxoiq_console.changes import Change, ChangeQuery
from utxoiq_console.incidents import Incident
from utxoiq_console.page_context import Opened, PageContext, see_other
from utxoiq_console.refusal import Refused
from utxoiq_console.snoozes import LENGTHS, Snooze
from utxoiq_console.sources import Reading, SourceUnavailable

SECONDS = 5
ACKNOWLEDGE, SILENCE, SPEAK = "incident.acknowledge", "incident.silence", "incident.speak"
HANDLED = 200


async def show_all(context: PageContext, request: Request, _: str) -> Response:
    """Return the open incidents and the history of the others."""
    opened = await context.opened.get()
    found = await _incidents(context, opened)
    return context.page(
        "incidents.html",
        request,
        every=SECONDS,
        incidents=found,
        handled=await _handled(context, opened, ""),
        silences=_by_policy(await _snoozes(context, opened)),
    )


async def show_one(context: PageContext, request: Request, name: str) -> Response:
    """Return an incident, or do to it what its form says. Raises Refused."""
    opened = await context.opened.get()
    found = await _incidents(context, opened)
    incident = found.value.find(name) if found.value else None
    if incident is None:
        raise Refused(502 if found.problem else 404, found.problem or "There is no such incident, or no longer.")
    if request.method == "POST":
        return await _act(context, request, opened, incident)
    measured = await opened.read(
        ("measured", name), lambda: incident_values.read(context.settings, opened.google, incident), 2 * SECONDS
    )
    silences = await _snoozes(context, opened)
    return context.page(
        "incident.html",
        request,
        every=SECONDS if incident.closed is None else 0,
        charts=True,
        incident=incident,
        measured=measured,
        handled=await _handled(context, opened, name),
        silenced=_by_policy(silences).get(incident.policy),
        silences=silences,
        lengths=LENGTHS,
        before=_before(found.value.closed if found.value else (), incident),
        said={"acknowledged": "Acknowledged.", "silenced": "Silenced.", "speaks": "It notifies again."}.get(
            request.query_params.get("done", ""), ""
        ),
    )


async def _act(context: PageContext, request: Request, opened: Opened, incident: Incident) -> Response:
    """Acknowledge or silence an incident, or end its silence, and lead back to its page. Raises Refused."""
    form = await context.form(request)
    what = form.get("do", "")
    caller = context.caller(request).removeprefix("operator:")
    try:
        if what == "acknowledge":
            context.note_change(request, ACKNOWLEDGE, incident.id, {"note": form.get("note", "")[:500]})
            done = "acknowledged"
        elif what == "silence" and form.get("length") in LENGTHS:
            length = LENGTHS[form["length"]]
            title = f"{incident.slug}, by {caller}"
            await snoozes.create(context.settings, opened.google, incident.policy, title, length)
            context.note_change(request, SILENCE, incident.id, {"policy": incident.slug, "length": form["length"]})
            done = "silenced"
        elif what == "speak":
            for one in await snoozes.read(context.settings, opened.google):
                if one.policies == (incident.policy,):
                    await snoozes.end(opened.google, one)
            context.note_change(request, SPEAK, incident.id, {"policy": incident.slug})
            done = "speaks"
        else:
            raise Refused(422, "Choose to acknowledge or to silence, and for how long.")
    except SourceUnavailable as away:
        raise Refused(502, f"Nothing was done. {away}") from away
    opened.forget("snoozes", ("handled", incident.id), ("handled", ""))
    return see_other(f"/console/incidents/{incident.id}?done={done}")


async def _incidents(context: PageContext, opened: Opened) -> Reading[incidents.Incidents]:
    return await opened.read("incidents", lambda: incidents.read(context.settings, opened.google), SECONDS - 1)


async def _snoozes(context: PageContext, opened: Opened) -> Reading[list[Snooze]]:
    return await opened.read("snoozes", lambda: snoozes.read(context.settings, opened.google), SECONDS - 1)


async def _handled(context: PageContext, opened: Opened, incident: str) -> Reading[dict[str, list[Change]]]:
    """Return what operators have done about incidents, by the incidents' ids, newest first."""

    async def read() -> dict[str, list[Change]]:
        found: dict[str, list[Change]] = {}
        for action in (ACKNOWLEDGE, SILENCE, SPEAK):
            wanted = ChangeQuery(action, incident, HANDLED)
            for one in await changes.read(context.settings, opened.google, wanted):
                found.setdefault(one.subject, []).append(one)
        return {name: sorted(done, key=lambda one: one.at, reverse=True) for name, done in found.items()}

    return await opened.read(("handled", incident), read, SECONDS - 1)


def _by_policy(reading: Reading[list[Snooze]]) -> dict[str, Snooze]:
    return {policy: one for one in reading.value or () for policy in one.policies}


def _before(closed: Sequence[Incident], incident: Incident) -> list[Incident]:
    """Return the earlier incidents of the same policy, newest first."""
    return [one for one in closed if one.policy == incident.policy and one.opened < incident.opened]
