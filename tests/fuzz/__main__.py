"""Calls a running stack with what schemathesis makes of docs/openapi.json, with all of its checks: `make fuzz`.

It writes to the stack. What schemathesis says is printed; the exit code is 1 if it found something.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz import callers

PHASES = "examples,coverage,fuzzing,stateful"


def main() -> int:
    """Run schemathesis once for each kind of caller. Return 1 if it found something, else 0."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--phases", default=PHASES, help=f"of schemathesis (default: {PHASES})")
    parser.add_argument("--max-examples", type=int, default=100, help="requests of fuzzing for each operation (100)")
    parser.add_argument("--stack", type=Path, default=callers.REPOSITORY / ".local/stack.json", help="of `make up`")
    arguments = parser.parse_args()
    if not arguments.stack.exists():
        parser.error(f"{arguments.stack} is not there: run `make up` first")
    stack = json.loads(arguments.stack.read_text())
    more = ("--max-examples", str(arguments.max_examples))
    codes = []
    for caller in callers.CALLERS:
        command = callers.command(stack, caller, arguments.phases, more)
        # It remembers what it found in the folder that it runs in.
        with tempfile.TemporaryDirectory() as folder:
            codes.append(subprocess.run(command, cwd=folder, env=callers.environment(), check=False).returncode)
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main())
