"""Incidents: what they measure, who is at them, and for how long they notify nobody."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from tests.unit.console.test_forms import token_of
from tests.unit.console.test_pages import INCIDENT, page, visit, words
from tests.unit.console.world import OPERATOR, PREFIX, World, alert, change

from utxoiq_console import moments


def world() -> World:
    return World(alerts=[alert("pool-nearly-full")])


def act(world: World, **form: str) -> list[httpx.Response]:
    """Send the form of the incident's page; return the answer, and the page after it."""

    async def send(client: httpx.AsyncClient) -> list[httpx.Response]:
        answer = await client.post(INCIDENT, data={"token": await token_of(client), **form})
        return [answer, await client.get(INCIDENT)]

    answers: list[httpx.Response] = visit(world, send)
    return answers


def test_an_incident_shows_its_value_its_limit_and_what_to_read() -> None:
    text = page(INCIDENT, world()).text
    assert "The pool of a function is nearly full" in words(text)
    assert "Value now 1250 %" in words(text).replace(",", "")
    assert "above 90 % for 2 min" in words(text)
    assert "https://runbooks.example/alerts/pool-nearly-full.md" in text
    assert "/console/logs?around=" in text
    assert "data-chart=" in text


def test_an_incident_is_acknowledged_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    answer, _ = act(world(), do="acknowledge", note="it is the backfill")
    assert answer.status_code == 303
    line = next(line for line in capsys.readouterr().out.splitlines() if "incident.acknowledge" in line)
    assert f'"subject":"{PREFIX}-pool-nearly-full"' in line
    assert "it is the backfill" in line
    assert OPERATOR in line


def test_who_acknowledged_it_is_on_its_page_and_on_the_list() -> None:
    known = world()
    known.entries.append(change("incident.acknowledge", f"{PREFIX}-pool-nearly-full", note="mine"))
    assert f"Acknowledged by {OPERATOR} mine" in words(page(INCIDENT, known).text)
    assert f"acknowledged by {OPERATOR}" in words(page("/console/incidents", known).text)


def test_a_policy_is_silenced_for_a_time_and_speaks_again() -> None:
    silent = world()
    _, shown = act(silent, do="silence", length="2h")
    (snooze,) = silent.snoozes
    assert snooze["criteria"] == {"policies": ["projects/project/alertPolicies/7"]}
    assert OPERATOR in snooze["displayName"]
    assert moments.parse_time(snooze["interval"]["endTime"]) > datetime.now(UTC) + timedelta(minutes=115)
    assert "Silent in 1 h 59 min" in words(shown.text) or "Silent in 2 h" in words(shown.text)
    act(silent, do="speak")
    assert moments.parse_time(snooze["interval"]["endTime"]) <= datetime.now(UTC)


@pytest.mark.parametrize("form", [{"do": "silence", "length": "a year"}, {"do": "close"}, {}])
def test_nothing_else_is_done_to_an_incident(form: dict[str, str]) -> None:
    there = world()
    answer, _ = act(there, **form)
    assert answer.status_code == 422
    assert there.snoozes == []


def test_an_incident_is_not_acknowledged_from_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    async def send(client: httpx.AsyncClient) -> httpx.Response:
        return await client.post(INCIDENT, data={"do": "acknowledge", "token": "made-up"})

    assert visit(world(), send).status_code == 403
    assert "incident.acknowledge" not in capsys.readouterr().out


def closed(slug: str) -> dict[str, object]:
    return alert(slug, state="CLOSED", closeTime=datetime.now(UTC).isoformat())


@pytest.mark.parametrize(("make", "status"), [(alert, 200), (closed, 200)])
def test_what_has_ended_keeps_its_page(make: Callable[[str], dict[str, object]], status: int) -> None:
    assert page(INCIDENT, World(alerts=[make("pool-nearly-full")])).status_code == status


def test_an_incident_of_another_stack_has_no_page() -> None:
    other = World(alerts=[alert("pool-nearly-full", stack="utxoiq-other")])
    assert page("/console/incidents/utxoiq-other-pool-nearly-full", other).status_code == 404
