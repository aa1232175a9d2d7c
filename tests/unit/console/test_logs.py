"""What is asked of Cloud Logging."""

import httpx
import pytest
from tests.unit.console.test_pages import visit, words
from tests.unit.console.world import PREFIX, World, entry


def asked(query: str) -> str:
    world = World()

    async def get(client: httpx.AsyncClient) -> int:
        return (await client.get(f"/console/logs{query}")).status_code

    assert visit(world, get) == 200
    return world.filters[-1]


@pytest.mark.parametrize(
    ("query", "part"),
    [
        ("?function=feedback", f'resource.labels.service_name=("{PREFIX}-feedback")'),
        ("?request=abc-1", 'jsonPayload.request_id="abc-1"'),
        ("?severity=ERROR", "severity>=ERROR"),
        ("?text=slow", '(jsonPayload.message:"slow" OR textPayload:"slow")'),
        ("", 'NOT httpRequest.requestUrl:"/health"'),
    ],
)
def test_the_filter_says_what_the_form_does(query: str, part: str) -> None:
    assert part in asked(query)


def test_what_is_typed_stays_within_its_quotes() -> None:
    assert r'request_id="x\" OR severity>=\"DEBUG\\"' in asked('?request=x" OR severity>="DEBUG\\')


def test_a_requests_lines_are_looked_for_everywhere_the_consoles_only_where_asked() -> None:
    assert f'"{PREFIX}-console"' in asked("?request=abc")
    assert f'"{PREFIX}-console"' in asked("?function=console")
    assert f'"{PREFIX}-console"' not in asked("")


def test_a_line_shows_its_request_and_the_rest_of_what_it_says() -> None:
    async def get(client: httpx.AsyncClient) -> str:
        return (await client.get("/console/logs")).text

    text = visit(World(entries=[entry("it was slow")]), get)
    assert "/console/logs?request=request-1" in text
    assert "Warning feedback it was slow 13.5 ms request-1 Details" in words(text)
    assert "&#34;logger&#34;: &#34;api&#34;" in text
