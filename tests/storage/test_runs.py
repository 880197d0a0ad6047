import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from collab.domain.run import Bin, Calibration, Checks, ClassAudits, Figure, Job, Round, Stratum
from collab.domain.store import Store
from collab.domain.version import Change, Making, ModelVersion, Verdict, VersionRecord
from collab.errors import JobLost, UnknownName
from collab.storage import runs
from tests.conftest import MakeProject
from tests.storage.conftest import Open


def test_a_new_champion_retires_the_old_one(store: Store, make_project: MakeProject) -> None:
    project = make_project().id
    making = Making(7, "full", 400, 60, 6, 4, 16, "processor, 2 threads", 92.5)
    verdict = Verdict("better", 1, (3, 5), Change(0.2, 0.1, 0.3), Change(0.0, -0.01, 0.01), 1, 1)
    record = VersionRecord("minilm", making=making, verdict=verdict, flipped=12)
    first = store.add_model(ModelVersion(0, project, "minilm", "logistic", record=record, at=1))
    second = store.add_model(ModelVersion(0, project, "minilm", "mlp", parent=first.id, at=2))
    third = store.add_model(ModelVersion(0, project, "other", "mlp", "candidate", at=3))

    assert store.models(project) == (third, second, dataclasses.replace(first, status="retired"))


def test_a_version_that_is_written_anew_as_champion_retires_the_one_before(
    store: Store, make_project: MakeProject
) -> None:
    project = make_project().id
    old = store.add_model(ModelVersion(0, project, "minilm", "logistic", at=1))
    new = store.add_model(ModelVersion(0, project, "tuned:1", "logistic", "candidate", old.id, at=2))
    promoted = dataclasses.replace(new, status="champion", record=VersionRecord("tuned:1", overruled_by="Ada"))

    store.save_model(promoted)

    assert store.models(project) == (promoted, dataclasses.replace(old, status="retired"))
    with pytest.raises(UnknownName):
        store.save_model(dataclasses.replace(promoted, id=99))


def test_rounds_are_listed_oldest_first_and_the_last_is_the_revision(store: Store, make_project: MakeProject) -> None:
    project = make_project().id
    strata = (Stratum(1, (1, 2), 50, 9, 8, 1, {"Yes": ClassAudits(5, 6, 6, 1), "No": ClassAudits(3, 3, 3)}),)
    error = Figure(0.04, 0.0, 0.1)
    calibration = Calibration((Bin(0.6, 2, 4), Bin(0.9, 5, 5)), Figure(0.3, 0.2, 0.4), error)
    checks = (Checks(1), Checks(2, 1, 9, 0.6, 0.9, Figure(0.8, 0.7, 0.9), calibration))
    done = [Round(project, n, 1, n, n, strata, by_class={"Yes": n}, checks=checks[n - 1]) for n in (1, 2)]

    for one in done:
        store.add_round(one)

    bare = (dataclasses.replace(strata[0], classes={}),)
    assert store.rounds(project) == tuple(dataclasses.replace(one, strata=bare, checks=None) for one in done)
    assert store.last_round(project) == done[-1]
    assert store.progress(project).revision == 2


def test_a_round_of_an_older_version_is_read_without_what_it_didnt_count(
    store: Store, make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project().id
    stratum = {"number": 1, "imports": [1], "items": 50, "answered": 9, "right": 8, "unresolved": 0}
    older = {"project": project, "revision": 1, "model": 1, "at": 1, "labels": 1, "strata": [stratum]}
    monkeypatch.setattr(runs, "asdict", lambda _: older)
    store.add_round(Round(project, 1, 1, 1, 1))
    assert store.last_round(project) == Round(project, 1, 1, 1, 1, (Stratum(1, (1,), 50, 9, 8),))


def test_figures_are_replaced_by_those_of_the_same_name(store: Store, make_project: MakeProject) -> None:
    project = make_project().id
    for name, content in (("advice", {"n": 1}), ("parts", {"n": 2}), ("advice", {"n": 3, "bounds": [0.5, None]})):
        store.put_figures(project, name, content, 5)

    assert store.figures(project, "advice") == {"n": 3, "bounds": [0.5, None]}
    assert (store.figures(project, "parts"), store.figures(project, "group")) == ({"n": 2}, None)


def test_one_job_of_a_kind_is_live_in_a_project(store: Store, make_project: MakeProject) -> None:
    project = make_project().id
    first = store.submit_job("encode", project, {"a": 1}, "ann", 1)

    assert first == Job(first.id, "encode", project, payload={"a": 1}, requested_by="ann", created_at=1)
    assert store.submit_job("encode", project, {}, "bob", 2) == first
    assert store.submit_job("encode", None, {}, "bob", 2).id != first.id
    assert [j.id for j in store.jobs(project)] == [first.id]
    with pytest.raises(UnknownName):
        store.job(999)


def test_a_job_runs_from_claim_to_end(store: Store, make_project: MakeProject) -> None:
    queued = store.submit_job("encode", make_project().id, {}, "ann", 1)
    assert store.claim_job(["train"], 2, 100) is None
    claimed = store.claim_job(["train", "encode"], 2, 100)
    assert claimed == dataclasses.replace(queued, status="running", attempt=1)
    assert store.claim_job(["encode"], 99, 200) is None

    assert store.beat_job(queued.id, 1, 200, 0.5, "half") is False
    store.end_job(queued.id, 1, "done", "all", {"n": 3}, 150)

    assert store.job(queued.id) == dataclasses.replace(
        claimed, status="done", progress=1.0, message="all", result={"n": 3}, finished_at=150
    )
    assert store.submit_job("encode", queued.project, {}, "ann", 2).id != queued.id


def test_a_lost_job_is_taken_over_and_its_old_attempt_fenced_off(store: Store) -> None:
    job = store.submit_job("encode", None, {}, "ann", 1).id
    store.claim_job(["encode"], 2, 100)

    again = store.claim_job(["encode"], 100, 200)

    assert again is not None
    assert again.attempt == 2
    with pytest.raises(JobLost):
        store.beat_job(job, 1, 300, 0.1, "")
    with pytest.raises(JobLost):
        store.end_job(job, 1, "done", "", {}, 150)
    store.end_job(job, 2, "done", "", {}, 150)


def test_a_job_lost_three_times_fails(store: Store) -> None:
    job = store.submit_job("encode", None, {}, "ann", 1).id
    for at in (10, 20, 30):
        store.claim_job(["encode"], at, at + 10)

    assert store.claim_job(["encode"], 40, 50) is None
    assert (store.job(job).status, store.job(job).attempt) == ("failed", 3)


def test_a_job_that_is_given_back_is_queued_and_that_attempt_does_not_count(store: Store) -> None:
    job = store.submit_job("encode", None, {}, "ann", 1).id
    for at in range(10, 50, 10):
        assert store.claim_job(["encode"], at, at + 10) is not None
        store.give_back_job(job, 1)
        assert (store.job(job).status, store.job(job).attempt) == ("queued", 0)
    store.claim_job(["encode"], 50, 60)
    store.claim_job(["encode"], 60, 70)

    store.give_back_job(job, 1)

    assert (store.job(job).status, store.job(job).attempt) == ("running", 2)


def test_of_kinds_that_run_alone_one_is_claimed_at_a_time_whichever_project(
    store: Store, make_project: MakeProject
) -> None:
    first, second = (store.submit_job("tune", project, {}, "ann", 1).id for project in (make_project().id, None))
    assert store.claim_job(["tune"], 10, 20, alone=True) == store.job(first)
    assert store.claim_job(["tune"], 15, 30, alone=True) is None
    store.end_job(first, 1, "done", "", {}, 16)
    assert store.claim_job(["tune"], 17, 30, alone=True) == store.job(second)


def test_a_queued_job_is_cancelled_at_once_a_running_one_is_asked(store: Store) -> None:
    queued = store.submit_job("encode", None, {}, "ann", 1).id
    store.cancel_job(queued)
    assert store.job(queued).status == "cancelled"
    running = store.submit_job("encode", None, {}, "ann", 1).id
    store.claim_job(["encode"], 2, 100)

    store.cancel_job(running)

    assert store.beat_job(running, 1, 100, 0.1, "") is True
    assert store.claim_job(["encode"], 100, 200) is None
    assert store.job(running).status == "cancelled"


def test_a_job_is_claimed_by_one_of_many(reopen: Open, store: Store) -> None:
    jobs = {store.submit_job(f"kind {n}", None, {}, "ann", 1).id for n in range(20)}
    kinds = [f"kind {n}" for n in range(20)]
    start = threading.Barrier(4)

    def work(_: int) -> list[int]:
        mine, claimed = reopen(), []
        start.wait()
        while (job := mine.claim_job(kinds, 2, 100)) is not None:
            claimed.append(job.id)
        return claimed

    with ThreadPoolExecutor(4) as workers:
        claimed = [job for found in workers.map(work, range(4)) for job in found]

    assert sorted(claimed) == sorted(jobs)
