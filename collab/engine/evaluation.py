"""How well answers agree with the truth: accuracy, F1, figures by class, confusion. numpy only, for pages import it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from collab.engine.arrays import Ints

Exact = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ByClass:
    """Figures of each class, each of shape (n_classes,); 0 where a figure would be 0 / 0."""

    precision: Exact
    recall: Exact
    f1: Exact
    support: Ints
    """How many items are truly of the class."""


def confusion(truth: Ints, predicted: Ints, n_classes: int) -> Ints:
    """Count items by true class (row) and predicted class (column).

    >>> confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 2).tolist()
    [[1, 1], [0, 1]]
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"{len(truth)} true classes can't be compared with {len(predicted)} predicted ones.")
    cells = np.bincount(truth * n_classes + predicted, minlength=n_classes * n_classes)
    return cells.reshape(n_classes, n_classes)


def accuracy(truth: Ints, predicted: Ints) -> float:
    """Share of items whose predicted class is the true one; NaN where there are no items."""
    return float((truth == predicted).mean()) if len(truth) else float("nan")


def by_class(truth: Ints, predicted: Ints, n_classes: int) -> ByClass:
    """Precision, recall and F1 of each class."""
    cells = confusion(truth, predicted, n_classes)
    hits, said, are = np.diag(cells), cells.sum(axis=0), cells.sum(axis=1)
    return ByClass(_ratio(hits, said), _ratio(hits, are), _ratio(2 * hits, said + are), are)


def macro_f1(truth: Ints, predicted: Ints, n_classes: int) -> float:
    """Mean F1 of the classes that occur, in truth or as predicted: each counts the same, however rare."""
    cells = confusion(truth, predicted, n_classes)
    occurs = cells.sum(axis=0) + cells.sum(axis=1) > 0
    return float(by_class(truth, predicted, n_classes).f1[occurs].mean()) if occurs.any() else float("nan")


def _ratio(part: Ints, whole: Ints) -> Exact:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
