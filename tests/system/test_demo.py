"""`make demo`, on a small scale: what it loads is there, a month is archived, and the system's figures are shown."""

import asyncio
import io
from typing import Any

from rich.console import Console
from tests.system.running import LocalStack

from commands.api import connect
from commands.demo.command import Demonstration
from commands.demo.loads import SERVICES, Scale
from commands.output import Output

SMALL = Scale(block_step=300_000, days=1, insights=3, raters=2)


def demonstrate(stack: LocalStack) -> tuple[dict[str, Any], str, str]:
    """What it returns, shows, and says on its way."""
    result, progress = io.StringIO(), io.StringIO()
    output = Output(result=Console(file=result, width=300), progress=Console(file=progress, width=300))
    credentials = stack.description["credentials"]

    async def run() -> dict[str, Any]:
        service = connect(stack.base_url, {"X-API-Key": credentials["service_key"]})
        operator = connect(stack.base_url, {"Authorization": f"Bearer {credentials['retention_token']}"})
        async with service as api, operator as operating:
            return await Demonstration(api, operating, SMALL, output).run(stack.base_url)

    return asyncio.run(run()), result.getvalue(), progress.getvalue()


def test_it_loads_archives_and_shows(stack: LocalStack) -> None:
    done, shown, said = demonstrate(stack)

    assert [one["what"] for one in done["loaded"]][:3] == ["blocks, in steps", "metrics, in batches", "ratings"]
    assert "metrics, in batches: 17,280 of 17,280 (100 %)" in said
    assert "blocks 0 to 900,000: completed, 100 %" in shown
    assert f"request_latency of {SERVICES[0]}, hourly averages" in shown
    assert f"Figures of {stack.base_url}" in shown
    assert done["requests"]["total_requests"] > 0
    answer = stack.command("archive", "query", "SELECT count(*) AS n FROM system_metrics WHERE unit = 'ms'", "--json")
    assert answer["rows"][0][0] >= 28 * 24 * len(SERVICES)

    again, _, said = demonstrate(stack)
    assert "metrics of a past month: there since an earlier run" in said
    assert again["archived"]["rows"] == 0
