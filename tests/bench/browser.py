"""A real Chromium on the label page, signed in."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

from collab.domain.store import Store
from collab.ui.grants import issue_name
from collab.ui.session import COOKIE

CHROMIUM = os.environ.get("COLLAB_CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
WAIT_MS = 60_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


def page_of(browser: Browser, store: Store, name: str, address: str) -> Page:
    """A page whose browser remembers a name."""
    store.add_annotator(name)
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US")
    context.add_cookies([{"name": COOKIE, "value": issue_name(store.secret(), name), "url": address}])
    return context.new_page()


def open_card(page: Page, address: str) -> None:
    """Go to the label page, and wait until the first ask is painted."""
    page.goto(f"{address}/label", timeout=WAIT_MS)
    page.locator('[data-state="ask"]').first.wait_for(state="visible", timeout=WAIT_MS)
    page.evaluate("() => new Promise((painted) => requestAnimationFrame(() => setTimeout(painted)))")
