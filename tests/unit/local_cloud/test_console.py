"""The way to the operators' page under the base URL: for this machine's own names, and as its operator."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web
from tests.unit.local_cloud.test_front_end import DEPLOYER, served

from local_cloud.google.issuer import Issuers
from local_cloud.processes.server import free_port
from local_cloud.serving.console_proxy import ConsoleProxy, find_console
from local_cloud.serving.functions import DeployedFunction
from local_cloud.serving.listener import listen
from local_cloud.state import State


class Standing:
    """What the proxy needs of its surroundings."""

    def __init__(self, **members: Any) -> None:
        self.__dict__ |= members


def ask(folder: Path, host: str, method: str = "GET") -> tuple[int, Mapping[str, Any]]:
    seen: dict[str, Any] = {}

    async def page(request: web.BaseRequest) -> web.StreamResponse:
        seen.update(headers=dict(request.headers), body=await request.text())
        return web.Response(text="the page")

    async def scenario() -> int:
        async with served(folder, page, public=False) as shop:
            console = cast("DeployedFunction", Standing(front_end=shop.front_end))
            proxy = ConsoleProxy(shop.issuers, console, DEPLOYER, 8080)
            port = free_port()
            runner = await listen(proxy.handle, port)
            try:
                headers = {"Host": host, "Authorization": "Bearer of the visitor's own"}
                async with (
                    aiohttp.ClientSession() as session,
                    session.request(
                        method, f"http://127.0.0.1:{port}/", headers=headers, data="body" if method == "POST" else None
                    ) as answer,
                ):
                    return answer.status
            finally:
                await runner.cleanup()

    return asyncio.run(scenario()), seen


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "LOCALHOST:8080"])
def test_this_machines_own_names_lead_in_as_the_operator(tmp_path: Path, host: str) -> None:
    status, seen = ask(tmp_path, host)
    assert status == 200
    assert "own" not in seen["headers"]["Authorization"]
    assert seen["headers"]["Authorization"].endswith("SIGNATURE_REMOVED_BY_GOOGLE")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "127.0.0.1:9999", "127.0.0.1", ""])
def test_no_other_name_does(tmp_path: Path, host: str) -> None:
    status, seen = ask(tmp_path, host)
    assert status in (400, 403)
    assert seen == {}


def test_a_form_passes_whole(tmp_path: Path) -> None:
    status, seen = ask(tmp_path, "localhost:8080", "POST")
    assert (status, seen["body"]) == (200, "body")


@pytest.mark.parametrize(
    ("path", "leads"), [("/", True), ("/console", True), ("/console/logs", True), ("/consoles", False), ("/api", False)]
)
def test_only_the_pages_of_the_console_are_behind_it(path: str, leads: bool) -> None:
    assert ConsoleProxy.serves(path) is leads


def test_without_a_console_or_an_operator_there_is_no_way_in(tmp_path: Path) -> None:
    issuers = Issuers(State(tmp_path), "http://127.0.0.1")
    console = cast("DeployedFunction", Standing())
    assert find_console(issuers, {"operators": ["a@example.com"]}, {}, 8080) is None
    assert find_console(issuers, {"operators": []}, {"console": console}, 8080) is None
    assert find_console(issuers, {"operators": ["a@example.com"]}, {"console": console}, 8080) is not None
