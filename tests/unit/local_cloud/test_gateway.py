"""Who may read the deployer's own pages under the base URL."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web
from tests.integration.google_apis import running_loop

from local_cloud.google.issuer import Issuers
from local_cloud.google.services import GoogleServices
from local_cloud.processes.processes import Processes
from local_cloud.processes.server import free_port
from local_cloud.report import Report
from local_cloud.serving.controls import Controls
from local_cloud.serving.endpoints import Endpoints
from local_cloud.serving.gateway import Gateway
from local_cloud.serving.google_apis import GoogleApis
from local_cloud.serving.runbooks import Runbooks
from local_cloud.serving.storage_proxy import StorageProxy
from local_cloud.state import State

PAGES = ("/_local/index.json", "/_local/processes.json", "/health", "/runbooks/", "/_local/google/jwks.json")


def ask(folder: Path, path: str, headers: dict[str, str], fallback: str | None = None) -> tuple[int, Any]:
    """Return the status and the answer of a gateway without functions; {port} in a header is its port."""

    async def scenario() -> tuple[int, Any]:
        port = free_port()
        base_url = f"http://127.0.0.1:{port}"
        state, report = State(folder), Report()
        async with aiohttp.ClientSession() as session:
            processes = Processes(state, report.say)
            google = GoogleServices("shop", state, processes, Issuers(state, base_url), session, report)
            endpoints = Endpoints(
                base_url, session, GoogleApis(free_port(), google.routes()), StorageProxy(google.storage)
            )
            controls = Controls("token", base_url, google, processes.supervisor)
            gateway = Gateway(port, endpoints, google, processes.supervisor, controls, Runbooks(folder))
            gateway.route({}, None, fallback)
            await gateway.open()
            try:
                sent = {name: value.format(port=port) for name, value in headers.items()}
                async with session.get(base_url + path, headers=sent) as answer:
                    return answer.status, await answer.text()
            finally:
                await gateway.close()

    return asyncio.run(scenario())


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("headers", [{}, {"Origin": "http://127.0.0.1:{port}"}])
def test_programs_and_the_own_page_read_them(tmp_path: Path, path: str, headers: dict[str, str]) -> None:
    assert ask(tmp_path, path, headers)[0] == 200


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    "headers", [{"Origin": "https://elsewhere.example"}, {"Origin": "null"}, {"Host": "elsewhere.example"}]
)
def test_no_page_of_somebody_else_does(tmp_path: Path, path: str, headers: dict[str, str]) -> None:
    status, answer = ask(tmp_path, path, headers)
    assert status == 403
    assert "shop" not in answer


def test_docs_lead_to_what_describes_the_api(tmp_path: Path) -> None:
    status, answer = ask(tmp_path, "/docs", {})
    assert status == 200
    assert '"openapi"' in answer


@pytest.mark.parametrize("authorization", ["", "Bearer wrong", "Bearer tökens"])
def test_controls_need_the_token(tmp_path: Path, authorization: str) -> None:
    status, _ = ask(tmp_path, "/_local/control/status", {"Authorization": authorization})
    assert status == 401


def test_the_status_is_there_before_anything_is_declared(tmp_path: Path) -> None:
    status, answer = ask(tmp_path, "/_local/control/status", {"Authorization": "Bearer token"})
    assert status == 200
    assert '"processes": {}' in cast(str, answer)


@pytest.fixture
def other_system() -> Iterator[str]:
    """Tells of each request what arrived."""

    async def tell(request: web.Request) -> web.Response:
        return web.json_response({"path": request.raw_path, "origin": request.headers.get("Origin")}, status=418)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", tell)
    with running_loop() as loop:
        port = free_port()
        runner = web.AppRunner(application)
        loop.run(runner.setup())
        loop.run(web.TCPSite(runner, "127.0.0.1", port).start())
        yield f"http://127.0.0.1:{port}"
        loop.run(runner.cleanup())


def test_what_is_nobodys_here_goes_to_the_fallback(tmp_path: Path, other_system: str) -> None:
    """With its query, and from every page: the other system says itself who may call it."""
    headers = {"Origin": "https://app.example.com"}
    status, answer = ask(tmp_path, "/api/v1/monitoring/status?x=%2B", headers, other_system)
    assert (status, json.loads(answer)) == (
        418,
        {"path": "/api/v1/monitoring/status?x=%2B", "origin": "https://app.example.com"},
    )
    assert ask(tmp_path, "/_local/index.json", {}, other_system)[0] == 200
    assert ask(tmp_path, "/_local/nothing", {}, other_system)[0] == 404


def test_without_a_fallback_it_is_404_and_with_one_that_is_away_503(tmp_path: Path) -> None:
    for fallback, expected in ((None, 404), (f"http://127.0.0.1:{free_port()}", 503)):
        status, answer = ask(tmp_path, "/api/v1/insights", {}, fallback)
        assert (status, json.loads(answer)["status"]) == (expected, expected)
