"""What a committee of perceptrons amounts to once it is trained: one network of numpy arrays, without torch."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import expit, softmax

from collab.engine.arrays import Floats

Doubles = npt.NDArray[np.float64]

FEWEST = 10
"""Rows from which on some are left out, to find when to stop."""
CHUNK = 16_384
PRIOR_VARIANCE = 64
"""Of a logit before any label, as the linear heads have it at first."""


class Stop(NamedTuple):
    """When to stop, and by how much the committee is too sure then."""

    steps: int
    temperature: float
    n_labels: int = 0
    """At which it was found; 0: not yet."""


@dataclass(frozen=True, slots=True)
class Committee:
    """The mean of its members' logits, which is one network with their hidden units side by side."""

    inner: Floats
    """Shape (n_units, dim), for raw features: the pool's standard is folded in, as are mean and temperature below."""
    inner_bias: Floats
    outer: Floats
    """Shape (n_classes, n_units)."""
    outer_bias: Floats
    many: bool = False
    """Whether any number of classes may apply."""

    def hidden(self, features: Floats) -> Floats:
        """Say what the last layer is linear in, shape (n_items, n_units)."""
        out: Floats = np.asarray(features, np.float32) @ self.inner.T
        out += self.inner_bias
        return np.maximum(out, 0, out=out)

    def logits(self, features: Floats) -> Floats:
        """Score rows, shape (n_items, n_classes), part by part: a pool's hidden units would fill the memory."""
        out = np.empty((len(features), len(self.outer)), np.float32)
        for start in range(0, len(features), CHUNK):
            out[start : start + CHUNK] = self.hidden(features[start : start + CHUNK]) @ self.outer.T + self.outer_bias
        return out

    def proba(self, features: Floats, temperature: float) -> Floats:
        """Turn rows into class probabilities; none is quite 0."""
        logits = self.logits(features) / np.float32(temperature)
        proba: Floats = expit(logits) if self.many else softmax(logits, axis=1)
        return np.maximum(proba, np.finfo(np.float32).tiny)


def joined(layers: list[Floats], mean: Floats, scale: Floats, temperature: float, many: bool = False) -> Committee:
    """Make one network of the members that says the mean of their logits, cooled, of raw features.

    Args:
        layers: As `fit` returns them.
        mean: Of the pool, shape (dim,).
        scale: Likewise.
        temperature: By which the logits are divided.
        many: Whether any number of classes may apply.
    """
    first, first_bias, second, second_bias = (layer.astype(np.float64) for layer in layers)
    inner = first.transpose(0, 2, 1).reshape(-1, first.shape[1]) / scale
    share = 1 / (len(first) * temperature)
    outer = second.reshape(-1, second.shape[2]).T * share
    found = (inner, first_bias.ravel() - inner @ mean, outer, second_bias.sum(axis=0)[0] * share)
    weights, biases, out, out_biases = (np.ascontiguousarray(part, np.float32) for part in found)
    return Committee(weights, biases, out, out_biases, many)
