import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, hypergeom

from collab.domain.run import Stratum
from collab.engine.assurance import (
    Estimate,
    Interval,
    accuracy,
    accuracy_by_confidence,
    audited_accuracy,
    clopper_pearson,
    clustered,
    estimate_by_class,
    exact_without_replacement,
    share_interval,
    share_of,
    wilson,
)

COUNTS = st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
SHARES = (0.02, 0.1, 0.3, 0.5, 0.8, 0.9, 0.97, 0.99)


def audited(right: int, answered: int, unresolved: int = 0, items: int = 100_000) -> Stratum:
    return Stratum(1, (1,), items, answered, right, unresolved)


@given(COUNTS)
def test_clopper_pearson_equals_scipy(counts):
    k, n = counts
    reference = binomtest(k, n).proportion_ci(method="exact")
    ours = clopper_pearson(k, n)
    assert (ours.low, ours.high) == pytest.approx((reference.low, reference.high), abs=1e-9)


def test_without_audits_nothing_is_known():
    assert clopper_pearson(0, 0) == exact_without_replacement(0, 0, 10) == Interval(0, 1)


def test_a_population_that_was_audited_whole_is_known_exactly():
    assert exact_without_replacement(7, 10, 10) == Interval(0.7, 0.7)


def test_the_exact_interval_keeps_its_promise_for_every_total():
    population, n = 60, 20
    bounds = [exact_without_replacement(k, n, population) for k in range(n + 1)]
    low, high = np.array([b.low for b in bounds]), np.array([b.high for b in bounds])
    share = np.arange(population + 1)[:, None] / population
    holds = (low <= share) & (share <= high)
    chance = hypergeom.pmf(np.arange(n + 1), population, np.arange(population + 1)[:, None], n)
    assert (chance * holds).sum(axis=1).min() >= 0.95


def test_drawing_a_large_part_of_a_population_narrows_the_interval():
    few, many = share_interval(80, 100, 100_000), share_interval(80, 100, 150)
    assert many.high - many.low < few.high - few.low


def test_one_stratum_has_the_interval_of_its_share():
    share, interval = audited_accuracy([audited(45, 50)])
    alone = clopper_pearson(45, 50)
    assert (share, interval.low, interval.high) == pytest.approx((0.9, alone.low, alone.high))


def test_unresolved_audits_widen_the_interval_on_both_sides_and_leave_the_share():
    share, interval = audited_accuracy([audited(9, 10, unresolved=2)])
    assert (share, interval.low, interval.high) == pytest.approx(
        (0.9, clopper_pearson(9, 12).low, clopper_pearson(11, 12).high)
    )


def test_strata_count_by_their_size_and_not_by_their_audits():
    share, interval = audited_accuracy([audited(100, 100, items=2_000), audited(0, 20, items=18_000)])
    assert share == pytest.approx(0.1)
    assert interval.low < 0.1 < interval.high < 0.3


@pytest.mark.parametrize("weight", [0.02, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("drawn", [(10, 10), (30, 30), (10, 50), (60, 120)])
def test_the_interval_of_two_strata_holds_their_share_as_often_as_it_says(drawn, weight):
    sizes = (int(weight * 1_000_000), int((1 - weight) * 1_000_000))
    rights = [np.arange(n + 1) for n in drawn]
    held = np.array([[_interval(a, b, drawn, sizes) for b in rights[1].tolist()] for a in rights[0].tolist()])
    chances = {p: [binom.pmf(k, n, p) for k, n in zip(rights, drawn, strict=True)] for p in SHARES}
    coverage = [
        (np.outer(chances[p][0], chances[q][1]) * _inside(held, p, q, weight)).sum() for p in SHARES for q in SHARES
    ]
    assert min(coverage) >= 0.93


def test_three_strata_drawn_at_random_are_covered():
    rng = np.random.default_rng(1)
    sizes, shares, drawn = (300, 5_000, 40_000), np.array([0.95, 0.6, 0.9]), (40, 60, 20)
    totals = np.round(shares * sizes).astype(int)
    truth = totals.sum() / sum(sizes)
    rights = rng.hypergeometric(totals, np.array(sizes) - totals, drawn, size=(200, 3)).tolist()
    found = [
        audited_accuracy([audited(k, n, items=size) for k, n, size in zip(row, drawn, sizes, strict=True)])[1]
        for row in rights
    ]
    assert np.mean([each.low <= truth <= each.high for each in found]) >= 0.93


@given(COUNTS, st.integers(0, 30), st.integers(230, 5_000))
def test_the_interval_holds_the_share_whatever_the_method(counts, unresolved, population):
    right, answered = counts
    share, interval = audited_accuracy([audited(right, answered, unresolved, population)])
    assert 0 <= interval.low <= share + 1e-9
    assert share - 1e-9 <= interval.high <= 1


@settings(max_examples=40)
@given(COUNTS, st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_equals_scipy(counts, level):
    reference = binomtest(*counts).proportion_ci(level, method="wilson")
    ours = wilson(*counts, level)
    assert (ours.low, ours.high) == pytest.approx((reference.low, reference.high), abs=1e-9)


def test_accuracy_is_a_share_with_wilsons_interval():
    assert accuracy(np.arange(100) < 94, 0.95) == Estimate(0.94, *as_pair(wilson(94, 100)), 100)


@pytest.mark.parametrize("k", [0, 30])
def test_accuracy_is_exact_at_the_edges(k):
    assert accuracy(np.arange(30) < k, 0.9) == Estimate(k / 30, *as_pair(clopper_pearson(k, 30, 0.9)), 30)


def test_accuracy_of_a_pool_that_is_mostly_audited_is_exact():
    assert accuracy(np.arange(30) < 27, 0.95, pool=40) == Estimate(
        0.9, *as_pair(exact_without_replacement(27, 30, 40)), 30
    )


def test_accuracy_without_answers_is_unknown():
    found = accuracy(np.zeros(0, bool), 0.95)
    assert (np.isnan(found.value), found.low, found.high, found.n) == (True, 0, 1, 0)


@pytest.mark.parametrize("share", [0.6, 0.8, 0.9, 0.95, 0.98])
@pytest.mark.parametrize("n", [50, 100, 400])
def test_accuracy_is_covered_as_often_as_it_says(n, share):
    bounds = [share_of(k, n) for k in range(n + 1)]
    held = np.array([b.low <= share <= b.high for b in bounds])
    assert 0.92 <= binom.pmf(np.arange(n + 1), n, share) @ held <= 0.99


def test_figures_by_class_are_shares_of_what_is_called_and_what_is_of_the_class():
    answers, predicted = np.array([0] * 10 + [1] * 10), np.array([0] * 8 + [1] * 12)
    found = estimate_by_class(answers, predicted, 3)
    assert found.precision[:2] == (share_of(8, 8), share_of(10, 12))
    assert found.recall[:2] == (share_of(8, 10), share_of(10, 10))
    assert [round(f1.value, 4) for f1 in found.f1[:2]] == [0.8889, 0.9091]
    assert [found.f1[2].low, found.f1[2].high, found.f1[2].n] == [0, 1, 0]


def test_f1_is_covered_as_often_as_its_interval_says():
    rng = np.random.default_rng(1)
    chance = np.array([[0.25, 0.05], [0.1, 0.6]])
    draws = rng.choice(4, p=chance.ravel(), size=(400, 120))
    found = [estimate_by_class(draw // 2, draw % 2, 2).f1[0] for draw in draws]
    assert np.mean([f1.low <= 0.5 / 0.65 <= f1.high for f1 in found]) >= 0.93


def test_accuracy_by_confidence_counts_parts_by_their_size_in_the_pool():
    pool = np.repeat([0.5, 0.6, 0.8, 0.9], 100)
    confidence = np.repeat([0.5, 0.6, 0.8, 0.9], [20, 30, 50, 100])
    correct = np.concatenate([np.arange(n) < k for n, k in ((20, 10), (30, 15), (50, 50), (100, 90))])
    found = accuracy_by_confidence(correct, confidence, pool)
    assert (found.value, found.n) == (pytest.approx((0.5 + 0.5 + 1 + 0.9) / 4), 200)


def test_accuracy_by_confidence_is_covered_and_narrower_where_confidence_tells():
    rng = np.random.default_rng(2)
    pool = rng.beta(4, 1, 20_000)
    right = rng.random(20_000) < pool
    draws = [rng.choice(20_000, 250, replace=False) for _ in range(200)]
    found = [accuracy_by_confidence(right[rows], pool[rows], pool) for rows in draws]
    plain = [accuracy(right[rows]) for rows in draws]
    assert np.mean([f.low <= right.mean() <= f.high for f in found]) >= 0.92
    assert np.mean([f.high - f.low for f in found]) < 0.95 * np.mean([p.high - p.low for p in plain])


def test_accuracy_by_confidence_waits_for_200_answers():
    assert accuracy_by_confidence(np.ones(199, bool), np.ones(199), np.ones(1_000)) is None


@pytest.mark.parametrize(("k", "n"), [(-1, 5), (6, 5)])
def test_an_impossible_count_is_refused(k, n):
    with pytest.raises(ValueError, match="not a share"):
        clopper_pearson(k, n)


def test_more_draws_than_items_are_refused():
    with pytest.raises(ValueError, match="without replacement"):
        exact_without_replacement(3, 11, 10)


def as_pair(interval):
    return interval.low, interval.high


def _interval(a, b, drawn, sizes):
    _, found = audited_accuracy([audited(a, drawn[0], items=sizes[0]), audited(b, drawn[1], items=sizes[1])])
    return found.low, found.high


def _inside(held, p, q, weight):
    truth = weight * p + (1 - weight) * q
    return (held[..., 0] <= truth + 1e-9) & (truth - 1e-9 <= held[..., 1])


def in_groups(groups: int, size: int, alike: float, rng: np.random.Generator, share: float = 0.85):
    """Answers in groups whose shares scatter; `alike` is how far the answers of one group correlate."""
    spread = (1 - alike) / alike
    chance = rng.beta(share * spread, (1 - share) * spread, groups)
    group = np.repeat(np.arange(groups), size)
    return rng.random(groups * size) < chance[group], group


@pytest.mark.parametrize(("groups", "size", "alike"), [(10, 10, 0.2), (40, 5, 0.3), (100, 2, 0.5)])
def test_audits_of_groups_that_are_alike_keep_the_promise_of_their_interval(groups, size, alike):
    rng = np.random.default_rng(groups)
    found = [clustered(*in_groups(groups, size, alike, rng)) for _ in range(300)]
    assert np.mean([f.low <= 0.85 <= f.high for f in found]) >= 0.92


def test_groups_of_one_say_nearly_what_single_audits_say():
    right = np.arange(100) < 94
    found, single = clustered(right, np.arange(100)), clopper_pearson(94, 100)
    assert (found.value, found.n) == (0.94, 100)
    assert (found.low, found.high) == pytest.approx((single.low, single.high), abs=1e-3)


def test_where_all_are_right_each_group_counts_as_one():
    bounds = clopper_pearson(10, 10)
    assert clustered(np.ones(50, bool), np.repeat(np.arange(10), 5)) == Estimate(1.0, bounds.low, 1.0, 50)


def test_one_group_or_none_says_nothing():
    assert clustered(np.ones(9, bool), np.zeros(9, int)) == Estimate(1.0, 0.0, 1.0, 9)
    assert clustered(np.zeros(0, bool), np.zeros(0, int)).n == 0


def test_audits_of_groups_count_by_what_they_stand_for():
    right, group = np.array([True] * 20 + [False] * 20), np.repeat(np.arange(20), 2)
    assert clustered(right, group, np.repeat([9.0, 1.0], 20)).value == pytest.approx(0.9)
    assert clustered(right, group, np.full(40, 3.0)) == clustered(right, group)
