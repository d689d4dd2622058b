"""A Chromium to open pages with: the system's, else Playwright's own. `python -m tests.chromium` says which."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""No request of its own, also as root."""


class ChromiumMissing(Exception):
    """There is no Chromium here; the message says why."""


def find(playwright: Playwright) -> str:
    """The program. Raises ChromiumMissing."""
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    own = playwright.chromium.executable_path
    if Path(own).exists():
        return own
    raise ChromiumMissing("no Chromium on PATH, and Playwright has none of its own.")


@contextmanager
def running() -> Iterator[Browser]:
    """A browser, closed afterwards. Raises ChromiumMissing."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(playwright), args=QUIET)
        try:
            yield browser
        finally:
            browser.close()


if __name__ == "__main__":
    with sync_playwright() as playwright:
        print(find(playwright))
