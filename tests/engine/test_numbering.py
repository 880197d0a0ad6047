import numpy as np
import pytest

from collab.engine.calibration import brier, fit_temperature, reliability
from collab.engine.evaluation import accuracy, by_class, macro_f1
from collab.engine.label_sets import calibrate, predict, wider
from collab.engine.numbering import Numbering

APPLIES = np.array([[True, False, True], [False, False, False], [True, False, True]])


def test_where_one_class_applies_its_column_is_the_number():
    numbers, columns = Numbering(), np.array([2, 0])
    assert numbers.numbers(columns).tolist() == numbers.labels(columns, 3).tolist() == [2, 0]
    assert numbers.said(np.float32([[0.2, 0.7, 0.1]])).tolist() == [1]
    assert numbers.sure(np.float32([[0.25, 0.75]])).tolist() == [0.75]


def test_equal_sets_of_classes_have_one_number_and_are_read_back():
    numbers = Numbering(many=True)
    found = numbers.numbers(APPLIES)
    assert found[0] == found[2] != found[1]
    assert (numbers.labels(found, 3) == APPLIES).all()
    assert numbers.columns(int(found[0])) == (0, 2)


def test_numbers_that_last_do_not_depend_on_what_was_met_first():
    one, other = Numbering(many=True), Numbering(many=True, met=[(1,)])
    first, second = (each.lasting(each.numbers(APPLIES)) for each in (one, other))
    assert first.tolist() == second.tolist()


def test_what_is_said_of_any_number_of_classes_is_sure_as_all_of_them_together():
    numbers, proba = Numbering(many=True), np.float32([[0.75, 0.5, 0.25]])
    assert numbers.columns(int(numbers.said(proba)[0])) == (0, 1)
    assert numbers.sure(proba).tolist() == [0.75 * 0.5 * 0.75]


def test_accuracy_asks_for_the_whole_answer_and_figures_by_class_for_each():
    said = np.array([[True, False, True], [False, True, False], [True, False, False]])
    assert accuracy(APPLIES, said) == pytest.approx(1 / 3)
    assert by_class(APPLIES, said, 3).recall.tolist() == [1, 0, 0.5]
    assert macro_f1(APPLIES, said, 3) == pytest.approx((1 + 0 + 2 / 3) / 3)


def draws(n=4_000, seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(-0.5, 2, (n, 4)).astype(np.float32)
    return logits, rng.random((n, 4)) < 1 / (1 + np.exp(-logits))


def test_the_temperature_of_classes_on_their_own_is_found():
    logits, truth = draws()
    assert fit_temperature(3 * logits, truth) == pytest.approx(3, rel=0.1)


def test_honest_probabilities_of_whole_answers_are_found_honest():
    logits, truth = draws()
    found = reliability(1 / (1 + np.exp(-logits)), truth, 5)
    assert found.accuracy == pytest.approx(found.confidence, abs=0.05)


def test_the_brier_score_of_classes_on_their_own_is_that_of_yes_and_no():
    assert brier(np.float32([[0.75]]), np.array([[True]])) == brier(np.float32([[0.75, 0.25]]), np.array([0]))


def test_sets_hold_all_classes_that_apply_as_often_as_they_say():
    logits, truth = draws()
    proba = (1 / (1 + np.exp(-logits))).astype(np.float32)
    sets = predict(proba[2000:], calibrate(proba[:2000], truth[:2000], 0.9))
    assert (sets >= truth[2000:]).all(axis=1).mean() == pytest.approx(0.9, abs=0.02)


def test_a_set_is_shown_where_it_holds_more_than_is_suggested_and_not_all():
    said = np.array([[True, False, False]] * 4)
    sets = np.array([[True, True, False], [True, False, False], [True, True, True], [False, True, True]])
    assert wider(sets, said).tolist() == [True, False, False, False]
