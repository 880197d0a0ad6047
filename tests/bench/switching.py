"""What annotators feel of a fine-tuning: key presses while it trains, and while its version takes over."""

import json
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from collab.domain.project import Project
from collab.domain.store import Store
from collab.engine.recipe import FineTuning
from collab.jobs.running import now_ms
from collab.loop import promoting
from collab.loop.demonstrating import load_demo
from collab.loop.encoding import encode_items, text_encoder
from collab.loop.retraining import Learner
from collab.loop.simulating import answer_next
from collab.loop.versions import JOB, Wanted, progress_of
from collab.storage.database import open_store
from tests.bench.browser import chromium, open_card, page_of
from tests.bench.keys import crowd, press
from tests.bench.measuring import Result, p95, told
from tests.driving import running_app, wait_for

DECISIONS = 200
PEOPLE = 5
"""Simulated annotators beside the browser, whose answers are timed until they are acknowledged."""


def results() -> Iterator[Result]:
    """Presses during a training, then while its version is promoted and gone back from, over and over."""
    with tempfile.TemporaryDirectory() as made, chromium() as browser:
        workspace = Path(made) / "workspace"
        store = open_store(workspace)
        project = _labeled(store)
        with running_app(workspace) as app:
            app.wait_until_ready()
            page = page_of(browser, store, "Ann", app.address)
            open_card(page, app.address)
            job = store.submit_job(JOB, project.id, asdict(Wanted(FineTuning(epochs=40, patience=40))), "Ann", now_ms())
            wait_for(lambda: (told := progress_of(store, project.id, job.id)) is not None and told.step > 0, 120)
            with crowd(workspace, app, PEOPLE) as others:
                training = press(page)
                assert store.job(job.id).status == "running", "it trains all the while"
                said, _ = others.communicate(timeout=150)
            yield from _told("training", training, json.loads(said)["saved"])
            wait_for(lambda: store.job(job.id).status == "done", 1200, every=1.0)
            with crowd(workspace, app, PEOPLE) as others:
                switching = press(page, between=lambda number: number % 25 == 20 and _switch(store, project.id))
                said, _ = others.communicate(timeout=150)
            yield from _told("switching", switching, json.loads(said)["saved"])
        store.close()


def _labeled(store: Store) -> Project:
    """The tweets, with as many true decisions as a first training takes."""
    project = load_demo(store, demo="tweets", now=now_ms())
    encoder = text_encoder(store, project)
    encode_items(store, project, encoder, lambda *_: False)
    learner, truth, tab = Learner(store, project.id, encoder), store.truth(project.id), str(uuid.uuid4())
    while store.progress(project.id).decided < DECISIONS:
        learner.take_in()
        learner.round(now_ms())
        for _ in range(20):
            answer_next(store, project, truth, "Oracle", tab, now_ms())
    return project


def _switch(store: Store, project: int) -> None:
    """Promote the version that doesn't suggest; a person may."""
    other = next(m for m in store.models(project) if m.status != "champion")
    promoting.promote(store, project, other.id, "Ann", str(uuid.uuid4()), now_ms())


def _told(when: str, presses: list[float], saves: list[float]) -> Iterator[Result]:
    beside = f"{PEOPLE} simulated annotators beside, 4,200 tweets"
    while_ = "while MiniLM is fine-tuned" if when == "training" else "while two versions take turns"
    yield Result(
        f"key_to_next_p95_ms_{when}", p95(presses), "ms", 50.0, "at most",
        f"key event to frame in Chromium, {while_}, {beside}, {told(presses, 'ms')}",
    )  # fmt: skip
    yield Result(
        f"save_p95_ms_{when}", p95(saves), "ms", 250.0, "at most",
        f"answer to acknowledged commit, {while_}, {beside}, {told(saves, 'ms')}",
    )  # fmt: skip
