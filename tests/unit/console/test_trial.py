"""Operations that are tried out."""

import json
import re
import shlex
from collections.abc import Mapping

import httpx
import pytest
from tests.unit.console.test_forms import token_of
from tests.unit.console.test_pages import visit, words
from tests.unit.console.world import World

from utxoiq_console import documentation, resources, trial
from utxoiq_console.trial import InvalidTrial


def operations() -> dict[str, documentation.Operation]:
    world = World(functions="https://functions.example")
    return documentation.operations(resources.read(world.environment()["RESOURCES"]))


def send(world: World, operation: str, form: Mapping[str, str]) -> str:
    async def act(client: httpx.AsyncClient) -> str:
        data = {"token": await token_of(client), **form}
        return (await client.post(f"/console/api/{operation}", data=data)).text

    text: str = visit(world, act)
    return text


def test_it_is_sent_as_filled_in_and_its_answer_shown() -> None:
    world = World()
    form = {"query.insight_id": "whale alert/42", "credential_kind": "key", "credential": "uiq_mine"}
    text = send(world, "get_feedback_statistics", form)
    method, url, headers, _ = world.asked[-1]
    assert (method, url) == ("GET", "/api/v1/feedback/stats?insight_id=whale+alert/42")
    assert headers["X-API-Key"] == "uiq_mine"
    assert "200 OK" in text
    assert "&#34;total_ratings&#34;: 3" in text
    assert "/console/logs?request=request-7" in text
    assert "uiq_mine" not in text


def test_a_body_goes_out_as_it_was_typed() -> None:
    world = World()
    send(world, "rate_insight", {"body": '{"rating": ', "header.X-Request-ID": "mine-1"})
    method, url, headers, body = world.asked[-1]
    assert (method, url, body) == ("POST", "/api/v1/feedback/rate", '{"rating": ')
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Request-ID"] == "mine-1"
    assert not {"Authorization", "X-API-Key"} & headers.keys(), "the console adds no credential of its own"


def test_what_is_missing_is_said_and_nothing_sent() -> None:
    world = World()
    text = send(world, "get_backfill_job", {"path.job_id": " "})
    assert "job_id is part of the path and is required" in words(text)
    assert not [url for _, url, _, _ in world.asked if url.startswith("/api/v1/monitoring/backfill/%")]


def test_a_refusal_is_an_answer_like_others() -> None:
    world = World(broken={"/api/v1/feedback/stats"})
    text = words(send(world, "get_feedback_statistics", {"query.insight_id": "x"}))
    assert "503 Service Unavailable" in text
    assert "the database is away" in text


def test_the_page_has_the_documents_example_and_a_curl_line() -> None:
    async def get(client: httpx.AsyncClient) -> str:
        return (await client.get("/console/api/rate_insight")).text

    text = visit(World(), get)
    match = re.search(r"<textarea[^>]*>([^<]*)</textarea>", text)
    assert match is not None
    assert json.loads(match[1].replace("&#34;", '"'))["rating"]
    assert "curl -i -X POST" in text


def test_the_curl_line_is_the_same_request_to_a_shell() -> None:
    given = {"body": """{"comment": "it's $HOME `x`"}""", "credential_kind": "token", "credential": "secret"}
    made = trial.fill_in(operations()["comment_on_insight"], given)
    words_ = shlex.split(made.curl)
    assert words_[:4] == ["curl", "-i", "-X", "POST"]
    assert words_[4] == "https://functions.example/api/v1/feedback/comment"
    assert words_[-1] == given["body"]
    assert "Authorization: Bearer $TOKEN" in words_
    assert "secret" not in made.curl


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0b"])
def test_a_header_is_one_line(value: str) -> None:
    with pytest.raises(InvalidTrial):
        trial.fill_in(operations()["rate_insight"], {"header.X-Request-ID": value})
    with pytest.raises(InvalidTrial):
        trial.fill_in(operations()["rate_insight"], {"credential_kind": "key", "credential": value})


@pytest.mark.parametrize("value", ["../keys", "a/b?c=d", "x#y", "%2e%2e"])
def test_a_part_of_the_path_stays_one(value: str) -> None:
    url = trial.fill_in(operations()["get_backfill_job"], {"path.job_id": value}).url
    assert url.startswith("https://functions.example/api/v1/monitoring/backfill/")
    assert not set("/?#") & set(url.removeprefix("https://functions.example/api/v1/monitoring/backfill/"))


def test_requests_go_to_functions_of_this_stack_only() -> None:
    operation = operations()["get_health"]
    assert len(operation.functions) > 1
    chosen = trial.fill_in(operation, {"function": "https://elsewhere.example"})
    assert chosen.url == "https://functions.example/health"


def test_every_operation_of_the_document_can_be_filled_in() -> None:
    for operation in operations().values():
        given = {f"{one.place}.{one.name}": "x" for one in operation.fields}
        assert trial.fill_in(operation, given).url.startswith("https://functions.example/")
