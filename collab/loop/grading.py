"""Judge a trained network by rows held out, and tell figures as JSON can hold them. No torch: pages read it."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from collab.engine import assurance, evaluation
from collab.engine.arrays import Ints
from collab.engine.assurance import ClassEstimates, Estimate


@dataclass(frozen=True, slots=True)
class ClassQuality:
    """How well classes are told, on the rows held out."""

    accuracy: Estimate
    baseline: float
    """Accuracy of always saying the class that is most frequent among the rows learned from."""
    precision: float
    recall: float
    f1: float
    """Means over the classes, each counted the same; 0 for a class where a figure would be 0 / 0."""
    by_class: ClassEstimates
    confusion: tuple[tuple[int, ...], ...]
    """Counts by true class (row) and predicted class (column)."""


def judge_classes(truth: Ints, predicted: Ints, learned: Ints, n_classes: int) -> ClassQuality:
    """Judge what was predicted of rows held out, shape (n,), beside the most frequent class of those learned from."""
    usual = np.bincount(learned).argmax()
    figures = evaluation.by_class(truth, predicted, n_classes)
    cells = evaluation.confusion(truth, predicted, n_classes)
    return ClassQuality(
        assurance.accuracy(predicted == truth), evaluation.accuracy(truth, np.full_like(truth, usual)),
        float(figures.precision.mean()), float(figures.recall.mean()), evaluation.macro_f1(truth, predicted, n_classes),
        assurance.estimate_by_class(truth, predicted, n_classes), tuple(tuple(row) for row in cells.tolist()),
    )  # fmt: skip


def plain(value: Any) -> Any:  # as JSON has it
    """Copy figures for JSON; a number that is none becomes None."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
