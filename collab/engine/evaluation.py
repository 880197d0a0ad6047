"""How well answers agree with the truth: accuracy, F1, figures by class, confusion. numpy only, for pages import it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from collab.engine.arrays import Ints, Labels

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


def accuracy(truth: Labels, predicted: Labels) -> float:
    """Share of items whose predicted class, or set of classes, is the true one; NaN where there are no items."""
    same = truth == predicted
    return float((same if truth.ndim == 1 else same.all(axis=1)).mean()) if len(truth) else float("nan")


def by_class(truth: Labels, predicted: Labels, n_classes: int) -> ByClass:
    """Precision, recall and F1 of each class."""
    hits, said, are = _counts(truth, predicted, n_classes)
    return ByClass(_ratio(hits, said), _ratio(hits, are), _ratio(2 * hits, said + are), are)


def macro_f1(truth: Labels, predicted: Labels, n_classes: int) -> float:
    """Mean F1 of the classes that occur, in truth or as predicted: each counts the same, however rare."""
    _, said, are = _counts(truth, predicted, n_classes)
    occurs = said + are > 0
    return float(by_class(truth, predicted, n_classes).f1[occurs].mean()) if occurs.any() else float("nan")


def _counts(truth: Labels, predicted: Labels, n_classes: int) -> tuple[Ints, Ints, Ints]:
    """How often each class was met, said and true."""
    if truth.ndim == 2:
        hits, said, are = (part.sum(axis=0, dtype=np.int64) for part in (truth & predicted, predicted, truth))
        return hits, said, are
    cells = confusion(truth.astype(np.int64, copy=False), predicted.astype(np.int64, copy=False), n_classes)
    return np.diag(cells), cells.sum(axis=0), cells.sum(axis=1)


def _ratio(part: Ints, whole: Ints) -> Exact:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
