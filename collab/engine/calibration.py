"""Make probabilities mean what they say, from audit answers only. numpy and scipy only, for pages import it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from numpy.random import Generator
from scipy.special import expit, log_softmax, softmax

from collab.engine.arrays import Floats, Ints, Labels
from collab.engine.links import ANY_OF
from collab.engine.numbering import suggested, whole

Exact = npt.NDArray[np.float64]

BINS, PER_BIN = 15, 40
"""Most bins of a calibration error, and answers in each: with fewer, chance alone makes large gaps."""
ERROR_FROM = 200
"""Answers from which a calibration error is told; with fewer its interval says nothing."""
RESAMPLES = 500


def fit_temperature(logits: Floats, truth: Labels) -> float:
    """Find the temperature under which audit answers are the least surprising; 1 where there are none.

    One pull towards 1, worth about as much as one answer, keeps the temperature sane where few answers are all right:
    without it, nothing stops the head from being told that it is never wrong.

    Args:
        logits: Of the audited items, shape (n_items, n_classes).
        truth: Their answers. Where any number of classes may apply, one temperature serves all of them.

    Returns:
        Between exp(-3) and exp(3); over 1: the head was too sure of itself.

    Source: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
    """
    from scipy.optimize import minimize_scalar  # slow to load, and pages load this module

    if not len(truth):
        return 1.0
    if not np.isfinite(logits).all():
        raise ValueError("Logits hold NaN or infinity; score these items again.")
    rows = np.arange(len(truth))
    exact = logits.astype(np.float64)

    def surprise(log_temperature: float) -> float:
        colder = exact / np.exp(log_temperature)
        if truth.ndim == 2:
            return log_temperature**2 / 2 + float(ANY_OF.cost(colder, truth.astype(np.float64))[0])
        return log_temperature**2 / 2 - float(log_softmax(colder, axis=1)[rows, truth].sum())

    return float(np.exp(minimize_scalar(surprise, bounds=(-3, 3), method="bounded").x))


def cross_fitted(logits: Floats, truth: Labels, groups: Ints | None = None, folds: int = 5) -> Floats:
    """Give each audited item the probabilities of a temperature that the other audits chose.

    What judges calibration must not have chosen it. The head is shared by all folds, which is no harm, for it never saw
    an audit; the temperature that the app uses comes from all of them, so this judges one made from a fifth fewer.

    Args:
        logits: Of the audited items in the order in which they were drawn, shape (n_items, n_classes).
        truth: Their answers.
        groups: Items of one group, such as a patient, never stand on both sides; shape (n_items,).
        folds: Parts, each left out once.

    Returns:
        Probabilities, shape (n_items, n_classes).

    Source: Stone, "Cross-Validatory Choice and Assessment of Statistical Predictions", JRSS B 1974.
    """
    numbers = np.arange(len(truth)) if groups is None else np.unique(groups, return_inverse=True)[1]
    proba = np.empty(logits.shape, np.float32)
    for fold in range(folds):
        out = numbers % folds == fold
        colder = logits[out] / np.float32(fit_temperature(logits[~out], truth[~out]))
        proba[out] = softmax(colder, axis=1) if truth.ndim == 1 else expit(colder)
    return proba


@dataclass(frozen=True, slots=True)
class Reliability:
    """Items in bins of equal size by confidence, least confident first; each of shape (n_bins,)."""

    confidence: Exact
    """Mean probability of what is suggested: of the best class, or of all of an answer with any number of them."""
    accuracy: Exact
    """Share of items of which all of that is right."""
    count: Ints


def reliability(proba: Floats, truth: Labels, bins: int = BINS) -> Reliability:
    """Compare what the head claims with how often it is right; at most one bin for each item."""
    confidence, right = _claims(proba, truth)
    count = np.diff(_starts(len(truth), bins), append=len(truth))
    return Reliability(_totals(confidence, bins) / count, _totals(right, bins) / count, count)


@dataclass(frozen=True, slots=True)
class CalibrationError:
    """Mean distance between claim and truth, freed from what chance adds, with its interval."""

    value: float
    low: float
    """0 unless honest probabilities would seldom look as far off as these."""
    high: float
    n: int


def calibration_error(proba: Floats, truth: Labels, rng: Generator, level: float = 0.95) -> CalibrationError | None:
    """Estimate the expected calibration error in bins of equal size; None under 200 answers.

    The plain figure is far too high for few answers (.08 on the mean at 200 in 15 bins, where the truth is 0), and so
    are bootstrap resamples of it, once more. Hence the resamples' mean excess is taken off, both the plain and the
    reflected bootstrap limits are kept within, and the lower one is 0 unless honesty is refuted.

    Args:
        proba: Of audited items, under a temperature that they did not choose (`cross_fitted`), (n_items, n_classes).
        truth: Their answers; those with any number of classes are right where all of them is.
        rng: Draws the resamples.
        level: Of the interval.

    Source: Nguyen and O'Connor, "Posterior Calibration and Exploratory Analysis for Natural Language Processing
    Models", EMNLP 2015; Efron and Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall 1993, chapter 10;
    the test of honesty: Bröcker and Smith, "Increasing the Reliability of Reliability Diagrams", Weather and
    Forecasting 2007.
    """
    n = len(truth)
    if n < ERROR_FROM:
        return None
    confidence, right = _claims(proba, truth)
    bins = min(BINS, n // PER_BIN)
    plain = _distance(confidence - right, bins)
    counts = rng.multinomial(n, np.full(n, 1 / n), RESAMPLES)
    drawn = _distance(counts * (confidence - right), bins)
    honest = _distance(confidence - (rng.random((RESAMPLES, n)) < confidence), bins)
    excess = drawn.mean() - plain
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    refuted = plain > np.quantile(honest, (1 + level) / 2)
    return CalibrationError(
        value=max(0.0, float(plain - excess)),
        low=max(0.0, float(min(low, 2 * plain - high))) if refuted else 0.0,
        high=float(max(high - excess, 2 * plain - low)),
        n=n,
    )


def squared_errors(proba: Floats, truth: Labels) -> Exact:
    """Squared distance between probabilities and what came true, over all classes: 0 best, 2 worst; shape (n_items,).

    Where any number of classes may apply: the mean over them of what a question of yes and no has.
    """
    distance = proba.astype(np.float64)
    if truth.ndim == 2:
        squares: Exact = 2 * ((distance - truth) ** 2).mean(axis=1)
        return squares
    distance[np.arange(len(truth)), truth] -= 1
    total: Exact = (distance**2).sum(axis=1)
    return total


def brier(proba: Floats, truth: Labels) -> float:
    """Mean of the squared errors.

    >>> brier(np.float32([[0.75, 0.25]]), np.array([0]))
    0.125

    Source: Brier, "Verification of Forecasts Expressed in Terms of Probability", Monthly Weather Review 1950.
    """
    return float(squared_errors(proba, truth).mean())


def log_loss(proba: Floats, truth: Ints) -> float:
    """Mean surprise at what came true, in nats; a probability of 0 counts as the smallest single-precision number."""
    told = proba[np.arange(len(truth)), truth].astype(np.float64)
    return float(-np.log(np.maximum(told, np.finfo(np.float32).tiny)).mean())


@dataclass(frozen=True, slots=True)
class OutOfTen:
    """A probability as people count: "right about 6 times in 10"."""

    times: int
    """1 to 9."""
    bound: Literal["about", "more than", "less than"] = "about"


def out_of_ten(probability: float) -> OutOfTen:
    """Say a probability in tenths, and never 0 or 10 of them, for nothing is that sure.

    >>> out_of_ten(0.62), out_of_ten(0.97)
    (OutOfTen(times=6, bound='about'), OutOfTen(times=9, bound='more than'))

    Source: Gigerenzer and Hoffrage, "How to Improve Bayesian Reasoning without Instruction: Frequency Formats",
    Psychological Review 1995.
    """
    times = int(10 * probability + 0.5)
    if times < 1:
        return OutOfTen(1, "less than")
    return OutOfTen(times) if times < 10 else OutOfTen(9, "more than")


def _claims(proba: Floats, truth: Labels) -> tuple[Exact, Exact]:
    """Probability of what is suggested and whether it is right, least confident first, each of shape (n_items,)."""
    if truth.ndim == 2:
        confidence, right = whole(proba), (suggested(proba) == truth).all(axis=1)
    else:
        confidence, right = proba.max(axis=1).astype(np.float64), proba.argmax(axis=1) == truth
    order = np.argsort(confidence, kind="stable")
    return confidence[order], right[order].astype(np.float64)


def _starts(n: int, bins: int) -> Ints:
    """Where each bin of equal size begins among n items in order; the first ones hold one more where it doesn't fit."""
    bins = min(bins, n)
    size, more = divmod(n, bins) if bins else (0, 0)
    return np.arange(bins) * size + np.minimum(np.arange(bins), more)


def _totals(values: Exact, bins: int) -> Exact:
    """Sums within bins along the last axis."""
    totals: Exact = np.add.reduceat(values, _starts(values.shape[-1], bins), axis=-1)
    return totals


def _distance(gaps: Exact, bins: int) -> Exact:
    """Mean over items of the distance that their bin shows."""
    distance: Exact = np.abs(_totals(gaps, bins)).sum(axis=-1) / gaps.shape[-1]
    return distance
