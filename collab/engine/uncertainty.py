"""How unsure a head is of an item: `proba -> score`, in [0, 1], higher = ask sooner."""

import numpy as np
import numpy.typing as npt

from collab.engine.arrays import FEW_COLUMNS, Floats

CHUNK = 2_048
"""Rows that are scored together, so that they stay in the processor's cache."""


def margin(proba: Floats) -> Floats:
    """Score how torn the head is between its two best classes.

    Args:
        proba: Class probabilities, shape (n_items, n_classes); rows sum to 1.

    Returns:
        Scores in [0, 1], shape (n_items,); 1 means that the two classes tie.

    Source: Scheffer et al., "Active Hidden Markov Models for Information Extraction", IDA 2001.
    """
    if proba.shape[1] < 2:
        return np.zeros(len(proba), np.float32)
    gaps = np.empty(len(proba), np.float32)
    for start in range(0, len(proba), CHUNK):
        part = slice(start, start + CHUNK)
        gaps[part] = _gap(proba[part])
    return _clipped(1 - gaps)


def entropy(proba: Floats) -> Floats:
    """Score how spread the probabilities are over all classes; 1 means that all classes are equally likely.

    Source: Shannon, "A Mathematical Theory of Communication", Bell System Technical Journal 1948.
    """
    if proba.shape[1] < 2:
        return np.zeros(len(proba), np.float32)
    tiny = np.finfo(np.float32).tiny
    nats = -(proba * np.log(np.maximum(proba, tiny))).sum(axis=1)
    return _clipped(nats / np.log(proba.shape[1]))


def least_settled(proba: Floats) -> Floats:
    """Score how torn the head is over that class, of any number that may apply, of which it is the least sure.

    Args:
        proba: Of each class that it applies, shape (n_items, n_classes).

    Returns:
        Scores in [0, 1], shape (n_items,); 1 means that the head can't say at all whether some class applies.
    """
    return _clipped(1 - np.abs(2 * proba - 1).min(axis=1)) if proba.shape[1] else np.zeros(len(proba), np.float32)


def unsettled(proba: Floats) -> Floats:
    """Score how torn the head is over the classes, of any number that may apply: the mean over all of them.

    Source: Cherman et al., "Multi-Label Active Learning: Key Issues and a Novel Query Strategy", Evolving Systems 2019.
    """
    return _clipped(1 - np.abs(2 * proba - 1).mean(axis=1)) if proba.shape[1] else np.zeros(len(proba), np.float32)


def binary_entropy(proba: Floats) -> Floats:
    """Score how open it is which classes apply, of any number that may: the mean over them; 1: nothing is known."""
    if not proba.shape[1]:
        return np.zeros(len(proba), np.float32)
    tiny = np.finfo(np.float32).tiny
    nats = proba * np.log(np.maximum(proba, tiny)) + (1 - proba) * np.log(np.maximum(1 - proba, tiny))
    return _clipped(-nats.mean(axis=1) / np.log(2))


def _gap(proba: Floats) -> Floats:
    """How far apart the two largest values of each row are, shape (n_items,)."""
    if proba.shape[1] > FEW_COLUMNS:
        rest, rows, at = proba.copy(), np.arange(len(proba)), proba.argmax(axis=1)
        rest[rows, at] = -1
        # Finding where the largest is, then taking it, is faster than asking for it.
        gap: Floats = proba[rows, at] - rest[rows, rest.argmax(axis=1)]
        return gap
    # Two running maxima are much faster than a partition of each short row.
    best, second = proba[:, 0].copy(), np.full(len(proba), -np.inf, proba.dtype)
    for column in proba.T[1:]:
        np.maximum(second, np.minimum(best, column), out=second)
        np.maximum(best, column, out=best)
    return best - second


def _clipped(scores: npt.NDArray[np.floating]) -> Floats:
    clipped: Floats = np.clip(scores, 0, 1).astype(np.float32)
    return clipped
