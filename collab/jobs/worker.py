"""The one worker of a workspace: keeps the heads of live projects fresh, and runs long jobs in child processes."""

import contextlib
import ctypes
import fcntl
import os
import select
import signal
import subprocess
import sys
import threading
import time
import traceback
from functools import partial
from pathlib import Path

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from collab.domain.project import Project
from collab.domain.run import LIVE_MS, Job, JobStatus
from collab.domain.store import Store
from collab.errors import CollabError, JobLost, StorageError
from collab.jobs.loading import Encoders
from collab.jobs.running import LEASE_MS, START_MS, now_ms
from collab.jobs.supervisor import ANOTHER_RUNS
from collab.loop import certifying, doubting, escalating, suspecting
from collab.loop.encoding import image_encoder_of, text_encoder_of
from collab.loop.explaining import answer_why
from collab.loop.finding import ask_index
from collab.loop.measuring import image_fields, measured, reads_text, table_fields
from collab.loop.retraining import Learner
from collab.loop.sweeping import sweep_erasures, sweep_models, sweep_retention, sweep_uploads

TICK = 0.05
"""Seconds between two looks at everything; also the pause after a round while one person labels."""
JOBS_EVERY = 0.5
IDLE_EVERY = 1.0
"""Seconds between two looks at a project in which nobody labels."""
TEAM_GAP = 1.0
"""Seconds from one round's end to the next one's start while several people label."""

AGAIN = 60.0
"""Seconds until a project that failed is tried again."""

SWEEP_EVERY = 3600.0
"""Seconds between two looks for uploads and weights that nobody needs."""

SIGN_EVERY = 3.0
"""Seconds between two signs of life, by which pages know that a worker is there."""

QUICK, SLOW = ("import", "export", "bundle", "freeze", "sign", "withdraw"), ("encode", "index", "map")
"""Kinds of jobs that somebody waits for, and those that take long: one of each at a time, so that both get on."""
TRAINING = ("train",)
"""Somebody watches these, but they may take long: beside the others, one at a time."""
TUNING = (escalating.JOB,)
"""Take minutes to hours: one at a time for each device, beside all others."""
LOOKING = (doubting.JOB,)
"""Nobody waits for these."""
ALONE = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
"""A training that takes every core for an hour would keep people waiting at each key; where there is a GPU the
processor has little to do."""

PARTING = 3.0
"""Seconds that a job has to end in when the worker does; the app waits ten for the worker."""

FOLLOW_EVERY, VERDICT_EVERY = 60.0, 2.0
"""Seconds until certificates are looked at though nothing was logged: a lease that runs out leaves no event. And where
a verdict only waits until the last answer is a while old."""


def main(store: Store, *, supervised: bool) -> int:
    """Run until told to stop; returns the exit status.

    Args:
        supervised: Standard input is a pipe whose end means that the app is gone.
    """
    with contextlib.ExitStack() as stack:
        if not _only_one(store.workspace, stack):
            return ANOTHER_RUNS
        threadpool_limits(1)  # this process alone: its children, which encode, take every core
        worker = _Worker(store)
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: worker.stop())
        worker.run(supervised)
    return 0


def die_with_parent() -> None:
    """Ask Linux to kill this process when the one that started it ends, however it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if os.getppid() == 1:
            sys.exit(0)


class _Worker:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._encoders = Encoders(partial(text_encoder_of, store))
        self._image_encoders = Encoders(partial(image_encoder_of, store))
        self._learners: dict[int, Learner] = {}
        self._next: dict[int, tuple[Project, float]] = {}
        self._followed: dict[int, tuple[int, float]] = {}
        self._trouble: dict[int, str] = {}
        self._live: set[int] = set()
        """Projects in which people label."""
        self._unmeasured: set[int] = set()
        self._children: dict[int, tuple[Job, subprocess.Popen[bytes]]] = {}
        self._stopping = False

    def stop(self) -> None:
        """Finish the step under way, then end."""
        self._stopping = True

    def run(self, supervised: bool) -> None:
        """Look after projects and jobs, over and over."""
        threading.Thread(target=self._sign, daemon=True).start()
        jobs_at = sweep_at = 0.0
        while not self._stopping and not (supervised and _parent_gone()):
            try:
                self._tend_projects()
                if time.monotonic() >= jobs_at:
                    jobs_at = time.monotonic() + JOBS_EVERY
                    self._tend_jobs()
                if time.monotonic() >= sweep_at:
                    sweep_at = time.monotonic() + SWEEP_EVERY
                    sweep_uploads(self._store, now_ms())
                    sweep_erasures(self._store, now_ms())
                    sweep_retention(self._store, now_ms())
                    for project in self._store.projects():
                        sweep_models(self._store, project.id)
                        ask_index(self._store, project.id, now_ms())
            except Exception as error:
                _tell("projects and jobs", error)
                time.sleep(1.0)
            time.sleep(TICK)
        self.stop()
        self._part()

    def _sign(self) -> None:
        """Give signs of life, in a thread of its own: a round over a large pool takes longer than pages wait."""
        while not self._stopping:
            try:
                with self._store.transaction(durable=False):
                    for project in self._store.projects():
                        self._store.set_worker(project.id, self._doing(project.id), now_ms())
            except Exception as error:
                _tell("signs of life", error)
            time.sleep(SIGN_EVERY)

    def _doing(self, project: int) -> str:
        """What goes on in a project, in a word of the catalogue or as a sentence that says what went wrong."""
        if project in self._trouble:
            return self._trouble[project]
        if any(job.project == project and job.kind == "encode" for job, _ in list(self._children.values())):
            return "reading"
        return "idle" if project in self._learners else ""

    def _tend_projects(self) -> None:
        projects = self._store.projects()
        for gone in self._next.keys() - {p.id for p in projects}:
            del self._next[gone]
            self._learners.pop(gone, None)
        self._encoders.keep((p.id, p.policy.encoder) for p in projects)
        self._image_encoders.keep((p.id, p.policy.image_encoder) for p in projects)
        for project in projects:
            seen, due = self._next.get(project.id, (None, 0.0))
            if project == seen and time.monotonic() < due:
                if project.id in self._live:
                    self._explain(project)
                continue
            try:
                pause = self._tend(project)
                self._follow(project)  # last: a certificate whose files are gone must not keep the model from learning
                self._trouble.pop(project.id, None)
            except Exception as error:  # of one project: the others go on
                self._trouble[project.id] = _tell(project.name, error)
                self._learners.pop(project.id, None)
                pause = IDLE_EVERY if isinstance(error, StorageError) else AGAIN
            self._next[project.id] = project, time.monotonic() + pause

    def _tend(self, project: Project) -> float:
        """Do what is due in a project; returns the seconds until the next look."""
        learner = self._learner(project)
        if learner is None:
            return IDLE_EVERY if project.id in self._unmeasured else TICK
        live = self._store.live_annotators(project.id, now_ms() - LIVE_MS)
        (self._live.add if live else self._live.discard)(project.id)
        if learner.take_in(now_ms()):
            learner.round(now_ms())
        self._explain(project)
        return TEAM_GAP if live > 1 else TICK if live else IDLE_EVERY

    def _explain(self, project: Project) -> None:
        """Tell the person who waits longest why something is suggested: one at a time, so that refits get on."""
        learner = self._learners.get(project.id)
        if learner is None or not (asked := self._store.asked_why(project.id)):
            return
        if (grounds := learner.grounds()) is None:
            return
        try:
            answer_why(self._store, grounds, asked[0], now_ms())
        except StorageError as error:
            _tell(project.name, error)  # it stays asked
        except Exception as error:  # of one item: it is told that nothing could be said, and others are
            _tell(f"why item {asked[0]}", error)
            self._store.put_why(project.id, asked[0], self._store.progress(project.id).revision, {}, now_ms())

    def _follow(self, project: Project) -> None:
        """See to certificates, and to whether a fine-tuning is due, where something was done since the last look."""
        events = self._store.progress(project.id).events
        seen, again = self._followed.get(project.id, (-1, 0.0))
        if events != seen or time.monotonic() >= again:
            soon = certifying.follow(self._store, project, now_ms())
            escalating.ask_if_due(self._store, project, now_ms())
            if (learner := self._learners.get(project.id)) is not None:
                suspecting.ask_if_due(self._store, project, learner.reads, now_ms())
            self._followed[project.id] = events, time.monotonic() + (VERDICT_EVERY if soon else FOLLOW_EVERY)

    def _learner(self, project: Project) -> Learner | None:
        """The learner of a project; None while its encoder is being loaded, or its table was never measured."""
        known = self._learners.get(project.id)
        if known is not None and known.serves(project):
            return known
        encoder = self._encoders.get(project.id, project.policy.encoder) if reads_text(project) else None
        images = self._image_encoders.get(project.id, project.policy.image_encoder) if image_fields(project) else None
        if (encoder is None and reads_text(project)) or (images is None and image_fields(project)):
            return None
        if table_fields(project) and measured(self._store, project) is None:
            if project.id not in self._unmeasured and self._store.progress(project.id).items:
                self._unmeasured.add(project.id)  # once: a job that failed says why, and would fail again
                self._store.submit_job("encode", project.id, {}, "", now_ms())
            return None
        learner = self._learners[project.id] = Learner(self._store, project.id, encoder, images)
        if learner.unread:  # another encoder was chosen, or the last attempt to read failed
            self._store.submit_job("encode", project.id, {}, "", now_ms())
        return learner

    def _tend_jobs(self) -> None:
        for number, (job, child) in list(self._children.items()):
            if child.poll() is not None:
                del self._children[number]
                self._bury(job, child.returncode)
        if (claimed := self._store.claim_job(["retrain"], now_ms(), now_ms() + LEASE_MS)) is not None:
            self._retrain(claimed)
        for kinds in (QUICK, SLOW, TRAINING, TUNING, LOOKING):
            if any(running.kind in kinds for running, _ in self._children.values()):
                continue
            claimed = self._store.claim_job(kinds, now_ms(), now_ms() + START_MS, alone=kinds is TUNING)
            if claimed is not None:
                self._children[claimed.id] = claimed, self._start(claimed)

    def _bury(self, job: Job, status: int) -> None:
        """Let go of the job of a child that died, so that the next look finds it; one that ended has let go itself."""
        with contextlib.suppress(JobLost):
            self._store.beat_job(job.id, job.attempt, now_ms(), job.progress, f"exit status {status}")

    def _part(self) -> None:
        """End the jobs under way and give them back: that the app is stopped is no failure of theirs."""
        parted = [(job, child) for job, child in self._children.values() if child.poll() in (None, -signal.SIGTERM)]
        for _, child in parted:
            child.terminate()
        for job, child in parted:
            try:
                child.wait(PARTING)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            with contextlib.suppress(StorageError):  # then its lease runs out
                self._store.give_back_job(job.id, job.attempt)

    def _retrain(self, job: Job) -> None:
        assert job.project is not None
        status: JobStatus = "failed"
        try:
            learner = self._learner(self._store.project(job.project))
            if learner is None:
                message = "The encoder is still being loaded. Try again in a moment."
            else:
                learner.take_in()
                learner.round(now_ms())
                status, message = "done", ""
        except Exception as error:
            message = _tell(f"job {job.id}", error)
            self._learners.pop(job.project, None)
        with contextlib.suppress(JobLost):
            self._store.end_job(job.id, job.attempt, status, message, {}, now_ms())

    def _start(self, job: Job) -> subprocess.Popen[bytes]:
        child = (
            "worker",
            "--workspace",
            str(self._store.workspace),
            "--job",
            str(job.id),
            "--attempt",
            str(job.attempt),
        )
        env = {**os.environ, **(ALONE if job.kind in (*TUNING, *LOOKING) else {})}
        return subprocess.Popen(
            [sys.executable, "-m", "collab.cli", *child],
            stdin=subprocess.DEVNULL,
            env=env,
            process_group=0,  # Ctrl+C reaches the worker alone, which ends it and gives the job back
        )


def _tell(what: str, error: Exception) -> str:
    """Write down what went wrong; returns the sentence for the pages."""
    expected = isinstance(error, CollabError)
    sentence = str(error) if expected else f"{type(error).__name__}: {error}"
    print(f"collab worker: {what}: {sentence}", file=sys.stderr, flush=True)  # noqa: T201  # the worker's log
    if expected:
        return sentence
    traceback.print_exception(error)
    # What it says may quote an item, and everybody sees it, whatever they may see.
    return f"{type(error).__name__}: the server's log says more."


def _only_one(workspace: Path, stack: contextlib.ExitStack) -> bool:
    """Hold the workspace's worker lock until the stack closes; the system lets it go when the process dies."""
    handle = stack.enter_context((workspace / "worker.lock").open("a"))  # not "w": the holder's number stands in it
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()
    return True


def _parent_gone() -> bool:
    """Whether the app closed its end of the pipe: it never writes, so anything readable is the end."""
    readable, _, _ = select.select([sys.stdin], [], [], 0)
    return bool(readable)
