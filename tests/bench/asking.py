"""How long after an answer the queue is the work of a head that knows it."""

import time
from collections.abc import Iterator

from collab.storage.database import open_store
from tests.bench.measuring import Result, p95, told
from tests.bench.workspaces import workspace_of
from tests.driving import Person, running_app, wait_for

ITEMS = 50_000
WARM_UP, ANSWERS = 15, 60
PAUSE = 1.0
"""Seconds between two answers."""


def results() -> Iterator[Result]:
    """One annotator answers through the route; the clock stops when a newer ranking is committed."""
    with workspace_of(ITEMS) as workspace, running_app(workspace) as app:
        app.wait_until_ready()
        store = open_store(workspace)
        (project,) = store.projects()
        truth = store.truth(project.id)
        wait_for(lambda: store.progress(project.id).ranking > 0, 60)
        person = Person.of(store, app.port, "Ann", project.id)
        person.sync()
        waited = []
        for _ in range(WARM_UP + ANSWERS):
            before = store.progress(project.id).ranking
            person.answer(truth[person.queue[0]["item"]])
            sent = time.perf_counter()
            person.sync()
            wait_for(lambda: store.progress(project.id).ranking > before, 30, every=0.005)  # noqa: B023  # called at once
            waited.append(time.perf_counter() - sent)
            time.sleep(PAUSE)
        person.close()
        store.close()
    measured = waited[WARM_UP:]
    against = f"{ITEMS:,} items, one annotator, an answer every {PAUSE:g} s, {told(measured, 's')}"
    yield Result("answer_to_queue_p95_s_50k", p95(measured), "s", 1.0, "at most", against)
