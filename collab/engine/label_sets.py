"""Sets of classes that hold the right one as often as they say. numpy and scipy only, for pages import it.

A threshold belongs to the probabilities that it was made from: another refit, or another temperature, needs another
one. The temperature may come from the same answers.
"""

from dataclasses import dataclass
from math import ceil, inf, log
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, betaincinv

from collab.engine.arrays import Floats, Labels

Sets = npt.NDArray[np.bool_]

Meaning = Literal["unlike", "none", "one", "choices", "too many"]
"""unlike: no class is likely enough, and little that was labeled is like the item; none: no class is likely enough;
one: the set says what the suggestion says; choices: worth showing; too many: more than five, or all that there are."""

MOST_SHOWN = 5
ROUNDING = 1e-9
"""What binary fractions may be off: (n + 1) x .9 must not come out a hair above a whole number."""


@dataclass(frozen=True, slots=True)
class Band:
    """Between which coverages the sets of one threshold really lie, and around which mean."""

    mean: float
    low: float
    high: float


def calibrate(proba: Floats, answers: Labels, level: float, sure: float | None = None) -> float:
    """Find the threshold under which sets hold the right class with probability `level`.

    Sets of one threshold cover a little more or less than the level, for its answers are few (`realised`); the level is
    met on the mean. With `sure`, it is met by this very threshold with that confidence.

    Args:
        proba: Of audited items, never trained on, shape (n_items, n_classes).
        answers: What people say of them. Where any number of classes may apply, a set is to hold all that do.
        level: Share of items whose set shall hold the right class, such as .9.
        sure: Confidence that the level is met, such as .9; None: on the mean over draws of audits.

    Returns:
        Largest 1 - probability that a class in a set may have; infinity, so that all classes are in every set, where
        there are fewer answers than `needed`.

    Source: Sadinle, Lei and Wasserman, "Least Ambiguous Set-Valued Classifiers with Bounded Error Levels", JASA 2019;
    of all that apply Cauchois et al., "Knowing What You Know: Valid and Validated Confidence Sets in Multiclass
    and Multilabel Prediction", JMLR 2021; with `sure` Zwart, "Probabilistic Conformal Coverage Guarantees in Small-Data
    Settings", arXiv 2509.15349, 2025.
    """
    rank = rank_of(len(answers), level, sure)
    if rank > len(answers):
        return inf
    if answers.ndim == 2:  # a set that holds the least likely of those that apply holds all; none needs no set
        strange = np.where(answers, _strangeness(proba), 0).max(axis=1)
    else:
        strange = _strangeness(proba)[np.arange(len(answers)), answers]
    return float(np.partition(strange, rank - 1)[rank - 1])


def predict(proba: Floats, threshold: float) -> Sets:
    """Say which classes belong to the set of each item, shape (n_items, n_classes)."""
    inside: Sets = _strangeness(proba) <= threshold
    return inside


def meanings(sets: Sets, unfamiliar: npt.NDArray[np.bool_]) -> tuple[Meaning, ...]:
    """Say what each set is to a person: shown where it names several classes, at most five, and rules out others.

    An empty set alone is no sign of novelty: where the head is right more often than the level asks, ties have empty
    sets too, and with two classes nothing else has.

    Args:
        sets: Shape (n_items, n_classes).
        unfamiliar: Whether an item lies far from everything labeled, shape (n_items,).
    """
    classes, sizes = sets.shape[1], sets.sum(axis=1).tolist()
    return tuple(_meaning(size, classes, far) for size, far in zip(sizes, unfamiliar.tolist(), strict=True))


def wider(sets: Sets, suggested: Sets) -> npt.NDArray[np.bool_]:
    """Say which sets are worth showing where any number of classes may apply, shape (n_items,).

    Those that name at most five classes, rule out others, and hold all that is suggested and more: what is as narrow
    says nothing new, and what is narrower would contradict the suggestion.

    Args:
        sets: Shape (n_items, n_classes).
        suggested: Which classes are suggested, same shape.
    """
    sizes = sets.sum(axis=1)
    more = (sets >= suggested).all(axis=1) & (sizes > suggested.sum(axis=1))
    shown: npt.NDArray[np.bool_] = more & (sizes <= MOST_SHOWN) & (sizes < sets.shape[1])
    return shown


def needed(level: float, sure: float | None = None) -> int:
    """Count the answers from which sets can keep the level without naming all classes.

    >>> needed(0.9), needed(0.95), needed(0.9, sure=0.9)
    (9, 19, 22)
    """
    _check(level, sure)
    if sure is None:
        return ceil(level / (1 - level) - ROUNDING)
    return ceil(log(1 - sure) / log(level) - ROUNDING)


def realised(n: int, level: float, sure: float | None = None, within: float = 0.9) -> Band:
    """Say between which coverages the sets lie that n answers make, in the given share of all draws of answers.

    Exact where no two scores are equal; ties only raise coverage.

    >>> band = realised(100, 0.9)
    >>> round(band.low, 3), round(band.high, 3)
    (0.848, 0.945)

    Source: Vovk, "Conditional Validity of Inductive Conformal Predictors", ACML 2012.
    """
    rank = rank_of(n, level, sure)
    if rank > n:
        return Band(1.0, 1.0, 1.0)
    low, high = betaincinv(rank, n + 1 - rank, [(1 - within) / 2, (1 + within) / 2])
    return Band(rank / (n + 1), float(low), float(high))


def rank_of(n: int, level: float, sure: float | None = None) -> int:
    """Say which of n scores, the smallest being 1, is the threshold; n + 1 where none is large enough.

    >>> rank_of(100, 0.9), rank_of(100, 0.9, sure=0.9), rank_of(5, 0.9)
    (91, 95, 6)
    """
    _check(level, sure)
    if sure is None:
        return min(ceil((n + 1) * level - ROUNDING), n + 1)
    # Coverage under the r-th smallest score is Beta(r, n + 1 - r); it reaches the level exactly where fewer than r of n
    # scores lie below the level's own quantile, and those are binomial.
    reached = np.flatnonzero(bdtr(np.arange(n), n, level) >= sure)
    return int(reached[0]) + 1 if len(reached) else n + 1


def _strangeness(proba: Floats) -> npt.NDArray[np.float64]:
    """1 - probability, in double precision both times: a set must hold the very class that set its threshold."""
    return 1 - proba.astype(np.float64)


def _meaning(size: int, classes: int, unfamiliar: bool) -> Meaning:
    if size == 0:
        return "unlike" if unfamiliar else "none"
    if size == 1:
        return "one"
    return "choices" if size <= MOST_SHOWN and size < classes else "too many"


def _check(level: float, sure: float | None) -> None:
    if not 0 < level < 1 or (sure is not None and not 0 < sure < 1):
        raise ValueError(f"Level is {level} and confidence {sure}; both must lie between 0 and 1.")
