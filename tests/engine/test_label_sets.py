import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import beta

from collab.engine.label_sets import Band, calibrate, meanings, needed, predict, rank_of, realised

NEAR = np.zeros(5, bool)


def drawn(n, rng, sharpness=3.0, classes=4):
    """Honest probabilities, and classes drawn accordingly."""
    proba = softmax(rng.normal(0, sharpness, (n, classes)), axis=1).astype(np.float32)
    truth = (proba.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return proba, np.minimum(truth, classes - 1)


def coverages(draws, n, level, sure=None):
    """Coverage of each threshold on items that it has not seen."""
    rng = np.random.default_rng(7)
    pool, truth = drawn(20_000, rng)
    seen = [rng.choice(20_000, n, replace=False) for _ in range(draws)]
    thresholds = np.array([calibrate(pool[rows], truth[rows], level, sure) for rows in seen])
    strange = np.sort(1 - pool.astype(np.float64)[np.arange(20_000), truth])
    return np.searchsorted(strange, thresholds, side="right") / 20_000


def test_the_threshold_is_the_corrected_quantile_of_what_the_answers_lacked():
    right = np.linspace(0.1, 0.9, 9).astype(np.float32)
    proba = np.column_stack([right, 1 - right])
    assert calibrate(proba, np.zeros(9, int), 0.8) == pytest.approx(0.8)
    assert calibrate(proba, np.zeros(9, int), 0.9) == pytest.approx(0.9)


def test_a_set_holds_the_very_class_that_set_its_threshold():
    proba, truth = drawn(99, np.random.default_rng(1))
    sets = predict(proba, calibrate(proba, truth, 0.9))
    assert sets[np.arange(99), truth].sum() == 90


def test_too_few_answers_put_every_class_into_every_set():
    proba, truth = drawn(needed(0.9) - 1, np.random.default_rng(2))
    assert predict(proba, calibrate(proba, truth, 0.9)).all()


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("sure", [None, 0.9])
def test_the_answers_needed_are_the_fewest_that_do(level, sure):
    n = needed(level, sure)
    assert rank_of(n, level, sure) <= n
    assert rank_of(n - 1, level, sure) == n


@pytest.mark.parametrize(("n", "rank"), [(50, 49), (100, 95), (200, 186)])
def test_the_surer_rank_is_the_smallest_whose_beta_quantile_reaches_the_level(n, rank):
    ranks = np.arange(1, n + 1)
    assert ranks[beta.ppf(0.1, ranks, n + 1 - ranks) >= 0.9][0] == rank
    assert rank_of(n, 0.9, sure=0.9) == rank


def test_the_band_is_that_of_the_beta_distribution():
    low, high = beta.ppf([0.05, 0.95], 91, 10)
    band = realised(100, 0.9)
    assert (band.mean, band.low, band.high) == pytest.approx((91 / 101, low, high))


def test_where_all_classes_are_in_every_set_coverage_is_whole():
    assert realised(8, 0.9) == Band(1, 1, 1)


def test_coverage_lies_in_its_band_nine_times_in_ten_and_on_the_level_on_the_mean():
    found, band = coverages(400, 100, 0.9), realised(100, 0.9)
    assert found.mean() == pytest.approx(band.mean, abs=0.006)
    assert np.mean((band.low <= found) & (found <= band.high)) == pytest.approx(0.9, abs=0.05)


def test_the_surer_threshold_reaches_the_level_nine_times_in_ten():
    assert np.mean(coverages(400, 100, 0.9) >= 0.9) < 0.7
    assert np.mean(coverages(400, 100, 0.9, sure=0.9) >= 0.9) >= 0.87


def test_a_better_head_has_smaller_sets():
    blunt, sharp = drawn(500, np.random.default_rng(3), 1.5), drawn(500, np.random.default_rng(3), 6)
    sizes = [predict(p, calibrate(p, t, 0.9)).sum() for p, t in (blunt, sharp)]
    assert sizes[1] < sizes[0]


def test_a_set_is_shown_where_it_names_several_classes_and_rules_out_others():
    sets = np.arange(7) < np.array([0, 1, 2, 5, 6])[:, None]
    assert meanings(sets, NEAR) == ("none", "one", "choices", "choices", "too many")


def test_an_empty_set_is_unlike_anything_labeled_only_where_the_item_is_unfamiliar():
    assert meanings(np.zeros((2, 3), bool), np.array([True, False])) == ("unlike", "none")


def test_a_set_of_all_classes_says_nothing():
    assert meanings(np.ones((1, 3), bool), NEAR[:1]) == ("too many",)


@pytest.mark.parametrize(("level", "sure"), [(0, None), (1, None), (0.9, 1.0)])
def test_a_level_that_is_no_share_is_refused(level, sure):
    with pytest.raises(ValueError, match="between 0 and 1"):
        rank_of(100, level, sure)
