"""How long fifty annotators wait for their answers to be saved, at two answers a second each, on both databases."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from collab.domain.store import Store
from collab.jobs.running import now_ms
from collab.storage.database import open_store
from tests.bench import counted
from tests.bench.importing import KEPT
from tests.bench.measuring import Result, p95, told
from tests.bench.servers import PLACES, postgres
from tests.driving import ROOT, App, environment, running_app, wait_for
from tests.faults.crowd import make_project

PEOPLE, EVERY, SECONDS = 50, 0.5, 60
ITEMS, OVERLAP = 20_000, 2


def results() -> Iterator[Result]:
    """The same crowd on SQLite, and on a PostgreSQL that writes through to the disk."""
    yield from _results("sqlite", "")
    if PLACES:
        with postgres() as url:
            yield from _results("postgres", url)


def _results(name: str, url: str) -> Iterator[Result]:
    KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=KEPT) as made:
        workspace = Path(made)
        store = open_store(workspace, url or None)
        project = make_project(store, ITEMS, annotations_per_item=OVERLAP)
        with running_app(workspace, url, program="tests.bench.counted") as app:
            app.wait_until_ready()
            wait_for(lambda: now_ms() - store.progress(project.id).worker_at < 5000, 120)
            before = _seconds(app)
            arguments = map(str, (workspace, app.port, PEOPLE, SECONDS, EVERY))
            said = subprocess.run(
                [sys.executable, "-m", "tests.bench.annotators", *arguments],
                cwd=ROOT, env=environment(COLLAB_DATABASE=url), stdout=subprocess.PIPE, check=True,
            )  # fmt: skip
            crowd = json.loads(said.stdout)
            spent = _seconds(app) - before
            rounds = store.progress(project.id).revision
        saved, commits = crowd["saved"], json.loads((workspace / counted.FILE).read_text())
        wrong = _wrong(store, project.id, crowd)
        store.close()
    cuts = statistics.quantiles(saved, n=100, method="inclusive")
    against = (
        f"answer to acknowledged commit, {PEOPLE} simulated annotators, an answer every {EVERY:g} s and a question for "
        f"news every second each, {SECONDS} s, overlap {OVERLAP}, pool {ITEMS:,}, worker at work ({rounds} rounds), "
        f"p99 {cuts[98]:.3g} ms, {told(saved, 'ms')}, {crowd['starved']} times nothing on screen, "
        f"{1000 * spent / crowd['messages']:.2f} ms of the server's processor for each message"
    )
    yield Result(f"save_p95_ms_50_{name}", p95(saved), "ms", 250.0, "at most", against)
    yield Result(f"save_wrong_50_{name}", sum(wrong.values()), "", 0.0, "at most", _listed(wrong))
    yield Result(
        f"save_commits_50_{name}", commits["durable"] / len(saved), "per answer", 1.0, "at most",
        f"durable commits of the server; {commits['relaxed'] / len(saved):.2f} others",
    )  # fmt: skip


def _seconds(app: App) -> float:
    """Processor seconds that the server itself has taken, without its worker."""
    fields = Path(f"/proc/{app.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _wrong(store: Store, project: int, crowd: dict[str, Any]) -> Counter[str]:
    """What must not have happened, and how often it did."""
    answers = Counter[int]()
    by_person = Counter[tuple[int | None, str]]()
    logged = Counter[str]()
    after = 0
    while page := store.log(project, after):
        after = page[-1][0]
        logged.update(event.id for _, event in page)
        first = [event for _, event in page if event.kind == "answer" and event.payload["purpose"] != "repeat"]
        answers.update(event.item for event in first if event.item is not None)
        by_person.update((event.item, event.actor) for event in first)
    return Counter(
        {
            "errors": len(crowd["errors"]),
            "refused": len(crowd["refused"]),
            "never acknowledged": crowd["unanswered"],
            "acknowledged but not logged": max(0, len(crowd["saved"]) - logged.total()),
            "logged twice": logged.total() - len(logged),
            "answered twice by one person": by_person.total() - len(by_person),
            "answers beyond the overlap": sum(max(0, n - OVERLAP) for n in answers.values()),
        }
    )


def _listed(wrong: Counter[str]) -> str:
    return ", ".join(f"{n} {what}" for what, n in wrong.items())
