"""The data: what is asked of the API, and how rows are shown."""

from typing import Any

import httpx
import pytest
from tests.unit.console.test_pages import page, visit, words
from tests.unit.console.world import KEY, World, backfill

SERIES = "/console/data/series?service_name=node&metric_type=latency"


def asked(path: str, world: World | None = None) -> list[str]:
    """The addresses that a page has asked the functions for."""
    there = world or World()

    async def get(client: httpx.AsyncClient) -> int:
        return (await client.get(path)).status_code

    assert visit(there, get) == 200
    return [url for _, url, _, _ in there.asked]


def test_filters_go_to_the_api_and_nothing_else_does() -> None:
    (url,) = asked("/console/data/jobs?status=running&job_type=utxo+set&colour=red&limit=9999")
    assert url == "/api/v1/monitoring/backfill/status?status=running&job_type=utxo+set&limit=50"


def test_a_table_is_read_with_the_consoles_own_key() -> None:
    world = World(jobs=[backfill()])
    asked("/console/data/jobs", world)
    assert [headers["X-API-Key"] for _, _, headers, _ in world.asked] == [KEY]


def test_what_the_api_requires_is_asked_for_first() -> None:
    assert asked("/console/data/feedback") == []
    assert "Fill in user id" in words(page("/console/data/feedback").text)
    (url,) = asked("/console/data/feedback?user_id=ada")
    assert url == "/api/v1/feedback/user?user_id=ada&limit=50"


def test_a_row_is_shown_whole_and_leads_on() -> None:
    row = {"insight_id": "a/b", "rating": 4, "comment": None, "flag_type": None, "updated_at": "2026-01-31T12:00:00Z",
           "more": "of it"}  # fmt: skip
    text = page("/console/data/feedback?user_id=ada", World(rows=[row])).text
    assert "&#34;more&#34;: &#34;of it&#34;" in text
    assert "/console/data/insight?insight_id=a/b" in text


def test_the_next_page_is_that_of_the_link_header() -> None:
    text = page("/console/data/jobs?status=paused", World(jobs=[backfill(status="paused")], following="a+b=")).text
    assert 'href="/console/data/jobs?status=paused&amp;cursor=a%2Bb%3D"' in text
    (url,) = asked("/console/data/jobs?cursor=a%2Bb%3D")
    assert httpx.URL(url).params["cursor"] == "a+b="


@pytest.mark.parametrize("path", ["/console/data/nothing", "/console/data/../x"])
def test_there_is_no_other_table(path: str) -> None:
    assert page(path).status_code == 404


def test_an_insight_is_asked_for_by_its_id() -> None:
    assert asked("/console/data/insight") == []
    urls = asked("/console/data/insight?insight_id=whale+1")
    assert sorted(urls) == ["/api/v1/feedback/comments?insight_id=whale+1", "/api/v1/feedback/stats?insight_id=whale+1"]
    text = words(page("/console/data/insight?insight_id=x").text)
    assert "4.50 of 3 ratings" in text
    assert "well seen" in text


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ("", {"interval": "hour"}),
        ("&range=30d&percentiles=true", {"interval": "day", "percentiles": "true"}),
        ("&range=365d&interval=day&compare=previous_year", {"interval": "day", "compare": "previous_year"}),
        (
            "&range=own&start=2026-01-01T00:00:00Z&end=2026-01-02T00:00:00%2B01:00",
            {"start_time": "2026-01-01T00:00:00.000000Z", "end_time": "2026-01-01T23:00:00.000000Z"},
        ),
    ],
)
def test_a_series_is_asked_for_as_it_was_chosen(query: str, parameters: dict[str, str]) -> None:
    url = next(httpx.URL(url) for url in asked(SERIES + query) if "/aggregate" in url)
    sent: dict[str, Any] = dict(url.params)
    assert {**sent, **parameters} == sent
    assert sent["service_name"] == "node"


@pytest.mark.parametrize("query", ["&range=never", "&range=own&start=x&end=y", "&interval=year", "&compare=rust"])
def test_a_choice_that_there_is_not_is_said(query: str) -> None:
    assert not [url for url in asked(SERIES + query) if "/aggregate" in url]
    assert "Choose again" in words(page(SERIES + query).text)


def test_a_part_of_a_range_is_marked_as_one() -> None:
    world = World(archived="2025-08-01T00:00:00Z/2025-09-01T00:00:00Z")
    marked = "This is a part: what lies between 2025-08-01T00:00:00Z and 2025-09-01T00:00:00Z is in the archive."
    assert marked in words(page("/console/data/metrics", world).text)
    assert "This is a part" not in words(page("/console/data/metrics").text)
