import numpy as np
import pytest

from collab.engine.certifying import Certified, certify
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
