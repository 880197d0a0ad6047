"""How long after a key press the next item is painted, in a real Chromium, alone and with 25 others at work."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import Page

from collab.storage.database import open_store
from tests.bench.browser import WAIT_MS, chromium, open_card, page_of
from tests.bench.measuring import Result, p95, told
from tests.bench.workspaces import workspace_of
from tests.driving import ROOT, App, environment, running_app, wait_for

ITEMS = 100_000
CROWD = 25
WARM_UP, PRESSES = 10, 100
PAUSE_MS = 600
"""From one item's paint to the next press."""
CROWD_SECONDS = 90
KEYS = "123"
PAINTED = "(before) => performance.getEntriesByName('collab:painted').length > before"
MARKS = "(name) => performance.getEntriesByName(name).map((mark) => mark.startTime)"


def results() -> Iterator[Result]:
    """The same presses twice, then what the 25 waited for their acknowledgements."""
    with workspace_of(ITEMS) as workspace, chromium() as browser, running_app(workspace) as app:
        app.wait_until_ready()
        store = open_store(workspace)
        (project,) = store.projects()
        wait_for(lambda: store.progress(project.id).ranking > 0, 60)
        page = page_of(browser, store, "Ann", app.address)
        open_card(page, app.address)
        alone = press(page)
        yield _key_result("key_to_next_p95_ms_1", alone, 50.0, "nobody else")
        with crowd(workspace, app, CROWD) as others:
            time.sleep(5)
            among = press(page)
            said, _ = others.communicate(timeout=CROWD_SECONDS + 60)
        yield _key_result("key_to_next_p95_ms_25", among, 100.0, f"{CROWD} simulated annotators beside")
        saved = json.loads(said)["saved"]
        beside = f"{CROWD} simulated annotators and a browser, pool {ITEMS:,}, worker at work"
        against = f"answer to acknowledged commit, {beside}, {told(saved, 'ms')}"
        yield Result("save_p95_ms_25", p95(saved), "ms", 250.0, "at most", against)
        store.close()


def press(page: Page, between: Callable[[int], object] = lambda _: None) -> list[float]:
    """Press keys, and return the milliseconds from each to the next item's paint.

    Args:
        page: The label page.
        between: Called before each press with its number.
    """
    page.evaluate("() => performance.clearMarks()")
    for number in range(WARM_UP + PRESSES):
        page.wait_for_timeout(PAUSE_MS)
        between(number)
        page.keyboard.press(KEYS[number % len(KEYS)])
        page.wait_for_function(PAINTED, arg=number, polling=50, timeout=WAIT_MS)
    pressed, painted = page.evaluate(MARKS, "collab:key"), page.evaluate(MARKS, "collab:painted")
    assert len(pressed) == len(painted) == WARM_UP + PRESSES, (len(pressed), len(painted))
    return [after - before for before, after in zip(pressed, painted, strict=True)][WARM_UP:]


def crowd(workspace: Path, app: App, people: int) -> subprocess.Popen[str]:
    """Start simulated annotators, who print in the end what they waited for."""
    arguments = (str(workspace), str(app.port), str(people), str(CROWD_SECONDS))
    return subprocess.Popen(
        [sys.executable, "-m", "tests.bench.annotators", *arguments],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )


def _key_result(name: str, measured: list[float], target: float, beside: str) -> Result:
    against = f"key event to frame in Chromium, {beside}, pool {ITEMS:,}, worker at work, {told(measured, 'ms')}"
    return Result(name, p95(measured), "ms", target, "at most", against)
