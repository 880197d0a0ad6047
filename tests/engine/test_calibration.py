import numpy as np
import pytest
from scipy.special import softmax

from collab.engine.calibration import expected_calibration_error, fit_temperature, reliability


def drawn(n, rng):
    """Logits that say exactly how likely each class is, and classes drawn accordingly."""
    logits = rng.normal(0, 2, (n, 4)).astype(np.float32)
    truth = (softmax(logits, axis=1).cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return logits, np.minimum(truth, 3)


def test_the_temperature_undoes_a_known_overconfidence():
    logits, truth = drawn(20_000, np.random.default_rng(0))
    assert fit_temperature(3 * logits, truth) == pytest.approx(3, rel=0.05)


def test_the_temperature_makes_the_truth_less_surprising():
    logits, truth = drawn(200, np.random.default_rng(1))
    scaled = 4 * logits / fit_temperature(4 * logits, truth)
    rows = np.arange(200)
    assert np.log(softmax(scaled, axis=1)[rows, truth]).mean() > np.log(softmax(4 * logits, axis=1)[rows, truth]).mean()


def test_without_audits_the_temperature_is_one():
    assert fit_temperature(np.zeros((0, 3), np.float32), np.array([], np.int64)) == 1


def test_the_temperature_stays_finite_where_every_audit_is_right():
    logits = 5 * np.eye(3, dtype=np.float32)
    assert np.exp(-3) <= fit_temperature(logits, np.arange(3)) <= np.exp(3)


def test_logits_with_nan_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        fit_temperature(np.float32([[np.nan, 0]]), np.array([0]))


def test_the_calibration_error_is_the_gap_between_claim_and_truth():
    proba = np.tile(np.float32([0.9, 0.1]), (100, 1))
    assert expected_calibration_error(proba, np.arange(100) % 2) == pytest.approx(0.4)


def test_honest_probabilities_have_almost_no_calibration_error():
    logits, truth = drawn(20_000, np.random.default_rng(2))
    assert expected_calibration_error(softmax(logits, axis=1), truth) < 0.02


def test_bins_hold_the_same_number_of_items_and_rise_in_confidence():
    logits, truth = drawn(150, np.random.default_rng(3))
    seen = reliability(softmax(logits, axis=1), truth)
    assert seen.count.tolist() == [10] * 15
    assert (np.diff(seen.confidence) >= 0).all()


def test_fewer_items_than_bins_make_one_bin_for_each_item():
    assert reliability(np.float32([[0.7, 0.3], [0.4, 0.6]]), np.array([0, 0])).accuracy.tolist() == [0, 1]
