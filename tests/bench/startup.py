"""How long after `collab run` somebody sees the first ask."""

import time
from collections.abc import Iterator

from collab.storage.database import open_store
from tests.bench.browser import chromium, open_card, page_of
from tests.bench.measuring import Result, told
from tests.bench.workspaces import workspace_of
from tests.driving import free_port, running_app

ITEMS = 50_000
STARTS = 3


def results() -> Iterator[Result]:
    """The slowest of a few starts, Chromium open already."""
    waited = []
    with workspace_of(ITEMS) as workspace, chromium() as browser:
        store = open_store(workspace)
        for start in range(STARTS):
            port = free_port()
            page = page_of(browser, store, f"Ann {start}", f"http://127.0.0.1:{port}")
            started = time.perf_counter()
            with running_app(workspace, port=port) as app:
                app.wait_until_ready()
                open_card(page, app.address)
                waited.append(time.perf_counter() - started)
                page.context.close()
        store.close()
    against = f"{ITEMS:,} items with features, `collab run` to the first ask painted, {told(waited, 's')}"
    yield Result("first_ask_s_50k", max(waited), "s", 8.0, "at most", against)
