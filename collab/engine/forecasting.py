"""Forecast certificates: how much a machine may label after so many fresh audits. Numpy and scipy only.

Only a forecast, so it may use audits that a certificate may not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from collab.engine.certifying import Bools, Doubles, Ladder, Promise, check, last_passed

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
    seed: int = 0,
) -> tuple[Forecast, ...]:
    """Say what certificates from fresh audits would hand to the machine, for several numbers of these.

    How errors become rarer with confidence is a logistic curve fitted to the audits that there are. Each of 200 draws
    takes a curve that fits them about as well, audits from the pool, errors by the curve, and certifies.

    Args:
        confidence: Of the audited items' best class, shape (n,).
        correct: Whether the answer is that class, shape (n,).
        pool_confidence: Of all items the fresh audits would be drawn from, shape (n_items,).
        epsilon: As for `certify`.
        delta: As for `certify`.
        promise: As for `certify`.
        audits: Numbers of fresh audits, such as those there are and twice as many; at most the pool's size counts.
        seed: Of the draws.

    Source: Platt, "Probabilistic Outputs for Support Vector Machines", Advances in Large Margin Classifiers 1999, for
    the curve.
    """
    check(confidence, correct, pool_confidence, epsilon, delta)
    curve, spread = _curve(confidence, correct)
    ladder, sure = Ladder.of(pool_confidence), _log_odds(pool_confidence)
    rng = np.random.default_rng(seed)
    found = []
    for n in (min(n, len(pool_confidence)) for n in audits):
        shares = np.zeros(DRAWS)
        for draw in range(DRAWS):
            at, slope = curve + spread @ rng.standard_normal(2)
            drawn = rng.choice(len(pool_confidence), n, replace=False, shuffle=False)
            wrong = rng.random(n) < expit(at - max(slope, 0.0) * sure[drawn])
            above = ladder.at_or_above(pool_confidence[drawn])
            errors = ladder.at_or_above(pool_confidence[drawn[wrong]])
            last = last_passed(errors, ladder.allowed(above, n, epsilon, delta, promise))
            shares[draw] = 0 if last is None else ladder.counts[last] / ladder.items
        low, high = np.quantile(shares, (0.1, 0.9)).tolist()
        found.append(Forecast(n, float(shares.mean()), low, high, float((shares > 0).mean())))
    return tuple(found)


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
