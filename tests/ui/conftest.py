"""One Chromium and one harness server for all browser tests; a fresh context and a fresh scene for each."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from collab.ui import words
from tests.ui.harness.scene import Table

ROOT = Path(__file__).parents[2]
CHROMIUM = os.environ.get("COLLAB_CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """A test that speaks another language leaves English behind."""
    yield
    words.speak("en")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no Chromium at {CHROMIUM}; name one in COLLAB_CHROMIUM")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def desktop(chromium: Browser) -> Iterator[BrowserContext]:
    """One context for all desktop pages: Streamlit's scripts are fetched once."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, locale="en-US", reduced_motion="reduce")
    yield context
    context.close()


@pytest.fixture
def page(desktop: BrowserContext) -> Iterator[Page]:
    """A desktop page without a past; an error in its scripts fails the test."""
    page = desktop.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    desktop.set_offline(False)
    page.evaluate("localStorage.clear()")
    page.close()
    assert errors == []


@contextmanager
def serve(app: str, log: Path, ready: str = "/_stcore/health", **more: str) -> Iterator[str]:
    """Start a server of the harness; it ends with the context."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", app, "--port", str(port), "--log-level", "warning"]
    command += ["--timeout-keep-alive", "600"]  # a kept connection that ends just as it is used again fails the test
    with log.open("wb") as out:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **more}
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, env=environment)
        address = f"http://127.0.0.1:{port}"
        for _ in range(300):
            assert process.poll() is None, log.read_text()
            with suppress(OSError):
                urllib.request.urlopen(f"{address}{ready}", timeout=1).close()
                break
            time.sleep(0.1)
        yield address
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the fake server with the card on it."""
    with serve("tests.ui.harness.server:app", tmp_path_factory.mktemp("harness") / "server.log") as address:
        yield address


@pytest.fixture
def table(harness: str, page: Page) -> Table:
    """The card on a scene of its own."""
    return Table(page, harness)
