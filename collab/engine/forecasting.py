"""Forecast certificates: how much a machine may label after so many fresh audits. Numpy and scipy only.

Only a forecast, so it may use audits that a certificate may not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr, betaln, expit, logit

from collab.engine.arrays import Ints
from collab.engine.certifying import (
    ROUNDING,
    SMALL,
    Bools,
    Doubles,
    Ladder,
    Promise,
    check,
    most_errors,
)

DRAWS = 200
NEWTON_STEPS = 25
PRIOR = np.diag([0.5, 1.0])
"""Precision of the curve before any audit: around a calibrated model."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a certificate from so many fresh audits is expected to hand to the machine."""

    n: int
    coverage: float
    """Mean share of the pool; a certificate that isn't had counts as 0."""
    low: float
    high: float
    """Eight in ten certificates lie between these."""
    chance: float
    """How likely there is a certificate at all."""


def forecast(
    confidence: Doubles,
    correct: Bools,
    pool_confidence: Doubles,
    epsilon: float,
    delta: float,
    promise: Promise = "machine",
    *,
    audits: Sequence[int],
    items: int | None = None,
    seed: int = 0,
) -> tuple[Forecast, ...]:
    """Say what certificates from fresh audits would hand to the machine, for several numbers of these.

    How errors become rarer with confidence is a logistic curve fitted to the audits that there are. Each of 200 draws
    takes a curve that fits them about as well, audits from the pool, errors by the curve, and certifies.

    Args:
        confidence: Of the audited items' best class, shape (n,).
        correct: Whether the answer is that class, shape (n,).
        pool_confidence: Of all items the fresh audits would be drawn from, shape (n_items,), or quantiles of it.
        epsilon: As for `certify`.
        delta: As for `certify`.
        promise: As for `certify`.
        audits: Numbers of fresh audits, such as those there are and twice as many; at most the pool's size counts.
        items: The pool's size, where `pool_confidence` holds quantiles.
        seed: Of the draws.

    Source: Platt, "Probabilistic Outputs for Support Vector Machines", Advances in Large Margin Classifiers 1999, for
    the curve.
    """
    population = len(pool_confidence) if items is None else items
    few = slice(len(pool_confidence))  # they are no part of this pool, and may be more
    check(confidence[few], correct[few], pool_confidence, epsilon, delta)
    ladder = Ladder.of(pool_confidence)
    counts = np.round(ladder.counts * (population / ladder.items)).astype(np.int64)
    rungs = np.diff(counts, prepend=0)
    rng = np.random.default_rng(seed)
    curve, spread = _curve(confidence, correct)
    at, slope = curve[:, None] + spread @ rng.standard_normal((2, DRAWS))
    wrong = _by_rung(ladder, pool_confidence, at, np.maximum(slope, 0.0))
    found = []
    for n in (min(n, population) for n in audits):
        drawn = rng.multivariate_hypergeometric(rungs, n, DRAWS, method="marginals")
        above, errors = drawn.cumsum(axis=1), rng.binomial(drawn, wrong).cumsum(axis=1)
        passed, left_out = _tested(errors, above, counts, n, population, epsilon, delta, promise)
        failed = ~passed & ~left_out
        before = np.where(failed.any(axis=1), failed.argmax(axis=1), failed.shape[1])
        reached = passed & (np.arange(failed.shape[1]) < before[:, None])
        shares = (reached * counts).max(axis=1) / population
        low, high = np.quantile(shares, (0.1, 0.9)).tolist()
        found.append(Forecast(n, float(shares.mean()), low, high, float((shares > 0).mean())))
    return tuple(found)


def _by_rung(ladder: Ladder, pool_confidence: Doubles, at: Doubles, slope: Doubles) -> Doubles:
    """Mean chance of an error between one threshold and the next stricter one, shape (draws, thresholds)."""
    ordered = np.sort(pool_confidence)[::-1]
    chance = expit(at[:, None] - slope[:, None] * _log_odds(ordered))
    sums = np.concatenate([np.zeros((len(at), 1)), chance.cumsum(axis=1)], axis=1)
    ends = np.concatenate([[0], ladder.counts])
    return np.asarray(np.clip(np.diff(sums[:, ends], axis=1) / np.diff(ends), 0, 1), np.float64)


def _tested(
    errors: Ints, above: Ints, counts: Ints, n: int, items: int, epsilon: float, delta: float, promise: Promise
) -> tuple[Bools, Bools]:
    """What `Ladder.allowed` says of many draws at once: which thresholds pass, and which are left out.

    Args:
        errors: Found at or above each threshold, shape (draws, thresholds); `above` likewise.
        above: Audits there.
        counts: Items of the pool there, shape (thresholds,).
        n: All audits.
        items: Of the pool.
        epsilon: As for `certify`.
        delta: As for `certify`.
        promise: As for `certify`.
    """
    if promise == "dataset":
        return errors <= most_errors(n, epsilon, delta, items), np.zeros(errors.shape, bool)
    machine = counts - above
    too_many = np.floor(epsilon * machine + ROUNDING).astype(np.int64) + 1
    both = np.stack([errors, np.zeros_like(errors)])
    chance = bdtr(both.astype(np.float64), above, np.minimum(epsilon, too_many / counts))
    few = above > SMALL * counts
    of = np.broadcast_to(counts, above.shape)[few]
    chance[:, few] = _hypergeometric(both[:, few], above[few], too_many[few], of)
    likely, least = chance <= delta * (1 + 1e-12)
    left_out = ~least | (machine <= 0)
    return likely & ~left_out, left_out


def _hypergeometric(most: Ints, n: Ints, wrong: Ints, items: Ints) -> Doubles:
    """Probability of at most so many errors in n draws without replacement, item by item; counts up from the least.

    It stops where it is over a half, which no doubt is: the median lies at or under the mean, rounded up.

    Args:
        most: Errors, shape (2, m).
        n: Draws, shape (m,); likewise `wrong` ones among the `items`.
    """
    most = np.minimum(most, np.ceil(n * wrong / items).astype(np.int64))
    k = np.maximum(0, n - (items - wrong))
    ways = _log_choose(wrong, k) + _log_choose(items - wrong, n - k) - _log_choose(items, n)
    total = np.zeros(most.shape)
    for _ in range(int((most - k).max(initial=-1)) + 1):
        total += np.where(k <= most, np.exp(ways), 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            ways = ways + np.log((wrong - k) * (n - k)) - np.log((k + 1.0) * (items - wrong - n + k + 1))
        ways = np.where(np.minimum(wrong, n) > k, ways, -np.inf)
        k = k + 1
    return total


def _log_choose(n: Ints, k: Ints) -> Doubles:
    return np.asarray(-betaln(n - k + 1.0, k + 1.0) - np.log(n + 1.0))


def _log_odds(confidence: Doubles) -> Doubles:
    return np.asarray(logit(np.clip(np.asarray(confidence, np.float64), 1e-6, 1 - 1e-6)))


def _curve(confidence: Doubles, correct: Bools) -> tuple[Doubles, Doubles]:
    """Fit the log odds of an error as a - b times those of the confidence; a = 0 and b = 1 where it is calibrated.

    Returns:
        Most likely a and b, and what turns two normal numbers into a draw around them, of shape (2, 2).
    """
    columns = np.column_stack([np.ones(len(correct)), -_log_odds(confidence)])
    start = found = np.array([0.0, 1.0])
    trust = PRIOR
    for _ in range(NEWTON_STEPS):
        chance = expit(columns @ found)
        trust = PRIOR + (columns * (chance * (1 - chance))[:, None]).T @ columns
        step = np.linalg.solve(trust, columns.T @ (~correct - chance) - PRIOR @ (found - start))
        found = found + step / max(1.0, float(np.abs(step).max()))
    return found, np.asarray(np.linalg.cholesky(np.linalg.inv(trust)), np.float64)
