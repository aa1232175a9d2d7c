"""Credentials of a local stack: offered by name, sent where they are meant to go, and on no page."""

import json
from pathlib import Path

import httpx
import pytest
from tests.unit.console.test_forms import token_of
from tests.unit.console.test_pages import page, visit, words
from tests.unit.console.world import World

SECRETS = {
    "user_token": "of-a-user",
    "service_key": "uiq_service",
    "admin_token": "of-an-operator",
    "database_token": "x",
}
RATE = "/console/api/rate_insight"


@pytest.fixture
def world(tmp_path: Path) -> World:
    file = tmp_path / "stack.json"
    file.write_text(json.dumps({"credentials": SECRETS}))
    return World(credentials=str(file))


def sent(world: World, path: str, **form: str) -> dict[str, str]:
    """The headers of what the form of a page sends."""

    async def post(client: httpx.AsyncClient) -> str:
        return (await client.post(path, data={"token": await token_of(client), **form})).text

    text = visit(world, post)
    assert not [secret for secret in SECRETS.values() if len(secret) > 1 and secret in text]
    return world.asked[-1][2]


def test_they_are_offered_by_name_only(world: World) -> None:
    text = page(RATE, world).text
    assert "the deployment&#39;s service key" in text
    assert "Cloud Scheduler</option>" not in text, "the stack has none"
    assert not [secret for secret in SECRETS.values() if len(secret) > 1 and secret in text]


@pytest.mark.parametrize(
    ("choice", "header", "value"),
    [
        ("local:user_token", "Authorization", "Bearer of-a-user"),
        ("local:service_key", "X-API-Key", "uiq_service"),
        ("local:admin_token", "Authorization", "Bearer of-an-operator"),
    ],
)
def test_the_chosen_one_is_sent(world: World, choice: str, header: str, value: str) -> None:
    assert sent(world, RATE, credential_kind=choice, body="{}")[header] == value


def test_a_private_function_gets_the_token_that_is_for_it(world: World) -> None:
    headers = sent(world, "/console/api/get_pool_metrics", credential_kind="local:admin_token")
    assert headers["Authorization"] == "Bearer x"


@pytest.mark.parametrize("choice", ["local:redis", "local:", "local:../stack", "local:scheduler_token"])
def test_no_other_is_sent(world: World, choice: str) -> None:
    async def post(client: httpx.AsyncClient) -> str:
        form = {"token": await token_of(client), "credential_kind": choice, "body": "{}"}
        return (await client.post(RATE, data=form)).text

    assert "the credential must be" in words(visit(world, post))
    assert not [url for _, url, _, _ in world.asked if "feedback/rate" in url]


def test_in_the_cloud_there_are_none() -> None:
    assert "Of this local stack" not in page(RATE).text
    assert "Your credential" in words(page("/console/lifecycle").text)


@pytest.mark.parametrize(("kind", "has_user"), [("user", False), ("service", True)])
def test_there_is_an_example_for_each_kind_of_caller(kind: str, has_user: bool) -> None:
    assert ("&#34;user_id&#34;" in page(f"{RATE}?as={kind}").text.partition("</textarea>")[0]) is has_user


def test_an_operation_shows_what_it_answers() -> None:
    text = page(RATE).text
    assert "Example</summary>" in text
    assert "&#34;insight_id&#34;: &#34;text&#34;" in text


def test_as_the_stacks_operator_everything_is_shown(world: World) -> None:
    text = words(page("/console/access", world).text)
    assert "indexer abcdefghijkl platform metrics:write active" in text
    assert "operator:ada@example.com key.create abcdefghijkl" in text
    text = words(page("/console/lifecycle", world).text)
    assert "system_metrics 2026-01-31 archived 2 8,928 48.2 kB" in text
    assert "Newest backup none yet Newest export ok" in text
    assert "48.2 kB Proof by a restore none yet" in text


def test_without_a_credential_nothing_is_asked_for_and_with_one_it_is() -> None:
    world = World()

    async def post(client: httpx.AsyncClient) -> list[str]:
        before = (await client.get("/console/access")).text
        form = {"token": await token_of(client), "credential": "eyJ.mine"}
        return [before, (await client.post("/console/access", data=form)).text]

    before, after = visit(world, post)
    assert "indexer" not in before
    assert "indexer" in after
    asked = [headers for _, url, headers, _ in world.asked if url.startswith("/api/v1/access")]
    assert {headers["Authorization"] for headers in asked} == {"Bearer eyJ.mine"}
    assert not [headers for headers in asked if "X-API-Key" in headers]
    assert "eyJ.mine" not in after


@pytest.mark.parametrize("do", ["revoke:abcdefghijkl", "drop:abcdefghijkl", ""])
def test_a_key_is_changed_by_its_button_only(world: World, do: str) -> None:
    async def post(client: httpx.AsyncClient) -> int:
        return (await client.post("/console/access", data={"token": await token_of(client), "do": do})).status_code

    status = visit(world, post)
    changed = [url for method, url, _, _ in world.asked if method == "POST"]
    assert (status, changed) == {
        "revoke": (200, ["/api/v1/access/keys/revoke?key_id=abcdefghijkl"]),
        "drop": (422, []),
        "": (200, []),
    }[do.partition(":")[0]]
    assert visit(world, lambda client: client.get("/console/access?do=revoke:abcdefghijkl")).status_code == 422
