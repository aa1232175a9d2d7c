"""Buttons are pressed by those who see them, and by nobody else."""

import re
import time
from collections.abc import Mapping

import httpx
import pytest
from tests.unit.console.test_pages import visit, words
from tests.unit.console.world import OPERATOR, World, token_without_signature

from utxoiq_console.forms import ForgedForm, Forms, identify_caller

RUN = "/console/schedules/run"
SAME = {"sec-fetch-site": "same-origin"}


async def token_of(client: httpx.AsyncClient) -> str:
    match = re.search(r'name="token" value="([^"]+)"', (await client.get("/console/api/start_backfill_job")).text)
    assert match is not None
    return match[1]


def run(
    world: World, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    async def act(client: httpx.AsyncClient) -> httpx.Response:
        token = await token_of(client)
        data = {"name": "publish-metrics", "token": token, **(form or {})}
        return await client.post(RUN, data=data, headers=headers or {})

    answer: httpx.Response = visit(world, act)
    return answer


def test_a_schedule_is_run_and_the_page_shown_again() -> None:
    world = World()
    answer = run(world)
    assert world.ran == ["utxoiq-test-publish-metrics"]
    assert answer.status_code == 303
    assert answer.headers["location"] == "/console/lifecycle?ran=publish-metrics#schedules"


def test_the_page_then_says_so() -> None:
    async def get(client: httpx.AsyncClient) -> str:
        return (await client.get("/console/lifecycle?ran=publish-metrics")).text

    assert "publish-metrics was started" in words(visit(World(), get))


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ({"token": ""}, {}),
        ({"token": "made-up"}, {}),
        ({}, {"Sec-Fetch-Site": "cross-site"}),
        ({}, {"Sec-Fetch-Site": "same-site"}),
        ({}, {"Origin": "https://elsewhere.example"}),
        ({}, {"Origin": "null"}),
        ({}, {"Authorization": f"Bearer {token_without_signature('eve@example.com')}"}),
    ],
)
def test_a_forged_form_does_nothing(form: Mapping[str, str], headers: Mapping[str, str]) -> None:
    world = World()
    answer = run(world, form, headers)
    assert answer.status_code == 403
    assert "Nothing was done" in answer.text
    assert world.ran == []


def test_only_this_stacks_schedules_can_be_run() -> None:
    for name in ("other", "../publish-metrics", ""):
        world = World()
        assert run(world, {"name": name}).status_code == 502
        assert world.ran == []


def test_a_schedule_that_cannot_be_started_is_said_so() -> None:
    world = World(broken={"cloudscheduler"})
    answer = run(world)
    assert answer.status_code == 502
    assert "was not started" in words(answer.text)


def test_a_schedule_that_may_have_been_started_is_said_so() -> None:
    answer = run(World(broken={"run"}))
    assert answer.status_code == 502
    assert "the console does not send it again" in words(answer.text)
    assert "retries" not in answer.text


def test_a_form_is_a_form() -> None:
    async def act(client: httpx.AsyncClient) -> list[int]:
        token = await token_of(client)
        wrong = await client.post(RUN, json={"name": "publish-metrics", "token": token})
        long = await client.post(RUN, data={"token": token, "name": "x" * 300_000})
        return [wrong.status_code, long.status_code]

    assert visit(World(), act) == [415, 413]


def test_one_instance_takes_what_another_has_shown() -> None:
    Forms("secret").check(SAME, OPERATOR, Forms("secret").token(OPERATOR))
    with pytest.raises(ForgedForm):
        Forms("secret").check(SAME, OPERATOR, Forms("another").token(OPERATOR))


def test_a_page_may_be_half_a_day_old(monkeypatch: pytest.MonkeyPatch) -> None:
    forms = Forms("secret")
    token, now = forms.token(OPERATOR), time.time()
    monkeypatch.setattr(time, "time", lambda: now + 11 * 3600)
    forms.check(SAME, OPERATOR, token)
    monkeypatch.setattr(time, "time", lambda: now + 14 * 3600)
    with pytest.raises(ForgedForm, match="older"):
        forms.check(SAME, OPERATOR, token)


def test_a_proxy_on_the_operators_machine_is_no_other_page() -> None:
    """`gcloud run services proxy` leaves the browser's Origin as it is, and not its Host."""
    forms = Forms("secret")
    headers = {**SAME, "origin": "http://localhost:8080", "host": "console-abc.a.run.app"}
    forms.check(headers, OPERATOR, forms.token(OPERATOR))


@pytest.mark.parametrize("authorization", ["", "Bearer x", "Bearer a.b.c", "Bearer e30.W10.x"])
def test_who_cannot_be_told_is_anonymous(authorization: str) -> None:
    assert identify_caller({"authorization": authorization}) == "anonymous"


def test_the_caller_is_whom_the_platform_let_in() -> None:
    assert identify_caller({"authorization": f"Bearer {token_without_signature(OPERATOR)}"}) == f"operator:{OPERATOR}"
