"""How sure a share is: intervals for accuracy from audits. numpy and scipy only, for pages import it.

The certificates, which stand on the same audits, are written in `certifying`; they are reached from here as well.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.special import betaincinv, ndtri, stdtrit

from collab.domain.run import Stratum
from collab.engine.arrays import Ints
from collab.engine.certifying import Bools, Doubles
from collab.engine.certifying import Certified as Certified
from collab.engine.certifying import TooFewAudits as TooFewAudits
from collab.engine.certifying import certify as certify
from collab.engine.evaluation import confusion

SMALL = 0.05
"""From this share of the population on, drawing without replacement counts."""
SECOND_FROM = 200
"""Audit answers from which the accuracy by confidence may stand as a second line."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A share's bounds, both in [0, 1]."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share as n answers show it; NaN between 0 and 1 where there are none."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class ClassEstimates:
    """How well each class is met, in the order of the classes; `n` of an F1 counts items that are or are called so."""

    precision: tuple[Estimate, ...]
    recall: tuple[Estimate, ...]
    f1: tuple[Estimate, ...]


def accuracy(correct: Bools, level: float = 0.95, pool: int | None = None) -> Estimate:
    """Say how often the model is right on items like those audited, which were drawn uniformly.

    Args:
        correct: Whether each audit answer is the model's, shape (n,).
        level: Of the interval, such as 0.95.
        pool: How many items the audits were drawn from; None: any number. From 5 % of them on they are few enough to
            be known exactly.

    >>> found = accuracy(np.arange(100) < 94, 0.95)
    >>> found.value, round(found.low, 3), round(found.high, 3), found.n
    (0.94, 0.875, 0.972, 100)
    """
    return share_of(int(np.count_nonzero(correct)), len(correct), level, pool)


def share_of(k: int, n: int, level: float = 0.95, pool: int | None = None) -> Estimate:
    """Estimate a share from k of n: Wilson's interval, an exact one where k is 0 or n or most of the pool is known."""
    if pool is not None and n > SMALL * pool:
        bounds = exact_without_replacement(k, n, pool, level)
    else:
        bounds = clopper_pearson(k, n, level) if k in (0, n) else wilson(k, n, level)
    return Estimate(k / n if n else float("nan"), bounds.low, bounds.high, n)


def wilson(k: int, n: int, confidence: float = 0.95) -> Interval:
    """Bound the share behind k of n so that the promise holds on average over shares; n is at least 1.

    Source: Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", Journal of the American
    Statistical Association 1927.
    """
    _check(k, n, confidence)
    z = float(ndtri((1 + confidence) / 2))
    middle, half = (k + z * z / 2) / (n + z * z), z * sqrt(k * (n - k) / n + z * z / 4) / (n + z * z)
    return Interval(max(middle - half, 0.0), min(middle + half, 1.0))


def estimate_by_class(answers: Ints, predicted: Ints, n_classes: int, level: float = 0.95) -> ClassEstimates:
    """Estimate precision, recall and F1 of each class from audit answers and predictions, both of shape (n,).

    Precision and recall are shares of the items that are called the class, and that are of it; F1 is 2 J / (1 + J) of
    the share J of items that are both among those that are either. Each share has the interval of `share_of`, so F1
    needs neither resampling nor an approximation.

    Source: Jaccard, "The Distribution of the Flora in the Alpine Zone", New Phytologist 1912, for J.
    """
    cells = confusion(answers, predicted, n_classes)
    counts = zip(np.diag(cells).tolist(), cells.sum(axis=0).tolist(), cells.sum(axis=1).tolist(), strict=True)
    hits = [(hit, said, are, said + are - hit) for hit, said, are in counts]
    return ClassEstimates(
        tuple(share_of(hit, said, level) for hit, said, _, _ in hits),
        tuple(share_of(hit, are, level) for hit, _, are, _ in hits),
        tuple(_f1(share_of(hit, either, level)) for hit, _, _, either in hits),
    )


def accuracy_by_confidence(
    correct: Bools, confidence: Doubles, pool_confidence: Doubles, level: float = 0.95, strata: int = 4
) -> Estimate | None:
    """Estimate accuracy in parts of the pool by confidence, each counted by its size in the pool.

    Narrower than `accuracy` where confidence tells right from wrong, but an approximation: a second line beside it.

    Args:
        correct: Whether each audit answer is the model's, shape (n,).
        confidence: Of the best class of the audited items, by the same model, shape (n,).
        pool_confidence: The same of every item of the pool, the audited ones among them, shape (n_items,).
        level: Of the interval.
        strata: Into how many parts of equal size the pool is cut.
    Returns:
        None where fewer than 200 are answered, or where a part of the pool has no audit.
    Source: Holt and Smith, "Post Stratification", Journal of the Royal Statistical Society A 1979.
    """
    n = len(correct)
    if n < SECOND_FROM:
        return None
    edges = np.unique(np.quantile(pool_confidence, np.arange(1, strata) / strata))
    parts = len(edges) + 1
    sizes = np.bincount(np.searchsorted(edges, pool_confidence, side="right"), minlength=parts)
    part = np.searchsorted(edges, confidence, side="right")
    drawn, right = np.bincount(part, minlength=parts), np.bincount(part, weights=correct, minlength=parts)
    held = sizes > 0
    if (drawn[held] == 0).any():
        return None
    weight, drawn, right = sizes[held] / sizes.sum(), drawn[held], right[held]
    value, shrunk = float(weight @ (right / drawn)), (right + 0.5) / (drawn + 1)
    half = float(ndtri((1 + level) / 2)) * sqrt(float(weight**2 @ (shrunk * (1 - shrunk) / drawn)))
    return Estimate(value, max(value - half, 0.0), min(value + half, 1.0), n)


def clopper_pearson(k: int, n: int, confidence: float = 0.95) -> Interval:
    """Bound the share behind k of n so that the promise holds for every n, even at k = 0 and k = n.

    Source: Clopper and Pearson, "The Use of Confidence or Fiducial Limits Illustrated in the Case of the Binomial",
    Biometrika 1934.
    """
    _check(k, n, confidence)
    return _exact(k, n, confidence)


def clustered(correct: Bools, group: Ints, weight: Doubles | None = None, level: float = 0.95) -> Estimate:
    """Estimate a share from audits of groups, such as the scans of one patient, that are alike.

    The interval is the exact one of as many audits of different groups as these tell as much as. Where all are right,
    or all wrong, nothing says how alike those of one group are, and each group counts as one. At 95 %, with 10 groups
    of 10 that correlate by .3 and shares of .6, .9 and .97, it held in 91 % of draws or more, Wilson's in 67 to 83 %.

    Args:
        correct: Whether each audit answer is the model's, shape (n,).
        group: Number of its group, shape (n,).
        weight: For how many items each stands, shape (n,); None: for equally many.
        level: Of the interval.

    Source: Korn and Graubard, "Confidence Intervals for Proportions with Small Expected Number of Positive Counts
    Estimated from Survey Data", Survey Methodology 1998.

    >>> clustered(np.array([True] * 6 + [False] * 2), np.array([0, 0, 0, 1, 1, 1, 2, 2]))
    Estimate(value=0.75, low=0.005..., high=0.999..., n=8)
    """
    n = len(correct)
    numbers, who = np.unique(group, return_inverse=True)
    each = np.full(n, 1 / n if n else 0.0) if weight is None else weight / weight.sum()
    value = float(each[correct].sum()) if n else float("nan")
    groups = len(numbers)
    if groups < 2:
        return Estimate(value, 0.0, 1.0, n)
    if correct.all() or not correct.any():
        value = float(correct[0])
        worth = 1 / float((np.bincount(who, weights=each) ** 2).sum())
    else:
        off = np.bincount(who, weights=each * (correct - value))
        few = float(stdtrit(n - 1, (1 + level) / 2) / stdtrit(groups - 1, (1 + level) / 2))
        spread = float(off @ off) * groups / (groups - 1)
        worth = value * (1 - value) / spread * few**2 if spread else n
    worth = min(max(worth, 1.0), n)
    bounds = _exact(value * worth, worth, level)
    return Estimate(value, bounds.low, bounds.high, n)


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


def _f1(jaccard: Estimate) -> Estimate:
    value, low, high = (2 * j / (1 + j) for j in (jaccard.value, jaccard.low, jaccard.high))
    return Estimate(value, low, high, jaccard.n)


def _exact(k: float, n: float, confidence: float) -> Interval:
    """Bound the share behind k of n, which may be fractions of answers."""
    tail = (1 - confidence) / 2
    low = float(betaincinv(k, n - k + 1, tail)) if k > 0 else 0.0
    high = float(betaincinv(k + 1, n - k, 1 - tail)) if k < n else 1.0
    return Interval(low, high)


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
