"""Find answers that are likely wrong: by a model that has not seen them, and by near neighbours that say otherwise.

It only ranks. Whether an answer is wrong is for a person to say.
"""

from dataclasses import dataclass

import numpy as np

from collab.engine.arrays import Floats, Ints, Labels
from collab.engine.heads import FittedHead, Head, Standard

FOLDS = 5
NEIGHBOURS = 5
NEAR = 0.9
"""Share of nearest neighbours that are near enough to contradict: how near that is, the items themselves say."""
CHUNK = 1_024


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two near items with different answers, by their rows; the first is the one whose neighbours speak against it."""

    first: int
    second: int
    similarity: float
    """Cosine of their features."""
    against: float = 1.0
    """Share of the first one's near neighbours that say otherwise."""


def out_of_fold(
    features: Floats,
    labels: Labels,
    n_classes: int,
    head: Head,
    standard: Standard,
    *,
    previous: FittedHead | None = None,
    groups: Ints | None = None,
    seed: int = 0,
) -> Floats:
    """Say of each labeled item what a head says of it that has not seen its label, shape (n_labels, n_classes).

    Args:
        features: Shape (n_labels, dim).
        labels: As `Head.fit` takes them.
        n_classes: Columns of the result.
        head: Fitted once for each fold, on the others.
        standard: Centre and spread of the pool.
        previous: A fit on all labels: its strength is kept. What it knows of the labels left out is not, for the
            linear head's optimum is the same wherever it starts.
        groups: Which items belong together, shape (n_labels,); None: each stands for itself.
        seed: Of the folds.
    """
    rng = np.random.default_rng(seed)
    _, member = np.unique(np.arange(len(labels)) if groups is None else groups, return_inverse=True)
    fold = (rng.permutation(int(member.max(initial=0)) + 1) % FOLDS)[member]
    proba = np.full((len(labels), n_classes), 1 / n_classes, np.float32)
    for out in range(FOLDS):
        held, kept = fold == out, fold != out
        if held.any() and kept.any():
            fitted = head.fit(
                features[kept], labels[kept], n_classes, standard=standard, previous=previous, seed=seed
            )  # fmt: skip
            proba[held] = fitted.proba(features[held])
    return proba


def doubt(proba: Floats, labels: Labels) -> Floats:
    """Score how little the labels are believed, shape (n_labels,), 0 to 1; higher = look at it sooner.

    Args:
        proba: Of models that have not seen these labels, shape (n_labels, n_classes).
        labels: As `Head.fit` takes them; where any number of classes may apply, the least believed of them counts.

    Source: Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 2021
    (self-confidence).
    """
    if labels.ndim == 2:
        believed: Floats = np.where(labels, proba, 1 - proba).min(axis=1)
    else:
        believed = proba[np.arange(len(labels)), labels]
    return (1 - believed).astype(np.float32)


def likely_errors(proba: Floats, labels: Ints) -> int:
    """Estimate how many labels are wrong, where one class applies.

    An item counts where another class is as sure of it as that class is of its own items on average.

    Args:
        proba: Of models that have not seen these labels, shape (n_labels, n_classes).
        labels: Class columns, shape (n_labels,).

    Source: Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 2021.
    """
    if not len(labels):
        return 0
    present = np.unique(labels)
    usual = np.array([proba[labels == c, c].mean() for c in present])
    sure = np.where(proba[:, present] >= usual - 1e-9, proba[:, present], -1.0)
    found = sure.max(axis=1) >= 0
    joint = np.zeros((len(present), len(present)))
    np.add.at(joint, (np.searchsorted(present, labels[found]), sure[found].argmax(axis=1)), 1)
    np.fill_diagonal(joint, np.maximum(joint.diagonal(), 1))
    given = np.array([(labels == c).sum() for c in present])
    joint *= (given / joint.sum(axis=1))[:, None]  # as many of each class as were labeled so
    return round(float(joint.sum() - joint.trace()))


def likely_errors_of_any(proba: Floats, labels: Labels) -> int:
    """The same where any number of classes may apply: how many items are likely wrong about at least one class.

    Args:
        proba: Of models that have not seen these labels, shape (n_labels, n_classes).
        labels: Which classes apply, shape (n_labels, n_classes).
    """
    wrong = np.zeros(len(labels), bool)
    for column in range(proba.shape[1]):
        applies = labels[:, column].astype(np.int64)
        if 0 < applies.sum() < len(applies):
            both = np.stack([1 - proba[:, column], proba[:, column]], axis=1)
            usual = [both[applies == side, side].mean() for side in (0, 1)]
            other = 1 - applies
            sure = both[np.arange(len(both)), other] >= np.take(usual, other)
            wrong |= sure & (both[np.arange(len(both)), other] > both[np.arange(len(both)), applies])
    return int(wrong.sum())


def contradictions(features: Floats, labels: Ints) -> list[Contradiction]:
    """Pairs of near items with different answers, those first whose near neighbours mostly say otherwise.

    Args:
        features: Of labeled items, shape (n_labels, dim); compared by their cosine.
        labels: Numbers of their whole answers, shape (n_labels,).
    """
    if len(labels) < 2:
        return []
    everyone = np.arange(len(labels))
    near, similar = nearest(features, everyone, everyone)
    against = labels[near] != labels[:, None]
    close = similar >= np.quantile(similar[:, 0], 1 - NEAR)
    share = (against & close).sum(axis=1) / np.maximum(close.sum(axis=1), 1)
    found: dict[tuple[int, int], tuple[float, Contradiction]] = {}
    for row in np.flatnonzero((against & close).any(axis=1)).tolist():
        place = int(np.flatnonzero(against[row] & close[row])[0])  # the nearest that says otherwise
        other, key = int(near[row, place]), (min(row, int(near[row, place])), max(row, int(near[row, place])))
        each = float(share[row]), Contradiction(row, other, float(similar[row, place]), float(share[row]))
        if key not in found or each[0] > found[key][0]:
            found[key] = each
    return [pair for _, pair in sorted(found.values(), key=lambda e: (-e[0], -e[1].similarity))]


def nearest(features: Floats, among: Ints, wanted: Ints, k: int = NEIGHBOURS) -> tuple[Ints, Floats]:
    """The nearest of some rows to others, each nearest first, and their cosines; a row is never its own neighbour.

    Args:
        features: Shape (n, dim).
        among: Rows that may be a neighbour, shape (m,).
        wanted: Rows whose neighbours are asked for, shape (q,).
        k: How many; fewer where there are fewer.

    Returns:
        Rows and cosines, both of shape (q, at most k).
    """
    k = min(k, max(0, len(among) - 1))
    near, similar = np.empty((len(wanted), k), np.int64), np.empty((len(wanted), k), np.float32)
    if not k or not len(wanted):
        return near, similar
    pool = _unit(features[among])
    for start in range(0, len(wanted), CHUNK):
        rows = wanted[start : start + CHUNK]
        cosine = _unit(features[rows]) @ pool.T
        cosine[rows[:, None] == among] = -2
        best = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
        values = np.take_along_axis(cosine, best, axis=1)
        order = np.argsort(-values, axis=1)
        near[start : start + len(rows)] = among[np.take_along_axis(best, order, axis=1)]
        similar[start : start + len(rows)] = np.take_along_axis(values, order, axis=1)
    return near, similar


def _unit(features: Floats) -> Floats:
    rows: Floats = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    return rows
