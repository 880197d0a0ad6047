"""Run one job to its end, as the child process that it lives in: heartbeat out, cancel in, fenced by its attempt."""

import contextlib
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from collab.domain.certificate import Terms
from collab.domain.plain import typed
from collab.domain.project import Field
from collab.domain.run import Job
from collab.domain.store import Store
from collab.engine.recipe import Epoch
from collab.errors import CollabError, JobCancelled, JobLost
from collab.loop import auditing, bundling, doubting, exporting, importing, mapping, suspecting
from collab.loop.encoding import blocks_of, encode_items, image_encoder, text_encoder
from collab.loop.escalating import JOB, wanted
from collab.loop.freezing import freeze
from collab.loop.lessons import lesson as lesson_of
from collab.loop.lessons import put_curve
from collab.loop.planning import ImportPlan
from collab.loop.signing import bring_in_force
from collab.loop.teaching import teach
from collab.loop.tuning import is_first as is_first
from collab.loop.tuning import tune

LEASE_MS = 15_000
START_MS = 60_000
"""Until the first heartbeat of a job: a busy machine takes its time to load torch."""
BEAT_SECONDS = 1.0
LAST = 19
"""Niceness that yields to everything else."""
CURVE_SECONDS = 0.5
"""Between two looks that a page gets at the losses of a training."""

Report = Callable[[float, str], bool]
"""Say how far the job is (share, message); returns whether a person asked it to stop."""
Watch = Callable[[float, str], None]


def run(store: Store, job: Job, watch: Watch | None = None) -> None:
    """Do the work of a claimed job and write its end.

    Of several processes that train together the first one alone speaks for the job.

    Args:
        store: The workspace.
        job: As it was claimed.
        watch: Shown the share done and the message each time that the job reports.

    Raises:
        JobLost: Another attempt owns the job; nothing was published.
    """
    if not is_first():
        with contextlib.suppress(CollabError):  # the first one says what went wrong
            KINDS[job.kind](store, job, lambda *_: False)
        return
    beat = _Heartbeat(store, job, watch)
    with beat:
        try:
            result = KINDS[job.kind](store, job, beat.report)
            status, message = ("cancelled", "") if beat.cancelled and not result else ("done", "")
        except JobCancelled:
            status, message, result = "cancelled", "", {}
        except JobLost:
            raise
        except CollabError as error:
            status, message, result = "failed", str(error), {}
    store.end_job(job.id, job.attempt, status, message, result, now_ms())  # type: ignore[arg-type]  # both are statuses
    if status == "done" and job.payload.get("uploaded"):
        Path(job.payload["path"]).unlink(missing_ok=True)


def now_ms() -> int:
    """The server's clock."""
    return time.time_ns() // 1_000_000


def stand_back() -> None:
    """Leave the processor to those who label, where the processor is what trains."""
    if not torch.cuda.is_available():
        os.nice(LAST)  # it can't be nicer than that, whatever it was
        torch.set_num_threads(1)


def launch() -> list[str] | None:
    """The command that starts this program once for each GPU; None where one process is right, or this is one of them.

    Its arguments follow. Never run on several GPUs yet: none were at hand.
    """
    devices = torch.cuda.device_count()
    if devices < 2 or "RANK" in os.environ:
        return None
    spread = ["--multi_gpu", "--num_processes", str(devices)]
    return [sys.executable, "-m", "accelerate.commands.launch", *spread, "--module", "collab.cli"]


class _Heartbeat:
    """Beats in a thread of its own, so that a long step can't look like a dead job."""

    def __init__(self, store: Store, job: Job, watch: Watch | None) -> None:
        self._store, self._job, self._watch = store, job, watch
        self._share, self._message = job.progress, job.message
        self._over = threading.Event()
        self._lost: JobLost | None = None
        self.cancelled = False
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def report(self, share: float, message: str) -> bool:
        """Take note of progress; raises where the job was lost."""
        self._share, self._message = share, message
        if self._watch is not None:
            self._watch(share, message)
        if self._lost is not None:
            raise self._lost
        return self.cancelled

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._over.is_set():
            try:
                self.cancelled |= self._store.beat_job(
                    self._job.id, self._job.attempt, now_ms() + LEASE_MS, self._share, self._message
                )
            except JobLost as error:
                self._lost = error
                return
            except CollabError:
                pass  # the disk may be back at the next beat; the lease tells whether it was in time
            self._over.wait(BEAT_SECONDS)


def _import(store: Store, job: Job, report: Report) -> Mapping[str, Any]:
    assert job.project is not None
    path = Path(job.payload["path"])
    source, now = job.payload.get("source") or path.name, job.created_at
    for _, name, at, done in store.imports(job.project):
        if (name, at) == (source, now):  # an earlier attempt brought all of it, and died before it could say so
            importing.log_answers(store, job.project, now)
            return asdict(done)
    done = importing.run_import(
        store, store.project(job.project), path, _plan(job.payload["plan"]),
        now=now, progress=report, by=job.requested_by, source=source,
    )  # fmt: skip
    return asdict(done)


def _plan(values: Mapping[str, Any]) -> ImportPlan:
    """Read what `dataclasses.asdict` made of a plan."""
    return ImportPlan(**{**values, "fields": tuple(Field(**f) for f in values["fields"])})


def _encode(store: Store, job: Job, report: Report) -> Mapping[str, Any]:
    assert job.project is not None
    project = store.project(job.project)
    text, images = text_encoder(store, project), image_encoder(store, project)
    return {"encoded": encode_items(store, project, text, report, images)}


def _index(store: Store, job: Job, report: Report) -> Mapping[str, Any]:
    assert job.project is not None
    total = max(1, store.progress(job.project).items)
    done, after = 0, 0
    while after := store.index_text(job.project, after):
        done += 5000
        if report(min(1.0, done / total), ""):
            raise JobCancelled
    return {}


def _map(store: Store, job: Job, report: Report) -> Mapping[str, Any]:
    assert job.project is not None
    return mapping.make_map(store, store.project(job.project), job.id, report, now_ms())


def _export(store: Store, job: Job, report: Report) -> Mapping[str, Any]:
    assert job.project is not None
    made = exporting.export_data(
        store, store.project(job.project), job.payload["what"], job.payload["format"], progress=report,
        personal=job.payload.get("personal", False),
    )  # fmt: skip
    counts = {"guarded": made.guarded_cells, "altered": made.altered_cells, "left_out": made.left_out}
    return {"file": made.name, "rows": made.rows, **counts}


def _bundle(store: Store, job: Job, report: Report) -> Mapping[str, Any]:
    assert job.project is not None
    personal = job.payload.get("personal", False)
    made = bundling.bundle(store, store.project(job.project), now=now_ms(), report=report, personal=personal)
    return {"file": made.name, "model": made.model, "bytes": made.bytes}


def _freeze(store: Store, job: Job, report: Report) -> Mapping[str, Any]:
    assert job.project is not None
    terms, key = typed(Terms, job.payload), secrets.token_hex(16)
    made = freeze(store, job.project, terms, key, by=job.requested_by, event_id=_act(job), now=now_ms(), report=report)
    return {"number": made.number, "items": made.items}


def _sign(store: Store, job: Job, report: Report) -> Mapping[str, Any]:
    assert job.project is not None
    number = job.payload["number"]
    signed = bring_in_force(
        store, job.project, number, by=job.requested_by, event_id=_act(job), now=now_ms(), report=report
    )
    return {"number": number, "labels": signed.labels}


def _withdraw(store: Store, job: Job, _report: Report) -> Mapping[str, Any]:
    assert job.project is not None
    number = job.payload["number"]
    auditing.withdraw(store, job.project, number, job.requested_by, _act(job), now_ms())
    return {"number": number}


def _train(store: Store, job: Job, report: Report) -> Mapping[str, Any]:
    assert job.project is not None
    number, lesson, told = job.project, lesson_of(job), 0.0
    project = store.project(number)

    def tell(epochs: tuple[Epoch, ...]) -> bool:
        nonlocal told
        if time.monotonic() - told > CURVE_SECONDS or len(epochs) == lesson.recipe.epochs:
            told = time.monotonic()
            put_curve(store, number, job.id, epochs, now_ms())
        return report(len(epochs) / lesson.recipe.epochs, "")

    text, images = text_encoder(store, project), image_encoder(store, project)
    return teach(store, project, text, images, lesson, job.id, tell)


def _tune(store: Store, job: Job, report: Report) -> Mapping[str, Any]:
    assert job.project is not None

    def hold(share: float, message: str) -> bool:
        return store.beat_job(job.id, job.attempt, now_ms() + LEASE_MS, share, message)

    return tune(store, job.project, wanted(job), job.id, report, hold)


def _suspect(store: Store, job: Job, report: Report) -> Mapping[str, Any]:
    assert job.project is not None
    project = store.project(job.project)
    if job.payload:
        features = typed(doubting.Features, job.payload)
    else:  # a person wants it: nobody has said where the features are
        blocks = blocks_of(store, project, text_encoder(store, project), image_encoder(store, project))
        features = doubting.Features(blocks.digest, blocks.dim, blocks.widths)
    stand_back()
    made = suspecting.look(store, project, features, now_ms(), lambda share: report(share, ""))
    return {"found": sum(made.found.values())}


def _act(job: Job) -> str:
    """The event of a job that is one act: the next attempt sees by it that an earlier one came to its end."""
    return f"job {job.id}: {job.kind}"


KINDS: Mapping[str, Callable[[Store, Job, Report], Mapping[str, Any]]] = {
    "import": _import,
    "encode": _encode,
    "index": _index,
    mapping.JOB: _map,
    "export": _export,
    "bundle": _bundle,
    "freeze": _freeze,
    "sign": _sign,
    "withdraw": _withdraw,
    "train": _train,
    JOB: _tune,
    doubting.JOB: _suspect,
}
