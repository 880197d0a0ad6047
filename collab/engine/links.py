"""How logits become probabilities: one of the classes, or each class for itself; and what a fit needs to know of that.

Not of features or weights.
"""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from collab.engine.arrays import Labels

Doubles = npt.NDArray[np.float64]


class Link(Protocol):
    """One way from logits, shape (n_items, n_classes), to probabilities of the same shape."""

    def truth(self, labels: Labels, n_classes: int) -> Doubles:
        """What the probabilities should be, shape (n_items, n_classes)."""

    def proba(self, logits: Doubles) -> Doubles:
        """Turn logits into probabilities."""

    def cost(self, logits: Doubles, truth: Doubles) -> tuple[float, Doubles]:
        """Sum the surprise at the truth over items; and its slope, which is probability less truth."""

    def costs(self, logits: Doubles, truth: Doubles) -> Doubles:
        """The surprise of each item, shape (n_items,)."""

    def unseen(self, bias: Doubles) -> tuple[float, Doubles]:
        """Cost and slope of one made-up item of each class at the pool's centre, whose logits are the bias."""

    def spread(self, proba: Doubles) -> Doubles:
        """Mean curvature over the directions in which the logits of an item can differ, shape (n_items,)."""


class OneOf:
    """Exactly one class: softmax."""

    def truth(self, labels: Labels, n_classes: int) -> Doubles:  # noqa: D102  # documented by the protocol
        return np.eye(n_classes)[labels]

    def proba(self, logits: Doubles) -> Doubles:  # noqa: D102  # as above
        return np.exp(_log_softmax(logits))

    def cost(self, logits: Doubles, truth: Doubles) -> tuple[float, Doubles]:  # noqa: D102  # as above
        logs = _log_softmax(logits)
        return -float(np.vdot(logs, truth)), np.exp(logs) - truth

    def costs(self, logits: Doubles, truth: Doubles) -> Doubles:  # noqa: D102  # as above
        costs: Doubles = -(_log_softmax(logits) * truth).sum(axis=1)
        return costs

    def unseen(self, bias: Doubles) -> tuple[float, Doubles]:  # noqa: D102  # as above
        logs = _log_softmax(bias)
        return -float(logs.sum()), len(bias) * np.exp(logs) - 1

    def spread(self, proba: Doubles) -> Doubles:  # noqa: D102  # as above
        spread: Doubles = (1 - np.square(proba).sum(axis=1)) / max(1, proba.shape[1] - 1)
        return spread


class AnyOf:
    """Any number of classes, each for itself: sigmoid, and binary cross-entropy.

    Made up of each class are an item to which it applies and one to which it doesn't.
    """

    def truth(self, labels: Labels, n_classes: int) -> Doubles:  # noqa: D102  # documented by the protocol
        return labels.astype(np.float64)

    def proba(self, logits: Doubles) -> Doubles:  # noqa: D102  # as above
        small = np.exp(-np.abs(logits))
        proba: Doubles = np.where(logits < 0, small, 1) / (1 + small)
        return proba

    def cost(self, logits: Doubles, truth: Doubles) -> tuple[float, Doubles]:  # noqa: D102  # as above
        return float(_softplus(logits).sum() - np.vdot(logits, truth)), self.proba(logits) - truth

    def costs(self, logits: Doubles, truth: Doubles) -> Doubles:  # noqa: D102  # as above
        costs: Doubles = (_softplus(logits) - logits * truth).sum(axis=1)
        return costs

    def unseen(self, bias: Doubles) -> tuple[float, Doubles]:  # noqa: D102  # as above
        return float((_softplus(bias) + _softplus(-bias)).sum()), 2 * self.proba(bias) - 1

    def spread(self, proba: Doubles) -> Doubles:  # noqa: D102  # as above
        spread: Doubles = (proba * (1 - proba)).mean(axis=1)
        return spread


ONE_OF, ANY_OF = OneOf(), AnyOf()


def link_of(labels: Labels) -> Link:
    """The link that labels of this shape ask for."""
    return ONE_OF if labels.ndim == 1 else ANY_OF


def _log_softmax(logits: Doubles) -> Doubles:
    shifted: Doubles = logits - logits.max(axis=-1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted


def _softplus(logits: Doubles) -> Doubles:
    """log(1 + exp(logits)), safe for any size."""
    whole: Doubles = np.maximum(logits, 0) + np.log1p(np.exp(-np.abs(logits)))
    return whole
