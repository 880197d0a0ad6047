"""The worker's half of asking: from a strategy's selection to the rows of the queue, with their reasons and coins."""

from collections.abc import Sequence

import numpy as np

from collab.domain.annotation import Ask, Purpose, Suggestion, coin
from collab.domain.project import Project
from collab.engine.arrays import Floats, Ints
from collab.engine.strategies import Selection

FEWEST = 200
PER_ANNOTATOR = 10
WHOLE = 2000
"""Rows of a whole ranking, written at most once a minute."""


def size_of(annotators: int, whole: bool) -> int:
    """How many rows a ranking has: enough for everyone until the next one lands."""
    return max(WHOLE if whole else FEWEST, PER_ANNOTATOR * annotators)


def asks_of(project: Project, items: Ints, selection: Selection, proba: Floats | None, model: str) -> list[Ask]:
    """Make the rows of a ranking, best first.

    Args:
        items: Item id of each pool row.
        selection: Pool rows in asking order.
        proba: Class probabilities of each pool row, or None before the first fit.
        model: Name of the revision that the probabilities come from.
    """
    purpose: Purpose = "query" if proba is not None else "cold start"
    asks = []
    for row, score, reason in zip(
        selection.indices.tolist(), selection.scores.tolist(), selection.reasons, strict=True
    ):
        item = int(items[row])
        blind = coin(project, item) < project.policy.blind_share
        word = None if proba is None else suggestion(proba[row], model)
        asks.append(Ask(0, project.id, item, 0, purpose, "query", score, blind, reason, word))
    return asks


def suggestion(proba: Floats, model: str) -> Suggestion:
    """A row of probabilities as a model's word, rounded so that it still sums to 1."""
    rounded = np.round(proba.astype(np.float64), 4)
    rounded[int(proba.argmax())] += 1 - rounded.sum()
    return Suggestion(tuple(round(float(p), 4) for p in rounded), model)


def suggestions(items: Sequence[int], proba: Floats, model: str) -> dict[int, Suggestion]:
    """Words on many items, `proba` row by row."""
    return {item: suggestion(row, model) for item, row in zip(items, proba, strict=True)}
