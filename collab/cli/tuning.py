"""The command that trains encoder and head of a project together, in the foreground."""

import os
import signal
import time
from typing import TYPE_CHECKING, Annotated

import typer

from collab.cli.speaking import (
    HERE,
    AsJson,
    Database,
    Workspace,
    err,
    fail,
    now,
    open_workspace,
    project_named,
    say,
)
from collab.engine.recipe import FineTuning, Method, Optimizer
from collab.errors import Conflict

if TYPE_CHECKING:
    from collab.domain.run import Job
    from collab.domain.store import Store
    from collab.loop.escalating import Wanted
    from collab.loop.versions import Tuned

USUAL = FineTuning()
TOLD_EVERY = 2.0
"""Seconds between two lines of progress."""
PATIENCE = 600.0
"""Seconds that the other processes of `accelerate launch` wait until the first one has begun."""


def tune(
    name: Annotated[str, typer.Argument(metavar="PROJECT", help="Name of the project.")],
    method: Annotated[
        Method | None, typer.Option(help="full: all weights; lora: adapters. Else what suits the decisions.")
    ] = None,
    optimizer: Annotated[Optimizer, typer.Option(help="sgd: without momentum.")] = USUAL.optimizer,
    epochs: Annotated[
        int, typer.Option(min=1, help="At most; it ends where the loss held out no longer falls.")
    ] = USUAL.epochs,
    batch: Annotated[int, typer.Option(min=1, help="Items for one step.")] = USUAL.batch,
    rate: Annotated[float | None, typer.Option(help="Highest learning rate; else one that suits the method.")] = None,
    label_smoothing: Annotated[float, typer.Option(min=0, max=0.9, help="Share of the truth over all classes.")] = 0.0,
    class_weights: Annotated[bool, typer.Option(help="Have rare classes count as much as frequent ones.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the split, the order and the dropout.")] = 0,
    workspace: Workspace = HERE, database: Database = "", as_json: AsJson = False,
) -> None:  # fmt: skip
    """Fine-tune a project's model here and now, as the app's button does in the background.

    Over several GPUs: accelerate launch --num_processes N -m collab.cli tune PROJECT.
    """
    from collab.jobs import running
    from collab.loop import escalating, versions

    store = open_workspace(workspace, database, must_exist=True)
    project = project_named(store, name).id
    versions.tune_fits(store, project)
    recipe = FineTuning(
        method or escalating.advice(store, project).method, optimizer, epochs, batch, rate,
        label_smoothing=label_smoothing, class_weights=class_weights, seed=seed,
    )  # fmt: skip
    if not running.is_first():
        running.run(store, _begun(store, project, now()))
        return
    at = now()
    job = begin(store, project, escalating.Wanted(recipe), os.environ.get("USER", ""), at)
    if job.created_at != at:
        err.print(f"Going on with job {job.id}, which was there already, and with its settings.", highlight=False)
    # The job then ends at its next step, and cleans up behind itself.
    before = signal.signal(signal.SIGINT, lambda *_: store.cancel_job(job.id))
    try:
        running.run(store, job, _Watch(store, project, job.id).show)
    finally:
        signal.signal(signal.SIGINT, before)
    ended = store.job(job.id)
    if ended.status != "done":
        fail(ended.message or "It was cancelled; nothing is kept of it.")
    found = versions.tuned(ended)
    say({"job": job.id, **ended.result}, as_json, _told(store, project, found))


def begin(store: "Store", project: int, wanted: "Wanted", by: str, at: int) -> "Job":
    """Queue the job and take it in one act, so that no worker is quicker.

    Raises:
        Conflict: A fine-tuning is under way already, of this project or of another one that waits.
    """
    from dataclasses import asdict

    from collab.jobs.running import START_MS
    from collab.loop.escalating import JOB

    with store.transaction():
        job = store.submit_job(JOB, project, asdict(wanted), by, at)
        claimed = store.claim_job([JOB], at, at + START_MS, alone=True)
        if claimed is None or claimed.id != job.id:
            raise Conflict(
                "Another fine-tuning is under way in this workspace, one at a time. Wait for its end, or cancel it."
            )
    return claimed


def _begun(store: "Store", project: int, since: int) -> "Job":
    """The job that the first process has begun.

    Raises:
        Conflict: It has begun none within ten minutes, or it has ended since then.
    """
    from collab.loop.escalating import JOB

    until = time.monotonic() + PATIENCE
    while True:
        for job in store.jobs(project):
            if job.kind == JOB and job.status == "running":
                return job
            if job.kind == JOB and (job.finished_at or 0) >= since:
                raise Conflict("The first process of this training has ended before it began. It says why.")
        if time.monotonic() > until:
            raise Conflict("The first process has not begun within ten minutes. Start it again.")
        time.sleep(0.5)


class _Watch:
    """Tells on standard error how far the job is."""

    def __init__(self, store: "Store", project: int, job: int) -> None:
        self._store, self._project, self._job = store, project, job
        self._told = 0.0

    def show(self, share: float, _message: str) -> None:
        """Print a line, but not more often than people read."""
        from collab.loop import versions

        if time.monotonic() - self._told < TOLD_EVERY:
            return
        seen = versions.progress_of(self._store, self._project, self._job)
        if seen is None:
            return
        self._told = time.monotonic()
        parts = [f"{100 * share:3.0f} %", _DOING[seen.doing]]
        if seen.doing == "train":
            parts.append(f"step {seen.step:,} of at most {seen.steps:,}")
            parts += [] if seen.loss is None else [f"loss {seen.loss:.4f}"]
            held = seen.epochs[-1].held_out if seen.epochs else None
            parts += [] if held is None else [f"held out {held:.4f}"]
            parts += [] if seen.eta_seconds is None else [f"{seen.eta_seconds:,.0f} s left at most"]
            parts += [seen.device, *([seen.note] if seen.note else [])]
        err.print(", ".join(parts), highlight=False, markup=False, soft_wrap=True)


_DOING = {"train": "training", "read": "reading all items", "judge": "judging"}


def _told(store: "Store", project: int, found: "Tuned") -> str:
    """What came of it, as a sentence."""
    from collab.domain.run import SHOWN_FROM
    from collab.loop import versions

    record = versions.version_of(store, project, found.version).record
    verdict, number = record.verdict, f"Version {found.version}"
    if verdict is None:
        few = f"there are fewer than {SHOWN_FROM} audits of each import, too few to judge it"
        return f"{number} is kept as a candidate: {few}. You can promote it."
    change = verdict.accuracy
    figures = (
        f"on {len(verdict.audits):,} audits the log-loss fell by {verdict.gain.value:.3f} "
        f"({verdict.gain.low:.3f} to {verdict.gain.high:.3f}), and the agreement rose by "
        f"{100 * change.value:.1f} points ({100 * change.low:.1f} to {100 * change.high:.1f})"
    )
    if verdict.word == "can't tell":
        more = "It would take more audits than could be asked."
        if verdict.more is not None:
            more = f"About {verdict.more:,} more audits would tell."
        return f"{number} is kept as a candidate. Whether it is better can't be told yet: {figures}. {more}"
    then = "It suggests from now on." if found.promoted else "It is kept as a candidate."
    return f"{number} is {verdict.word} than version {verdict.against}: {figures}. {then}"
