import numpy as np
import pytest
from scipy.stats import hypergeom

from collab.engine import forecasting
from collab.engine.certifying import LEFT_OUT, Certified, Ladder, certify
from collab.engine.forecasting import forecast


def world(seed=0, items=5_000):
    """A pool whose confidence tells a little too much, and which items are right."""
    rng = np.random.default_rng(seed)
    confidence = rng.beta(5, 1, items)
    return confidence, rng.random(items) > 0.5 * (1 - confidence) ** 1.3, rng


@pytest.mark.parametrize("promise", ["dataset", "machine"])
def test_a_forecast_is_near_what_certificates_then_hand_over(promise):
    confidence, right, rng = world()
    told, had = [], []
    for seed in range(5):
        rows = rng.choice(len(right), 300, replace=False)
        told.append(forecast(confidence[rows], right[rows], confidence, 0.03, 0.1, promise, audits=[300], seed=seed)[0])
    for _ in range(60):
        rows = rng.choice(len(right), 300, replace=False)
        found = certify(confidence[rows], right[rows], confidence, 0.03, 0.1, promise)
        had.append(found.coverage if isinstance(found, Certified) else 0)
    assert np.mean([f.coverage for f in told]) == pytest.approx(np.mean(had), abs=0.12)


def test_more_audits_buy_more():
    confidence, right, rng = world()
    rows = rng.choice(len(right), 200, replace=False)
    few, some, many = forecast(confidence[rows], right[rows], confidence, 0.03, 0.1, "dataset", audits=[60, 200, 800])
    assert few.coverage < some.coverage < many.coverage
    assert few.chance < some.chance == 1


def test_too_few_audits_buy_nothing():
    confidence, right, _ = world()
    (found,) = forecast(confidence[:30], right[:30], confidence, 0.05, 0.1, audits=[30])
    assert (found.n, found.coverage, found.low, found.high, found.chance) == (30, 0, 0, 0, 0)


def test_the_same_seed_forecasts_the_same():
    confidence, right, _ = world()
    both = [forecast(confidence[:100], right[:100], confidence, 0.05, 0.1, audits=[100], seed=3) for _ in range(2)]
    assert both[0] == both[1]


def test_no_more_audits_count_than_the_pool_has_items():
    confidence, right, _ = world(items=300)
    (found,) = forecast(confidence[:50], right[:50], confidence, 0.1, 0.1, "dataset", audits=[10_000])
    assert found.n == 300


@pytest.mark.parametrize("promise", ["dataset", "machine"])
@pytest.mark.parametrize("n", [40, 400, 999])
def test_many_draws_at_once_are_tested_as_each_alone_would_be(promise, n):
    confidence, right, rng = world(items=1_000)
    ladder = Ladder.of(confidence)
    rows = [rng.choice(1_000, n, replace=False) for _ in range(10)]
    above = np.array([ladder.at_or_above(confidence[r]) for r in rows])
    errors = np.array([ladder.at_or_above(confidence[r][~right[r]]) for r in rows])
    passed, left_out = forecasting._tested(errors, above, ladder.counts, n, 1_000, 0.05, 0.1, promise)
    allowed = np.array([ladder.allowed(a, n, 0.05, 0.1, promise) for a in above])
    assert (passed == ((errors <= allowed) & (allowed != LEFT_OUT))).all()
    assert (left_out == (allowed == LEFT_OUT)).all()


def test_chances_without_replacement_are_what_scipy_says_up_to_a_half():
    rng = np.random.default_rng(0)
    items = rng.integers(5, 400, 300)
    wrong, n = 1 + items // rng.integers(2, 20, 300), items // rng.integers(1, 9, 300)
    most = np.stack([n // 5, np.zeros(300, np.int64)])
    chances = forecasting._hypergeometric(most, n, wrong, items)
    exact = hypergeom.cdf(most, items, wrong, n)
    np.testing.assert_allclose(np.minimum(chances, 0.5), np.minimum(exact, 0.5), atol=1e-9)


def test_quantiles_stand_for_the_pool_they_were_taken_of():
    confidence, right, rng = world(items=20_000)
    rows = rng.choice(20_000, 300, replace=False)
    audited = confidence[rows], right[rows]
    quantiles = np.quantile(confidence, np.linspace(0, 1, 501))
    (full,) = forecast(*audited, confidence, 0.05, 0.1, audits=[600])
    (short,) = forecast(*audited, quantiles, 0.05, 0.1, audits=[600], items=20_000)
    assert (short.coverage, short.chance) == pytest.approx((full.coverage, full.chance), abs=0.05)
