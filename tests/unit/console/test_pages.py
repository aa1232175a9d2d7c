"""What an operator reads, and that a page is sound whatever its sources say."""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from tests.unit.console.world import PREFIX, World, alert, attempt, backfill, change, entry, opened

INCIDENT = f"/console/incidents/{PREFIX}-pool-nearly-full"
PAGES = (
    "/",
    "/console/charts",
    "/console/incidents",
    INCIDENT,
    "/console/data/jobs",
    "/console/data/feedback?user_id=ada",
    "/console/data/series?service_name=node&metric_type=latency",
    "/console/data/insight?insight_id=x",
    "/console/jobs/id-of-utxo_set",
    "/console/lifecycle",
    "/console/archive",
    "/console/schedules/backup",
    "/console/access",
    "/console/logs",
    f"/console/traces/{32 * 'a'}",
    "/console/api",
    "/console/api/start_backfill_job",
    "/console/api/get_health",
    "/nowhere",
)
VOID = {"meta", "link", "input", "img", "path", "br"}
HOSTILE = "<script>alert(1)</script>"


class Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag, tag

    def of(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.found if tag in tags]


def busy() -> World:
    return World(
        alerts=[alert("pool-nearly-full"), alert("uptime", stack="utxoiq-other")],
        entries=[
            entry("it was slow"),
            change(
                "retention.run", "", status="partial", results={"metrics": {"archived": 5, "deleted": 3, "errors": 1}}
            ),
            change("retention.restore", "system_metrics", rows=7, start="2026-01-01", end="2026-01-02"),
            change("backup.run", "instance"),
        ],
        attempts=[
            attempt("backup", "AttemptFinished", 60, status="NOT_FOUND"),
            attempt("backup", "AttemptStarted", 61),
        ],
        jobs=[
            backfill(),
            backfill("fee_rates", "failed", error_message="no node", completed_at="2026-01-31T13:00:00Z"),
        ],
    )


def page(path: str, world: World | None = None) -> httpx.Response:
    async def get(client: httpx.AsyncClient) -> httpx.Response:
        return await client.get(path)

    answer: httpx.Response = visit(world or busy(), get)
    return answer


def visit(world: World, act: Callable[[httpx.AsyncClient], Awaitable[Any]]) -> Any:
    async def scenario() -> Any:
        async with opened(world) as client:
            return await act(client)

    return asyncio.run(scenario())


def words(text: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


def test_the_overview_shows_what_runs_and_how_it_is() -> None:
    text = words(page("/").text)
    for shown in (
        "1 open incident", "Pool nearly full", "job feedback", "feedback what feedback does ● ok".replace("● ", ""),
        "2 of 60 in use, 1 waiting", "1 of 2 failed in its last run", "utxo_set", "block 450,000 of 0 to 900,000",
        "no node", "it was slow", "Cache hits", "2 instances · us-central1",
    ):  # fmt: skip
        assert shown in text, shown
    assert "uptime" not in text.lower(), "an incident of another stack"


def test_incidents_lead_to_their_runbooks() -> None:
    assert 'href="https://runbooks.example/alerts/pool-nearly-full.md"' in page("/").text


@pytest.mark.parametrize(
    ("broken", "said", "still"),
    [
        ("monitoring", "Cloud Monitoring: no new data", "1 of 2 failed"),
        ("logging", "Cloud Logging: no new data", "Pool nearly full"),
        ("cloudscheduler", "Cloud Scheduler: no new data", "it was slow"),
        ("/api/v1/monitoring/backfill/status", "Backfill jobs: no new data", "1 of 2 failed"),
        ("/api/v1/monitoring/database/pool", "pools: no new data", "utxo_set"),
        ("/health", "do not serve", "utxo_set"),
    ],
)
def test_a_source_that_is_away_takes_no_other_section_along(broken: str, said: str, still: str) -> None:
    world = busy()
    world.broken.add(broken)
    answer = page("/", world)
    assert answer.status_code == 200
    assert said in words(answer.text)
    assert still in words(answer.text)


def test_charts_and_schedules_have_pages_of_their_own() -> None:
    text = words(page("/console/charts").text)
    for shown in ("Request latency", "insert_rating", "alerts above 90 %"):
        assert shown in text
    text = words(page("/console/lifecycle").text)
    assert "publish-metrics what publish-metrics does" in text
    assert "not found" in text
    assert "utxoiq-else" not in text, "a schedule of another stack"
    assert "partial metrics: 5 archived, 3 deleted, 1 errors" in text
    assert "7 rows of 2026-01-01 to 2026-01-02" in text


def test_an_empty_stack_says_what_to_do() -> None:
    text = words(page("/", World()).text)
    assert "No incident is open" in text
    assert "No backfill has run yet. Start one" in text
    assert "No warnings or errors in the last day" in text


def test_whatever_comes_from_elsewhere_is_shown_and_not_run() -> None:
    world = World(
        alerts=[alert(HOSTILE)],
        entries=[entry(HOSTILE, request=HOSTILE)],
        jobs=[backfill(HOSTILE, "failed", error_message=HOSTILE)],
    )
    for path in ("/", "/console/logs", "/console/logs?request=" + HOSTILE):
        text = page(path, world).text
        assert HOSTILE not in text
        assert "&lt;script&gt;" in text


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_sound(path: str) -> None:
    """As far as a machine can tell: whole, named, labelled, with nothing that the policy forbids."""
    answer = page(path)
    assert answer.status_code == (404 if path == "/nowhere" else 200)
    elements = Elements(answer.text)
    assert elements.open == []
    ids = Counter(attributes["id"] for _, attributes in elements.found if "id" in attributes)
    assert [name for name, count in ids.items() if count > 1] == []
    assert not [name for _, attributes in elements.found for name in attributes if name == "style" or name[:2] == "on"]
    assert [one for one in elements.of("script") if "src" not in one] == []
    assert elements.of("style") == []
    labelled = {one["for"] for one in elements.of("label")}
    fields = [one for one in elements.of("input", "select", "textarea") if one.get("type") != "hidden"]
    assert {one["id"] for one in fields} <= labelled
    referred = {
        name
        for _, attributes in elements.found
        for key in ("aria-labelledby", "aria-describedby", "for")
        for name in attributes.get(key, "").split()
    }
    assert referred <= ids.keys()
    assert all("alt" in one for one in elements.of("img"))
    assert len(elements.of("main")) == len(elements.of("h1")) == 1
    assert elements.of("html")[0]["lang"] == "en"
    targets = {one["href"][1:] for one in elements.of("a") if one["href"].startswith("#")}
    assert targets <= ids.keys()


@pytest.mark.parametrize("path", PAGES)
def test_answers_forbid_what_pages_do_not_need(path: str) -> None:
    headers = page(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in headers


def test_no_secret_is_on_a_page() -> None:
    for path in PAGES:
        assert "uiq_console00001_secret" not in page(path).text


def test_files_are_kept_by_the_browser_until_they_change() -> None:
    async def get(client: httpx.AsyncClient) -> list[httpx.Response]:
        text = (await client.get("/")).text
        return [await client.get(path) for path in re.findall(r'"(/console/static/[^"]+)"', text)]

    answers = visit(World(), get)
    assert {answer.headers["content-type"].split(";")[0] for answer in answers} == {
        "text/css",
        "text/javascript",
        "image/svg+xml",
    }
    assert all("immutable" in answer.headers["cache-control"] for answer in answers)
    # While a new revision starts, one may be asked for the files of the other.
    assert page("/console/static/another/console.css").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/console/static/../app.py", 404),
        ("GET", "/console/api/nothing", 404),
        ("GET", "/?range=1y", 404),
        ("GET", "/console/logs?function=nothing", 404),
        ("POST", "/", 405),
        ("GET", "/console/schedules/run", 405),
        ("GET", "/console", 303),
        ("HEAD", "/", 200),
        ("GET", "/health", 200),
    ],
)
def test_other_paths_and_methods(method: str, path: str, status: int) -> None:
    async def send(client: httpx.AsyncClient) -> httpx.Response:
        return await client.request(method, path)

    assert visit(World(), send).status_code == status


def test_the_deployers_own_operation_is_not_offered() -> None:
    text = page("/console/api").text
    assert "/api/v1/feedback/rate" in text
    assert "migrate" not in text
