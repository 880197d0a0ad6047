import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from collab.engine.stopping import (
    Advice,
    Agreement,
    Gain,
    Saving,
    TooFewPoints,
    advise,
    expected_gain,
    expected_saving,
    far_enough,
    kappa,
    settled,
    watch,
)

ENOUGH = np.array([5, 40, 12])
CALM = [Agreement(10, 0.995)] * 3
SMALL = Gain(0.002, 0.0, 0.006, 50)
NOTHING = TooFewPoints(0, 4)
LABELS = np.arange(20, 201, 10)


def curve(labels):
    return 0.9 - 1.5 * labels**-0.8


def audited(rng, n=200):
    """Audits that every model has right from the one on whose accuracy reaches their own difficulty."""
    return (rng.random((n, 1)) < curve(LABELS.astype(float))).sum(axis=0), np.full(len(LABELS), n)


def told(bound=0.8, agreements=CALM, by_class=ENOUGH, gain=SMALL, saving=NOTHING):
    return advise(bound, 0.9, agreements, by_class, gain, saving)


def test_a_bound_over_the_target_ends_the_work():
    assert told(bound=0.91) == Advice("target reached", "reached", "settled", "little", (), SMALL, NOTHING)


def test_settled_predictions_and_little_to_gain_end_the_work_under_the_target():
    assert told().verdict == "little to gain"


def test_without_a_bound_no_target_is_reached():
    assert told(bound=None).target == "no audits"


def test_no_end_and_nothing_settled_while_a_class_has_fewer_than_five_audits():
    advice = told(bound=0.99, by_class=np.array([4, 40, 0]))
    assert (advice.verdict, advice.predictions, advice.short) == ("too few audits", "too few audits", (0, 2))


def test_work_goes_on_while_predictions_change():
    assert told(agreements=[*CALM[:2], Agreement(10, 0.9)]).verdict == "go on"


@pytest.mark.parametrize(
    ("gain", "worth"),
    [
        (TooFewPoints(3, 5), "unclear"),
        (Gain(0.005, 0.0, 0.03, 50), "unclear"),
        (Gain(0.02, 0.0, 0.03, 50), "worth it"),
        (SMALL, "little"),
    ],
)
def test_only_a_gain_that_is_surely_small_counts_as_little(gain, worth):
    assert told(gain=gain).worth == worth


def test_labels_that_spare_more_than_they_cost_are_worth_it():
    assert told(saving=Saving(51, 0, 90, 50)).worth == "worth it"
    assert told(saving=Saving(49, 0, 90, 50)).worth == "little"


def test_kappa_equals_scikit_learn():
    rng = np.random.default_rng(0)
    a = rng.integers(4, size=500)
    b = np.where(rng.random(500) < 0.8, a, rng.integers(4, size=500))
    assert kappa(a, b, 4) == pytest.approx(cohen_kappa_score(a, b))


def test_two_models_that_know_one_class_only_have_no_kappa_and_are_not_settled():
    same = kappa(np.zeros(9, int), np.zeros(9, int), 2)
    assert np.isnan(same)
    assert settled([Agreement(10, same)] * 3) == "changing"


def test_models_a_few_labels_apart_do_not_count():
    assert settled([Agreement(1, 1.0)] * 20) == "too few rounds"


def test_only_the_latest_three_models_decide():
    assert settled([Agreement(10, 0.5), *CALM]) == "settled"


def test_at_most_two_thousand_items_are_watched_and_all_of_few():
    seen = watch(np.arange(1, 5_001), key=3)
    assert (len(np.unique(seen)), len(seen)) == (2_000, 2_000)
    assert np.array_equal(watch(np.array([8, 3, 5]), key=3), [0, 1, 2])


def test_the_watched_items_are_kept_but_for_those_that_new_ones_push_out():
    items = np.random.default_rng(0).permutation(np.arange(1, 10_001))
    before, after = items[:5_000][watch(items[:5_000], key=3)], items[watch(items, key=3)]
    assert set(after) & set(items[:5_000].tolist()) <= set(before)
    assert np.array_equal(np.sort(items[::-1][watch(items[::-1], key=3)]), np.sort(after))
    assert len(set(after) - set(items[watch(items, key=4)])) > 1_000


def test_a_curve_without_noise_is_carried_on():
    audits = np.full(len(LABELS), 10_000)
    found = expected_gain(LABELS, np.round(curve(LABELS) * audits).astype(int), audits, np.random.default_rng(2))
    assert found.value == pytest.approx(curve(250) - curve(200), rel=0.1)


def test_the_interval_of_the_gain_holds_it_as_often_as_it_says():
    rng = np.random.default_rng(3)
    found = [expected_gain(LABELS, *audited(rng), rng) for _ in range(20)]
    assert np.mean([each.low <= curve(250) - curve(200) <= each.high for each in found]) >= 0.9


def test_a_steep_curve_promises_more_than_a_flat_one():
    rng = np.random.default_rng(4)
    audits = np.full(len(LABELS), 200)
    steep = expected_gain(LABELS, np.linspace(60, 160, len(LABELS)).astype(int), audits, rng)
    flat = expected_gain(LABELS, np.full(len(LABELS), 160), audits, rng)
    assert steep.low > flat.high


def test_no_curve_is_carried_on_over_one():
    audits = np.full(6, 100)
    found = expected_gain(np.arange(20, 80, 10), np.array([50, 60, 70, 80, 90, 99]), audits, np.random.default_rng(5))
    assert found.high <= 0.1


def test_the_same_seed_gives_the_same_gain():
    first, second = (expected_gain(LABELS, *audited(np.random.default_rng(6)), np.random.default_rng(6)) for _ in "ab")
    assert first == second


@pytest.mark.parametrize(
    ("labels", "audits"), [([20, 30, 40, 50], 100), ([20, 30, 40, 50, 60], 29), ([100, 110, 120, 130, 140], 100)]
)
def test_few_points_few_audits_or_points_close_together_are_refused(labels, audits):
    labels = np.array(labels)
    found = expected_gain(labels, np.full(len(labels), 20), np.full(len(labels), audits), np.random.default_rng(7))
    assert isinstance(found, TooFewPoints)


def test_a_saving_is_the_coverage_that_a_step_adds_times_the_pool():
    found = expected_saving(np.array([50, 100, 150, 200]), np.array([0.1, 0.2, 0.3, 0.4]), pool=5_000)
    assert (found.value, found.low, found.high) == pytest.approx((500, 500, 500))


def test_one_odd_forecast_does_not_decide_the_saving():
    found = expected_saving(np.array([50, 100, 150, 200]), np.array([0.1, 0.11, 0.12, 0.45]), pool=1_000)
    assert found.low < found.value < found.high / 2


def test_nothing_saves_more_than_the_pool_holds():
    found = expected_saving(np.array([50, 60, 70, 80]), np.array([0.3, 0.5, 0.7, 0.9]), pool=1_000)
    assert found.high == pytest.approx(100)


def test_without_a_forecast_that_certifies_anything_there_is_no_saving():
    assert expected_saving(np.array([50, 60, 70, 80]), np.zeros(4), pool=1_000) == NOTHING


def test_models_are_compared_ten_labels_apart_and_a_twentieth_where_there_are_many():
    assert [far_enough(100, 109), far_enough(100, 110), far_enough(100, 90)] == [False, True, True]
    assert [far_enough(2_000, 2_010), far_enough(2_000, 2_100)] == [False, True]
