import numpy as np
import pytest
from scipy import stats

from collab.engine.curves import Difference, area, labels_to_reach, mean_interval, paired, paired_over_sets

LABELS = np.array([10, 20, 40])


def drawn(*key, size):
    return np.random.default_rng(key).normal(0, 1, size)


def test_the_area_is_the_mean_height_whatever_the_rounds_are_apart():
    assert area(LABELS, np.array([0.5, 0.7, 0.9])) == pytest.approx((0.6 * 10 + 0.8 * 20) / 30)
    assert area(np.array([10]), np.array([0.5])) == 0.5


@pytest.mark.parametrize(("target", "labels"), [(0.4, 10), (0.6, 15), (0.7, 20), (0.75, 25), (0.95, np.inf)])
def test_a_target_is_reached_between_two_rounds(target, labels):
    assert labels_to_reach(LABELS, np.array([0.5, 0.7, 0.9]), target) == pytest.approx(labels)


def test_the_first_of_several_crossings_counts():
    assert labels_to_reach(np.array([10, 20, 30, 40]), np.array([0.5, 0.7, 0.6, 0.9]), 0.65) == pytest.approx(17.5)


def test_the_interval_of_a_mean_curve_is_student_s():
    scores = drawn(1, size=(7, 3))
    band = mean_interval(scores)
    low, high = stats.t.interval(0.95, 6, scores.mean(axis=0), stats.sem(scores, axis=0))
    np.testing.assert_allclose([band.mean, band.low, band.high], [scores.mean(axis=0), low, high])


def test_one_seed_has_a_mean_and_no_interval():
    band = mean_interval(np.array([[0.5, 0.6]]))
    difference = paired(np.array([0.6]), np.array([0.5]), np.random.default_rng(0))
    assert np.isnan([band.low, band.high]).all()
    assert np.isnan([difference.low, difference.high]).all()


def test_seeds_are_compared_in_pairs():
    a, b = np.array([0.5, 0.6, 0.7, 0.8]), np.array([0.4, 0.5, 0.7, 0.9])
    difference = paired(a, b, np.random.default_rng(0))
    assert (difference.wins, difference.ties, difference.losses) == (2, 1, 1)
    assert difference.mean == pytest.approx(0.025)
    assert difference.low < 0 < difference.high


@pytest.mark.parametrize("n", [3, 9])
def test_the_interval_of_few_pairs_is_student_s(n):
    values = drawn(1, size=n)
    difference = paired(values, np.zeros(n), np.random.default_rng(0))
    low, high = stats.t.interval(0.95, n - 1, values.mean(), stats.sem(values))
    assert [difference.low, difference.high] == pytest.approx([low, high])


def test_the_bootstrap_of_ten_pairs_is_as_wide_as_student_s():
    values = np.linspace(-1, 1, 10)
    difference = paired(values, np.zeros(10), np.random.default_rng(0))
    low, high = stats.t.interval(0.95, 9, 0, stats.sem(values))
    assert [difference.low, difference.high] == pytest.approx([low, high], rel=0.06)


def test_the_same_rng_gives_the_same_interval():
    a, b = drawn(1, size=12), drawn(2, size=12)
    assert paired(a, b, np.random.default_rng(3)) == paired(a, b, np.random.default_rng(3))


def test_the_bootstrap_agrees_with_the_normal_interval_of_many_seeds():
    values = drawn(1, size=400)
    difference = paired(values, np.zeros(400), np.random.default_rng(0))
    reach = 1.96 * values.std() / 20
    assert [difference.low, difference.high] == pytest.approx(
        [values.mean() - reach, values.mean() + reach], abs=0.1 * reach
    )


def test_a_set_is_a_tie_where_its_own_interval_covers_0():
    sets = [
        np.array([0.1, 0.2, 0.3, 0.1]),
        np.array([-0.1, 0.1, 0.2, -0.2]),
        np.array([-0.1, -0.2, -0.15]),
        np.array([0.3]),
    ]
    difference = paired_over_sets(sets, np.random.default_rng(0))
    assert (difference.wins, difference.ties, difference.losses) == (1, 2, 1)
    assert difference.mean == pytest.approx((0.175 + 0 - 0.15 + 0.3) / 4)


def test_the_interval_over_sets_covers_that_sets_differ_not_only_seeds():
    sets = [np.full(10, 0.01), np.full(10, 0.05)]
    assert paired_over_sets(sets, np.random.default_rng(0)) == Difference(
        pytest.approx(0.03), pytest.approx(0.01), pytest.approx(0.05), 2, 0, 0
    )
