import numpy as np

from collab.engine.assurance import share_of
from collab.engine.weighing import weighted_share


def test_of_one_stratum_the_share_is_that_of_its_answers():
    assert weighted_share(np.array([36]), np.array([40]), np.array([25.0])) == share_of(36, 40)


def test_of_strata_drawn_alike_the_share_is_that_of_all_answers():
    assert weighted_share(np.array([30, 6]), np.array([32, 8]), np.array([25.0, 25.0])) == share_of(36, 40)


def test_without_answers_anything_is_possible():
    none = weighted_share(np.array([0]), np.array([0]), np.array([25.0]))
    assert (np.isnan(none.value), none.low, none.high, none.n) == (True, 0.0, 1.0, 0)


def test_answers_that_stand_for_few_items_hardly_narrow_the_interval():
    alone = share_of(18, 20)
    beside = weighted_share(np.array([18, 100]), np.array([20, 100]), np.array([50.0, 1.0]))
    assert beside.n == 120
    assert beside.high - beside.low > 0.9 * (alone.high - alone.low)


def test_the_interval_holds_as_often_as_it_says_whatever_the_strata_have_in_common():
    rng, items = np.random.default_rng(0), np.array([700, 3500])
    drawn, so, right = np.array([140, 70]), np.array([0.1, 0.4]), np.array([0.95, 0.75])
    truth = float(items * so @ right) / float(items @ so)
    n = rng.binomial(drawn, so, (1_000, 2))
    hits = rng.binomial(n, right)
    found = [weighted_share(k, m, items / drawn) for k, m in zip(hits, n, strict=True)]
    assert np.mean([e.low <= truth <= e.high for e in found]) >= 0.94
