"""Ridge regression of one-hot classes, in closed form with all its leave-one-out predictions."""

import numpy as np
import numpy.typing as npt

from collab.engine.arrays import Labels
from collab.engine.links import link_of

Doubles = npt.NDArray[np.float64]

STRENGTHS = 10.0 ** np.arange(-2.5, 2.01, 0.5)
"""For each column, and for the spectrum as it is."""
TEMPERATURES = np.exp(np.linspace(-4, 0, 13))
SMOOTHING = 0.1
"""Made-up items of each class in its mean: a class without labels stays possible."""


def fit(x: Doubles, labels: Labels, n_classes: int) -> tuple[Doubles, float]:
    """Choose strength and temperature by the likelihood of each item under the fit without it.

    One eigendecomposition, of items by items or of columns by columns, whichever is smaller, serves all strengths.

    Args:
        x: Standardised rows, shape (n_items, dim).
        labels: Their classes.
        n_classes: Rows of the solution.

    Returns:
        Weights and, in the last column, bias for logits, shape (n_classes, dim + 1); and the strength.

    Source: Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning", Springer 2009, section 7.10.
    """
    n, dim = x.shape
    link = link_of(labels)
    truth = link.truth(labels, n_classes)
    # A class that stands for itself has two outcomes, and as a logit it begins at one half.
    outcomes, middle = (n_classes, 0.0) if labels.ndim == 1 else (2, 0.5)
    mean = (truth.sum(axis=0) + SMOOTHING) / (n + SMOOTHING * outcomes)
    target = truth - mean
    if n < dim:
        power, left = np.linalg.eigh(x @ x.T)
        power = np.maximum(power, 0)
    else:
        power, right = np.linalg.eigh(x.T @ x)
        power = np.maximum(power, 1e-9)
        left = (x @ right) / np.sqrt(power)
    turned = left.T @ target
    best = (np.inf, STRENGTHS[0] * dim, 1.0)
    for strength in STRENGTHS * dim:
        gain = power / (power + strength)
        leverage = np.square(left) @ gain
        without = target - (target - left @ (gain[:, None] * turned)) / np.maximum(1 - leverage, 1e-9)[:, None] + mean
        for temperature in TEMPERATURES:
            loss = float(link.costs((without - middle) / temperature, truth).mean())
            best = min(best, (loss, float(strength), float(temperature)))
    _, strength, temperature = best
    if n < dim:
        weights = x.T @ (left @ (turned / (power + strength)[:, None]))
    else:
        weights = right @ (np.sqrt(power)[:, None] * turned / (power + strength)[:, None])
    return np.column_stack([weights.T, mean - middle]) / temperature, strength
