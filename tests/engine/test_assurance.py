import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, hypergeom

from collab.engine.assurance import (
    AuditedAccuracy,
    Interval,
    audited_accuracy,
    clopper_pearson,
    exact_without_replacement,
    share_interval,
    wilson,
)

COUNTS = st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(COUNTS)
def test_wilson_equals_scipy(counts):
    k, n = counts
    reference = binomtest(k, n).proportion_ci(method="wilson")
    ours = wilson(k, n)
    assert (ours.low, ours.high) == pytest.approx((reference.low, reference.high), abs=1e-9)


@given(COUNTS)
def test_clopper_pearson_equals_scipy(counts):
    k, n = counts
    reference = binomtest(k, n).proportion_ci(method="exact")
    ours = clopper_pearson(k, n)
    assert (ours.low, ours.high) == pytest.approx((reference.low, reference.high), abs=1e-9)


def test_without_audits_nothing_is_known():
    assert wilson(0, 0) == clopper_pearson(0, 0) == exact_without_replacement(0, 0, 10) == Interval(0, 1)


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


def test_all_right_still_leaves_doubt():
    assert share_interval(50, 50) == clopper_pearson(50, 50)


def test_unresolved_audits_widen_the_interval_on_both_sides():
    resolved, open_ones = audited_accuracy(45, 50), audited_accuracy(45, 50, unresolved=5)
    assert open_ones.interval.low < resolved.interval.low
    assert open_ones.interval.high > resolved.interval.high


def test_audited_accuracy_says_what_it_was_computed_from():
    assert audited_accuracy(9, 10, 2) == AuditedAccuracy(
        right=9,
        answered=10,
        unresolved=2,
        share=0.9,
        interval=Interval(wilson(9, 12).low, wilson(11, 12).high),
        confidence=0.95,
    )


def test_without_answers_there_is_no_share():
    assert audited_accuracy(0, 0).share is None


@given(COUNTS, st.integers(0, 30), st.integers(230, 5_000))
def test_the_interval_holds_the_share_whatever_the_method(counts, unresolved, population):
    right, answered = counts
    found = audited_accuracy(right, answered, unresolved, population)
    assert 0 <= found.interval.low <= found.share <= found.interval.high <= 1


@pytest.mark.parametrize(("k", "n"), [(-1, 5), (6, 5)])
def test_an_impossible_count_is_refused(k, n):
    with pytest.raises(ValueError, match="not a share"):
        wilson(k, n)


def test_more_draws_than_items_are_refused():
    with pytest.raises(ValueError, match="without replacement"):
        exact_without_replacement(3, 11, 10)
