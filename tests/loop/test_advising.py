from dataclasses import asdict, replace

import numpy as np
import pytest

from collab.domain.plain import typed
from collab.domain.project import LoopPolicy, Project
from collab.domain.run import Checks, ClassAudits, Round, Stratum
from collab.engine.stopping import Gain, Saving
from collab.loop.advising import LOOKS, Evidence, Look, Watched, advised, agreement, is_due, looked, refreshed
from tests.samples import YES_NO

CLASSES = ("Yes", "No")
PROJECT = Project(1, "Reviews", (), YES_NO, LoopPolicy(target=0.9))
CALM = tuple(Look(labels, 0.5, 90, 100, 20, 0.995) for labels in (100, 120, 140))


def judged(labels=200, right=90, low=0.92, model=1, **more):
    counts = {"Yes": ClassAudits(50, 55, 52), "No": ClassAudits(40, 45, 48)}
    stratum = Stratum(1, (1,), 1_000, 100, right, classes=counts)
    return replace(Round(1, 5, model, 1, labels, (stratum,), checks=Checks(labels, 3, 100, low, 0.97)), **more)


def evidence(**more):
    return replace(Evidence(1, 200, CLASSES, {"Yes": 55, "No": 45}, 0.92, 100, 1.0), **more)


def at(labels, **more):
    return replace(Evidence(1, labels, CLASSES), **more)


def test_a_bound_over_the_target_says_so_with_what_it_stands_on():
    found = advised(refreshed(None, judged(), CLASSES), PROJECT)
    assert (found.advice.verdict, found.target, found.short) == ("target reached", 0.9, ())
    assert (found.evidence.bound, found.evidence.answered, found.evidence.covered) == (0.92, 100, 1.0)


def test_the_target_of_today_counts():
    policy = replace(PROJECT.policy, target=0.95)
    assert advised(evidence(), replace(PROJECT, policy=policy)).advice.target == "not reached"


def test_a_class_with_fewer_than_five_audits_is_named_and_nothing_ends():
    found = advised(evidence(audits_by_class={"Yes": 96, "No": 4}, looks=CALM), PROJECT)
    assert (found.short, found.advice.verdict, found.advice.predictions) == (
        ("No",),
        "too few audits",
        "too few audits",
    )


def test_what_no_audit_speaks_for_counts_as_wrong():
    unchecked = Stratum(2, (2,), 1_000, 3, 3)
    found = refreshed(None, judged(strata=(*judged().strata, unchecked)), CLASSES)
    assert (found.bound, found.answered, found.covered) == (pytest.approx(0.46), 100, 0.5)


def test_without_a_checked_stratum_there_is_no_bound():
    found = advised(refreshed(None, judged(low=None), CLASSES), PROJECT)
    assert (found.advice.target, found.advice.verdict) == ("no audits", "go on")


def test_evidence_of_other_classes_says_nothing():
    assert advised(evidence(classes=("Yes",)), PROJECT) is None


@pytest.mark.parametrize(("model", "classes"), [(2, CLASSES), (1, (*CLASSES, "Maybe"))])
def test_another_model_or_a_new_class_starts_anew(model, classes):
    before = evidence(looks=CALM, gain=Gain(0.1, 0, 0.2, 50))
    found = refreshed(before, judged(model=model), classes)
    assert (found.looks, found.gain, found.classes) == ((), None, classes)
    assert refreshed(before, judged(), CLASSES).looks == CALM


def test_a_look_is_due_at_once_and_then_after_ten_labels():
    assert is_due(at(3))
    assert not is_due(at(149, looks=CALM))
    assert is_due(at(150, looks=CALM))
    assert is_due(at(130, looks=CALM))


def test_looks_are_kept_with_what_lies_between_them():
    found = looked(at(160, looks=CALM), judged(labels=160), 0.97, 0.6, 500, np.random.default_rng(0))
    assert found.looks == (*CALM, Look(160, 0.6, 90, 100, 20, 0.97))


def test_looks_that_rest_on_what_was_taken_back_are_dropped():
    found = looked(at(130, looks=CALM), judged(labels=130), 0.97, 0.6, 500, np.random.default_rng(0))
    assert [(look.labels, look.apart) for look in found.looks] == [(100, 20), (120, 20), (130, 0)]


def test_settled_models_and_little_to_gain_end_the_work():
    found = advised(evidence(bound=0.8, looks=CALM, gain=Gain(0.002, 0.0, 0.005, 50)), PROJECT)
    assert (found.advice.predictions, found.advice.worth, found.advice.verdict) == (
        "settled",
        "little",
        "little to gain",
    )


def test_models_that_say_one_class_of_everything_have_not_settled():
    alike = tuple(replace(look, kappa=None) for look in CALM)
    assert advised(evidence(looks=alike), PROJECT).advice.predictions == "changing"


def test_what_more_labels_bring_and_save_is_read_from_the_looks():
    past = tuple(Look(n, n / 1000, int(300 * (0.9 - n**-0.5)), 300, 50, 0.9) for n in range(50, 400, 50))
    found = looked(at(400, looks=past), judged(labels=400), 0.9, 0.4, 1_000, np.random.default_rng(0))
    assert 0 <= found.gain.value < 0.02
    assert found.saving == Saving(pytest.approx(50), pytest.approx(50), pytest.approx(50), 50)
    early = looked(at(400), judged(labels=400), None, 0.0, 1_000, np.random.default_rng(0))
    assert (early.gain, early.gain_points, early.saving, early.saving_points) == (None, 1, None, 0)


def test_old_looks_are_thinned_out_and_the_latest_kept():
    past = tuple(Look(10 * n, 0.1) for n in range(1, LOOKS + 1))
    found = looked(at(2_000, looks=past), judged(labels=2_000), None, 0.1, 10, np.random.default_rng(0)).looks
    assert len(found) < LOOKS
    assert (found[0], found[-2]) == (past[0], past[-1])


def test_models_are_compared_on_the_items_that_both_were_watched_on():
    then, now = Watched((1, 2, 3, 4), (0, 0, 1, 1)), Watched((2, 3, 4, 5), (0, 1, 1, 0))
    assert agreement(then, now) == 1.0
    assert agreement(None, now) is None
    assert agreement(Watched((9,), (0,)), now) is None
    assert agreement(Watched((1, 2), (0, 0)), Watched((1, 2), (0, 0))) is None


def test_evidence_survives_storage():
    whole = evidence(looks=CALM, gain=Gain(0.1, 0.0, 0.2, 50), saving=Saving(10.0, 5.0, 20.0, 50))
    assert typed(Evidence, asdict(whole)) == whole


def test_what_more_audits_alone_let_a_forecast_promise_is_no_saving():
    past = tuple(Look(n, 0.0 if n < 90 else 0.5, 8, n // 10, 20, 0.9) for n in (60, 80, 100, 120))
    found = looked(at(140, looks=past), judged(labels=140), 0.9, 0.6, 1_000, np.random.default_rng(0))
    assert (found.saving, found.saving_points) == (None, 1)


def test_a_forecast_that_nobody_could_make_counts_as_none():
    past = tuple(Look(n, None, 90, 100, 20, 0.9) for n in (60, 80, 100))
    found = looked(at(140, looks=past), judged(labels=140), 0.9, 0.6, 1_000, np.random.default_rng(0))
    assert found.saving is None


def test_a_model_is_not_compared_with_one_that_was_taken_back():
    found = looked(at(130, looks=CALM), judged(labels=130), 0.97, 0.6, 500, np.random.default_rng(0)).looks[-1]
    assert (found.apart, found.kappa) == (0, None)
