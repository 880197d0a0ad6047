"""How sure a share is: intervals for accuracy from audits. numpy and scipy only, for pages import it."""

from collections.abc import Callable
from dataclasses import dataclass

from scipy.special import betaincinv, ndtri

SMALL = 0.05
"""From this share of the population on, drawing without replacement counts."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A share's bounds, both in [0, 1]."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class AuditedAccuracy:
    """What audits say of the accuracy on the whole population."""

    right: int
    answered: int
    unresolved: int
    """Audits that were asked but hold no answer: counted wrong for the lower bound, right for the upper one."""
    share: float | None
    """Right among the answered; None: nothing is answered."""
    interval: Interval
    confidence: float


def wilson(k: int, n: int, confidence: float = 0.95) -> Interval:
    """Bound the share behind k of n.

    >>> interval = wilson(94, 100)
    >>> round(interval.low, 3), round(interval.high, 3)
    (0.875, 0.972)

    Source: Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 1927.
    """
    _check(k, n, confidence)
    if n == 0:
        return Interval(0.0, 1.0)
    z = float(ndtri((1 + confidence) / 2))
    centre = (k + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * (k * (n - k) / n + z * z / 4) ** 0.5
    return Interval(max(centre - half, 0.0), min(centre + half, 1.0))


def clopper_pearson(k: int, n: int, confidence: float = 0.95) -> Interval:
    """Bound the share behind k of n so that the promise holds for every n, even at k = 0 and k = n.

    Source: Clopper and Pearson, "The Use of Confidence or Fiducial Limits Illustrated in the Case of the Binomial",
    Biometrika 1934.
    """
    _check(k, n, confidence)
    if n == 0:
        return Interval(0.0, 1.0)
    tail = (1 - confidence) / 2
    low = float(betaincinv(k, n - k + 1, tail)) if k else 0.0
    high = float(betaincinv(k + 1, n - k, 1 - tail)) if k < n else 1.0
    return Interval(low, high)


def exact_without_replacement(k: int, n: int, population: int, confidence: float = 0.95) -> Interval:
    """Bound the share of a population of known size, of which n different items were drawn and k are right.

    Keeps every total that makes k neither surprisingly few nor surprisingly many.

    Source: Wright, "Exact Confidence Bounds when Sampling from Small Finite Universes", Springer 1991.
    """
    from scipy.stats import hypergeom  # slow to load, and pages load this module

    _check(k, n, confidence)
    if n > population:
        raise ValueError(f"{n} items can't be drawn from {population} without replacement.")
    tail = (1 - confidence) / 2
    least, most = k, population - (n - k)
    low = _first(least, most, lambda total: bool(hypergeom.sf(k - 1, population, total, n) > tail))
    high = _first(low, most + 1, lambda total: total > most or bool(hypergeom.cdf(k, population, total, n) <= tail)) - 1
    return Interval(low / population, high / population)


def share_interval(k: int, n: int, population: int | None = None, confidence: float = 0.95) -> Interval:
    """Bound a share by the method that fits: exact for a population of which over 5 % was drawn, Clopper-Pearson where
    all or none are right, Wilson otherwise."""
    if population is not None and n and n > SMALL * population:
        return exact_without_replacement(k, n, population, confidence)
    return clopper_pearson(k, n, confidence) if k in (0, n) else wilson(k, n, confidence)


def audited_accuracy(
    right: int, answered: int, unresolved: int = 0, population: int | None = None, confidence: float = 0.95
) -> AuditedAccuracy:
    """Say how accurate a model is on the population from which the audits were drawn uniformly.

    Args:
        right: Audits whose answer is the model's.
        answered: Audits with an answer.
        unresolved: Audits asked before the last answered one that hold no answer.
        population: Items that the audits stand for; None: so many that it makes no difference.
        confidence: Of the interval.
    """
    asked = answered + unresolved
    worst = share_interval(right, asked, population, confidence)
    best = share_interval(right + unresolved, asked, population, confidence)
    share = right / answered if answered else None
    return AuditedAccuracy(right, answered, unresolved, share, Interval(worst.low, best.high), confidence)


def _check(k: int, n: int, confidence: float) -> None:
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is not a share.")
    if not 0 < confidence < 1:
        raise ValueError(f"Confidence is {confidence}; it must lie between 0 and 1.")


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The smallest number in [low, high] for which `holds`, which is true from some number on; high where none is."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
