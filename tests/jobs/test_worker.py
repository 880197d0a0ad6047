"""Jobs outlive their worker: the next one goes on, and nothing is there by half."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from collab.domain.project import Field, Project
from collab.domain.run import Job
from collab.domain.store import Store
from collab.engine.encoders.text import Hashing
from collab.jobs.running import now_ms
from collab.jobs.supervisor import ANOTHER_RUNS
from collab.loop.importing import ImportPlan, run_import
from tests.driving import ROOT, command, environment, wait_for
from tests.jobs.conftest import ROWS
from tests.jobs.processes import children_of, lives

pytestmark = pytest.mark.slow
PATIENCE = 120.0


@contextmanager
def working(workspace: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker alone."""
    worker = subprocess.Popen(
        command("worker", "--workspace", workspace), cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL
    )
    try:
        yield worker
    finally:
        worker.terminate()
        worker.wait(30)


def submit_import(store: Store, project: Project, table: Path) -> Job:
    payload = {"path": str(table), "plan": asdict(ImportPlan((Field("text"),))), "source": table.name}
    return store.submit_job("import", project.id, payload, "Ann", now_ms())


def test_a_killed_import_leaves_nothing_by_half_and_the_next_worker_brings_all_of_it(
    workspace: Path, store: Store, project: Project, table: Path
) -> None:
    job = submit_import(store, project, table)
    with working(workspace) as worker:
        wait_for(lambda: store.job(job.id).progress > 0, PATIENCE)
        (child,) = children_of(worker.pid, job.id)
        worker.kill()
        wait_for(lambda: not lives(child), PATIENCE)
    assert store.progress(project.id).items == 0
    with working(workspace):
        wait_for(lambda: store.job(job.id).status == "done", PATIENCE)
    assert store.progress(project.id).items == ROWS
    assert [report.added for *_, report in store.imports(project.id)] == [ROWS]


def test_a_killed_encoding_goes_on_where_it_was(workspace: Path, store: Store, project: Project, table: Path) -> None:
    run_import(store, project, table, ImportPlan((Field("text"),)), now=now_ms(), progress=lambda *_: False)
    (job,) = [j for j in store.jobs(project.id) if j.kind == "encode"]
    with working(workspace) as worker:
        wait_for(lambda: 0 < store.progress(project.id).reading < 1, PATIENCE)
        os.kill(worker.pid, signal.SIGKILL)
    with working(workspace):
        wait_for(lambda: store.job(job.id).status == "done", PATIENCE)
    file = store.features(project.id, Hashing.digest, Hashing.dim)
    assert len(file) == len(np.unique(file.ids())) == ROWS
    assert 0 < store.job(job.id).result["encoded"] < ROWS


def test_a_job_whose_child_dies_is_tried_three_times_and_then_fails_with_what_it_said_last(
    workspace: Path, store: Store, project: Project, table: Path
) -> None:
    job = submit_import(store, project, table)
    with working(workspace) as worker:
        for attempt in (1, 2, 3):
            wait_for(lambda: store.job(job.id).attempt == attempt and children_of(worker.pid, job.id), PATIENCE)  # noqa: B023  # called at once
            os.kill(children_of(worker.pid, job.id)[0], signal.SIGKILL)
        wait_for(lambda: store.job(job.id).status == "failed", PATIENCE)
    assert store.job(job.id).message == "It stopped 3 times without a word; the last one was: exit status -9"
    assert store.progress(project.id).items == 0


def test_a_second_worker_leaves_the_workspace_to_the_first(workspace: Path, store: Store, project: Project) -> None:
    with working(workspace):
        wait_for(lambda: store.progress(project.id).worker_at, PATIENCE)
        second = subprocess.run(
            command("worker", "--workspace", workspace), cwd=ROOT, env=environment(), timeout=PATIENCE
        )
        assert second.returncode == ANOTHER_RUNS
