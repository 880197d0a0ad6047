"""Say what showing suggestions does to people: agreement with the model and time, shown against hidden at random.

Only asks that had a suggestion to hide count, so audits are no arm of it. numpy and scipy only, for pages import it.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy.special import ndtri, stdtrit

from collab.engine.arrays import Ints
from collab.engine.assurance import Estimate, share_of
from collab.engine.certifying import Bools, Doubles

ANNOTATORS_FROM, HIDDEN_FROM = 5, 200
"""Annotators and hidden asks from which there is an effect to speak of."""
PEOPLE_FROM = 8
"""Annotators from which the effect speaks of people like these; below, of these people."""
ALARMING = 0.05
"""People agree with the model more often by this when they see it: they no longer only look for themselves."""
RESAMPLES = 1_000
MANY = 500
"""Values from which their mean is as good as normal, so that it need not be resampled."""


@dataclass(frozen=True, slots=True)
class Person:
    """What one annotator did; `difference.n` counts the answers of both kinds."""

    annotator: int
    shown: Estimate
    hidden: Estimate
    difference: Estimate


@dataclass(frozen=True, slots=True)
class TooEarly:
    """There is no effect to speak of yet."""

    annotators: int
    """Who answered both kinds of asks."""
    hidden: int
    """Asks whose suggestion was hidden."""
    people: tuple[Person, ...] = ()


@dataclass(frozen=True, slots=True)
class Influence:
    """Agreement with the model where it was shown less where it was hidden, and what comes with it."""

    difference: Estimate
    """Of shares, each annotator's two kinds of answers compared."""
    seconds: Estimate
    """How many times as long an answer took with the suggestion; 1: no difference."""
    for_these_people: bool
    """Whether the intervals speak of these annotators only, for they are too few to stand for others."""
    shown: Estimate
    hidden: Estimate
    people: tuple[Person, ...]
    accepted_when_wrong: Estimate
    """How often a suggestion that was shown and wrong became the answer."""
    alarm: bool
    """Whether even the lower bound of the difference is over 5 points."""


def influence(
    annotator: Ints,
    shown: Bools,
    agreed: Bools,
    seconds: Doubles,
    model_right: Ints,
    *,
    level: float = 0.95,
    seed: int = 0,
) -> Influence | TooEarly:
    """Compare answers to shown suggestions with those to randomly hidden ones.

    Annotators differ, and may have had other shares hidden, so the two kinds are compared within each annotator, who
    counts by how much these answers tell. From eight annotators on, annotators are drawn anew; below, each one's
    answers.

    Args:
        annotator: Number of who answered, shape (n,).
        shown: Whether the suggestion was, shape (n,); else it was hidden.
        agreed: Whether the answer is the suggested class, shape (n,).
        seconds: Each over 0; NaN where unknown, shape (n,).
        model_right: 1 where the suggestion is known to have been right, 0 where wrong, -1 where nobody knows.
        level: Of the intervals.
        seed: Of the drawing.

    Source: Cameron, Gelbach and Miller, "Bootstrap-Based Improvements for Inference with Clustered Errors", Review of
    Economics and Statistics 2008, for annotators; Newcombe, "Interval Estimation for the Difference between Independent
    Proportions", Statistics in Medicine 1998, for each of them.
    """
    numbers, who = np.unique(annotator, return_inverse=True)
    cells = np.bincount(2 * who + shown, minlength=2 * len(numbers)).reshape(-1, 2)
    both = cells.min(axis=1) > 0
    hidden = int(cells[:, 0].sum())
    people = tuple(_person(int(number), shown[who == i], agreed[who == i], level) for i, number in enumerate(numbers))
    if both.sum() < ANNOTATORS_FROM or hidden < HIDDEN_FROM:
        return TooEarly(int(both.sum()), hidden, people)
    rng = np.random.default_rng(seed)
    difference = _compared(agreed.astype(np.float64), who, shown, level, rng)
    timed = np.isfinite(seconds) & (seconds > 0)
    slower = _compared(np.log(np.where(timed, seconds, 1.0))[timed], who[timed], shown[timed], level, rng)
    fooled = shown & (model_right == 0)
    return Influence(
        difference,
        Estimate(float(np.exp(slower.value)), float(np.exp(slower.low)), float(np.exp(slower.high)), slower.n),
        int(both.sum()) < PEOPLE_FROM,
        _share(agreed[shown], level),
        _share(agreed[~shown], level),
        people,
        _share(agreed[fooled], level),
        difference.low > ALARMING,
    )


def _person(number: int, shown: Bools, agreed: Bools, level: float) -> Person:
    a, b = _share(agreed[shown], level), _share(agreed[~shown], level)
    value = a.value - b.value
    if not a.n or not b.n:
        return Person(number, a, b, Estimate(value, -1.0, 1.0, a.n + b.n))
    low = value - sqrt((a.value - a.low) ** 2 + (b.high - b.value) ** 2)
    high = value + sqrt((a.high - a.value) ** 2 + (b.value - b.low) ** 2)
    return Person(number, a, b, Estimate(value, low, high, a.n + b.n))


def _share(agreed: Bools, level: float) -> Estimate:
    return share_of(int(agreed.sum()), len(agreed), level)


def _compared(values: Doubles, who: Ints, shown: Bools, level: float, rng: np.random.Generator) -> Estimate:
    """Mean of the values where shown less where hidden, within annotators, who weigh as their answers tell."""
    cells = [(values[(who == i) & shown], values[(who == i) & ~shown]) for i in np.unique(who)]
    cells = [(a, b) for a, b in cells if len(a) and len(b)]
    if not cells:
        return Estimate(float("nan"), -np.inf, np.inf, 0)
    weight = np.array([1 / (1 / len(a) + 1 / len(b)) for a, b in cells])
    weight /= weight.sum()
    each = np.array([a.mean() - b.mean() for a, b in cells])
    value = float(weight @ each)
    if len(cells) >= PEOPLE_FROM:
        drawn = rng.multinomial(len(cells), np.full(len(cells), 1 / len(cells)), RESAMPLES) * weight
        spread = float(((drawn @ each) / drawn.sum(axis=1)).std()) * sqrt(len(cells) / (len(cells) - 1))
        factor = float(stdtrit(len(cells) - 1, (1 + level) / 2))  # few annotators: the spread itself is unsure
    else:
        means = [_means(a, rng) - _means(b, rng) for a, b in cells]
        spread, factor = float((weight @ np.array(means)).std()), float(ndtri((1 + level) / 2))
    return Estimate(value, value - factor * spread, value + factor * spread, sum(len(a) + len(b) for a, b in cells))


def _means(values: Doubles, rng: np.random.Generator) -> Doubles:
    """Means of as many values drawn from these, over and over, shape (RESAMPLES,)."""
    if len(values) > MANY:
        return rng.normal(values.mean(), values.std() / sqrt(len(values)), RESAMPLES)
    return np.asarray(values[rng.integers(len(values), size=(RESAMPLES, len(values)))].mean(axis=1))
