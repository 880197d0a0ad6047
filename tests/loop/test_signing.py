from dataclasses import replace

import numpy as np
import pytest

from collab.domain.annotation import Decision
from collab.errors import Conflict, JobCancelled
from collab.loop import annotating, auditing, rebuilding, signing
from collab.loop.drawing import in_keyed_order, read_population
from tests.loop.conftest import NOW
from tests.loop.frozen import frozen_of
from tests.samples import answer_of


@pytest.fixture
def frozen(loop):
    return frozen_of(loop)


def machine(frozen):
    """Decisions of the machine, by item."""
    items = [row.item for row in frozen.store.pool(frozen.id) if row.machine]
    return {item: frozen.store.decision(item) for item in items}


def test_the_signature_decides_all_items_that_the_machine_may_label(frozen):
    judged = frozen.judged()
    left = frozen.free()
    signed = frozen.sign()
    assert signed == replace(judged, status="signed", labels=len(left), signed_by="Ada", signed_at=NOW)
    assert frozen.newest() == signed
    population = read_population(frozen.store, signed)
    words = dict(zip(population.items.tolist(), population.column.tolist(), strict=True))
    sure = dict(zip(population.items.tolist(), population.confidence.tolist(), strict=True))
    names = ("plus", "minus")
    assert machine(frozen) == {
        item: Decision(item, (names[words[item]],), "machine", pytest.approx(sure[item]), 1) for item in left
    }
    assert frozen.store.progress(frozen.id).machine == len(left)


def test_what_people_answered_or_hold_after_the_verdict_stays_theirs(frozen):
    judged = frozen.judged()
    left = set(frozen.free())
    held = frozen.hold(2)
    answered = sorted(left - set(held))[:20]
    frozen.answer(answered)
    assert frozen.sign().labels == judged.verdict.labels - 22
    assert set(machine(frozen)) == left - {*answered, *held}


def test_what_people_answer_while_it_is_signed_stays_theirs(frozen, monkeypatch):
    frozen.judged()
    left, stages = frozen.free(), signing._stage

    def answered_meanwhile(*arguments):
        stages(*arguments)
        frozen.answer(left[:2])

    monkeypatch.setattr(signing, "_stage", answered_meanwhile)
    assert frozen.sign().labels == len(left) - 2
    assert [frozen.store.decision(item).source for item in left[:2]] == ["agreement"] * 2


def test_a_promise_that_the_audits_no_longer_show_is_not_signed(frozen):
    frozen.judged(wrong=1)
    left = frozen.free()
    frozen.answer(left[: len(left) - 20])
    with pytest.raises(Conflict, match="Give this certificate up"):
        frozen.sign()
    assert machine(frozen) == {}
    assert frozen.newest().status == "certified"


def test_a_signature_that_is_cancelled_leaves_nothing_in_force(frozen):
    frozen.judged()
    with pytest.raises(JobCancelled):
        signing.bring_in_force(frozen.store, frozen.id, 1, by="Ada", event_id="job 1", now=NOW, report=lambda *_: True)
    assert machine(frozen) == {}
    assert frozen.sign().labels > 0


def test_a_signature_that_could_not_say_that_it_ended_is_not_repeated(frozen):
    frozen.judged()
    arguments = {"by": "Ada", "event_id": "job 1", "now": NOW, "report": lambda *_: False}
    first = signing.bring_in_force(frozen.store, frozen.id, 1, **arguments)
    assert signing.bring_in_force(frozen.store, frozen.id, 1, **arguments) == first


def test_an_attempt_that_is_overtaken_takes_no_labels_back(frozen):
    frozen.judged()
    arguments = {"by": "Ada", "now": NOW, "report": lambda *_: False}
    signed = signing.bring_in_force(frozen.store, frozen.id, 1, event_id="job 1", **arguments)
    with pytest.raises(Conflict):
        signing._stage(frozen.store, signed, frozen.signs.project.schema, None, [], lambda *_: False)
    assert frozen.store.progress(frozen.id).machine == signed.labels


def test_answers_that_change_after_the_verdict_change_no_promise(frozen):
    frozen.judged()
    for item in frozen.audits()[:30]:
        frozen.answer([item], wrong=1)
    assert frozen.sign().status == "signed"


def test_an_unsigned_certificate_that_was_refused_can_not_be_signed(frozen):
    frozen.judged(wrong=30)
    with pytest.raises(Conflict, match="refused"):
        frozen.sign()


def test_the_labels_are_checked_in_an_order_of_their_own(frozen):
    frozen.judged()
    left = np.array(frozen.free())
    signed = frozen.sign()
    assert frozen.draw_checks(4) == left[in_keyed_order(left, signed.key, "checks")][:4].tolist()


def test_a_rebuild_from_the_log_finds_the_same_certificates_and_labels(frozen):
    frozen.judged()
    frozen.sign()
    picked = next(iter(machine(frozen)))
    annotating.submit(frozen.store, answer_of(frozen.id, picked, "minus"), "", NOW)
    frozen.check(3)
    frozen.signs.hand("Bob")
    before = everything(frozen)
    rebuilding.rebuild(frozen.store, frozen.id)
    assert everything(frozen) == before


def test_a_rebuild_does_not_bring_back_what_was_withdrawn(frozen):
    frozen.judged()
    frozen.sign()
    frozen.check(3)
    auditing.withdraw(frozen.store, frozen.id, 1, "Ada", "withdrawal", NOW)
    before = everything(frozen)
    rebuilding.rebuild(frozen.store, frozen.id)
    assert everything(frozen) == before
    assert machine(frozen) == {}


def everything(frozen):
    rows = frozen.store.pool(frozen.id)
    decisions = [frozen.store.decision(row.item) for row in rows]
    return rows, decisions, frozen.store.certificates(frozen.id), frozen.store.progress(frozen.id)
