"""What pages of the running system's console weigh, and how soon they can be used, in Chromium: `make page-figures`.

Each page is opened several times with an empty cache; times are medians of the browser's own entries, in milliseconds.
A page is interactive when its scripts have run and no task of more than 50 ms is under way.
"""

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome
from tests.system import browser as browsers

PAGES = (
    "/",
    "/console/charts",
    "/console/incidents",
    "/console/data/jobs",
    "/console/data/metrics",
    "/console/data/series?service_name=utxoiq-persistence&metric_type=instances",
    "/console/data/insight?insight_id=tried-out",
    "/console/lifecycle",
    "/console/archive",
    "/console/schedules/publish-metrics",
    "/console/access",
    "/console/logs",
    "/console/api",
    "/console/api/record_metric_batch",
)
READ = """
const done = arguments[0];
const [page] = performance.getEntriesByType('navigation');
const files = performance.getEntriesByType('resource');
const all = [page, ...files];
const tasks = [];
new PerformanceObserver((list) => tasks.push(...list.getEntries())).observe({type: 'longtask', buffered: true});
const answer = () => done({
  bytes: all.reduce((sum, one) => sum + one.transferSize, 0),
  requests: all.length,
  blocking: files.filter((one) => one.initiatorType === 'script' && one.renderBlockingStatus === 'blocking').length,
  nodes: document.querySelectorAll('*').length,
  server: page.responseStart - page.requestStart,
  painted: (performance.getEntriesByName('first-contentful-paint')[0] || {}).startTime || 0,
  interactive: Math.max(page.domContentLoadedEventEnd, ...tasks.map((one) => one.startTime + one.duration)),
  longest_task: Math.max(0, ...tasks.map((one) => one.duration)),
});
const ready = () => requestAnimationFrame(() => setTimeout(answer, 200));
if (document.readyState === 'complete') ready(); else addEventListener('load', ready);
"""


@dataclass(frozen=True)
class PageFigures:
    """Has what a page takes: bytes as they are transferred, requests, scripts that hold up its painting, nodes, times.

    `server` is the time until the answer to the page itself began, which `painted` and `interactive` contain.
    """

    bytes: float
    requests: float
    blocking: float
    nodes: float
    server: float
    painted: float
    interactive: float
    longest_task: float


def measure(chrome: Chrome, url: str) -> PageFigures:
    """Open a page with an empty cache, and return its figures."""
    chrome.execute_cdp_cmd("Network.clearBrowserCache", {})
    chrome.get(url)
    figures: dict[str, Any] = chrome.execute_async_script(READ)
    return PageFigures(**figures)


def find_medians(measured: list[PageFigures]) -> PageFigures:
    """Return the median of each figure."""
    names = [field.name for field in fields(PageFigures)]
    return PageFigures(**{name: statistics.median(getattr(one, name) for one in measured) for name in names})


def main() -> int:
    parser = argparse.ArgumentParser(prog="make page-figures", description=__doc__)
    parser.add_argument("--stack", type=Path, default=Path(".local/stack.json"), help="the running stack's description")
    parser.add_argument("--times", type=int, default=5, help="how often each page is opened (5)")
    arguments = parser.parse_args()
    if browsers.MISSING is not None or not arguments.stack.exists():
        sys.stderr.write(f"{browsers.MISSING or f'{arguments.stack} is not there; start the system first: make up'}\n")
        return 1
    base_url = json.loads(arguments.stack.read_text())["base_url"]
    names = [field.name.replace("_", " ") for field in fields(PageFigures)]
    _write_row("page", names)
    _write_row("---", ["---"] * len(names))
    with tempfile.TemporaryDirectory() as profile, browsers.chromium(Path(profile)) as chrome:
        browsers.size(chrome, 1280, 900)
        for page in PAGES:
            measure(chrome, base_url + page)  # its sources have been asked, as they are while somebody looks
            found = find_medians([measure(chrome, base_url + page) for _ in range(arguments.times)])
            _write_row(page.partition("?")[0], [f"{getattr(found, field.name):,.0f}" for field in fields(PageFigures)])
    return 0


def _write_row(page: str, cells: Sequence[str]) -> None:
    sys.stdout.write(f"| {' | '.join((page, *cells))} |\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
