"""The one worker of a workspace: keeps the heads of live projects fresh, and runs long jobs in child processes."""

import contextlib
import ctypes
import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from collab.domain.run import Job
from collab.domain.store import Store
from collab.engine.encoders.text import Encoder, encoder_of
from collab.errors import CollabError, JobLost, StorageError
from collab.jobs.running import LEASE_MS, now_ms
from collab.jobs.supervisor import ANOTHER_RUNS
from collab.loop.retraining import LIVE_MS, Learner

TICK = 0.05
JOBS_EVERY = 0.5
IDLE_EVERY = 1.0
"""Seconds between two looks at a project in which nobody labels."""

TEAM_GAP = 1.0
ALONE_GAP = 0.1
"""Least seconds from one round's end to the next one's start, with many annotators and with one."""

SIGN_EVERY = 3.0
"""Seconds between two signs of life, by which pages know that a worker is there."""

QUICK, SLOW = ("import", "export"), ("encode", "index")
"""Kinds of jobs that somebody waits for, and those that take long: one of each at a time, so that both get on."""

START_MS = 60_000
"""Until the first heartbeat of a job: a busy machine takes its time to load torch."""


def main(store: Store, *, supervised: bool) -> int:
    """Run until told to stop; returns the exit status.

    Args:
        supervised: Standard input is a pipe whose end means that the app is gone.
    """
    with contextlib.ExitStack() as stack:
        if not _only_one(store.workspace, stack):
            return ANOTHER_RUNS
        os.environ.setdefault("OMP_NUM_THREADS", "1")
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
        self._learners: dict[int, Learner] = {}
        self._encoders: dict[str, Encoder] = {}
        self._next: dict[int, float] = {}
        self._children: dict[int, tuple[Job, subprocess.Popen[bytes]]] = {}
        self._signed: dict[int, float] = {}
        self._stopping = False

    def stop(self) -> None:
        """Finish the step under way, then end."""
        self._stopping = True

    def run(self, supervised: bool) -> None:
        """Look after projects and jobs, over and over."""
        jobs_at = 0.0
        while not self._stopping and not (supervised and _parent_gone()):
            try:
                self._tend_projects()
                if time.monotonic() >= jobs_at:
                    jobs_at = time.monotonic() + JOBS_EVERY
                    self._tend_jobs()
            except StorageError as error:
                print(f"collab worker: {error}", file=sys.stderr, flush=True)  # noqa: T201  # the worker's log
                time.sleep(1.0)
            time.sleep(TICK)
        for _, child in self._children.values():
            child.terminate()

    def _tend_projects(self) -> None:
        projects = self._store.projects()
        for gone in self._learners.keys() - {p.id for p in projects}:
            del self._learners[gone]
        for project in projects:
            if time.monotonic() >= self._signed.get(project.id, 0):
                self._signed[project.id] = time.monotonic() + SIGN_EVERY
                self._sign(project.id)
            if time.monotonic() < self._next.get(project.id, 0):
                continue
            live = self._store.live_annotators(project.id, now_ms() - LIVE_MS)
            learner = self._learner(project.id, project.policy.encoder)
            if learner is None:
                self._next[project.id] = time.monotonic() + IDLE_EVERY
                continue
            gap = TEAM_GAP if live > 1 else ALONE_GAP if live else IDLE_EVERY
            if learner.take_in():
                learner.round(now_ms())
            self._next[project.id] = time.monotonic() + (gap if live != 1 else TICK)

    def _sign(self, project: int) -> None:
        reading = any(job.project == project and job.kind == "encode" for job, _ in self._children.values())
        with self._store.transaction(durable=False):
            self._store.set_worker(project, "reading" if reading else "idle", now_ms())

    def _learner(self, project: int, encoder: str) -> Learner | None:
        """The learner of a project; None while its encoder can't be loaded."""
        known = self._learners.get(project)
        if known is not None and known.project.policy.encoder == encoder:
            return known
        try:
            if encoder not in self._encoders:
                self._encoders[encoder] = encoder_of(encoder)
        except CollabError as error:
            self._store.set_worker(project, str(error), now_ms())
            return None
        learner = self._learners[project] = Learner(self._store, project, self._encoders[encoder])
        if learner.unread:  # another encoder was chosen, or the last attempt to read failed
            self._store.submit_job("encode", project, {}, "", now_ms())
        return learner

    def _tend_jobs(self) -> None:
        for number, (job, child) in list(self._children.items()):
            if child.poll() is not None:
                del self._children[number]
                self._bury(job, child.returncode)
        if (claimed := self._store.claim_job(["retrain"], now_ms(), now_ms() + LEASE_MS)) is not None:
            self._retrain(claimed)
        for kinds in (QUICK, SLOW):
            if any(running.kind in kinds for running, _ in self._children.values()):
                continue
            claimed = self._store.claim_job(kinds, now_ms(), now_ms() + START_MS)
            if claimed is not None:
                self._children[claimed.id] = claimed, self._start(claimed)

    def _bury(self, job: Job, status: int) -> None:
        """Let go of the job of a child that died, so that the next look finds it; one that ended has let go itself."""
        with contextlib.suppress(JobLost):
            self._store.beat_job(job.id, job.attempt, now_ms(), job.progress, f"exit status {status}")

    def _retrain(self, job: Job) -> None:
        assert job.project is not None
        project = self._store.project(job.project)
        learner = self._learner(project.id, project.policy.encoder)
        if learner is not None:
            learner.take_in()
            learner.round(now_ms())
        with contextlib.suppress(JobLost):
            self._store.end_job(job.id, job.attempt, "done", "", {}, now_ms())

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
        return subprocess.Popen([sys.executable, "-m", "collab.cli", *child], stdin=subprocess.DEVNULL)


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
