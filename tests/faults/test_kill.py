"""kill -9 while answers come in, from outside, at moments that can be told apart there."""

import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from collab.domain.store import Store
from tests.driving import App, free_port, running_app, wait_for
from tests.faults.crowd import Crowd, projections, rebuilt, times_in_log

pytestmark = pytest.mark.slow

Moment = Callable[[Crowd, Path, random.Random], None]


def after_an_acknowledgement(crowd: Crowd, workspace: Path, rng: random.Random) -> None:
    crowd.go_on(1)


def in_the_middle_of_a_burst(crowd: Crowd, workspace: Path, rng: random.Random) -> None:
    time.sleep(rng.uniform(0.1, 1.0))


def while_a_ranking_is_written(crowd: Crowd, workspace: Path, rng: random.Random) -> None:
    """The head's file is written just before the transaction of its ranking."""
    heads = workspace / "files" / "heads"
    seen = set(heads.rglob("*.safetensors"))
    wait_for(lambda: set(heads.rglob("*.safetensors")) - seen, 30, every=0.0005)
    time.sleep(rng.uniform(0, 0.01))


MOMENTS = (after_an_acknowledgement, in_the_middle_of_a_burst, while_a_ranking_is_written)


def kill_the_app(workspace: Path, app: App) -> None:
    app.kill()


def kill_the_worker(workspace: Path, app: App) -> None:
    os.kill(worker_of(workspace), signal.SIGKILL)


def still_or_again(app: App, workspace: Path) -> AbstractContextManager[App]:
    """The app, started once more on its port where it was killed."""
    return nullcontext(app) if app.process.poll() is None else running_app(workspace, port=app.port)


def worker_of(workspace: Path) -> int:
    return int((workspace / "worker.lock").read_text())


def test_of_answers_that_share_commits_none_that_was_acknowledged_is_lost_to_a_kill(
    workspace: Path, store: Store, crowd: Callable[..., Crowd]
) -> None:
    port = free_port()
    with running_app(workspace, port=port) as app:
        app.wait_until_ready()
        people = crowd(port, *(f"Person {number}" for number in range(16)))
        people.go_on(40)
        app.kill()
        with still_or_again(app, workspace):
            people.go_on(40)
        people.end()
    assert times_in_log(store, people.project, people.acked) == {1: len(people.acked)}
    store.check_chain(people.project)
    assert projections(store, people.project) == rebuilt(store, people.project)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("victim", [kill_the_app, kill_the_worker])
def test_every_acknowledged_answer_is_there_once_after_a_kill(
    victim: Callable[[Path, App], None], moment: Moment, workspace: Path, store: Store, crowd: Callable[[int], Crowd]
) -> None:
    rng, port = random.Random(moment.__name__), free_port()
    with running_app(workspace, port=port) as app:
        people = crowd(port)
        wait_for(lambda: store.progress(people.project).revision > 1, 120)
        moment(people, workspace, rng)
        victim(workspace, app)
        rankings = store.progress(people.project).ranking
        with still_or_again(app, workspace):
            people.go_on(30)
            wait_for(lambda: store.progress(people.project).ranking > rankings + 1, 60)
        people.end()
    assert times_in_log(store, people.project, people.acked) == {1: len(people.acked)}
    store.check_chain(people.project)
    store.check(deep=True)
    assert projections(store, people.project) == rebuilt(store, people.project)
