from dataclasses import replace

import numpy as np
import pytest

from collab.domain.certificate import Missed, Terms, Verdict, Watch
from collab.engine.certifying import least_audits
from collab.loop import annotating, auditing, certifying
from collab.loop.drawing import read_population
from tests.loop.conftest import NOW
from tests.loop.frozen import TERMS, frozen_of
from tests.samples import answer_of


@pytest.fixture
def frozen(loop):
    return frozen_of(loop)


def test_the_verdict_waits_for_the_last_audit_and_is_then_computed_once(frozen):
    made = frozen.freeze()
    frozen.answer(frozen.audits()[:-1])
    assert frozen.follow() == made
    frozen.answer(frozen.audits()[-1:])
    judged = frozen.follow()
    verdict = judged.verdict
    assert (judged.status, judged.judged_at) == ("certified", NOW + certifying.GRACE_MS)
    assert (verdict.above, verdict.errors, verdict.unresolved, verdict.coverage) == (60, 0, 0, 1.0)
    assert (verdict.labels, verdict.most_wrong) == (made.items - 60, (made.items - 60) // 10)
    assert frozen.follow() == judged


def test_too_few_audits_are_refused_with_how_many_more_it_takes(frozen):
    judged = frozen.judged(terms=replace(TERMS, audits=10))
    assert judged.status == "refused"
    assert judged.verdict == Verdict(None, above=10, more=least_audits(0.1, judged.spent) - 10)


def test_a_model_that_errs_too_often_is_refused(frozen):
    judged = frozen.judged(wrong=30)
    assert judged.status == "refused"
    assert judged.verdict == Verdict(None, above=60, errors=30)


def test_audits_of_a_refused_certificate_stay_apart(frozen):
    frozen.judged(wrong=30)
    rows = frozen.store.pool_rows(frozen.id, frozen.audits())
    assert {(row.drawn, row.state) for row in rows} == {(True, "decided")}


def test_what_nobody_can_tell_counts_as_an_error(frozen):
    frozen.freeze()
    audits = frozen.audits()
    frozen.answer(audits[3:])
    for item, kind in zip(audits[:3], ("unsure", "unusable", "flag"), strict=True):
        annotating.submit(frozen.store, answer_of(frozen.id, item, "", kind=kind), "", NOW)
    judged = frozen.follow()
    verdict = judged.verdict
    assert (judged.status, verdict.above, verdict.errors, verdict.unresolved) == ("refused", 60, 3, 3)


def test_an_audit_that_was_put_off_is_waited_for(frozen):
    made = frozen.freeze()
    audits = frozen.audits()
    frozen.answer(audits[1:])
    annotating.submit(frozen.store, answer_of(frozen.id, audits[0], "", kind="later"), "", NOW)
    assert frozen.follow() == made


def test_items_that_people_answered_elsewhere_are_no_machine_labels(frozen):
    made = frozen.freeze()
    frozen.answer(frozen.free()[:40])
    frozen.answer(frozen.audits())
    verdict = frozen.follow().verdict
    assert verdict.labels == made.items - 60 - 40
    assert verdict.most_wrong == verdict.labels // 10


def test_no_machine_label_without_a_bound_on_the_misses_of_a_critical_class(frozen):
    frozen.critical("minus")
    terms = replace(TERMS, miss_epsilon=0.01)
    judged = frozen.judged(terms=terms)
    (missed,) = judged.verdict.missed
    assert (judged.status, judged.verdict.threshold) == ("refused", None)
    assert (missed.class_id, missed.missed, missed.passed) == ("minus", 0, False)
    assert missed.more > 100


def test_misses_of_a_critical_class_are_counted_among_its_audits(frozen):
    frozen.critical("minus")
    judged = frozen.judged(terms=Terms(epsilon=0.1, delta=0.4, audits=120, miss_epsilon=0.1))
    truth = frozen.store.truth(frozen.id)
    n = sum(truth[item] == ("minus",) for item in frozen.audits())
    assert judged.status == "certified"
    assert judged.verdict.missed == (Missed("minus", 0, n, True),)


def test_the_promise_on_the_data_set_counts_all_frozen_items(frozen):
    judged = frozen.judged(terms=replace(TERMS, promise="dataset"))
    assert judged.verdict.most_wrong == judged.items // 10


def test_a_certificate_that_is_given_up_meanwhile_gets_no_verdict(frozen, monkeypatch):
    frozen.freeze()
    frozen.answer(frozen.audits())
    judges = certifying._verdict

    def given_up_meanwhile(*arguments):
        auditing.give_up(frozen.store, frozen.id, 1, "Bob", "an act", NOW)
        return judges(*arguments)

    monkeypatch.setattr(certifying, "_verdict", given_up_meanwhile)
    assert frozen.follow().status == "given up"
    assert frozen.newest().verdict is None


def test_checks_among_the_labels_are_counted_with_the_errors_that_they_find(frozen):
    frozen.judged()
    frozen.sign()
    frozen.check(10, wrong=1)
    signed = frozen.follow()
    assert (signed.status, signed.watch) == ("signed", Watch(10, 1))


def test_checks_count_up_to_the_first_one_that_waits(frozen):
    frozen.judged()
    frozen.sign()
    checks = frozen.draw_checks(5)
    frozen.answer([checks[0], *checks[2:]])
    assert frozen.follow().watch == Watch(1, 0)
    annotating.submit(frozen.store, answer_of(frozen.id, checks[1], "", kind="unsure"), "", NOW)
    assert frozen.follow().watch == Watch(4, 0)


def test_the_alarm_revokes_the_certificate_and_takes_its_labels_back(frozen):
    frozen.judged()
    signed = frozen.sign()
    checks = frozen.check(20, wrong=20)
    revoked = frozen.follow()
    assert (revoked.status, revoked.reason, revoked.ended_by) == ("revoked", "alarm", "")
    assert revoked.watch == Watch(20, 20)
    assert frozen.store.progress(frozen.id).machine == 0
    assert {row.state for row in frozen.store.pool_rows(frozen.id, checks)} == {"decided"}
    assert len(frozen.free()) == signed.labels - 20


def test_the_words_that_the_verdict_is_about_are_the_frozen_ones(frozen):
    made = frozen.freeze()
    frozen.answer(frozen.free()[:30], wrong=30)
    frozen.learn()
    frozen.answer(frozen.audits())
    assert frozen.follow().verdict.errors == 0
    assert read_population(frozen.store, made).confidence.dtype == np.float64


def test_the_last_audit_can_be_taken_back_before_the_verdict(frozen):
    made = frozen.freeze()
    frozen.answer(frozen.audits())
    assert certifying.follow(frozen.store, frozen.store.project(frozen.id), NOW + certifying.GRACE_MS - 1)
    assert frozen.newest() == made
    assert not certifying.follow(frozen.store, frozen.store.project(frozen.id), NOW + certifying.GRACE_MS)
    assert frozen.newest().status == "certified"
