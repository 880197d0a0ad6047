"""Say whether more labels are worth it: target reached, predictions settled, what the next labels bring and save.

Knows reasons, not sentences. Nothing here looks at accuracy from queried items. numpy only, for pages import it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from collab.engine.arrays import Ints
from collab.engine.evaluation import confusion

Doubles = npt.NDArray[np.float64]

AUDITS_BY_CLASS = 5
"""Audits that each class needs before anything is called settled, or the end."""
STEP = 50
"""Labels that "the next ones" means."""

WATCHED, APART, APART_SHARE = 2_000, 10, 0.05
"""Items on which successive models are compared, and labels that lie at least between two such models: so many, and
such a share of those before, for ten more among a thousand change nothing."""
SETTLED_AT, SETTLED_FOR = 0.99, 3

POINTS, POINT_FROM, SPAN = 5, 30, 2.0
"""A learning curve needs so many points of so many audits each, the last with so many times the labels of the first."""
THINNED = 40
"""Most points that a curve is fitted to: neighbours say the same."""
DECAYS = np.geomspace(0.1, 2, 30)
RESAMPLES = 500
LITTLE = 0.01
"""A gain in accuracy that is not worth a round."""
SAVINGS = 4
"""Latest points that say what a round saves."""

Target = Literal["reached", "not reached", "no audits"]
Predictions = Literal["settled", "changing", "too few rounds", "too few audits"]
Worth = Literal["worth it", "little", "unclear"]
Verdict = Literal["target reached", "little to gain", "go on", "too few audits"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far one model agrees with the one before on the watched items."""

    labels: int
    """Labels that lie between the two."""
    kappa: float


@dataclass(frozen=True, slots=True)
class Gain:
    """What the next labels are expected to add to the accuracy, with its interval."""

    value: float
    low: float
    high: float
    labels: int


@dataclass(frozen=True, slots=True)
class Saving:
    """Labels that the next labels are expected to spare people, and the least and most that the latest rounds show."""

    value: float
    low: float
    high: float
    labels: int
    """Labels that it costs."""


@dataclass(frozen=True, slots=True)
class TooFewPoints:
    """A curve that nothing can be read from yet."""

    points: int
    needed: int
    """More than `points`, or as many where they lie too close to each other."""


@dataclass(frozen=True, slots=True)
class Advice:
    """Three lights and what they come to."""

    verdict: Verdict
    target: Target
    predictions: Predictions
    worth: Worth
    short: tuple[int, ...]
    """Columns of the classes with fewer than five audits: while there is one, nothing is settled and nothing ends."""
    gain: Gain | TooFewPoints
    saving: Saving | TooFewPoints


def advise(
    bound: float | None,
    target: float,
    agreements: Sequence[Agreement],
    audits_by_class: Ints,
    gain: Gain | TooFewPoints,
    saving: Saving | TooFewPoints,
) -> Advice:
    """Put the three lights together.

    The end is advised where the target is reached, or where predictions have settled and the next labels bring little:
    then another encoder, other classes or more agreement among people may help, but not more labels.

    Args:
        bound: Lower bound of the accuracy that holds however often one looks (a confidence sequence's), on audits.
        target: Accuracy wanted.
        agreements: Of successive models, oldest first, since the classes last changed.
        audits_by_class: Answered audits of each class on offer, shape (n_classes,).
        gain: What the next labels bring (`expected_gain`).
        saving: What they save (`expected_saving`).

    Source: Pullar-Strecker et al., "Hitting the Target: Stopping Active Learning at the Cost-Based Optimum", Machine
    Learning 2022: no criterion is best everywhere, so all are told.
    """
    short = tuple(np.flatnonzero(audits_by_class < AUDITS_BY_CLASS).tolist())
    predictions: Predictions = "too few audits" if short else settled(agreements)
    reached: Target = "no audits" if bound is None else "reached" if bound >= target else "not reached"
    worth = _worth(gain, saving)
    verdict: Verdict = "go on"
    if short:
        verdict = "too few audits"
    elif reached == "reached":
        verdict = "target reached"
    elif predictions == "settled" and worth == "little":
        verdict = "little to gain"
    return Advice(verdict, reached, predictions, worth, short, gain, saving)


def watch(items: Ints, key: int) -> Ints:
    """Draw the items on which models are compared; where items come or go, it loses only what they push out.

    Args:
        items: Ids of all that could be watched, shape (n_items,).
        key: Of the project: the draw is kept for as long as it lives.

    Returns:
        Where the watched ones stand among `items`, at most 2,000 of them, in rising order.

    Source: Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014, for the order.
    """
    if len(items) <= WATCHED:
        return np.arange(len(items))
    place = items.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        place = (place ^ (place >> np.uint64(shift))) * np.uint64(factor)
    return np.sort(np.argpartition(place ^ (place >> np.uint64(31)), WATCHED)[:WATCHED])


def kappa(a: Ints, b: Ints, n_classes: int) -> float:
    """Cohen's kappa of two models' classes: agreement beyond chance, 1 at most.

    NaN where both give every item the same class: agreement then says nothing, and no threshold is met.

    >>> kappa(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0]), 2)
    0.5

    Source: Cohen, "A Coefficient of Agreement for Nominal Scales", Educational and Psychological Measurement 1960.
    """
    cells = confusion(a, b, n_classes) / len(a)
    agreed, chance = np.trace(cells), cells.sum(axis=0) @ cells.sum(axis=1)
    return float((agreed - chance) / (1 - chance)) if chance < 1 else float("nan")


def far_enough(before: int, now: int) -> bool:
    """Whether models of so many labels are far enough from each other to be compared."""
    return abs(now - before) >= max(APART, APART_SHARE * before)


def settled(agreements: Sequence[Agreement]) -> Literal["settled", "changing", "too few rounds"]:
    """Say whether the last three models hardly changed what they say; models a few labels apart prove nothing.

    Source: Bloodgood and Vijay-Shanker, "A Method for Stopping Active Learning Based on Stabilizing Predictions and the
    Need for User-Adjustable Stopping", CoNLL 2009.
    """
    latest = [each.kappa for each in agreements if each.labels >= APART][-SETTLED_FOR:]
    if len(latest) < SETTLED_FOR:
        return "too few rounds"
    return "settled" if all(k >= SETTLED_AT for k in latest) else "changing"


def expected_gain(
    labels: Ints, right: Ints, audits: Ints, rng: Generator, step: int = STEP, level: float = 0.9
) -> Gain | TooFewPoints:
    """Expect what the next labels add to the accuracy: an inverse power law through the learning curve of the audits.

    Points share audits, and nobody knows how far their luck is one. Resamples move the points apart and, as if each
    audit were right from some model on, together; the interval holds both. Counts of all models on the same audits make
    it better than counts that each had at its time.

    Args:
        labels: Labels of each model, rising, shape (n_points,).
        right: Audits that it had right, same shape.
        audits: Audits that judged it, same shape; points with under 30 are left out.
        rng: Draws the resamples.
        step: Labels ahead.
        level: Of the interval.

    Source: Figueroa et al., "Predicting Sample Size Required for Classification Performance", BMC Medical Informatics
    and Decision Making 2012; Efron and Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall 1993, chapter 6.
    """
    kept = np.flatnonzero((audits >= POINT_FROM) & (labels > 0))
    kept = kept[np.unique(np.linspace(0, len(kept) - 1, min(THINNED, len(kept))).round().astype(int))]
    labels, right, audits = labels[kept], right[kept], audits[kept]
    if len(labels) < POINTS or labels[-1] < SPAN * labels[0]:
        return TooFewPoints(len(labels), POINTS)
    fitted, value = _fit((right / audits)[None], labels, audits, step)
    # Half a case each way: a point at 1 would be drawn at 1 each time.
    chance = np.clip(fitted[0], 0.5 / audits, 1 - 0.5 / audits)
    apart = rng.binomial(audits, chance, (RESAMPLES, len(audits)))
    luck = rng.random((RESAMPLES, int(audits.max())))
    together = np.stack([(luck[:, :n] < p).sum(axis=1) for n, p in zip(audits.tolist(), chance, strict=True)], axis=1)
    drawn = [_fit(rights / audits, labels, audits, step)[1] for rights in (apart, together)]
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=1)
    return Gain(float(value[0]), float(min(*low, value[0])), float(max(*high, value[0])), step)


def expected_saving(labels: Ints, coverage: Doubles, pool: int, step: int = STEP) -> Saving | TooFewPoints:
    """Expect how many labels of people the next ones spare, from what each round so far let a machine label more.

    The median of the slopes between the latest four points, so that one odd forecast doesn't decide. The least and the
    most of them hold the true slope 11 times in 12 where the points scatter alike around a line.

    Args:
        labels: Labels of each model, rising, shape (n_points,).
        coverage: Share of the pool that a certificate would let it label, same shape.
        pool: Items that are still without an answer.
        step: Labels ahead.

    Source: Sen, "Estimates of the Regression Coefficient Based on Kendall's Tau", JASA 1968.
    """
    if len(labels) < SAVINGS or not coverage.any():
        return TooFewPoints(int((coverage > 0).sum()), SAVINGS)
    latest = list(zip(labels[-SAVINGS:].tolist(), coverage[-SAVINGS:].tolist(), strict=True))
    slopes = [(later - sooner) / (n - m) for (m, sooner), (n, later) in combinations(latest, 2)]
    left = 1 - float(coverage[-1])
    value, low, high = (
        max(min(slope * step, left), 0.0) * pool for slope in (float(np.median(slopes)), min(slopes), max(slopes))
    )
    return Saving(value, low, high, step)


def _worth(gain: Gain | TooFewPoints, saving: Saving | TooFewPoints) -> Worth:
    """Little only where accuracy surely gains little and no certificate would repay the labels."""
    if isinstance(saving, Saving) and saving.value >= saving.labels:
        return "worth it"
    if isinstance(gain, TooFewPoints):
        return "unclear"
    if gain.value >= LITTLE:
        return "worth it"
    return "little" if gain.high < LITTLE else "unclear"


def _fit(shares: Doubles, labels: Ints, audits: Ints, step: int) -> tuple[Doubles, Doubles]:
    """Fit share = limit - scale * labels^-decay by weighted least squares, for each row of shares.

    For a given decay it is a straight line, solved at once for all rows; the decay is the best of a grid.

    Args:
        shares: Shape (n_rows, n_points).
        labels: Shape (n_points,).
        audits: Shape (n_points,).
        step: Labels ahead.

    Returns:
        Fitted shares, shape (n_rows, n_points), and what `step` more labels add, shape (n_rows,).
    """
    smooth = (shares * audits + 0.5) / (audits + 1)
    weights = audits / (smooth * (1 - smooth))
    powers = labels.astype(np.float64) ** -DECAYS[:, None]
    ahead = powers[:, -1] - float(labels[-1] + step) ** -DECAYS
    # Sums over the points are all that the lines of all decays need: no array holds rows, decays and points at once.
    total, told = weights.sum(axis=1)[:, None], (weights * shares).sum(axis=1)[:, None]
    power, squares, both = weights @ powers.T, weights @ (powers**2).T, (weights * shares) @ powers.T
    scale = np.maximum((power * told / total - both) / (squares - power**2 / total), 0)
    limit = (told + scale * power) / total
    # No model is right more often than always: where the best limit would be over 1, the best line with limit 1.
    scale, limit = np.where(limit > 1, (power - both) / squares, scale), np.minimum(limit, 1)
    loss = limit**2 * total + scale**2 * squares - 2 * limit * (scale * power + told) + 2 * scale * both
    rows, best = np.arange(len(shares)), loss.argmin(axis=1)
    scale, limit = scale[rows, best], limit[rows, best]
    return limit[:, None] - scale[:, None] * powers[best], scale * ahead[best]
