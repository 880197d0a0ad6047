"""A fine-tuning beside labeling: it stands back, survives its death, and what it made suggests without a pause."""

import os
import signal
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from collab.cli import tuning
from collab.domain.store import Store
from collab.domain.version import Change, ModelVersion, Verdict, VersionRecord
from collab.engine.recipe import FineTuning
from collab.errors import Conflict
from collab.jobs.running import LAST, now_ms
from collab.loop import versions
from collab.loop.encoding import encode_items, text_encoder
from collab.loop.escalating import JOB, Wanted, ask_if_due
from collab.loop.promoting import promote
from tests.driving import wait_for
from tests.jobs.processes import children_of
from tests.jobs.test_worker import PATIENCE, working
from tests.loop.conftest import Loop
from tests.tiny import tiny_text

WANTED = Wanted(FineTuning(epochs=24, patience=24, batch=4, rate=1e-3, precision="fp32"))


@pytest.fixture
def taught(loop: Callable[..., Loop], tmp_path: Path) -> Callable[..., Loop]:
    """A project with a small encoder, of which forty items are decided."""

    def make(**policy: object) -> Loop:
        signs = loop(120, 0.0, encoder=tiny_text(tmp_path), audit_schedule=(), audit_trickle=0, **policy)
        truth = signs.store.truth(signs.project.id)
        with signs.store.transaction():
            for _ in range(40):
                (ask,) = signs.hand("ann").asks
                signs.say("ann", ask, answer=truth[ask.item][0])
        return signs

    return make


@pytest.mark.slow
def test_a_killed_fine_tuning_goes_on_and_its_version_suggests_without_a_pause(
    workspace: Path, store: Store, taught: Callable[..., Loop]
) -> None:
    signs = taught()
    project = signs.project.id
    encode_items(store, signs.project, text_encoder(store, signs.project), lambda *_: False)

    def progress() -> versions.TuningProgress | None:
        return versions.progress_of(store, project, job.id)

    with working(workspace) as worker:
        wait_for(lambda: store.progress(project).revision, PATIENCE)
        job = store.submit_job(JOB, project, asdict(WANTED), "Ann", now_ms())
        wait_for(lambda: (told := progress()) is not None and len(told.epochs) >= 2, PATIENCE)
        (child,) = children_of(worker.pid, job.id)
        assert os.getpriority(os.PRIO_PROCESS, child) == LAST
        assert b"OMP_NUM_THREADS=1" in Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
        os.kill(child, signal.SIGKILL)
        wait_for(lambda: store.job(job.id).status == "done", PATIENCE)
        assert store.job(job.id).attempt == 2
        made = versions.tuned(store.job(job.id))
        record = versions.version_of(store, project, made.version).record
        assert record.making is not None
        assert (record.making.labels, record.making.epochs, made.promoted) == (40, 24, False)
        promote(store, project, made.version, "Ann", "an act", now_ms())
        assert signs.hand("bo", want=3).asks
        wait_for(lambda: (last := store.last_round(project)) is not None and last.model == made.version, PATIENCE)
        assert [j.kind for j in store.jobs(project) if j.kind == "encode"] == []
    assert not (workspace / "files" / "jobs").exists() or not list((workspace / "files" / "jobs").iterdir())


def test_one_is_asked_for_after_so_many_decisions_and_not_again_before_as_many_more(
    store: Store, taught: Callable[..., Loop]
) -> None:
    signs = taught(fine_tune_every=40)
    asked = ask_if_due(store, signs.project, now_ms())
    assert asked is not None
    assert (asked.kind, asked.requested_by, versions.wanted(asked).recipe.method) == (JOB, "", "lora")
    claimed = store.claim_job([JOB], now_ms(), now_ms())
    assert claimed is not None
    store.end_job(claimed.id, claimed.attempt, "failed", "It can't be.", {}, now_ms())
    assert ask_if_due(store, signs.project, now_ms()) is None


def test_without_a_policy_for_it_or_with_too_few_decisions_none_is_asked_for(
    store: Store, taught: Callable[..., Loop]
) -> None:
    signs = taught(fine_tune_every=41)
    by_hand = replace(signs.project, policy=replace(signs.project.policy, fine_tune_every=0))
    assert [ask_if_due(store, project, now_ms()) for project in (signs.project, by_hand)] == [None, None]


def test_in_the_foreground_one_is_begun_only_where_none_is_under_way(store: Store, taught: Callable[..., Loop]) -> None:
    signs = taught()
    begun = tuning.begin(store, signs.project.id, WANTED, "Ann", now_ms())
    assert (begun.kind, begun.status, begun.attempt) == (JOB, "running", 1)
    with pytest.raises(Conflict, match="under way"):
        tuning.begin(store, signs.project.id, WANTED, "Bo", now_ms())
    other = store.create_project("Others", signs.project.fields, signs.project.schema, signs.project.policy, now_ms())
    with pytest.raises(Conflict, match="under way"):
        tuning.begin(store, other.id, WANTED, "Bo", now_ms())
    assert store.jobs(other.id) == []
    again = tuning.begin(store, signs.project.id, WANTED, "Bo", now_ms() + 120_000)  # its lease ran out: it was killed
    assert (again.id, again.attempt) == (begun.id, 2)


def test_where_the_first_process_has_ended_the_others_do_not_wait(store: Store, loop: Callable[..., Loop]) -> None:
    project = loop(1).project.id
    job = tuning.begin(store, project, WANTED, "Ann", 5)
    store.end_job(job.id, job.attempt, "failed", "why", {}, 7)
    with pytest.raises(Conflict, match="has ended before it began"):
        tuning._begun(store, project, 6)


@pytest.mark.parametrize(("more", "says"), [
    (None, "It would take more audits than could be asked."), (1200, "About 1,200 more audits would tell."),
])  # fmt: skip
def test_what_cannot_be_told_yet_is_said_in_whole_sentences(
    store: Store, loop: Callable[..., Loop], more: int | None, says: str
) -> None:
    project = loop(1).project.id
    same = Change(0.0, -0.1, 0.1)
    record = VersionRecord(verdict=Verdict("can't tell", 1, (1, 2), same, same, 1, 1, more))
    made = store.add_model(ModelVersion(0, project, "tuned:ab", "logistic", "candidate", record=record))
    assert tuning._told(store, project, versions.Tuned(made.id, "can't tell")).endswith(f"(-10.0 to 10.0). {says}")
