"""One worker for each workspace: started again when it dies, shared by apps, never left behind."""

import os
import signal
from pathlib import Path

import pytest

from collab.domain.project import Project
from collab.domain.store import Store
from tests.driving import running_app, wait_for
from tests.jobs.processes import lives, parent_of, worker_of

pytestmark = pytest.mark.slow
PATIENCE = 90.0


def test_a_worker_that_dies_while_idle_is_started_again(workspace: Path, store: Store) -> None:
    with running_app(workspace):
        first = wait_for(lambda: worker_of(workspace), PATIENCE)
        os.kill(first, signal.SIGKILL)
        wait_for(lambda: worker_of(workspace) not in (0, first), PATIENCE)


def test_two_apps_share_one_worker_and_the_second_takes_over_when_the_first_ends(
    workspace: Path, store: Store, project: Project
) -> None:
    with running_app(workspace) as first:
        shared = wait_for(lambda: worker_of(workspace), PATIENCE)
        with running_app(workspace) as second:
            second.wait_until_ready()
            signed = store.progress(project.id).worker_at
            wait_for(lambda: store.progress(project.id).worker_at > signed, PATIENCE)
            assert worker_of(workspace) == shared
            first.stop()
            heir = wait_for(lambda: worker_of(workspace), PATIENCE)
            assert parent_of(heir) == second.process.pid


def test_a_killed_app_leaves_no_worker_behind(workspace: Path, store: Store) -> None:
    with running_app(workspace) as app:
        worker = wait_for(lambda: worker_of(workspace), PATIENCE)
        app.kill()
        wait_for(lambda: not lives(worker), PATIENCE)
