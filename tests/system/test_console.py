"""The operators' page in a browser: by eye, by keyboard, on a phone, with and without scripts."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pg8000.native
import pytest
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from tests.system import accessibility, page_figures
from tests.system import browser as browsers
from tests.system.page_figures import PAGES
from tests.system.running import LocalStack, until

pytestmark = pytest.mark.skipif(browsers.MISSING is not None, reason=browsers.MISSING or "")

PATIENCE = 120.0
# Policies are looked at every half minute, and what they are about is published every minute.
INCIDENT_PATIENCE = 240.0
FIRST_FIGURES = 180.0
MOST_STOPS = 400
# Of all that a browser loads for a page: bytes, compressed, and files; and of what it lays out.
MOST_BYTES = 100_000
MOST_REQUESTS = 15
MOST_NODES = 3_000
BACKFILL = "/api/v1/monitoring/backfill"
WATCH = "/api/v1/monitoring/backup/watch"
# Text whose contrast with what is behind it is below WCAG's AA.
TOO_FAINT = (Path(__file__).parent / "contrast.js").read_text()
# The pixels of a chart.
DRAWN = "return arguments[0].closest('.uplot').querySelector('canvas').toDataURL()"
# What listens to its own size has heard of a new one then.
NEXT_FRAME = "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))"
# What a page waits between two looks passes so much faster; how long it waits for an answer does not.
HASTE = """
const wait = window.setTimeout;
window.setTimeout = (then, after, ...more) => wait(then, then.name === 'refresh' ? after / 10 : after, ...more);
"""


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with browsers.chromium(tmp_path_factory.mktemp("chromium")) as chrome:
        yield chrome


class Page:
    def __init__(self, chrome: Chrome, base_url: str) -> None:
        self.chrome = chrome
        self._base_url = base_url

    def open(self, path: str = "/") -> "Page":
        self.chrome.get(self._base_url + path)
        return self

    def run(self, script: str, *arguments: object) -> Any:
        return self.chrome.execute_script(script, *arguments)

    def text(self, selector: str = "main") -> str:
        return str(self.run("return (document.querySelector(arguments[0]) || {}).innerText || ''", selector)).strip()

    def section(self, name: str) -> str:
        return self.text(f"section[aria-labelledby={name}]")

    def find(self, selector: str) -> WebElement:
        return self.chrome.find_element(By.CSS_SELECTOR, selector)

    def click(self, by: str, value: str) -> None:
        """In the middle of the window, since the bar may cover it at the upper end."""
        element = self.chrome.find_element(by, value)
        self.run("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def press(self, *keys: str) -> None:
        """Whatever has the focus gets them."""
        self.chrome.switch_to.active_element.send_keys(*keys)

    def focused(self) -> str:
        return str(self.run("const it = document.activeElement; return it.id || it.textContent.trim() || it.tagName"))

    def tab_to(self, there: Callable[[], bool]) -> None:
        for _ in range(MOST_STOPS):
            self.press(Keys.TAB)
            if there():
                return
        raise AssertionError("the keyboard does not get there")

    def violations(self) -> Any:
        """What axe-core has to say of the page as it is."""
        return self.chrome.execute_async_script(accessibility.script())

    def complaints(self) -> list[str]:
        """What the browser has to say since it was last asked: errors of scripts, what the policy forbids."""
        return [str(line["message"]) for line in self.chrome.get_log("browser") if line["level"] == "SEVERE"]  # type: ignore[no-untyped-call]


@pytest.fixture
def page(chrome: Chrome, stack: LocalStack) -> Iterator[Page]:
    page = Page(chrome, stack.base_url)
    browsers.size(chrome, 1280, 900)
    browsers.scheme(chrome, "light")
    page.complaints()
    yield page
    assert page.complaints() == []


@pytest.fixture(scope="module", params=PAGES)
def path(request: pytest.FixtureRequest) -> str:
    """Of a page; tests of the same one follow each other."""
    return str(request.param)


@pytest.fixture
def shown(chrome: Chrome, stack: LocalStack, path: str) -> Iterator[Page]:
    """A page, opened on a phone in the dark, or by the test before, which asked it nothing but how it looks."""
    page = Page(chrome, stack.base_url)
    if page.run("return window.shownPath") != path:
        browsers.size(chrome, 360, 740, phone=True)
        browsers.scheme(chrome, "dark")
        page.complaints()
        page.open(path).run("window.shownPath = arguments[0]", path)
    yield page
    assert page.complaints() == []


@pytest.fixture
def hasty(chrome: Chrome) -> Iterator[None]:
    """Pages that are opened look for news more often, by themselves as ever."""
    added = chrome.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": HASTE})
    yield
    chrome.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)


@pytest.fixture
def job(client: httpx.Client, service: dict[str, str]) -> Iterator[dict[str, Any]]:
    """A backfill under way."""
    body = {"job_type": f"console-{uuid.uuid4().hex[:8]}", "start_block": 0, "end_block": 900_000, "created_by": "test"}
    started: dict[str, Any] = client.post(f"{BACKFILL}/start", json=body, headers=service).raise_for_status().json()
    yield started
    done = {"current_block": 900_000, "progress_percentage": 100, "status": "completed"}
    client.post(f"{BACKFILL}/progress", params={"job_id": started["id"]}, json=done, headers=service).raise_for_status()


@pytest.fixture(scope="module")
def failed_verification(stack: LocalStack) -> Iterator[None]:
    """What the policy verification-failed is about."""
    there = stack.description["postgres"]
    names = ("user", "host", "port", "password", "database")
    with pg8000.native.Connection(**{name: there[name] for name in names}) as connection:
        identifier = str(uuid.uuid4())
        connection.run(
            "INSERT INTO backup_verifications (id, step, started_at, ended_at, passed) "
            "VALUES (:id, 'done', now() + interval '1 hour', now(), false)",
            id=identifier,
        )
        yield
        connection.run("DELETE FROM backup_verifications WHERE id = :id", id=identifier)


def test_every_section_shows_what_there_is(page: Page, job: dict[str, Any]) -> None:
    def functions_are_well() -> bool:
        return int(page.run("return document.querySelectorAll('[aria-labelledby=functions] .good').length")) >= 5

    page.open()
    until(lambda: job["job_type"] in page.section("backfills"), PATIENCE)
    until(functions_are_well, PATIENCE)
    assert "block 0 of 0 to 900,000" in page.section("backfills")
    resources = page.section("resources")
    for name in ("Clients", "Cloud Scheduler", "feedback", "console", "Cloud SQL", "Memorystore", "Archive"):
        assert name in resources
    # Functions that nobody has asked rest, without a process.
    assert resources.count("pid ") >= 5
    page.open("/console/lifecycle")
    listed = {"publish-metrics", "retention", "backup"}
    until(lambda: listed <= set(page.section("schedules").split()), PATIENCE)
    page.open("/console/charts")
    until(lambda: page.run("return document.querySelectorAll('div.plot canvas').length") >= 8, FIRST_FIGURES)


@pytest.mark.usefixtures("hasty")
def test_what_changes_is_shown_and_what_the_reader_does_is_kept(
    page: Page, job: dict[str, Any], client: httpx.Client, service: dict[str, str]
) -> None:
    assert client.get(f"{BACKFILL}/{uuid.uuid4()}", headers=service).status_code == 404  # a warning to show
    page.open()
    until(lambda: job["job_type"] in page.section("backfills"), PATIENCE)
    until(lambda: page.run("return !!document.querySelector('.line details')"), PATIENCE)
    page.run("window.untouched = true; (window.kept = document.querySelector('.line details')).open = true")
    page.find("#request").send_keys("half a request")
    at = page.run("return window.scrollY")
    moved = {"current_block": 337_500, "progress_percentage": 37.5}
    client.post(f"{BACKFILL}/progress", params={"job_id": job["id"]}, json=moved, headers=service).raise_for_status()
    until(lambda: "37.5 %" in page.section("backfills"), PATIENCE)
    assert page.run("return window.untouched && kept.open")
    assert page.focused() == "request"
    assert page.run("return document.activeElement.value") == "half a request"
    assert abs(page.run("return window.scrollY") - at) < 200


def test_a_schedule_is_run_by_keyboard_alone(page: Page) -> None:
    page.open("/console/lifecycle")
    until(lambda: "partitions" in page.section("schedules"), PATIENCE)
    page.run("window.untouched = true")
    page.tab_to(lambda: page.focused().startswith("Run now: partitions"))
    page.press(Keys.ENTER)
    until(lambda: "partitions was started" in page.text("#said"), PATIENCE)
    until(lambda: page.text("tr[data-key=partitions] td[data-label='Last run']").startswith("ok"), PATIENCE)
    assert page.run("return window.untouched")
    assert page.focused().startswith("Run now: partitions"), "the focus stays where it was"


def test_the_keyboard_gets_around_and_is_seen(page: Page) -> None:
    page.open()
    page.press(Keys.TAB)
    assert page.focused() == "Skip to the content"
    page.press(Keys.ENTER)
    until(lambda: page.focused() == "main", PATIENCE)
    for _ in range(20):
        page.press(Keys.TAB)
        style = page.run("return getComputedStyle(document.activeElement).outlineStyle")
        assert style not in ("none", ""), f"{page.focused()} does not show that it has the focus"


def test_a_requests_lines_are_found_by_its_id(page: Page, client: httpx.Client, service: dict[str, str]) -> None:
    identifier = f"console-{uuid.uuid4().hex}"
    refused = client.post("/api/v1/feedback/rate", json={}, headers={**service, "X-Request-ID": identifier})
    assert refused.status_code == 422
    page.open()
    page.find("#request").send_keys(identifier, Keys.ENTER)
    until(lambda: f"All lines of the request {identifier}" in page.text(), PATIENCE)
    until(lambda: "POST /api/v1/feedback/rate 422" in page.text(".lines"), PATIENCE)
    requests = page.run("return [...document.querySelectorAll('.line .request')].map((it) => it.innerText)")
    assert set(requests) == {identifier}


@pytest.mark.usefixtures("hasty")
def test_new_lines_come_by_themselves_until_they_are_paused(
    page: Page, client: httpx.Client, service: dict[str, str]
) -> None:
    def ask(insight: str) -> str:
        identifier = f"console-{uuid.uuid4().hex}"
        rating = {"insight_id": insight, "user_id": "ada", "rating": 4}
        client.post("/api/v1/feedback/rate", json=rating, headers={**service, "X-Request-ID": identifier})
        return identifier

    page.open("/console/logs?function=feedback")
    page.run("window.untouched = true")
    first = ask("one")
    until(lambda: first in page.text(".lines"), PATIENCE)
    page.click(By.CSS_SELECTOR, "#pause")
    until(lambda: page.text("#live").startswith("Paused"), PATIENCE)
    shown = page.text(".lines")
    second = ask("two")
    assert page.text(".lines") == shown
    page.click(By.CSS_SELECTOR, "#pause")
    until(lambda: second in page.text(".lines"), PATIENCE)
    assert page.run("return window.untouched")


def test_an_operation_is_tried_out(page: Page, service: dict[str, str]) -> None:
    page.open("/console/api")
    page.click(By.PARTIAL_LINK_TEXT, "/api/v1/feedback/rate")
    body = page.find("#body")
    body.clear()
    body.send_keys('{"insight_id": "tried-out", "user_id": "ada", "rating": 4}')
    page.find("#credential_kind").send_keys("an API key")
    page.find("#credential").send_keys(service["X-API-Key"], Keys.ENTER)
    until(lambda: "200 OK" in page.section("outcome"), PATIENCE)
    assert '"insight_id": "tried-out"' in page.section("outcome")
    assert page.focused() == "outcome"
    assert "X-API-Key: $API_KEY" in page.section("curl")
    assert service["X-API-Key"] not in page.chrome.page_source
    page.click(By.LINK_TEXT, "its logs")
    until(lambda: "POST /api/v1/feedback/rate 200" in page.text(".lines"), PATIENCE)


def test_the_archive_is_asked_by_sql(page: Page) -> None:
    page.open("/console/lifecycle")
    page.click(By.LINK_TEXT, "Ask it by SQL")
    page.find("#sql").clear()
    page.find("#sql").send_keys("SELECT count(*) + 42 AS answer, '<b>' AS text FROM system_metrics")
    page.click(By.CSS_SELECTOR, "form.trial button.primary")
    until(lambda: "42" in page.text(".data"), PATIENCE)
    assert "<b>" in page.text(".data")
    assert page.focused() == "outcome"
    assert page.violations() == []
    page.find("#sql").clear()
    page.find("#sql").send_keys("SELECT * FROM read_text('/etc/passwd')")
    page.click(By.CSS_SELECTOR, "form.trial button.primary")
    until(lambda: "disabled by configuration" in page.section("outcome"), PATIENCE)


def test_a_chart_is_read_by_keyboard(page: Page) -> None:
    page.open("/console/charts")
    until(lambda: page.run("return !!document.querySelector('[data-key=chart-requests] canvas')"), FIRST_FIGURES)
    page.run("document.querySelector('[data-key=chart-requests] div.plot').focus()")
    page.press(Keys.ARROW_LEFT)
    until(lambda: "/s" in page.text("[data-key=chart-requests] .tip"), PATIENCE)
    page.press(Keys.ESCAPE)
    until(lambda: not page.text("[data-key=chart-requests] .tip"), PATIENCE)


def test_a_part_of_a_chart_is_chosen_on_all(page: Page) -> None:
    page.open("/console/charts")
    until(lambda: page.run("return document.querySelectorAll('.u-over').length") >= 8, FIRST_FIGURES)
    first, last = page.chrome.find_elements(By.CSS_SELECTOR, ".u-over")[0:8:7]
    before = page.run(DRAWN, last)
    ActionChains(page.chrome).move_to_element_with_offset(first, -60, 0).click_and_hold().move_by_offset(
        90, 0
    ).release().perform()
    until(lambda: page.run(DRAWN, last) != before, PATIENCE)
    # A whole chart is shown again by a double click.
    ActionChains(page.chrome).double_click(first).perform()
    page.run("window.dispatchEvent(new Event('resize'))")
    until(lambda: page.run("return !document.querySelector('.u-select').offsetWidth"), PATIENCE)


def test_a_phone_shows_all_without_sideways_scrolling(shown: Page) -> None:
    browsers.size(shown.chrome, 360, 740, phone=True)
    shown.chrome.execute_async_script(NEXT_FRAME)
    assert shown.run("return document.documentElement.scrollWidth") == 360
    assert shown.run("return Math.max(...[...document.querySelectorAll('nav a')].map((it) => it.offsetHeight))") < 60


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_either_scheme(shown: Page, scheme: str) -> None:
    browsers.size(shown.chrome, 1280, 900)
    browsers.scheme(shown.chrome, scheme)
    assert shown.run("return matchMedia('(prefers-color-scheme: dark)').matches") == (scheme == "dark")
    assert shown.run(TOO_FAINT) == []


def test_axe_finds_nothing(shown: Page) -> None:
    for scheme, phone in (("light", False), ("dark", True)):
        browsers.scheme(shown.chrome, scheme)
        browsers.size(shown.chrome, 360 if phone else 1280, 740 if phone else 900, phone=phone)
        assert shown.violations() == [], (scheme, phone)


def test_a_page_is_small_and_no_script_holds_it_up(shown: Page, stack: LocalStack, path: str) -> None:
    """How soon that can be used is measured by `make page-figures`, and no matter of a test.

    Its sources have been asked, as they are while somebody looks.
    """
    browsers.size(shown.chrome, 1280, 900)
    browsers.scheme(shown.chrome, "light")
    figures = page_figures.measure(shown.chrome, stack.base_url + path)
    assert figures.bytes < MOST_BYTES
    assert figures.requests <= MOST_REQUESTS
    assert figures.blocking == 0
    assert figures.nodes <= MOST_NODES


@pytest.mark.usefixtures("hasty")
def test_a_lost_connection_is_said_and_found_again(page: Page) -> None:
    page.open()
    page.chrome.execute_cdp_cmd("Network.enable", {})
    page.chrome.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*"]})
    try:
        until(lambda: "does not answer" in page.text("#lost"), PATIENCE)
        assert page.text("#live").startswith("Connection lost")
    finally:
        page.chrome.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    until(lambda: page.text("#live").startswith("Live"), PATIENCE)
    assert page.text("#lost") == ""
    assert all("ERR_BLOCKED_BY_CLIENT" in line for line in page.complaints())


def test_without_scripts_pages_are_whole_and_forms_work(page: Page) -> None:
    page.chrome.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.open("/console/charts")
        assert page.find("section[aria-labelledby=figures]").text
        page.open("/console/lifecycle")
        page.click(By.CSS_SELECTOR, "tr[data-key=publish-metrics] button")
        until(lambda: "publish-metrics was started" in page.chrome.page_source, PATIENCE)
        page.open("/console/api/get_feedback_statistics")
        page.find("[id='query.insight_id']").send_keys("tried-out", Keys.ENTER)
        until(lambda: "200 OK" in page.chrome.page_source, PATIENCE)
    finally:
        page.chrome.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_what_is_broken_is_an_incident_with_its_runbook(
    failed_verification: None, page: Page, client: httpx.Client, backup_operator: dict[str, str]
) -> None:
    asked = ""

    def is_open() -> bool:
        nonlocal asked
        if asked != (renewed := page.text("#live-time")):  # every few seconds: an operator has a limit, too
            asked = renewed
            with suppress(httpx.HTTPError):  # of a busy machine, now and then: the next one publishes
                client.post(WATCH, headers=backup_operator).raise_for_status()
        return "Verification failed" in page.section("incidents")

    page.open()
    until(is_open, INCIDENT_PATIENCE)
    assert "open incident" in page.text(".sum")
    page.click(By.LINK_TEXT, "Verification failed")
    until(lambda: page.section("measured").find("Value at the opening") >= 0, PATIENCE)
    assert "above 0" in page.section("measured")
    href = page.chrome.find_element(By.LINK_TEXT, "Runbook").get_attribute("href")
    assert client.get(str(href)).status_code == 200
    page.find("#note").send_keys("on it", Keys.ENTER)
    until(lambda: "on it" in page.section("do"), PATIENCE)
    page.click(By.CSS_SELECTOR, "button[value=silence]")
    until(lambda: "Silent" in page.section("do"), PATIENCE)
    page.click(By.CSS_SELECTOR, "button[value=speak]")
    until(lambda: "Silence ended" in page.section("do"), PATIENCE)
    assert page.violations() == []


def test_a_job_has_its_history_and_a_row_is_shown_whole(page: Page, job: dict[str, Any]) -> None:
    page.open("/console/data/jobs?status=running")
    until(lambda: job["job_type"] in page.text(".data"), PATIENCE)
    page.run("document.querySelector('.whole summary').click()")
    assert '"end_block": 900000' in page.text(".whole details[open] pre")
    page.click(By.LINK_TEXT, job["job_type"])
    until(lambda: "job.start" in page.section("history"), PATIENCE)


def test_a_series_is_drawn_with_percentiles_and_a_comparison(
    page: Page, client: httpx.Client, service: dict[str, str]
) -> None:
    name = f"console-{uuid.uuid4().hex[:8]}"
    metric = {"service_name": name, "metric_type": "latency", "metric_value": 12.5, "unit": "ms"}
    client.post("/api/v1/monitoring/metrics", json=metric, headers=service).raise_for_status()
    page.open("/console/data/series")
    page.find("#service_name").send_keys(name)
    page.find("#metric_type").send_keys("latency")
    page.click(By.CSS_SELECTOR, "#percentiles")
    page.find("#compare").send_keys("the period before")
    page.click(By.CSS_SELECTOR, "form.filter button")
    until(lambda: page.run("return !!document.querySelector('[data-key=series] canvas')"), PATIENCE)
    assert "p95 12.5" in page.text(".legend")
    assert "Average before" in page.text(".facts")
    page.open(f"/console/data/metrics?service_name={name}")
    assert "12.5" in page.text(".data")


def test_what_users_say_of_an_insight_is_shown(page: Page, client: httpx.Client, service: dict[str, str]) -> None:
    insight = f"console-{uuid.uuid4().hex[:8]}"
    rating = {"insight_id": insight, "user_id": "ada", "rating": 4, "comment": "well seen"}
    client.post("/api/v1/feedback/rate", json=rating, headers=service).raise_for_status()
    page.open(f"/console/data/insight?insight_id={insight}")
    assert "4.00 of 1 ratings" in page.text(".facts")
    assert "well seen" in page.section("comments")
    page.open("/console/data/feedback?user_id=ada")
    assert insight in page.text(".data")


def test_a_key_is_made_and_revoked_as_an_operator(page: Page, client: httpx.Client) -> None:
    name = f"console-{uuid.uuid4().hex[:8]}"
    page.open("/console/access")
    page.run("document.querySelector('[data-key=new-key]').open = true")
    page.find("#key-name").send_keys(name)
    page.find("#key-owner").send_keys("tests")
    page.click(By.CSS_SELECTOR, "input[name='scope.metrics:read']")
    page.click(By.CSS_SELECTOR, "button[value=create]")
    until(lambda: page.section("issued").find("uiq_") >= 0, PATIENCE)
    key = page.text("section[aria-labelledby=issued] pre")
    pools = "/api/v1/monitoring/database/pool"
    assert client.get(pools, headers={"X-API-Key": key}).status_code == 200
    until(lambda: f"Revoke {name}" in page.chrome.page_source.replace('<span class="sr">', ""), PATIENCE)
    page.click(By.CSS_SELECTOR, f"button[value='revoke:{key.split('_')[1]}']")
    until(lambda: "key.revoke" in page.section("audit"), PATIENCE)
    until(lambda: client.get(pools, headers={"X-API-Key": key}).status_code == 401, PATIENCE)
    assert key not in page.chrome.page_source


def test_the_local_stack_offers_its_credentials_by_name(page: Page, stack: LocalStack) -> None:
    page.open("/console/api/get_backup_status?as=operator")
    page.click(By.CSS_SELECTOR, "form.trial button.primary")
    until(lambda: "200 OK" in page.section("outcome"), PATIENCE)
    assert f"{stack.base_url}/api/v1/monitoring/backup/status" in page.section("curl")
    assert not [one for one in stack.description["credentials"].values() if one in page.chrome.page_source]


def test_nobody_else_gets_in(stack: LocalStack, client: httpx.Client, service: dict[str, str]) -> None:
    """Not by a name of its own that leads here, not from another page, and not past the platform."""
    assert client.get("/", headers={"Host": "console.evil.example"}).status_code == 403
    form = {"name": "publish-metrics"}
    # The machine's guard refuses another page's origin before the console sees it.
    refusals: tuple[tuple[dict[str, str], str], ...] = (
        ({"Sec-Fetch-Site": "cross-site"}, "Nothing was done"),
        ({"Origin": "https://evil.example"}, "is not for pages of https://evil.example"),
        ({}, "Nothing was done"),
    )
    for headers, said in refusals:
        answer = client.post("/console/schedules/run", data=form, headers=headers)
        assert (answer.status_code, said in answer.text) == (403, True), answer.text
    own = stack.description["functions"]["console"]
    assert httpx.get(own, timeout=PATIENCE).status_code == 401
    assert httpx.get(own, headers=service, timeout=PATIENCE).status_code == 401
    other = {"Authorization": f"Bearer {stack.description['credentials']['scheduler_token']}"}
    assert httpx.get(own, headers=other, timeout=PATIENCE).status_code == 403


def test_no_credential_is_on_the_page(page: Page, stack: LocalStack) -> None:
    source = page.open().chrome.page_source
    state = json.loads((stack.state / "stack.json").read_text())
    secrets = [*state["credentials"].values(), state["postgres"]["password"], state["redis"]["password"]]
    assert not [secret for secret in secrets if secret and secret in source]
