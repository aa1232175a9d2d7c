"""What schemathesis makes of docs/openapi.json is answered as the document says: the same requests each time."""

import re
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.fuzz import callers
from tests.fuzz.callers import CALLERS, FuzzingCaller
from tests.system.running import LocalStack

# Ends what hangs; a slow machine takes its time.
SECONDS = 1200
AT_ONCE = 3
# Of each operation, in the phase of fuzzing and in that of sequences; `make fuzz` makes more.
EXAMPLES = 3
# Examples are sent to the stack by another test.
PHASES = "coverage,fuzzing,stateful"
OPERATION = re.compile(r"^_{3,} (.+?) _{3,}$", re.MULTILINE)
FINDING = re.compile(r"^- (ST\d+ .+)$", re.MULTILINE)


def list_findings(output: str) -> list[str]:
    """Return what schemathesis found, each with its operation in front."""
    _, *parts = OPERATION.split(output)
    return [
        f"{operation}: {finding}"
        for operation, text in zip(parts[::2], parts[1::2], strict=True)
        for finding in FINDING.findall(text)
    ]


@pytest.fixture(scope="module")
def runs(
    stack: LocalStack, tmp_path_factory: pytest.TempPathFactory
) -> "Mapping[str, subprocess.CompletedProcess[str]]":
    """What schemathesis did as each caller. They run at once, since each waits for answers."""
    description = stack.description

    def run(caller: FuzzingCaller) -> "subprocess.CompletedProcess[str]":
        command = callers.command(description, caller, PHASES, ("--max-examples", str(EXAMPLES), "--no-color"))
        folder = tmp_path_factory.mktemp("schemathesis")
        return subprocess.run(
            command,
            cwd=folder,
            env=callers.environment(),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return dict(zip((caller.name for caller in CALLERS), threads.map(run, CALLERS), strict=True))


@pytest.mark.parametrize("caller", [caller.name for caller in CALLERS])
def test_schemathesis_finds_nothing(caller: str, runs: "Mapping[str, subprocess.CompletedProcess[str]]") -> None:
    output = runs[caller].stdout + runs[caller].stderr
    assert list_findings(output) == [], output
    assert runs[caller].returncode == 0, output


def test_findings_are_told_by_their_names() -> None:
    output = (
        "== FAILURES ==\n____ POST /a ____\n1. Test\n- ST202 Rejected\n\n    said\n\n____ GET /b ____\n- ST101 Error\n"
    )
    assert list_findings(output) == ["POST /a: ST202 Rejected", "GET /b: ST101 Error"]
