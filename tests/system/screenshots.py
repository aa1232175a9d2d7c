"""Pictures of the console for the documentation, of the running system: `make screenshots`, after `make demo`."""

import argparse
import base64
import json
import sys
import tempfile
from pathlib import Path

from selenium.webdriver import Chrome
from tests.system import browser as browsers

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "images"
# Until sources that were asked for the first time have answered.
SETTLED_SECONDS = 30
SETTLED = """
const done = arguments[0];
(function look() {
  const wanted = location.pathname === '/console/charts' ? '.plot canvas' : 'main section';
  if (document.querySelector(wanted) && !document.querySelector('.away')) done();
  else setTimeout(look, 200);
})();
"""


def take(chrome: Chrome, base_url: str) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    chrome.set_script_timeout(SETTLED_SECONDS)
    for name, path, scheme, width, height in (
        ("light", "/", "light", 1360, 1120),
        ("dark", "/console/charts?range=15m", "dark", 1360, 1120),
        ("lifecycle", "/console/lifecycle", "light", 1360, 1000),
        ("phone", "/", "dark", 390, 844),
    ):
        browsers.size(chrome, width, height, phone=width < 500, scale=2 if width < 500 else 1)
        browsers.scheme(chrome, scheme)
        chrome.get(base_url + path)
        chrome.execute_async_script(SETTLED)
        picture = chrome.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
        (FOLDER / f"console-{name}.png").write_bytes(base64.b64decode(picture["data"]))


def main() -> int:
    parser = argparse.ArgumentParser(prog="make screenshots", description=__doc__)
    parser.add_argument("--stack", type=Path, default=Path(".local/stack.json"), help="the running stack's description")
    description = parser.parse_args().stack
    if browsers.MISSING is not None or not description.exists():
        print(browsers.MISSING or f"{description} is not there; start the system first: make up", file=sys.stderr)  # noqa: T201
        return 1
    with tempfile.TemporaryDirectory() as profile, browsers.chromium(Path(profile)) as chrome:
        take(chrome, json.loads(description.read_text())["base_url"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
