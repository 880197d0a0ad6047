import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, hypergeom

from collab.engine import assurance
from collab.engine.certifying import (
    Certified,
    TooFewAudits,
    certify,
    least_audits,
    limit_misses,
    most_errors,
    spent,
)

POOL = np.linspace(0.5, 1, 20_000)


def drawn(n, error, seed=0, items=20_000):
    """A pool whose errors become rarer with confidence, and n audits from it."""
    rng = np.random.default_rng(seed)
    confidence = rng.beta(4, 1, items)
    right = rng.random(items) > error * (1 - confidence)
    return confidence, right, rng.choice(items, n, replace=False)


@settings(max_examples=40)
@given(st.integers(1, 300), st.sampled_from([0.01, 0.05, 0.2]), st.sampled_from([0.05, 0.1, 0.5]))
def test_errors_that_are_allowed_are_as_unlikely_as_scipy_says(n, epsilon, delta):
    most = most_errors(n, epsilon, delta)
    assert binom.cdf(most, n, epsilon) <= delta < binom.cdf(most + 1, n, epsilon)


@settings(max_examples=40)
@given(st.integers(20, 120), st.integers(130, 400), st.sampled_from([0.05, 0.2]))
def test_errors_that_a_small_population_allows_are_as_unlikely_as_scipy_says(n, population, epsilon):
    most, wrong = most_errors(n, epsilon, 0.1, population), int(epsilon * population + 1e-9) + 1
    assert hypergeom.cdf(most, population, wrong, n) <= 0.1 < hypergeom.cdf(most + 1, population, wrong, n)


@pytest.mark.parametrize(
    ("epsilon", "delta", "none", "one"),
    [
        (0.05, 0.1, 45, 77),
        (0.05, 0.05, 59, 93),
        (0.02, 0.1, 114, 194),
        (0.02, 0.05, 149, 236),
        (0.01, 0.1, 230, 388),
        (0.01, 0.05, 299, 473),
    ],
)
def test_audits_that_are_needed_without_and_with_one_error(epsilon, delta, none, one):
    assert least_audits(epsilon, delta) == none
    assert [most_errors(n, epsilon, delta) for n in (none - 1, none, one - 1, one)] == [-1, 0, 0, 1]


def test_a_model_without_errors_may_label_all():
    audits = POOL[::200]
    found = certify(audits, np.ones(100, bool), POOL, 0.05, 0.1, "dataset")
    assert found == Certified(0.5, 1.0, 100, 0, 100)
    assert found == certify(audits, np.ones(100, bool), POOL, 0.05, 0.1, "machine")


def test_the_threshold_stands_above_the_errors_that_are_too_many():
    audits = POOL[::200]
    found = certify(audits, audits > 0.7, POOL, 0.05, 0.1, "dataset")
    above = audits >= found.threshold
    assert found == Certified(found.threshold, pytest.approx(0.6, abs=0.04), 100, 1, int(above.sum()))
    assert np.count_nonzero(audits[above] <= 0.7) == most_errors(100, 0.05, 0.1) == 1


@pytest.mark.parametrize("promise", ["dataset", "machine"])
def test_too_few_audits_say_how_many_more(promise):
    found = certify(POOL[::1_000], np.ones(20, bool), POOL, 0.05, 0.1, promise)
    assert found == TooFewAudits(20, 25)
    enough = POOL[:: 20_000 // 45][:45]
    assert isinstance(certify(enough, np.ones(45, bool), POOL, 0.05, 0.1, promise), Certified)


def test_no_number_of_audits_helps_a_model_that_knows_nothing():
    rng = np.random.default_rng(0)
    found = certify(POOL[::100], rng.random(200) < 0.3, POOL, 0.05, 0.1, "machine")
    assert found == TooFewAudits(200, None)


def test_a_pool_without_that_many_items_can_not_be_certified():
    assert certify(POOL[:10], np.ones(10, bool), POOL[:30], 0.05, 0.1) == TooFewAudits(10, None)


@pytest.mark.parametrize("promise", ["dataset", "machine"])
@pytest.mark.parametrize(("n", "items"), [(100, 20_000), (200, 1_000)])
def test_the_promise_is_broken_no_more_often_than_delta(promise, n, items):
    confidence, right, _ = drawn(n, 0.35, items=items)
    rng = np.random.default_rng(1)
    broken = 0
    for _ in range(300):
        rows = rng.choice(items, n, replace=False)
        found = certify(confidence[rows], right[rows], confidence, 0.05, 0.1, promise)
        broken += isinstance(found, Certified) and error_of(found, confidence, right, rows, promise) > 0.05
    assert binom.sf(broken - 1, 300, 0.1) > 0.05


def test_the_promise_holds_for_what_is_left_when_people_answer_items_that_were_no_audits():
    """They answer most of what the machine gets right, so that its errors are a larger share of the rest."""
    confidence, right, _ = drawn(200, 0.2, items=2_000)
    rng = np.random.default_rng(2)
    broken = {"told": 0, "not told": 0}
    for _ in range(150):
        rows = rng.choice(2_000, 200, replace=False)
        gone = right & (rng.random(2_000) < 0.6)
        gone[rows] = False
        for name, elsewhere in (("told", confidence[gone]), ("not told", None)):
            found = certify(confidence[rows], right[rows], confidence, 0.08, 0.1, elsewhere=elsewhere)
            broken[name] += isinstance(found, Certified) and error_of_rest(found, confidence, right, rows, gone) > 0.08
    assert binom.sf(broken["told"] - 1, 150, 0.1) > 0.05
    assert broken["not told"] > 75


def error_of_rest(certified, confidence, right, audited, gone):
    """Of what the machine labels where people have answered items otherwise, too."""
    machine = (confidence >= certified.threshold) & ~gone
    machine[audited] = False
    return np.count_nonzero(machine & ~right) / machine.sum()


def test_where_people_have_answered_all_there_is_nothing_to_certify():
    audits = POOL[::200]
    found = certify(audits, np.ones(100, bool), POOL, 0.05, 0.1, elsewhere=np.setdiff1d(POOL, audits))
    assert isinstance(found, TooFewAudits)


def test_what_people_answer_elsewhere_changes_nothing_for_the_data_set():
    audits = POOL[::200]
    found = [certify(audits, audits > 0.7, POOL, 0.05, 0.1, "dataset", elsewhere=e) for e in (None, POOL[1::2])]
    assert found[0] == found[1]


def error_of(certified, confidence, right, audited, promise):
    """Of what the machine labels, for people label what they audit."""
    machine = confidence >= certified.threshold
    machine[audited] = False
    return np.count_nonzero(machine & ~right) / (len(right) if promise == "dataset" else machine.sum())


@settings(max_examples=30)
@given(st.integers(0, 199), st.sampled_from(["dataset", "machine"]))
def test_one_more_error_never_lowers_the_threshold(place, promise):
    confidence, right, rows = drawn(200, 0.3)
    worse = right[rows].copy()
    worse[place] = False
    before = certify(confidence[rows], right[rows], confidence, 0.05, 0.1, promise)
    after = certify(confidence[rows], worse, confidence, 0.05, 0.1, promise)
    assert isinstance(after, TooFewAudits) or after.threshold >= before.threshold


def test_a_better_model_labels_more():
    shares = [
        certify(confidence[rows], right[rows], confidence, 0.05, 0.1, "dataset").coverage
        for confidence, right, rows in (drawn(400, 1.0), drawn(400, 0.5), drawn(400, 0.1))
    ]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_no_threshold_lies_below_the_least_one():
    found = certify(POOL[::100], np.ones(200, bool), POOL, 0.05, 0.1, least=0.8)
    assert 0.8 <= found.threshold < 0.82


def test_a_critical_class_holds_the_threshold_up():
    answers = np.tile([0, 1], 300)
    confidence = POOL[:: 20_000 // 600][:600]
    predicted = np.where((answers == 1) & (confidence < 0.75), 0, answers)
    found = limit_misses(confidence, answers, predicted, POOL, 1, 0.05, 0.1)
    missed = (answers == 1) & (predicted == 0) & (confidence >= found.threshold)
    assert 0.7 < found.threshold < 0.75
    assert found.n == 300
    assert found.n_errors == missed.sum() <= most_errors(300, 0.05, 0.1)


def test_unresolved_audits_count_as_missed_ones():
    answers, predicted = np.full(60, 1), np.full(60, 1)
    confidence = np.linspace(0.5, 1, 60)
    assert limit_misses(confidence, answers, predicted, POOL, 1, 0.05, 0.1).threshold == 0.5
    answers[-1], predicted[-1] = -1, 0
    assert limit_misses(confidence, answers, predicted, POOL, 1, 0.05, 0.1) == TooFewAudits(60, 45)


def test_nothing_may_be_labeled_against_a_class_that_was_never_audited():
    zeros = np.zeros(100, np.int64)
    assert limit_misses(np.linspace(0.5, 1, 100), zeros, zeros, POOL, 1, 0.05, 0.1) == TooFewAudits(0, 45)


def test_all_certificates_together_spend_no_more_than_delta():
    shares = [spent(0.1, number) for number in range(1, 10_000)]
    assert shares[0] == pytest.approx(0.0607927)
    assert 0.0999 < sum(shares) < 0.1


def test_a_certificate_without_number_is_refused():
    with pytest.raises(ValueError, match="first has number 1"):
        spent(0.1, 0)


@pytest.mark.parametrize(
    ("audits", "epsilon", "complaint"),
    [(5, 0.0, "between 0 and 1"), (200, 0.05, "fit a pool"), (4, 0.05, "fit a pool")],
)
def test_a_promise_that_is_none_is_refused(audits, epsilon, complaint):
    with pytest.raises(ValueError, match=complaint):
        certify(np.linspace(0, 1, audits), np.ones(max(audits, 5), bool), np.linspace(0, 1, 100), epsilon, 0.1)


def test_a_certificate_is_asked_of_assurance():
    assert (assurance.certify, assurance.Certified, assurance.TooFewAudits) == (certify, Certified, TooFewAudits)
