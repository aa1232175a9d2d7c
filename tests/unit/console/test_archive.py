"""The archive's query box: what it sends, for whom, and how an answer is shown."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.unit.console.test_forms import token_of
from tests.unit.console.test_pages import HOSTILE, page, visit, words
from tests.unit.console.world import World, queried

from utxoiq_console import documentation
from utxoiq_persistence.archive.tables import TABLES

PATH = "/console/archive"
QUERY = "/api/v1/monitoring/retention/query"
FORM = {
    "table": "insight_feedback",
    "start_time": "2026-01-31T00:00:00Z",
    "end_time": "2026-02-01T00:00:00Z",
    "sql": "SELECT '<b>' AS \"a&b\"",
    "credential": "eyJ.mine",
}


def asked(world: World, **form: str) -> str:
    """The page that the form leads to."""

    async def post(client: httpx.AsyncClient) -> str:
        answer = await client.post(PATH, data={"token": await token_of(client), **FORM, **form})
        assert answer.status_code == 200
        return answer.text

    text: str = visit(world, post)
    assert "eyJ.mine" not in text
    return text


def sent(world: World) -> list[tuple[Any, str]]:
    """The bodies of the queries that were made, each with its credential."""
    return [
        (json.loads(body), headers["Authorization"]) for _, url, headers, body in world.asked if url.startswith(QUERY)
    ]


def test_the_form_is_filled_in_for_a_day_of_the_archive() -> None:
    text = page(f"{PATH}?table=insight_feedback&day=2026-01-31").text
    assert 'value="2026-01-31T00:00:00Z"' in text
    assert 'value="2026-02-01T00:00:00Z"' in text
    assert "<option selected>insight_feedback</option>" in text
    assert "SELECT * FROM insight_feedback LIMIT 100" in text


def test_the_tables_are_those_that_the_operation_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    document = copy.deepcopy(documentation._document())
    tables = document["components"]["schemas"]["ArchiveQuestion"]["properties"]["table"]["enum"]
    assert set(tables) == TABLES.keys()
    tables.append("notes")
    monkeypatch.setattr(documentation, "_document", lambda: document)
    text = page(PATH).text
    assert re.findall(r"<option[^>]*>(\w+)</option>", text) == tables
    assert "<option selected>system_metrics</option>" in text


@pytest.mark.parametrize("query", ["?table=api_keys", "?day=never", "?day=9999-12-31", f"?table={HOSTILE}"])
def test_what_is_no_table_and_no_day_is_left_out(query: str) -> None:
    text = page(PATH + query).text
    assert "SELECT * FROM system_metrics LIMIT 100" in text
    assert HOSTILE not in text


def test_the_query_is_asked_with_the_operators_own_credential() -> None:
    world = World(queried=queried([["7", None]]))
    text = asked(world)
    order = {name: FORM[name] for name in ("table", "start_time", "end_time", "sql")}
    assert sent(world) == [(order, "Bearer eyJ.mine")]
    assert "8,928 rows of 2 objects were looked at" in words(text)
    assert "id bigint unit varchar 7" in words(text)
    assert "SELECT &#39;&lt;b&gt;&#39; AS &#34;a&amp;b&#34;" in text, "what was asked stays in the form"


def test_without_a_credential_nothing_is_asked() -> None:
    world = World()
    assert "Nothing was asked: paste" in words(asked(world, credential=""))
    assert sent(world) == []


def test_a_credential_of_several_lines_is_none() -> None:
    world = World()
    assert "Nothing was asked: paste" in words(asked(world, credential="a\r\nX-Evil: 1"))
    assert sent(world) == []


@pytest.fixture
def local_world(tmp_path: Path) -> World:
    """A stack whose operator's credential the console has."""
    file = tmp_path / "stack.json"
    file.write_text(json.dumps({"credentials": {"admin_token": "of-an-operator"}}))
    return World(credentials=str(file))


def test_the_list_of_the_archive_leads_to_it(local_world: World) -> None:
    assert f"{PATH}?table=system_metrics&amp;day=2026-01-31" in page("/console/lifecycle", local_world).text


def test_a_local_stack_asks_as_its_operator(local_world: World) -> None:
    world = local_world
    assert "of-an-operator" not in asked(world, credential="")
    assert [credential for _, credential in sent(world)] == ["Bearer of-an-operator"]


def test_a_form_of_another_page_asks_nothing() -> None:
    world = World()

    async def post(client: httpx.AsyncClient) -> int:
        return (await client.post(PATH, data={"token": "made-up", **FORM})).status_code

    assert visit(world, post) == 403
    assert sent(world) == []


def test_a_refusal_is_shown_in_words() -> None:
    text = words(asked(World(broken={QUERY})))
    assert "answered 503: the database is away" in text


def test_a_query_without_an_answer_is_said_not_to_be_sent_again() -> None:
    text = words(asked(World(silent={QUERY})))
    assert "retention does not respond" in text
    assert "the console does not send it again" in text
    assert "retries" not in text


def test_an_answer_is_shown_and_not_run() -> None:
    text = asked(World(queried=queried([[HOSTILE, "x" * 600]], columns=[HOSTILE, "b"])))
    assert HOSTILE not in text
    assert "x" * 500 not in text
    assert "x" * 499 + "…" in text


def test_what_is_not_shown_is_said() -> None:
    text = words(asked(World(queried=queried([[str(number), None] for number in range(900)], is_cut=True))))
    assert "The first 200 of 900 rows; there are more" in text
    partial = queried([], status="partial", gone=["a.parquet"], damaged=["b.parquet"])
    text = words(asked(World(queried=partial)))
    assert "partial" in text
    assert "1 objects are gone from the bucket: a.parquet" in text
    assert "1 objects are damaged, and left out: b.parquet" in text
