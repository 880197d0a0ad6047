"""How sure a share is: intervals for accuracy from audits. numpy and scipy only, for pages import it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

from scipy.special import betaincinv

from collab.domain.run import Stratum

SMALL = 0.05
"""From this share of the population on, drawing without replacement counts."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A share's bounds, both in [0, 1]."""

    low: float
    high: float


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


def share_interval(k: int, n: int, population: int, confidence: float = 0.95) -> Interval:
    """Bound the share of a population by a draw of any size from it; the promise holds for every n.

    >>> interval = share_interval(94, 100, 1_000_000)
    >>> round(interval.low, 3), round(interval.high, 3)
    (0.874, 0.978)
    """
    if n > SMALL * population:
        return exact_without_replacement(k, n, population, confidence)
    return clopper_pearson(k, n, confidence)


def audited_accuracy(strata: Sequence[Stratum], confidence: float = 0.95) -> tuple[float, Interval]:
    """Say how accurate a model is on all items of some strata, from which audits were drawn uniformly each.

    Each stratum counts by its size. Unresolved audits are wrong for the lower bound and right for the upper one. The
    bounds of the strata are put together as their distances from their shares, which are independent, so their squares
    add up. Each is taken at Bonferroni's confidence: at the plain one, coverage falls short where all audits of several
    strata are right.

    Args:
        strata: At least one answered audit in each.
        confidence: Of the interval.
    Returns:
        The weighted share of right ones among the answered, and its interval.
    Source: Zou, Huang and Zhang, "A note on confidence interval estimation for a linear function of binomial
    proportions", Computational Statistics & Data Analysis 2009.
    """
    each = 1 - (1 - confidence) / len(strata)
    total = sum(s.items for s in strata)
    share = low = high = below = above = 0.0
    for s in strata:
        weight, asked, most = s.items / total, s.answered + s.unresolved, s.right + s.unresolved
        share += weight * s.right / s.answered
        low += weight * s.right / asked
        high += weight * most / asked
        below += (weight * (s.right / asked - share_interval(s.right, asked, s.items, each).low)) ** 2
        above += (weight * (share_interval(most, asked, s.items, each).high - most / asked)) ** 2
    return share, Interval(max(low - sqrt(below), 0.0), min(high + sqrt(above), 1.0))


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
