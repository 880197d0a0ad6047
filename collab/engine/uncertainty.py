"""How unsure a head is of an item: `proba -> score`, in [0, 1], higher = ask sooner."""

import numpy as np
import numpy.typing as npt

from collab.engine.arrays import Floats


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
    # For the few columns of most projects two running maxima are much faster than a partition of each row.
    best, second = proba[:, 0].copy(), np.full(len(proba), -np.inf, proba.dtype)
    for column in proba.T[1:]:
        np.maximum(second, np.minimum(best, column), out=second)
        np.maximum(best, column, out=best)
    return _clipped(1 - (best - second))


def entropy(proba: Floats) -> Floats:
    """Score how spread the probabilities are over all classes; 1 means that all classes are equally likely.

    Source: Shannon, "A Mathematical Theory of Communication", Bell System Technical Journal 1948.
    """
    if proba.shape[1] < 2:
        return np.zeros(len(proba), np.float32)
    tiny = np.finfo(np.float32).tiny
    nats = -(proba * np.log(np.maximum(proba, tiny))).sum(axis=1)
    return _clipped(nats / np.log(proba.shape[1]))


def _clipped(scores: npt.NDArray[np.floating]) -> Floats:
    clipped: Floats = np.clip(scores, 0, 1).astype(np.float32)
    return clipped
