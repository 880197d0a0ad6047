"""Last-layer Laplace: what a fitted head doesn't know, and whether an item is ambiguous or unfamiliar."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_triangular

from collab.engine import uncertainty
from collab.engine.arrays import Floats
from collab.engine.heads import FittedHead, Standard, softmax

Doubles = npt.NDArray[np.float64]
Doubt = Literal["ambiguous", "unfamiliar", ""]

CHUNK = 4_096
DRAWS = 16
"""Draws of the logits' noise, each taken with both signs."""
USUAL_ROWS, USUAL = 500, 0.975
"""An item is unfamiliar when it lies beyond this quantile of some rows of the pool, by variance or by distance."""
TIE = 0.8
"""An item is ambiguous when its margin score reaches this: its two best classes lie within a fifth of each other."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of some items; entropies in nats, each of shape (n_items,)."""

    proba: Floats
    """Softmax of the logits shrunk by their variance, shape (n_items, n_classes)."""
    total: Floats
    """Entropy of the mean over draws of the logits."""
    expected: Floats
    """Mean entropy over the draws: what more labels would not take away."""
    mutual: Floats
    """The difference of both: what they would."""


@dataclass(frozen=True, slots=True)
class Laplace:
    """A Gaussian around a head's weights, as wide as its labels allow.

    All classes share one covariance: a label counts with its mean curvature, which is exact for two classes. The
    intercept counts as known.

    Source: MacKay, "The Evidence Framework Applied to Classification Networks", Neural Computation 1992; Kristiadi
    et al., "Being Bayesian, Even Just a Bit, Fixes Overconfidence in ReLU Networks", ICML 2020.
    """

    head: FittedHead
    standard: Standard
    factor: Doubles
    """Shape (dim, rank): a standardised row times this, squared and summed, is its variance, or what labels took."""
    prior: float
    """Variance of a logit for each unit of a standardised row's squared norm before any label; 0: factor has it all."""
    labeled: Floats
    """Unit rows, shape (n_labels, dim)."""
    most_variance: float
    most_distance: float

    @classmethod
    def of(cls, head: FittedHead, labeled: Floats, standard: Standard, pool: Floats) -> Self:
        """Measure a head after its fit.

        Args:
            head: The fitted head.
            labeled: The rows that it was fitted on, shape (n_labels, dim).
            standard: Centre and spread that it was fitted with.
            pool: All rows, shape (n_items, dim); some evenly spread ones are read, to learn what is usual.
        """
        factor, prior = _factor(_standardised(labeled, standard), _curvature(head.proba(labeled)), head.strength)
        bare = cls(head, standard, factor, prior, _unit(labeled), np.inf, np.inf)
        usual = np.asarray(pool[:: max(1, -(-len(pool) // USUAL_ROWS))], np.float32)
        variance, distance = bare.variance(usual), bare.distance(usual)
        return cls(
            head, standard, factor, prior, bare.labeled,
            float(np.quantile(variance, USUAL)), float(np.quantile(distance, USUAL)),
        )  # fmt: skip

    def variance(self, features: Floats) -> Floats:
        """Variance of each logit of an item, shape (n_items,); O(dim * min(n_labels, dim)) an item."""
        out = np.empty(len(features), np.float32)
        for part in _parts(len(features)):
            rows = _standardised(features[part], self.standard)
            known = np.square(rows @ self.factor).sum(axis=1)
            out[part] = self.prior * np.square(rows).sum(axis=1) - known if self.prior else known
        return np.maximum(out, 0)

    def distance(self, features: Floats) -> Floats:
        """One minus the cosine to the most similar labeled item, shape (n_items,)."""
        out = np.empty(len(features), np.float32)
        for part in _parts(len(features)):
            out[part] = 1 - (_unit(features[part]) @ self.labeled.T).max(axis=1)
        return out

    def reading(self, features: Floats, temperature: float = 1.0) -> Reading:
        """Shrink the probabilities by what isn't known, and split their entropy."""
        logits = self.head.logits(features) / np.float32(temperature)
        variance = self.variance(features)[:, None] / np.float32(temperature**2)
        noise = np.random.default_rng(0).standard_normal((DRAWS, logits.shape[1])).astype(np.float32)
        mean, expected = np.zeros_like(logits), np.zeros(len(logits), np.float32)
        for draw in (*noise, *-noise):
            proba = softmax(logits + np.sqrt(variance) * draw)
            mean += proba / (2 * DRAWS)
            expected += _nats(proba) / (2 * DRAWS)
        total = _nats(mean)
        shrunk = softmax(logits / np.sqrt(1 + np.pi / 8 * variance))
        return Reading(shrunk, total, expected, np.maximum(total - expected, 0))

    def doubts(self, features: Floats, temperature: float = 1.0) -> tuple[Doubt, ...]:
        """Say of each item why the head may err: nothing like it was labeled, or else its best classes tie; or "".

        By `python -m tests.bench.doubting`, with 200 random labels: on tweets 6 % of the pool are called unfamiliar,
        and 94 % of lines of source code; on digits 6 %, and 63 % of a class that was never labeled (with 50 labels
        24 %). Where it says "ambiguous" the head errs in 57 % of tweets and 48 % of digits, against 27 % and 3 % where
        it says nothing; with few labels many such ties are only want of labels.
        """
        unfamiliar = (self.variance(features) > self.most_variance) | (self.distance(features) > self.most_distance)
        ties = uncertainty.margin(self.head.proba(features, temperature)) >= TIE
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


def _curvature(proba: Floats) -> Doubles:
    """Mean over the directions in which the logits of an item can differ."""
    spread = 1 - np.square(proba.astype(np.float64)).sum(axis=1)
    curvature: Doubles = np.maximum(spread, 0) / max(1, proba.shape[1] - 1)
    return curvature


def _standardised(features: Floats, standard: Standard) -> Doubles:
    rows: Doubles = (np.asarray(features, np.float64) - standard.mean) / standard.scale
    return rows


def _unit(features: Floats) -> Floats:
    rows = np.asarray(features, np.float32)
    unit: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-12))
    return unit


def _nats(proba: Floats) -> Floats:
    nats: Floats = -(proba * np.log(np.maximum(proba, np.finfo(np.float32).tiny))).sum(axis=1)
    return nats


def _parts(count: int) -> Iterator[slice]:
    return (slice(start, start + CHUNK) for start in range(0, count, CHUNK))
