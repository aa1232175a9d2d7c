"""Debian's Chromium without a window, steered by its own chromedriver."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

CHROMIUM = shutil.which("chromium")
CHROMEDRIVER = shutil.which("chromedriver")
MISSING = None if CHROMIUM and CHROMEDRIVER else "needs a browser: apt-get install chromium chromium-driver"
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
# Ends what hangs; a slow machine takes its time.
LOAD_SECONDS = 180


@contextmanager
def chromium(profile: Path, *more_flags: str) -> Iterator[Chrome]:
    """profile: a folder of its own, which remembers nothing of others."""
    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, *more_flags, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = Chrome(options, Service(str(CHROMEDRIVER)))
    try:
        browser.set_page_load_timeout(LOAD_SECONDS)
        browser.set_script_timeout(LOAD_SECONDS)
        yield browser
    finally:
        browser.quit()


def size(browser: Chrome, width: int, height: int, *, phone: bool = False, scale: float = 1.0) -> None:
    """Of the page itself, whatever a window's least size is."""
    command: dict[str, Any] = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": phone}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", command)


def scheme(browser: Chrome, name: str) -> None:
    """light or dark."""
    features = [{"name": "prefers-color-scheme", "value": name}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
