"""Encoder and head are trained together by a job, and what comes of it is judged and may suggest."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from collab.domain.annotation import Annotation
from collab.domain.project import NONE, Field, LabelSchema, LoopPolicy, classes_from_names
from collab.domain.run import Figure, ImportReport
from collab.domain.store import NewItem
from collab.domain.version import Change, Verdict
from collab.engine import gating
from collab.engine.encoders.table import Table
from collab.engine.encoders.text import Hashing
from collab.engine.recipe import FineTuning
from collab.errors import Conflict, JobCancelled, JobLost, NothingToLearn
from collab.loop import annotating, reporting, versions
from collab.loop.capturing import capture, captured
from collab.loop.contesting import contest
from collab.loop.encoding import text_encoder, text_encoder_of
from collab.loop.measuring import measure
from collab.loop.promoting import roll_back
from collab.loop.retraining import Learner
from collab.loop.tuning import tune
from collab.loop.versions import Tuned, Wanted
from tests.loop.conftest import NOW, Loop
from tests.pictures import disc, stored
from tests.tiny import opinions, tiny_text

WANTED = Wanted(FineTuning(epochs=2, batch=8, rate=3e-3, precision="fp32"))


class Killed(BaseException):
    """What `kill -9` is to a process, as far as a test in the same process can tell."""


@pytest.fixture(autouse=True)
def _one_thread():
    """Threads that wait for each other take most of the time of so small a model."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return tiny_text(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def taught(loop, tiny):
    """A project with a small encoder whose questions were answered truly, every other one an audit."""

    def make(answers=80, **more):
        signs = loop(
            120, 0.4, **({"encoder": tiny, "audit_schedule": ((100, 2),), "audit_trickle": 0, "repeat_every": 0} | more)
        )
        truth = signs.store.truth(signs.project.id)
        with signs.store.transaction():
            for _ in range(answers):
                (ask,) = signs.hand("ann").asks
                signs.say("ann", ask, answer=truth[ask.item][0])
        return signs

    return make


@pytest.fixture
def gate(monkeypatch):
    """Has the gate say a word, whatever the audits show."""

    def say(word):
        rule = gating.judge
        monkeypatch.setattr(gating, "judge", lambda *a, **k: replace(rule(*a, **k), word=word))

    return say


def run(signs, number=7, report=lambda *_: False, wanted=WANTED):
    return Tuned(**tune(signs.store, signs.project.id, wanted, number, report))


def left(signs):
    """Files of jobs and models, and caches of features."""
    files = signs.store.workspace / "files"
    found = [p for kind in ("jobs", "models") for p in (files / kind).glob("**/*") if p.is_file()]
    return found, sorted(p.name for p in (signs.store.workspace / "features").glob("*/*"))


def test_a_fine_tuning_becomes_a_version_that_the_audits_have_judged(taught):
    signs = taught()
    done = run(signs)
    new, old = signs.store.models(signs.project.id)
    record, verdict = new.record, new.record.verdict
    assert (new.id, new.parent, verdict.against, verdict.word) == (done.version, old.id, old.id, done.word)
    assert new.encoder == record.text_encoder
    assert (record.making.job, record.making.labels, record.making.epochs, record.audits) == (7, 40, 2, 40)
    reserved = {row.item for row in signs.store.pool(signs.project.id) if row.reserved and row.state == "decided"}
    assert set(verdict.audits) == reserved
    assert old.record.accuracy is not None
    compared = versions.compare(signs.store, signs.project.id, old.id, new.id)
    assert (compared.audits, compared.right_before, compared.right_after) == (40, verdict.before, verdict.after)
    assert sum(map(sum, compared.after)) == 40
    flips = versions.flips(signs.store, signs.project.id, new.id)
    assert len(flips) == record.flipped == compared.flipped
    assert not {flip.item for flip in flips} & {r.item for r in signs.store.pool(signs.project.id) if r.reserved}
    assert not (signs.store.workspace / "files" / "jobs" / "7").exists()


def test_what_the_gate_calls_better_suggests_at_once_and_every_item_is_read_already(taught, gate):
    gate("better")
    signs = taught()
    done = run(signs)
    project = signs.store.project(signs.project.id)
    assert (done.promoted, project.policy.encoder) == (True, signs.store.models(project.id)[0].encoder)
    learner = Learner(signs.store, project.id, text_encoder(signs.store, project))
    assert not learner.unread
    learner.take_in()
    assert learner.round(signs.now).model == done.version
    assert signs.store.models(project.id)[0].record.overruled_by == ""
    report = reporting.accuracy(signs.store, project.id)
    assert (report.chose, report.judged) == (40, 40)


@pytest.mark.parametrize(("word", "more"), [("can't tell", {}), ("worse", {}), ("better", {"promote_alone": False})])
def test_else_the_champion_goes_on_and_the_candidate_is_kept(taught, gate, word, more):
    gate(word)
    signs = taught(**more)
    done = run(signs)
    assert (done.word, done.promoted) == (word, False)
    assert [m.status for m in signs.store.models(signs.project.id)] == ["candidate", "champion"]
    assert signs.store.project(signs.project.id).policy == signs.project.policy


def test_after_a_roll_back_the_old_version_is_the_champion_again_and_no_third_one_is_made(taught, gate):
    gate("better")
    signs = taught()
    run(signs)
    new, old = signs.store.models(signs.project.id)
    roll_back(signs.store, signs.project.id, old.id, "ann", "back", NOW)
    project = signs.store.project(signs.project.id)
    learner = Learner(signs.store, project.id, text_encoder(signs.store, project))
    learner.take_in()
    assert learner.round(signs.now).model == old.id
    assert {m.id: m.status for m in signs.store.models(project.id)} == {new.id: "retired", old.id: "champion"}


def test_a_tuning_under_a_tuned_champion_starts_from_the_pretrained_weights_and_mends_those_there(taught, gate):
    gate("better")
    signs = taught()
    run(signs)
    lost = next((signs.store.workspace / "files" / "models").glob("*/*/text/config.json"))
    lost.unlink()  # as by a deletion that was cut off
    with pytest.raises(NothingToLearn, match="these very answers"):  # the same weights came of the same answers
        run(signs, 8)
    assert len(signs.store.models(signs.project.id)) == 2
    assert lost.exists()


def test_an_audit_that_is_smuggled_among_the_decisions_is_not_learned_from(taught, monkeypatch):
    signs = taught()
    project = signs.store.project(signs.project.id)
    rows = signs.store.pool(project.id)
    kept = [r.item for r in rows if r.state == "decided" and not r.reserved]
    marks = {kept[0]: {"reserved": True}, kept[1]: {"drawn": True}, kept[2]: {"machine": True}}
    hidden = [replace(r, **marks.get(r.item, {})) for r in rows]
    monkeypatch.setattr(type(signs.store), "pool", lambda _s, _p, after=0, _n=0: [] if after else hidden)
    capture(signs.store, project, "jobs/7", None, None, texts=True)
    found = captured(signs.store, "jobs/7", 0)
    assert found.items.tolist() == kept[3:]
    texts = signs.store.items(kept[3:])
    assert [found[at].text for at in range(len(found))] == [texts[i].fields["text"] for i in kept[3:]]


@pytest.mark.parametrize("share", [0.3, 0.95], ids=["in training", "before the judgement"])
def test_a_job_that_was_cut_off_ends_as_if_undisturbed_whatever_was_answered_meanwhile(taught, gate, share):
    gate("can't tell")
    signs = taught()
    run(signs)
    whole = signs.store.models(signs.project.id)[0]

    def kill(done, _):
        if done >= share:
            raise Killed
        return False

    with pytest.raises(Killed):
        run(signs, 8, kill)
    (ask,) = signs.hand("bo").asks
    signs.say("bo", ask, answer=signs.store.truth(signs.project.id)[ask.item][0])
    run(signs, 8)
    cut = next(m for m in signs.store.models(signs.project.id) if m.record.making and m.record.making.job == 8)
    known = [replace(m.record.making, job=7, seconds=0.0, memory_bytes=0) for m in (whole, cut)]
    assert known[0] == known[1]
    encoders = [text_encoder_of(signs.store, signs.project.id, m.encoder) for m in (whole, cut)]
    np.testing.assert_allclose(*(encoder.encode(["great lovely", "awful"]) for encoder in encoders), atol=1e-5)


def test_a_job_that_ended_without_saying_so_adds_no_second_version(taught):
    signs = taught()
    done = run(signs)
    assert run(signs) == done
    assert len(signs.store.models(signs.project.id)) == 2


def test_an_attempt_that_lost_its_job_publishes_nothing_and_leaves_the_folder_to_the_next(taught, gate):
    gate("better")
    signs = taught()

    def lost(*_):
        raise JobLost("Another attempt has it.")

    def fail(*_):
        raise Conflict("Something else went wrong.")

    for report in (lambda *_: False, fail):
        with pytest.raises(JobLost):
            tune(signs.store, signs.project.id, WANTED, 7, report, lost)
        assert "trained.json" in {path.name for path in left(signs)[0]}
        assert [m.status for m in signs.store.models(signs.project.id)] == ["champion"]
        assert signs.store.project(signs.project.id).policy == signs.project.policy
    with pytest.raises(JobCancelled):  # a person asked while the gate judged
        tune(signs.store, signs.project.id, WANTED, 7, lambda *_: False, lambda *_: True)
    assert left(signs)[0] == []


@pytest.mark.parametrize("share", [0.3, 0.95])
def test_a_cancelled_job_leaves_nothing_behind(taught, share):
    signs = taught()
    with pytest.raises(JobCancelled):
        run(signs, report=lambda done, _: done >= share)
    files, features = left(signs)
    assert files == []
    assert len(features) <= 1  # the champion's own
    assert signs.store.project(signs.project.id).policy == signs.project.policy


def test_it_says_how_far_it_is(taught, monkeypatch):
    monkeypatch.setattr("collab.loop.tuning.TOLD_EVERY", 0.0)
    signs, seen = taught(), []

    def report(share, _):
        seen.append((share, versions.progress_of(signs.store, signs.project.id, 7)))
        return False

    run(signs, report=report)
    assert [share for share, _ in seen] == sorted(share for share, _ in seen)
    assert [told.doing for _, told in seen][:: len(seen) - 1] == ["train", "judge"]
    last = [told for _, told in seen if told.doing == "train"][-1]
    assert (last.step, last.of_epochs, len(last.epochs)) == (last.steps, 2, 2)
    assert last.device


@pytest.mark.parametrize(("more", "answers", "why"), [
    ({"encoder": "hashing"}, 80, "has no weights that can be fine-tuned"),
    ({}, 6, "3 answers are too few to fine-tune on; 8 are the least"),
])  # fmt: skip
def test_where_nothing_can_be_trained_it_says_why(taught, more, answers, why):
    signs = taught(answers, **more)
    with pytest.raises(NothingToLearn, match=why):
        run(signs)
    with pytest.raises(NothingToLearn, match=why):
        versions.tune_fits(signs.store, signs.project.id)


def sides_of_a_table(store):
    """A project of two numbers; whether they have the same sign is known of sixty items."""
    rng = np.random.default_rng(0)
    schema = LabelSchema("Same side?", classes_from_names(("same", "other")))
    policy = LoopPolicy(audit_schedule=(), audit_trickle=0)
    project = store.create_project("Sides", (Field("x", "number"), Field("y", "number")), schema, policy, NOW)
    brought = store.begin_import(project.id, "made up", "decisions", NOW)
    rows = []
    for at, (x, y) in enumerate(rng.normal(size=(60, 2)).round(3).tolist()):
        rows.append(
            NewItem(str(at), {"x": x, "y": y}, f"{at:064x}", at / 60, answer=("same" if x * y > 0 else "other",))
        )
    store.add_items(brought, rows)
    store.finish_import(brought, ImportReport(added=60), 0.0, 500, NOW)
    return project


def test_a_table_that_is_measured_anew_during_the_judgement_has_nothing_promoted(store, monkeypatch):
    project = sides_of_a_table(store)
    found = Verdict("better", 1, (), Change(0.1, 0.05, 0.2), Change(0.1, 0.0, 0.2), 0, 0)

    def contested(*args):
        outcome = contest(*args)
        moved = Table.fit([("x", "number"), ("y", "number")], [{"x": 1e3, "y": 1}, {"x": 2e3, "y": 9}])
        store.write_file(f"tables/{project.id}.json", iter([moved.to_json()]))
        return replace(outcome, verdict=found)

    monkeypatch.setattr("collab.loop.tuning.contest", contested)
    done = Tuned(**tune(store, project.id, WANTED, 7, lambda *_: False))
    new, old = store.models(project.id)
    assert (done.promoted, new.status, new.encoder) == (False, "candidate", old.encoder)
    assert store.project(project.id).policy == project.policy


def test_where_no_item_was_read_yet_it_says_so(store, monkeypatch):
    project = sides_of_a_table(store)
    monkeypatch.setattr("collab.loop.tuning.encode_with", lambda *_: 0)
    with pytest.raises(NothingToLearn, match="no item has been read by both"):
        tune(store, project.id, WANTED, 7, lambda *_: False)


def test_the_same_candidate_made_anew_keeps_what_is_known_of_it(store):
    project, figure = sides_of_a_table(store), Figure(0.9, 0.8, 0.95)
    tune(store, project.id, WANTED, 7, lambda *_: False)
    new, old = store.models(project.id)
    verdict = Verdict("worse", old.id, (2, 5), Change(0.1, 0.05, 0.2), Change(0.1, 0.0, 0.2), 0, 0)
    known = replace(new.record, verdict=verdict, accuracy=figure, audits=30, suggests_since=5, judged_before=(1, 2))
    store.save_model(replace(new, parent=None, record=known, at=1))
    store.save_model(replace(old, record=replace(old.record, accuracy=figure, audits=30)))
    tune(store, project.id, WANTED, 8, lambda *_: False)
    again, champion = store.models(project.id)
    assert (again.id, again.parent, again.at > 1, again.record.making.job) == (new.id, old.id, True, 8)
    kept = replace(known, making=again.record.making, verdict=None, judged_before=(1, 2, 5))
    assert (again.record, champion.record.accuracy) == (kept, figure)


def test_of_tables_alone_the_candidate_is_a_network_as_the_head(store):
    project = sides_of_a_table(store)
    done = Tuned(**tune(store, project.id, WANTED, 7, lambda *_: False))
    new, old = store.models(project.id)
    assert (new.encoder, new.head, new.status, new.record.making.method) == (old.encoder, "mlp", "candidate", "mlp")
    assert (done.word, new.record.verdict) == (None, None)
    store.save_policy(project.id, replace(project.policy, head="mlp"))
    with pytest.raises(NothingToLearn, match="is a network already"):
        versions.tune_fits(store, project.id)


def test_what_a_job_left_that_was_lost_three_times_is_swept_up_by_the_next(taught):
    signs = taught()
    lost = signs.store.submit_job("tune", signs.project.id, {}, "ann", NOW)
    signs.store.write_file(f"jobs/{lost.id}/snapshot.json", iter([b"{}"]))
    signs.store.cancel_job(lost.id)
    run(signs)
    assert list((signs.store.workspace / "files" / "jobs").iterdir()) == []


def test_the_other_processes_do_not_wait_for_a_first_one_that_has_ended(taught, monkeypatch):
    signs = taught(0)
    job = signs.store.submit_job("tune", signs.project.id, {}, "ann", NOW)
    signs.store.cancel_job(job.id)
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr("collab.loop.tuning.PATIENCE", 1.0)
    with pytest.raises(Conflict, match="has ended before it began"):
        tune(signs.store, signs.project.id, WANTED, job.id, lambda *_: False)


def test_where_any_number_of_classes_may_apply_whole_answers_are_compared(store, tiny):
    schema = LabelSchema("What is said?", classes_from_names(("praise", "stress")), task="multi label")
    policy = LoopPolicy(encoder=tiny, audit_schedule=((1000, 2),), audit_trickle=0, repeat_every=0)
    project = store.create_project("Said", (Field("text"),), schema, policy, NOW)
    brought = store.begin_import(project.id, "made up", "truth", NOW)
    rows = []
    for at, (text, praises) in enumerate(zip(*opinions(160), strict=True)):
        answer = (*(("praise",) if praises else ()), *(("stress",) if "very" in text else ()))
        rows.append(
            NewItem(str(at), {"text": f"{text} {at}"}, f"{at:064x}", (at * 0.618) % 1, answer=answer or (NONE,))
        )
    store.add_items(brought, rows)
    store.finish_import(brought, ImportReport(added=160), 0.4, 500, NOW)
    signs = Loop(store, project)
    truth = store.truth(project.id)
    with store.transaction():
        for _ in range(80):
            (ask,) = signs.hand("ann").asks
            said = Annotation(f"act {ask.id}", project.id, ask.item, "ann", "answer", 0, truth[ask.item], ask.id)
            annotating.submit(store, said, ask.token, NOW)
    done = run(signs)
    record = versions.version_of(store, project.id, done.version).record
    compared = versions.compare(store, project.id, record.verdict.against, done.version)
    assert (compared.audits, compared.before, compared.after) == (40, (), ())
    assert (compared.right_before, compared.right_after) == (record.verdict.before, record.verdict.after)
    assert set(compared.wrong_after) <= {"praise", "stress"}
    assert compared.mended - compared.broken == compared.right_after - compared.right_before


def test_blocks_that_are_not_trained_go_raw_into_the_training(store):
    """A table, and texts that are only hashed; of the pictures the names are kept."""
    fields = (Field("text"), Field("size", "number"), Field("photo", "image"))
    schema = LabelSchema("Which?", classes_from_names(("small", "large")))
    project = store.create_project("Mixed", fields, schema, LoopPolicy(encoder="hashing"), NOW)
    brought = store.begin_import(project.id, "made up", "decisions", NOW)
    name = stored(store, disc(40, 8))
    store.add_items(brought, [
        NewItem(str(n), {"text": f"thing {n}", "size": n, "photo": name if n else ""}, f"{n:064x}", 0.5,
                answer=("large" if n > 9 else "small",)) for n in range(20)
    ])  # fmt: skip
    store.finish_import(brought, ImportReport(added=20), 0.0, 500, NOW)
    table = measure(store, project)
    capture(store, project, "jobs/7", table, Hashing(), texts=False)
    found = captured(store, "jobs/7", 32)
    assert found.raw.shape == (20, 384 + table.dim)
    np.testing.assert_array_equal(found.raw[:, :384], Hashing().encode([f"thing {n}" for n in range(20)]))
    assert (found[3].text, found[3].images[0].shape, found[0].images) == (None, (40, 40, 3), (None,))
    assert found.labels.tolist() == [0] * 10 + [1] * 10
