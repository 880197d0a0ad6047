"""How long after a click the first tiles of ten thousand pictures are drawn, in a real Chromium."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page

from collab.storage.database import open_store
from tests.bench.browser import WAIT_MS, chromium, page_of
from tests.bench.measuring import Result, told
from tests.driving import ROOT, command, environment, running_app, wait_for

PICTURES = 10_000
OPENINGS = 5
DRAWN = """() => {
  const roots = [...document.querySelectorAll('*')].map((e) => e.shadowRoot).filter((r) => r?.querySelector('.tiles'));
  const images = [document, ...roots].flatMap((r) => [...r.querySelectorAll('.tiles img')]);
  const seen = images.filter((i) => i.getBoundingClientRect().top < innerHeight);
  return seen.length > 9 && seen.every((i) => i.complete && i.naturalWidth);
}"""
"""Whether all tiles on screen have their pictures."""


def results() -> Iterator[Result]:
    """The first click of a browser, whose cache is empty, and the slowest of some later ones."""
    with tempfile.TemporaryDirectory() as made:
        workspace = Path(made) / "workspace"
        _imported(Path(made) / "pictures", workspace)
        with chromium() as browser, running_app(workspace) as app:
            app.wait_until_ready()
            store = open_store(workspace)
            (project,) = store.projects()
            wait_for(lambda: store.progress(project.id).reading >= 1, 900)
            page = page_of(browser, store, "Ann", app.address)
            page.goto(f"{app.address}/export", timeout=WAIT_MS)
            page.get_by_role("link", name="Data").first.wait_for(timeout=WAIT_MS)
            page.wait_for_timeout(2000)
            spent = [_opened(page) for _ in range(OPENINGS)]
            store.close()
    against = f"click on Data to all tiles on screen drawn, {PICTURES:,} pictures, worker at work"
    yield Result("tiles_cold_s_10k", spent[0], "s", 1.0, "at most", f"{against}, first of a new browser")
    yield Result("tiles_warm_s_10k", max(spent[1:]), "s", 1.0, "at most", f"{against}, {told(spent[1:], 's')}")


def _opened(page: Page) -> float:
    """Seconds from the click to the drawn tiles; leaves the page again."""
    started = time.perf_counter()
    page.get_by_role("link", name="Data").first.click()
    page.wait_for_function(DRAWN, polling="raf", timeout=WAIT_MS)
    seconds = time.perf_counter() - started
    page.get_by_role("link", name="Export").first.click()
    page.locator(".tiles").wait_for(state="detached", timeout=WAIT_MS)
    page.wait_for_timeout(1000)
    return seconds


def _imported(folder: Path, workspace: Path) -> None:
    """Bring in pictures that all differ, of two classes."""
    rng = np.random.default_rng(0)
    for kind in "ab":
        (folder / kind).mkdir(parents=True)
    for number in range(PICTURES):
        coarse = Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8))
        coarse.resize((256, 192), Image.Resampling.BILINEAR).save(folder / "ab"[number % 2] / f"{number}.jpg")
    arguments = command("import", folder, "--project", "pictures", "--label", "folder", "--workspace", workspace)
    subprocess.run(arguments, cwd=ROOT, env=environment(), check=True, stdout=subprocess.DEVNULL)
