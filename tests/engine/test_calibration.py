import numpy as np
import pytest
from scipy.special import softmax
from sklearn import metrics

from collab.engine.calibration import (
    CalibrationError,
    OutOfTen,
    brier,
    calibration_error,
    cross_fitted,
    fit_temperature,
    log_loss,
    out_of_ten,
    reliability,
)


def drawn(n, rng):
    """Logits that say exactly how likely each class is, and classes drawn accordingly."""
    logits = rng.normal(0, 2, (n, 4)).astype(np.float32)
    truth = (softmax(logits, axis=1).cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return logits, np.minimum(truth, 3)


def errors(factor, draws, n=400):
    """Calibration errors of many small draws from a head that is so many times too sure of itself."""
    rng = np.random.default_rng(11)
    samples = [drawn(n, rng) for _ in range(draws)]
    return [calibration_error(softmax(factor * logits, axis=1), truth, rng) for logits, truth in samples]


def test_the_temperature_undoes_a_known_overconfidence():
    logits, truth = drawn(20_000, np.random.default_rng(0))
    assert fit_temperature(3 * logits, truth) == pytest.approx(3, rel=0.05)


def test_the_temperature_makes_the_truth_less_surprising():
    logits, truth = drawn(200, np.random.default_rng(1))
    scaled = 4 * logits / fit_temperature(4 * logits, truth)
    assert log_loss(softmax(scaled, axis=1), truth) < log_loss(softmax(4 * logits, axis=1), truth)


def test_without_audits_the_temperature_is_one():
    assert fit_temperature(np.zeros((0, 3), np.float32), np.array([], np.int64)) == 1


def test_few_audits_that_are_all_right_do_not_make_the_head_certain():
    logits = np.tile(np.float32([2, 0, 0]), (50, 1))
    sure = softmax(logits / fit_temperature(logits, np.zeros(50, int)), axis=1).max()
    assert 0.9 < sure < 0.999


def test_logits_with_nan_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        fit_temperature(np.float32([[np.nan, 0]]), np.array([0]))


def test_an_item_has_no_part_in_the_temperature_that_judges_it():
    logits, truth = drawn(100, np.random.default_rng(2))
    other = truth.copy()
    other[7] = (truth[7] + 1) % 4
    before, after = cross_fitted(logits, truth), cross_fitted(logits, other)
    assert np.array_equal(before[7], after[7])
    assert not np.array_equal(before[8], after[8])


def test_items_of_one_group_have_no_part_in_each_others_temperature():
    logits, truth = drawn(100, np.random.default_rng(3))
    other, groups = truth.copy(), np.repeat(np.arange(50), 2)
    other[6] = (truth[6] + 1) % 4
    before, after = cross_fitted(logits, truth, groups), cross_fitted(logits, other, groups)
    assert np.array_equal(before[6:8], after[6:8])
    assert not np.array_equal(before[8], after[8])


def test_cross_fitting_repairs_overconfidence():
    logits, truth = drawn(300, np.random.default_rng(4))
    assert log_loss(cross_fitted(4 * logits, truth), truth) < log_loss(softmax(4 * logits, axis=1), truth)


def test_the_calibration_error_is_the_gap_between_claim_and_truth():
    proba = np.tile(np.float32([0.9, 0.1]), (1_000, 1))
    found = calibration_error(proba, np.arange(1_000) % 2, np.random.default_rng(5))
    assert found.value == pytest.approx(0.4, abs=0.002)
    assert 0.36 < found.low < 0.4 < found.high < 0.44


def test_the_calibration_error_of_honest_probabilities_is_seldom_said_to_be_over_zero():
    assert np.mean([each.low == 0 for each in errors(1, 20)]) >= 0.9


def test_the_interval_of_the_calibration_error_holds_the_error_of_many_items():
    logits, truth = drawn(200_000, np.random.default_rng(6))
    seen = reliability(softmax(2 * logits, axis=1), truth, bins=100)
    true = np.abs(seen.confidence - seen.accuracy).mean()
    assert np.mean([each.low <= true <= each.high for each in errors(2, 20)]) >= 0.9


def test_a_worse_head_has_a_larger_calibration_error():
    assert errors(4, 1)[0].low > errors(1.5, 1)[0].value


def test_the_same_seed_gives_the_same_interval():
    assert errors(2, 1) == errors(2, 1)


def test_under_two_hundred_answers_there_is_no_calibration_error():
    logits, truth = drawn(200, np.random.default_rng(8))
    proba, rng = softmax(logits, axis=1), np.random.default_rng(9)
    assert calibration_error(proba[:199], truth[:199], rng) is None
    assert isinstance(calibration_error(proba, truth, rng), CalibrationError)


def test_bins_hold_the_same_number_of_items_and_rise_in_confidence():
    logits, truth = drawn(150, np.random.default_rng(3))
    seen = reliability(softmax(logits, axis=1), truth)
    assert seen.count.tolist() == [10] * 15
    assert (np.diff(seen.confidence) >= 0).all()


def test_fewer_items_than_bins_make_one_bin_for_each_item():
    assert reliability(np.float32([[0.7, 0.3], [0.4, 0.6]]), np.array([0, 0])).accuracy.tolist() == [0, 1]


def test_without_items_there_are_no_bins():
    assert reliability(np.zeros((0, 3), np.float32), np.array([], np.int64)).count.tolist() == []


def test_the_scores_of_probabilities_equal_scikit_learn():
    logits, truth = drawn(200, np.random.default_rng(10))
    proba = softmax(logits.astype(np.float64), axis=1)
    assert log_loss(proba, truth) == pytest.approx(metrics.log_loss(truth, proba))
    assert brier(proba, truth) == pytest.approx(metrics.brier_score_loss(truth, proba, scale_by_half=False))


def test_what_was_held_impossible_surprises_only_so_much():
    assert log_loss(np.float32([[1, 0]]), np.array([1])) == pytest.approx(87.3, abs=0.1)


@pytest.mark.parametrize(
    ("probability", "said"),
    [
        (0.0, OutOfTen(1, "less than")),
        (0.049, OutOfTen(1, "less than")),
        (0.05, OutOfTen(1)),
        (0.62, OutOfTen(6)),
        (0.949, OutOfTen(9)),
        (0.95, OutOfTen(9, "more than")),
        (1.0, OutOfTen(9, "more than")),
    ],
)
def test_a_probability_is_said_in_tenths_but_never_as_none_or_all_of_them(probability, said):
    assert out_of_ten(probability) == said
