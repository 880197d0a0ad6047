from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from collab.domain.project import Field, Project
from collab.domain.run import Job
from collab.domain.store import Store
from collab.errors import JobLost
from collab.jobs import running
from collab.jobs.running import now_ms
from collab.loop import auditing, doubting
from collab.loop.importing import ImportPlan
from collab.loop.predicting import Model
from tests.loop.conftest import Loop
from tests.loop.frozen import TERMS, frozen_of


def test_an_import_that_could_not_say_that_it_ended_is_reported_by_the_next_attempt(
    store: Store, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = tmp_path / "upload.csv"
    upload.write_text("text\none\ntwo\nthree\n")
    plan = asdict(ImportPlan((Field("text"),)))
    payload = {"path": str(upload), "plan": plan, "source": "signs.csv", "uploaded": True}
    job = store.submit_job("import", project.id, payload, "Ann", now_ms())

    def die(*_: object) -> None:
        raise JobLost("killed")

    first = store.claim_job(["import"], now_ms(), now_ms())
    assert first is not None
    with monkeypatch.context() as broken:
        broken.setattr(type(store), "end_job", die)
        with pytest.raises(JobLost):
            running.run(store, first)
    second = store.claim_job(["import"], now_ms() + 2 * running.LEASE_MS, now_ms() + 3 * running.LEASE_MS)
    assert second is not None
    running.run(store, second)

    done = store.job(job.id)
    assert (done.status, done.message, done.result["added"]) == ("done", "", 3)
    assert len(store.imports(project.id)) == 1
    assert not upload.exists()


def test_a_look_for_suspects_that_a_person_wants_finds_the_features_by_itself(
    loop: Callable[..., Loop], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "stand_back", lambda: None)  # the tests go on in this process
    signs = loop(items=40, mark=0)
    running.encode_items(signs.store, signs.project, running.text_encoder(signs.store, signs.project), lambda *_: False)
    for ask in signs.hand("Ada", want=40, tab="one").asks:
        signs.say("Ada", ask)
    job = doubting.look_again(signs.store, signs.project.id, "Ada", now_ms())
    claimed = signs.store.claim_job([doubting.JOB], now_ms(), now_ms())
    assert claimed is not None
    running.run(signs.store, claimed)
    assert signs.store.job(job.id).result == {"found": 0}  # all answers are the same so far
    found = doubting.looked(signs.store, signs.project.id)
    assert found is not None
    assert (found.decisions, found.likely_wrong) == (6, 0)


def test_a_certificate_is_frozen_signed_and_withdrawn_by_jobs_that_can_be_tried_again(
    loop: Callable[..., Loop],
) -> None:
    frozen = frozen_of(loop)
    job = auditing.begin(frozen.store, frozen.id, TERMS, "Ada", now_ms())
    assert run_twice(frozen.store, "freeze").result == {"number": 1, "items": frozen.newest().items}
    frozen.hand(60)
    frozen.answer(frozen.audits())
    frozen.follow()
    auditing.sign(frozen.store, frozen.id, 1, "Ada", now_ms())
    assert run_twice(frozen.store, "sign").result == {"number": 1, "labels": frozen.newest().labels}
    assert frozen.store.job(job.id).status == "done"
    assert frozen.newest().status == "signed"
    auditing.begin_withdrawal(frozen.store, frozen.id, 1, "Ada", now_ms())
    assert run_twice(frozen.store, "withdraw").result == {"number": 1}
    assert (frozen.newest().status, frozen.newest().ended_by) == ("withdrawn", "Ada")


def test_a_model_is_taken_away_by_a_job_that_can_be_tried_again(loop: Callable[..., Loop]) -> None:
    frozen = frozen_of(loop)
    frozen.store.submit_job("bundle", frozen.id, {}, "Ada", now_ms())
    done = run_twice(frozen.store, "bundle")
    assert (done.status, done.result["model"]) == ("done", "1.1")
    assert Model.load(frozen.store.file(done.result["file"])).manifest.model == "1.1"


def run_twice(store: Store, kind: str) -> Job:
    """Do a job whose first attempt ends before it can say so."""
    first = store.claim_job([kind], now_ms(), now_ms())
    assert first is not None
    running.KINDS[kind](store, first, lambda *_: False)
    second = store.claim_job([kind], now_ms() + 2 * running.LEASE_MS, now_ms() + 3 * running.LEASE_MS)
    assert second is not None
    running.run(store, second)
    return store.job(second.id)
