"""Make probabilities mean what they say, from audit answers only. numpy and scipy only, for pages import it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from collab.engine.arrays import Floats, Ints

Exact = npt.NDArray[np.float64]


def fit_temperature(logits: Floats, truth: Ints) -> float:
    """Find the temperature under which audit answers are the least surprising; 1 where there are none.

    Args:
        logits: Of the audited items, shape (n_items, n_classes).
        truth: Their class columns, shape (n_items,).

    Returns:
        Between exp(-3) and exp(3); over 1: the head was too sure of itself.

    Source: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
    """
    if not len(truth):
        return 1.0
    if not np.isfinite(logits).all():
        raise ValueError("Logits hold NaN or infinity; score these items again.")
    rows = np.arange(len(truth))
    exact = logits.astype(np.float64)

    def surprise(log_temperature: float) -> float:
        return -float(log_softmax(exact / np.exp(log_temperature), axis=1)[rows, truth].mean())

    return float(np.exp(minimize_scalar(surprise, bounds=(-3, 3), method="bounded").x))


@dataclass(frozen=True, slots=True)
class Reliability:
    """Items in bins of equal size by confidence, least confident first; each of shape (n_bins,)."""

    confidence: Exact
    """Mean probability of the best class."""
    accuracy: Exact
    """Share of items whose best class is right."""
    count: Ints


def reliability(proba: Floats, truth: Ints, bins: int = 15) -> Reliability:
    """Compare what the head claims with how often it is right; at most one bin for each item."""
    confidence = proba.max(axis=1).astype(np.float64)
    right = proba.argmax(axis=1) == truth
    parts = [p for p in np.array_split(np.argsort(confidence, kind="stable"), bins) if len(p)]
    return Reliability(
        np.array([confidence[p].mean() for p in parts]),
        np.array([right[p].mean() for p in parts]),
        np.array([len(p) for p in parts], np.int64),
    )


def expected_calibration_error(proba: Floats, truth: Ints, bins: int = 15) -> float:
    """Mean gap between claim and truth over bins of equal size; biased upwards for few items.

    Source: Nguyen and O'Connor, "Posterior Calibration and Exploratory Analysis for Natural Language Processing
    Models", EMNLP 2015.
    """
    seen = reliability(proba, truth, bins)
    if not seen.count.sum():
        return float("nan")
    return float(np.average(np.abs(seen.confidence - seen.accuracy), weights=seen.count))
