"""Last-layer Laplace: what a fitted head doesn't know, and whether an item is ambiguous or unfamiliar."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_triangular

from collab.engine import uncertainty
from collab.engine.arrays import Floats
from collab.engine.heads import FittedHead, Standard
from collab.engine.links import ANY_OF

Doubles = npt.NDArray[np.float64]
Doubt = Literal["ambiguous", "unfamiliar", ""]

CHUNK = 4_096
KNOWN = 2_000
"""At most so many labeled rows, evenly spread, say what is near: more would make chunks too wide."""
USUAL = 0.975
"""An item is unfamiliar when it lies beyond this quantile of what labeled items are to the others of them."""
TIE = 0.8
"""An item is ambiguous when its margin score reaches this: its two best classes lie within a fifth of each other."""


@dataclass(frozen=True, slots=True)
class Laplace:
    """A Gaussian around a head's weights, as wide as its labels allow.

    All classes share one covariance: a label counts with its mean curvature, which is exact for two classes. The
    intercept counts as known, as do all layers of a perceptron but its last.

    Source: MacKay, "The Evidence Framework Applied to Classification Networks", Neural Computation 1992; Kristiadi
    et al., "Being Bayesian, Even Just a Bit, Fixes Overconfidence in ReLU Networks", ICML 2020.
    """

    head: FittedHead
    standard: Standard
    factor: Doubles
    """Shape (dim, rank): a row of the basis times this, squared and summed, is its variance, or what labels took."""
    prior: float
    """Variance of a logit for each unit of such a row's squared norm before any label; 0: factor has it all."""
    labeled: Floats
    """Unit rows, shape (at most KNOWN, dim)."""
    most_variance: float
    most_distance: float
    many: bool = False
    """Whether each class has a probability of its own."""

    @classmethod
    def of(cls, head: FittedHead, labeled: Floats, standard: Standard, *, many: bool = False) -> Self:
        """Measure a head after its fit.

        What is usual is what each labeled item would be if it had no label: the variance of its logit without it, by
        a rank-one downdate, and its distance to the nearest other one.

        Args:
            head: The fitted head.
            labeled: The rows that it was fitted on, shape (n_labels, dim).
            standard: Centre and spread that it was fitted with.
            many: Whether each class has a probability of its own.
        """
        curvature = _curvature(head.proba(labeled), many)
        factor, prior = _factor(head.basis(labeled, standard), curvature, head.strength)
        known = _unit(labeled[:: -(-len(labeled) // KNOWN)])
        bare = cls(head, standard, factor, prior, known, np.inf, np.inf, many)
        variance = bare.variance(labeled)
        alone = variance / np.maximum(1 - curvature * variance, 1e-6)
        likeness = known @ known.T
        np.fill_diagonal(likeness, -1)
        return cls(
            head, standard, factor, prior, known,
            float(np.quantile(alone, USUAL)), float(np.quantile(1 - likeness.max(axis=1), USUAL)), many,
        )  # fmt: skip

    def variance(self, features: Floats) -> Floats:
        """Variance of each logit of an item, shape (n_items,); O(dim * min(n_labels, dim)) an item."""
        out = np.empty(len(features), np.float32)
        for part in _parts(len(features)):
            rows = self.head.basis(features[part], self.standard)
            known = np.square(rows @ self.factor).sum(axis=1)
            out[part] = self.prior * np.square(rows).sum(axis=1) - known if self.prior else known
        return np.maximum(out, 0)

    def distance(self, features: Floats) -> Floats:
        """One minus the cosine to the most similar labeled item, shape (n_items,)."""
        out = np.empty(len(features), np.float32)
        for part in _parts(len(features)):
            out[part] = 1 - (_unit(features[part]) @ self.labeled.T).max(axis=1)
        return out

    def doubts(self, features: Floats, proba: Floats) -> tuple[Doubt, ...]:
        """Say of each item why the head may err: nothing like it was labeled, or else its best classes tie; or "".

        Where any number of classes may apply, a tie is a class of which the head can't say whether it does.

        With 200 random labels (`python -m tests.bench.doubting`) it calls 3 % of tweets unfamiliar and 94 % of lines of
        source code, 5 % of digits and 58 % of those of a class that was never labeled. Of what it calls ambiguous, 57 %
        of the tweets and 47 % of the digits get a wrong class, of what it says nothing about 27 % and 4 %.

        Args:
            features: Shape (n_items, dim).
            proba: What is shown of them, shape (n_items, n_classes).
        """
        unfamiliar = (self.variance(features) > self.most_variance) | (self.distance(features) > self.most_distance)
        ties = (uncertainty.least_settled(proba) if self.many else uncertainty.margin(proba)) >= TIE
        return tuple("unfamiliar" if u else "ambiguous" if t else "" for u, t in zip(unfamiliar, ties, strict=True))


def _factor(rows: Doubles, curvature: Doubles, strength: float) -> tuple[Doubles, float]:
    """Factor the inverse of strength * I + rows.T @ diag(curvature) @ rows; by Woodbury where labels are few."""
    weighed = rows * np.sqrt(curvature)[:, None]
    few = len(rows) < rows.shape[1]
    information = weighed @ weighed.T if few else weighed.T @ weighed
    information[np.diag_indices_from(information)] += strength
    below = np.linalg.cholesky(information)
    if few:
        return solve_triangular(below, weighed, lower=True).T / np.sqrt(strength), 1 / strength
    return solve_triangular(below, np.eye(len(below)), lower=True).T, 0.0


def _curvature(proba: Floats, many: bool) -> Doubles:
    """Mean over the directions in which the logits of an item can differ."""
    if many:
        return ANY_OF.spread(proba.astype(np.float64))
    spread = 1 - np.square(proba.astype(np.float64)).sum(axis=1)
    curvature: Doubles = np.maximum(spread, 0) / max(1, proba.shape[1] - 1)
    return curvature


def _unit(features: Floats) -> Floats:
    rows = np.asarray(features, np.float32)
    unit: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-12))
    return unit


def _parts(count: int) -> Iterator[slice]:
    return (slice(start, start + CHUNK) for start in range(0, count, CHUNK))
