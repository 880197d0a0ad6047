"""What learning curves say: how high they run, how soon they are there, and which of two is better, with intervals.

Curves of one set are means over seeds; two ways of asking are compared seed by seed, for a seed stands for the same
split and the same luck. One seed alone has no interval: its bounds are NaN.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.random import Generator
from scipy.special import ndtr, stdtrit

from collab.engine.arrays import Ints

Doubles = npt.NDArray[np.float64]
"""Figures are kept in double precision: equal curves then have exactly equal areas."""

RESAMPLES = 10_000
BOOTSTRAP_FROM = 10
"""Pairs from which their difference gets a bootstrap interval; of fewer, a bootstrap is far too narrow."""


@dataclass(frozen=True, slots=True)
class Band:
    """A mean curve and its interval at each round, all of shape (n_rounds,)."""

    mean: Doubles
    low: Doubles
    high: Doubles


@dataclass(frozen=True, slots=True)
class Difference:
    """How much one way of asking is better than another: mean with interval, and how often it was."""

    mean: float
    low: float
    high: float
    wins: int
    ties: int
    losses: int


def area(labels: Ints, scores: Doubles) -> float:
    """Mean score over the range of labels, by trapezoids; the score itself where there is one round.

    >>> area(np.array([10, 20, 40]), np.array([0.5, 0.7, 0.9]))
    0.7333333333333333

    Args:
        labels: Numbers of labels, rising, shape (n_rounds,).
        scores: Accuracy, or another score, at each, same shape.
    """
    if len(labels) == 1:
        return float(scores[0])
    return float(np.trapezoid(scores, labels) / (labels[-1] - labels[0]))


def labels_to_reach(labels: Ints, scores: Doubles, target: float) -> float:
    """Labels at which a curve first reaches the target, on straight lines between rounds; infinity where it never does.

    Give it the mean curve over seeds: means of crossings would leave out the seeds that never cross.

    Args:
        labels: Numbers of labels, rising, shape (n_rounds,).
        scores: Score at each, same shape.
        target: Score to reach; one that the first round has already is reached there.
    """
    there = np.flatnonzero(scores >= target)
    if not len(there):
        return float("inf")
    at = int(there[0])
    if at == 0:
        return float(labels[0])
    share = (target - scores[at - 1]) / (scores[at] - scores[at - 1])
    return float(labels[at - 1] + share * (labels[at] - labels[at - 1]))


def mean_interval(scores: Doubles, confidence: float = 0.95) -> Band:
    """Mean curve over seeds with Student's interval at each round.

    Args:
        scores: Shape (n_seeds, n_rounds).
        confidence: Of the interval at one round; not of the whole band at once.

    Source: Student, "The Probable Error of a Mean", Biometrika 1908.
    """
    mean, n = scores.mean(axis=0), len(scores)
    if n == 1:
        unknown = np.full_like(mean, np.nan)
        return Band(mean, unknown, unknown)
    reach = stdtrit(n - 1, (1 + confidence) / 2) * scores.std(axis=0, ddof=1) / np.sqrt(n)
    return Band(mean, mean - reach, mean + reach)


def paired(
    a: Doubles, b: Doubles, rng: Generator, *, confidence: float = 0.95, resamples: int = RESAMPLES
) -> Difference:
    """Compare two ways of asking on one set: a minus b, seed by seed, with an interval over seeds.

    Under ten seeds it is Student's; from ten on a percentile bootstrap, whose tails are cut so much farther out that it
    is as wide as Student's where the differences are normal. A seed where both are exactly equal is a tie.

    Args:
        a: One figure for each seed, such as the area under its curve, shape (n_seeds,).
        b: The same of the other way, same seeds in the same order.
        rng: Draws the resamples.
        confidence: Of the interval.
        resamples: How many are drawn.

    Source: Student, "The Probable Error of a Mean", Biometrika 1908; Hesterberg, "What Teachers Should Know About the
    Bootstrap", The American Statistician 2015 (the expanded percentile interval).
    """
    differences = np.asarray(a, np.float64) - np.asarray(b, np.float64)
    n = len(differences)
    if n < BOOTSTRAP_FROM:
        band = mean_interval(differences[:, None], confidence)
        low, high = float(band.low[0]), float(band.high[0])
    else:
        reach = stdtrit(n - 1, (1 + confidence) / 2) * np.sqrt(n / (n - 1))
        low, high = _between(_resampled(differences, resamples, rng), 2 * float(ndtr(reach)) - 1)
    wins, losses = int((differences > 0).sum()), int((differences < 0).sum())
    return Difference(float(differences.mean()), low, high, wins, n - wins - losses, losses)


def paired_over_sets(
    differences: Sequence[Doubles], rng: Generator, *, confidence: float = 0.95, resamples: int = RESAMPLES
) -> Difference:
    """Compare two ways of asking over several sets: every set counts the same, however many seeds it has.

    The bootstrap draws sets, then seeds within each drawn set, so the interval speaks of other sets too. A set is a tie
    where its own interval over seeds covers 0 or isn't known, else a win or a loss by its sign.

    Args:
        differences: For each set the paired differences of its seeds, shape (n_seeds,) each.
        rng: Draws the resamples.
        confidence: Of all intervals.
        resamples: How many are drawn.

    Source: Davison and Hinkley, "Bootstrap Methods and their Application", Cambridge 1997, section 3.8.
    """
    sets = [np.asarray(each, np.float64) for each in differences]
    alone = [paired(each, np.zeros_like(each), rng, confidence=confidence, resamples=resamples) for each in sets]
    wins, losses = sum(d.low > 0 for d in alone), sum(d.high < 0 for d in alone)
    drawn = rng.integers(len(sets), size=(resamples, len(sets)))
    means = np.empty(drawn.shape)
    for number, each in enumerate(sets):
        here = drawn == number
        means[here] = _resampled(each, int(here.sum()), rng)
    low, high = _between(means.mean(axis=1), confidence) if len(sets) > 1 else (alone[0].low, alone[0].high)
    mean = float(np.mean([d.mean for d in alone]))
    return Difference(mean, low, high, wins, len(sets) - wins - losses, losses)


def _resampled(values: Doubles, times: int, rng: Generator) -> Doubles:
    """Means of resamples of the values, shape (times,)."""
    means: Doubles = values[rng.integers(len(values), size=(times, len(values)))].mean(axis=1)
    return means


def _between(values: Doubles, confidence: float) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
