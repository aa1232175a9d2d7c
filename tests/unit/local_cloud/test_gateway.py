"""Who may read the deployer's own pages under the base URL."""

import asyncio
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest

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
from local_cloud.state import State

PAGES = ("/_local/index.json", "/_local/processes.json", "/health", "/runbooks/", "/_local/google/jwks.json")


def ask(folder: Path, path: str, headers: dict[str, str]) -> tuple[int, Any]:
    """Return the status and the answer of a gateway without functions; {port} in a header is its port."""

    async def scenario() -> tuple[int, Any]:
        port = free_port()
        base_url = f"http://127.0.0.1:{port}"
        state, report = State(folder), Report()
        async with aiohttp.ClientSession() as session:
            processes = Processes(state, report.say)
            google = GoogleServices("shop", state, processes, Issuers(state, base_url), session, report)
            endpoints = Endpoints(base_url, session, GoogleApis(free_port(), google.routes()))
            controls = Controls("token", base_url, google, processes.supervisor)
            gateway = Gateway(port, endpoints, google, processes.supervisor, controls, Runbooks(folder))
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


@pytest.mark.parametrize("authorization", ["", "Bearer wrong", "Bearer tökens"])
def test_controls_need_the_token(tmp_path: Path, authorization: str) -> None:
    status, _ = ask(tmp_path, "/_local/control/status", {"Authorization": authorization})
    assert status == 401


def test_the_status_is_there_before_anything_is_declared(tmp_path: Path) -> None:
    status, answer = ask(tmp_path, "/_local/control/status", {"Authorization": "Bearer token"})
    assert status == 200
    assert '"processes": {}' in cast(str, answer)
