"""Heads: the small classifier on top of the features, refitted while people label."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cache
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]  # ships no types

from collab.engine import committee, logistic, ridge
from collab.engine.arrays import Floats, Labels, refuse_nan
from collab.engine.committee import Committee, Stop
from collab.errors import UnknownName

Doubles = npt.NDArray[np.float64]

CHUNK_BYTES = 2 << 20
"""Features are scored in chunks of about this size, which stay in the processor's cache."""
SAFE = 60.0
"""Logits of this size can go through exp in float32 as they are."""
PRIOR_VARIANCE = 64
"""Of a logit, at first: columns / strength, for standardised columns. No head is less regularised than this."""
STEP, TUNE_FROM, TUNE_GROWTH, MOST_LOOKS = 4.0, 20, 1.1, 20
"""From 20 labels on a strength one step away is tried each time there are a tenth more."""


@dataclass(frozen=True, slots=True)
class Standard:
    """Centre and spread of the pool's features, column by column."""

    mean: Floats
    scale: Floats

    @classmethod
    def of(cls, pool: Floats, most: int = 50_000) -> Self:
        """Measure a pool, shape (n_items, dim), on some `most` evenly spread rows; a constant column has scale 1.

        Columns that know only two values (flags, one-hots) share one scale: a rare flag that is divided by its own
        small spread would drown everything else.
        """
        sample = np.asarray(pool[:: max(1, len(pool) // most)], np.float64)
        spread = sample.std(axis=0)
        varies = spread > 1e-8
        flags = varies & ((sample == sample.min(axis=0)) | (sample == sample.max(axis=0))).all(axis=0)
        if flags.any():
            spread[flags] = np.sqrt(np.square(spread[flags]).mean())
        return cls(sample.mean(axis=0).astype(np.float32), np.where(varies, spread, 1).astype(np.float32))

    def balanced(self, widths: Sequence[int]) -> Self:
        """Give each block of columns the same share of a row's size: few columns of a table would drown in a text's.

        Args:
            widths: Columns of each block, in their order; a single one stays as it is.
        """
        if len(widths) < 2:
            return self
        share = [np.full(width, np.sqrt(len(widths) * width / sum(widths))) for width in widths]
        return replace(self, scale=(self.scale * np.concatenate(share)).astype(np.float32))

    def weighted(self, widths: Sequence[int], weights: Sequence[float]) -> Self:
        """Let each block of columns count as much as its weight says; equal ones change nothing.

        Args:
            widths: Columns of each block, in their order.
            weights: Of each block; their mean square is 1.
        """
        return replace(self, scale=(self.scale / np.repeat(weights, widths)).astype(np.float32))

    def applied(self, features: Floats) -> Doubles:
        """Centre and scale rows as a head sees them, shape (n_items, dim)."""
        return (np.asarray(features, np.float64) - self.mean) / self.scale


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
        """Turn features into class probabilities, shape (n_items, n_classes); rows sum to 1.

        Where any number of classes may apply, each has a probability of its own.
        """

    def basis(self, features: Floats, standard: Standard) -> Doubles:
        """Say what its logits are linear in, shape (n_items, any), under the standard that it was fitted with."""

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
        labels: Labels,
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
                Where any number of them may apply: which do, bool of shape (n_labels, n_classes). A class that applies
                to all items so far, or to none, gets about the share that it has.
            n_classes: Columns of the resulting `proba`.
            standard: Centre and spread of the whole pool.
            previous: The fit before this one on the same columns, perhaps with fewer classes: where to start from. Its
                strength is kept until another one is tried.
            seed: For heads that draw.

        Raises:
            ValueError: There is no label, a label lies outside the classes, or features hold NaN.
        """

    def read(self, written: bytes) -> FittedHead:
        """Read what `to_bytes` wrote. Raises `ValueError` where that is damaged."""


@dataclass(frozen=True, slots=True)
class FittedLinear:
    """Weights and bias for raw unit features; the pool's standard is folded into them."""

    weights: Floats
    bias: Floats
    strength: float
    n_labels: int
    tuned_at: int = 0
    """Number of labels at which another strength was last tried; 0: not yet."""
    heading: int = 1
    """Whether a stronger penalty (1) or a weaker one (-1) is tried next."""
    many: bool = False
    """Whether each class has a probability of its own."""

    @property
    def n_classes(self) -> int:  # noqa: D102  # documented by the protocol
        return len(self.weights)

    def logits(self, features: Floats) -> Floats:  # noqa: D102  # documented by the protocol
        return self._scored(features, lambda _: None)

    def proba(self, features: Floats, temperature: float = 1.0) -> Floats:  # noqa: D102  # documented by the protocol
        return self._scored(features, lambda logits: _squash_in_place(logits, temperature, self.many))

    def basis(self, features: Floats, standard: Standard) -> Doubles:  # noqa: D102  # documented by the protocol
        return standard.applied(features)

    def to_bytes(self) -> bytes:  # noqa: D102  # documented by the protocol
        more = [self.many] if self.many else []
        numbers = np.array([self.strength, self.n_labels, self.tuned_at, self.heading, *more], np.float64)
        return save({"weights": self.weights, "bias": self.bias, "numbers": numbers})

    def _scored(self, features: Floats, finish: Callable[[Floats], None]) -> Floats:
        """Score chunk by chunk; each is finished while the cache still holds it."""
        out = np.empty((len(features), len(self.weights)), np.float32)
        columns = np.ascontiguousarray(self.weights.T)
        rows = max(1, CHUNK_BYTES // (4 * max(1, features.shape[1])))
        for start in range(0, len(features), rows):
            part = out[start : start + rows]
            np.matmul(np.asarray(features[start : start + rows], np.float32), columns, out=part)
            part += self.bias
            finish(part)
        return out


@dataclass(frozen=True, slots=True)
class FittedCommittee:
    """A committee of perceptrons, and when the next one is to stop."""

    committee: Committee
    strength: float
    n_labels: int
    stop: Stop

    @property
    def n_classes(self) -> int:  # noqa: D102  # documented by the protocol
        return len(self.committee.outer)

    def logits(self, features: Floats) -> Floats:  # noqa: D102  # documented by the protocol
        return self.committee.logits(features)

    def proba(self, features: Floats, temperature: float = 1.0) -> Floats:  # noqa: D102  # documented by the protocol
        return self.committee.proba(features, temperature)

    def basis(self, features: Floats, standard: Standard) -> Doubles:  # noqa: D102  # documented by the protocol
        return self.committee.hidden(features).astype(np.float64)

    def to_bytes(self) -> bytes:  # noqa: D102  # documented by the protocol
        made = self.committee
        layers = {
            "inner": made.inner,
            "inner_bias": made.inner_bias,
            "outer": made.outer,
            "outer_bias": made.outer_bias,
        }
        return save(layers | {"numbers": np.array([self.strength, self.n_labels, *self.stop, made.many], np.float64)})


class Logistic:
    """Logistic regression with an L2 penalty that follows the loss on items left out: multinomial, or of each class for
    itself under the same penalty."""

    name = "logistic"

    def fit(  # noqa: D102  # documented by the protocol
        self,
        features: Floats,
        labels: Labels,
        n_classes: int,
        *,
        standard: Standard,
        previous: FittedHead | None = None,
        seed: int = 0,
    ) -> FittedLinear:
        x, labels = _checked(features, labels, n_classes, standard)
        before = previous if isinstance(previous, FittedLinear) and previous.weights.shape[1] == x.shape[1] else None
        start = _start(before, standard, n_classes, x.shape[1])
        weakest = x.shape[1] / PRIOR_VARIANCE
        strength, tuned_at, heading = weakest, 0, 1
        if before is not None:
            strength, tuned_at, heading = max(before.strength, weakest), before.tuned_at, before.heading
        with one_thread():
            found = logistic.fit(x, labels, strength, start)
            if len(labels) >= max(TUNE_FROM, TUNE_GROWTH * tuned_at):
                tuned_at, failed = len(labels), 0
                # A head that has learned from the start takes one look at a time; a new one looks until it has settled.
                for _ in range(1 if before is not None else MOST_LOOKS):
                    other = strength * STEP**heading
                    tried = logistic.fit(x, labels, other, found.solution) if other >= weakest else None
                    if tried is not None and _pays(found.left_out() - tried.left_out()):
                        strength, found, failed = other, tried, 0
                    else:
                        heading, failed = -heading, failed + 1
                    if failed == 2:
                        break
        return _folded(found.solution, standard, strength, labels, tuned_at, heading)

    def read(self, written: bytes) -> FittedLinear:  # noqa: D102  # documented by the protocol
        return _read(written)


class Ridge:
    """One-vs-rest ridge regression whose strength and temperature are chosen by its exact leave-one-out loss.

    It needs no iterations. On embeddings it is level with `Logistic` at times, on low-dimensional tables it is worse.
    """

    name = "ridge"

    def fit(  # noqa: D102  # documented by the protocol
        self,
        features: Floats,
        labels: Labels,
        n_classes: int,
        *,
        standard: Standard,
        previous: FittedHead | None = None,
        seed: int = 0,
    ) -> FittedLinear:
        x, labels = _checked(features, labels, n_classes, standard)
        with one_thread():
            solution, strength = ridge.fit(x, labels, n_classes)
        return _folded(solution, standard, strength, labels)

    def read(self, written: bytes) -> FittedLinear:  # noqa: D102  # documented by the protocol
        return _read(written)


class Perceptrons:
    """A committee of small perceptrons: for tables whose columns say more together than one by one.

    When to stop is looked for anew each time that there are a tenth more labels. On embeddings and with few labels
    `Logistic` is as good, and quicker.
    """

    name = "mlp"

    def fit(  # noqa: D102  # documented by the protocol
        self,
        features: Floats,
        labels: Labels,
        n_classes: int,
        *,
        standard: Standard,
        previous: FittedHead | None = None,
        seed: int = 0,
    ) -> FittedCommittee:
        from collab.engine import perceptron  # torch: loaded only by those who train one

        x, labels = _checked(features, labels, n_classes, standard)
        known = previous.stop if isinstance(previous, FittedCommittee) and _same(previous, x, n_classes) else None
        if known is not None and len(labels) >= max(committee.FEWEST, TUNE_GROWTH * known.n_labels):
            known = None
        with _threads().limit(limits=1):
            layers, stop = perceptron.fit(x, labels, n_classes, seed, known)
        made = committee.joined(layers, standard.mean, standard.scale, stop.temperature, labels.ndim == 2)
        norm = float(np.square(made.hidden(features)).sum(axis=1).mean())
        return FittedCommittee(made, max(norm, 1e-6) / committee.PRIOR_VARIANCE, len(labels), stop)

    def read(self, written: bytes) -> FittedCommittee:  # noqa: D102  # documented by the protocol
        parts = _loaded(written)
        strength, n_labels, steps, temperature, found_at, many = parts.pop("numbers").tolist()
        stop = Stop(int(steps), temperature, int(found_at))
        return FittedCommittee(Committee(**parts, many=bool(many)), strength, int(n_labels), stop)


HEADS: dict[str, Head] = {head.name: head for head in (Logistic(), Ridge(), Perceptrons())}


def head_of(name: str) -> Head:
    """The head of that name. Raises `UnknownName`."""
    try:
        return HEADS[name]
    except KeyError:
        raise UnknownName("head", name, tuple(HEADS)) from None


def softmax(logits: Floats, temperature: float = 1.0) -> Floats:
    """Turn logits, shape (n_items, n_classes), into probabilities; a temperature over 1 makes them less sure."""
    return _squashed(logits, temperature, many=False)


def sigmoid(logits: Floats, temperature: float = 1.0) -> Floats:
    """Turn logits, shape (n_items, n_classes), into a probability of each class for itself; as `softmax`."""
    return _squashed(logits, temperature, many=True)


def _squashed(logits: Floats, temperature: float, *, many: bool) -> Floats:
    proba = np.array(logits)
    rows = max(1, CHUNK_BYTES // (4 * max(1, logits.shape[1])))
    for start in range(0, len(proba), rows):
        _squash_in_place(proba[start : start + rows], temperature, many)
    return proba


def _squash_in_place(logits: Floats, temperature: float, many: bool) -> None:
    if temperature != 1:
        logits /= np.float32(temperature)
    if many:
        np.clip(logits, -SAFE, SAFE, out=logits)
        np.exp(np.negative(logits, out=logits), out=logits)
        np.reciprocal(np.add(logits, 1, out=logits), out=logits)
        return
    if max(logits.max(initial=0), -logits.min(initial=0)) > SAFE:  # mostly not, and a pass over the row is saved
        logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= (logits @ np.ones(logits.shape[1], np.float32))[:, None]


def one_thread() -> AbstractContextManager[object]:
    """Keep matrix products on one thread: in fits this small, several only wait for each other."""
    limit: AbstractContextManager[object] = _threads().limit(limits=1)
    return limit


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()


def _checked(features: Floats, labels: Labels, n_classes: int, standard: Standard) -> tuple[Doubles, Labels]:
    if labels.ndim == 2:
        if not len(labels) or labels.shape[1] != n_classes:
            raise ValueError(f"A fit needs at least one label, and of each whether any of {n_classes} classes applies.")
    elif not len(labels) or labels.min() < 0 or labels.max() >= n_classes:
        raise ValueError(f"A fit needs at least one label, and all of them from 0 to {n_classes - 1}.")
    refuse_nan("Features", features)
    return standard.applied(features), labels


def _same(previous: FittedCommittee, x: Doubles, n_classes: int) -> bool:
    return previous.committee.inner.shape[1] == x.shape[1] and previous.n_classes == n_classes


def _start(previous: FittedLinear | None, standard: Standard, n_classes: int, dim: int) -> Doubles:
    start = np.zeros((n_classes, dim + 1))
    if previous is not None:
        kept = min(n_classes, previous.n_classes)  # a class that was added starts at zero
        start[:kept, :-1] = previous.weights[:kept] * standard.scale
        start[:kept, -1] = previous.bias[:kept] + previous.weights[:kept] @ standard.mean
    return start


def _pays(gains: Doubles) -> bool:
    """Whether losses fell by more than chance would have it: with few labels they are mostly noise."""
    return bool(gains.mean() > gains.std() / np.sqrt(len(gains)))


def _folded(
    solution: Doubles, standard: Standard, strength: float, labels: Labels, tuned_at: int = 0, heading: int = 1
) -> FittedLinear:
    weights = solution[:, :-1] / standard.scale
    bias = solution[:, -1] - weights @ standard.mean
    return FittedLinear(
        np.ascontiguousarray(weights, np.float32), bias.astype(np.float32), strength, len(labels), tuned_at, heading,
        many=labels.ndim == 2,
    )  # fmt: skip


def _loaded(written: bytes) -> dict[str, Floats]:
    try:
        parts: dict[str, Floats] = load(written)
    except SafetensorError as error:
        raise ValueError(f"This is no head: {error}") from error
    return parts


def _read(written: bytes) -> FittedLinear:
    parts = _loaded(written)
    strength, n_labels, tuned_at, *more = parts["numbers"].tolist()
    heading = int(more[0]) if more else 1  # older ones have none
    return FittedLinear(
        parts["weights"], parts["bias"], strength, int(n_labels), int(tuned_at), heading, many=len(more) > 1
    )
