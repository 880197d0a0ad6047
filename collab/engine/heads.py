"""Heads: the small classifier on top of the features, refitted while people label."""

from dataclasses import dataclass
from functools import cache
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save
from scipy.optimize import minimize
from scipy.special import log_softmax
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]  # ships no types

from collab.engine.arrays import Floats, Ints, refuse_nan
from collab.errors import UnknownName

Doubles = npt.NDArray[np.float64]

CHUNK = 100_000
STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)
PRIOR_VARIANCE = 16
"""Of a logit, before the strength is first tuned: columns / strength, for standardised columns."""
FOLDS, TUNE_FROM, TUNE_EVERY, TUNE_ON = 5, 100, 50, 2_000
"""The strength is looked for from 100 labels on, anew after 50 more or a quarter more, on at most 2,000 of them."""
UNSEEN = 0.1
"""Weight of the made-up item of each class at the pool's centre: keeps a class without labels possible, and finite."""


@dataclass(frozen=True, slots=True)
class Standard:
    """Centre and spread of the pool's features, column by column."""

    mean: Floats
    scale: Floats

    @classmethod
    def of(cls, pool: Floats, most: int = 50_000) -> Self:
        """Measure a pool, shape (n_items, dim), on some `most` evenly spread rows; a constant column has scale 1."""
        sample = np.asarray(pool[:: max(1, len(pool) // most)], np.float64)
        spread = sample.std(axis=0)
        return cls(sample.mean(axis=0).astype(np.float32), np.where(spread > 1e-8, spread, 1).astype(np.float32))


class FittedHead(Protocol):
    """A head after its fit: features to probabilities."""

    @property
    def n_classes(self) -> int:
        """Columns of `proba`."""

    @property
    def n_labels(self) -> int:
        """How many labels it was fitted on."""

    @property
    def strength(self) -> float:
        """How strongly it was regularised."""

    def logits(self, features: Floats) -> Floats:
        """Score unit feature rows, shape (n_items, dim); returns (n_items, n_classes)."""

    def proba(self, features: Floats, temperature: float = 1.0) -> Floats:
        """Turn features into class probabilities, shape (n_items, n_classes); rows sum to 1."""

    def to_bytes(self) -> bytes:
        """Write it down as safetensors; `Head.read` reads it back."""


class Head(Protocol):
    """A kind of small classifier."""

    @property
    def name(self) -> str:
        """The name that a policy carries."""

    def fit(
        self,
        features: Floats,
        labels: Ints,
        n_classes: int,
        *,
        standard: Standard,
        previous: FittedHead | None = None,
        seed: int = 0,
    ) -> FittedHead:
        """Fit on labeled items. Same arguments, same result.

        Args:
            features: Unit rows, shape (n_labels, dim).
            labels: Class columns, shape (n_labels,), each in [0, n_classes). Classes may be missing, even all but one.
            n_classes: Columns of the resulting `proba`.
            standard: Centre and spread of the whole pool.
            previous: The fit before this one on the same columns, perhaps with fewer classes: where to start from. Its
                strength is kept until one is looked for again.
            seed: Shuffles the folds by which the strength is chosen.

        Raises:
            ValueError: There is no label, a label lies outside the classes, or features hold NaN.
        """

    def read(self, written: bytes) -> FittedHead:
        """Read what `to_bytes` wrote. Raises `ValueError` where that is damaged."""


@dataclass(frozen=True, slots=True)
class FittedLogistic:
    """Weights and bias for raw unit features; the pool's standard is folded into them."""

    weights: Floats
    bias: Floats
    strength: float
    n_labels: int
    tuned_at: int
    """Number of labels at which the strength was last chosen; 0: not yet."""

    @property
    def n_classes(self) -> int:  # noqa: D102  # documented by the protocol
        return len(self.weights)

    def logits(self, features: Floats) -> Floats:  # noqa: D102  # documented by the protocol
        out = np.empty((len(features), len(self.weights)), np.float32)
        columns = np.ascontiguousarray(self.weights.T)
        for start in range(0, len(features), CHUNK):
            part = slice(start, start + CHUNK)
            np.matmul(np.asarray(features[part], np.float32), columns, out=out[part])
        out += self.bias
        return out

    def proba(self, features: Floats, temperature: float = 1.0) -> Floats:  # noqa: D102  # documented by the protocol
        return softmax(self.logits(features), temperature)

    def to_bytes(self) -> bytes:  # noqa: D102  # documented by the protocol
        numbers = np.array([self.strength, self.n_labels, self.tuned_at], np.float64)
        return save({"weights": self.weights, "bias": self.bias, "numbers": numbers})


class Logistic:
    """Multinomial logistic regression by L-BFGS, with an L2 penalty whose strength grows with the labels.

    The strength minimises the loss of a five-fold cross-validation, looked for now and then and kept between.
    """

    name = "logistic"

    def fit(  # noqa: D102  # documented by the protocol
        self,
        features: Floats,
        labels: Ints,
        n_classes: int,
        *,
        standard: Standard,
        previous: FittedHead | None = None,
        seed: int = 0,
    ) -> FittedLogistic:
        labels = np.asarray(labels, np.int64)
        if not len(labels) or labels.min() < 0 or labels.max() >= n_classes:
            raise ValueError(f"A fit needs at least one label, and all of them from 0 to {n_classes - 1}.")
        refuse_nan("Features", features)
        x = (np.asarray(features, np.float64) - standard.mean) / standard.scale
        before = previous if isinstance(previous, FittedLogistic) and previous.weights.shape[1] == x.shape[1] else None
        start = _start(before, standard, n_classes, x.shape[1])
        with _threads().limit(limits=1):  # in fits this small, several threads only wait for each other
            strength, tuned_at = _strength(x, labels, n_classes, before, seed)
            solution = _minimise(x, labels, strength, start)
        weights = solution[:, :-1] / standard.scale
        bias = solution[:, -1] - weights @ standard.mean
        return FittedLogistic(weights.astype(np.float32), bias.astype(np.float32), strength, len(labels), tuned_at)

    def read(self, written: bytes) -> FittedLogistic:  # noqa: D102  # documented by the protocol
        try:
            parts = load(written)
        except SafetensorError as error:
            raise ValueError(f"This is no head: {error}") from error
        strength, n_labels, tuned_at = parts["numbers"]
        return FittedLogistic(parts["weights"], parts["bias"], float(strength), int(n_labels), int(tuned_at))


HEADS: dict[str, Head] = {head.name: head for head in (Logistic(),)}


def head_of(name: str) -> Head:
    """The head of that name. Raises `UnknownName`."""
    try:
        return HEADS[name]
    except KeyError:
        raise UnknownName("head", name, tuple(HEADS)) from None


def softmax(logits: Floats, temperature: float = 1.0) -> Floats:
    """Turn logits, shape (n_items, n_classes), into probabilities; a temperature over 1 makes them less sure."""
    proba = logits / np.float32(temperature)
    proba -= proba.max(axis=1, keepdims=True)
    np.exp(proba, out=proba)
    proba /= proba.sum(axis=1, keepdims=True)
    return proba


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()


def _start(previous: FittedLogistic | None, standard: Standard, n_classes: int, dim: int) -> Doubles:
    start = np.zeros((n_classes, dim + 1))
    if previous is not None:
        kept = min(n_classes, previous.n_classes)  # a class that was added starts at zero
        start[:kept, :-1] = previous.weights[:kept] * standard.scale
        start[:kept, -1] = previous.bias[:kept] + previous.weights[:kept] @ standard.mean
    return start


def _minimise(x: Doubles, labels: Ints, strength: float, start: Doubles) -> Doubles:
    """Minimise the penalised loss over (n_classes, dim + 1), the last column being the bias, which isn't penalised."""
    truth = np.eye(len(start))[labels]

    def loss(flat: Doubles) -> tuple[float, Doubles]:
        solution = flat.reshape(start.shape)
        weights, bias = solution[:, :-1], solution[:, -1]
        logs = log_softmax(x @ weights.T + bias, axis=1)
        unseen = log_softmax(bias)
        excess = np.exp(logs) - truth
        slope = np.empty_like(solution)
        slope[:, :-1] = excess.T @ x + strength * weights
        slope[:, -1] = excess.sum(axis=0) + UNSEEN * (len(bias) * np.exp(unseen) - 1)
        value = strength / 2 * (weights * weights).sum() - (logs * truth).sum() - UNSEEN * unseen.sum()
        return value, slope.ravel()

    found = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 200, "gtol": 1e-3})
    return np.asarray(found.x).reshape(start.shape)


def _strength(
    x: Doubles, labels: Ints, n_classes: int, previous: FittedLogistic | None, seed: int
) -> tuple[float, int]:
    """Choose the strength by cross-validation, or keep the one before; also returns when it was last chosen."""
    strength, tuned_at = (previous.strength, previous.tuned_at) if previous else (x.shape[1] / PRIOR_VARIANCE, 0)
    if len(labels) < max(TUNE_FROM, tuned_at + max(TUNE_EVERY, tuned_at // 4)):
        return strength, tuned_at
    rows = np.random.default_rng(seed).permutation(len(labels))[:TUNE_ON]
    folds = [(np.delete(rows, part), rows[part]) for part in np.array_split(np.arange(len(rows)), FOLDS)]
    starts = [np.zeros((n_classes, x.shape[1] + 1))] * FOLDS

    @cache
    def losses(i: int) -> Doubles:
        """Mean loss on each fold at one strength, each fit starting where the last one of its fold ended."""
        found = np.empty(FOLDS)
        for f, (inside, outside) in enumerate(folds):
            starts[f] = _minimise(x[inside], labels[inside], STRENGTHS[i], starts[f])
            logs = log_softmax(x[outside] @ starts[f][:, :-1].T + starts[f][:, -1], axis=1)
            found[f] = -logs[np.arange(len(outside)), labels[outside]].mean()
        return found

    at = int(np.abs(np.log(np.array(STRENGTHS) / strength)).argmin())
    while True:
        # With few labels the loss is mostly noise: a step must pay on nearly every fold.
        near = [i for i in (at + 1, at - 1) if 0 <= i < len(STRENGTHS)]
        better = [i for i in near if (losses(i) < losses(at)).sum() >= FOLDS - 1]
        if not better:
            return STRENGTHS[at], len(labels)
        at = better[0]
