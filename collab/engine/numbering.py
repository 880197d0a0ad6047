"""Whole answers as numbers, so that figures compare answers to any kind of question as they compare classes.

numpy only, for pages import it. Knows columns of classes, not what they are called.
"""

import hashlib
from collections.abc import Sequence
from typing import final

import numpy as np
import numpy.typing as npt

from collab.domain.task import APPLIES_FROM
from collab.engine.arrays import Floats, Ints, Labels

Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@final
class Numbering:
    """Where one class applies, its answer has the number of its column; where any number may, each set of classes gets
    the next number when it is first met, and keeps it for as long as this lives."""

    def __init__(self, many: bool = False, met: Sequence[tuple[int, ...]] = ()) -> None:
        """Begin.

        Args:
            many: Whether any number of classes may apply.
            met: Sets of columns that have the first numbers, in this order; only where many may.
        """
        self.many = many
        self._number = {columns: number for number, columns in enumerate(met)}
        self._columns = list(met)

    @property
    def met(self) -> tuple[tuple[int, ...], ...]:
        """The sets of columns that have numbers, in their order; none where one class applies."""
        return tuple(self._columns)

    def number(self, columns: Sequence[int]) -> int:
        """The number of an answer, given as its columns in rising order."""
        if not self.many:
            return columns[0]
        key = tuple(columns)
        if key not in self._number:
            self._number[key] = len(self._columns)
            self._columns.append(key)
        return self._number[key]

    def columns(self, number: int) -> tuple[int, ...]:
        """The columns of an answer."""
        return self._columns[number] if self.many else (number,)

    def numbers(self, labels: Labels) -> Ints:
        """Number many answers at once, shape (n,)."""
        if labels.ndim == 1:
            return labels.astype(np.int64, copy=False)
        # As a string of bytes each row is compared at once, not column by column.
        packed = np.ascontiguousarray(np.packbits(labels, axis=1))
        rows = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
        _, first, place = np.unique(rows, return_index=True, return_inverse=True)
        known = [self.number(np.flatnonzero(labels[row]).tolist()) for row in first.tolist()]
        return np.array(known, np.int64)[place.ravel()]

    def labels(self, numbers: Ints, n_classes: int) -> Labels:
        """What a head learns from answers of these numbers."""
        if not self.many:
            return numbers
        applies = np.zeros((len(self._columns), n_classes), bool)
        for number, columns in enumerate(self._columns):
            applies[number, list(columns)] = True
        return applies[numbers]

    def said(self, proba: Floats) -> Ints:
        """What a head suggests by its probabilities, shape (n_items,)."""
        return self.numbers(suggested(proba)) if self.many else proba.argmax(axis=1)

    def sure(self, proba: Floats) -> Doubles:
        """How probable it is that the whole of that is right, shape (n_items,)."""
        return whole(proba) if self.many else proba.max(axis=1).astype(np.float64)

    def lasting(self, numbers: Ints) -> Ints:
        """Numbers that are the same wherever this is made anew: columns themselves, or digests of sets of them."""
        if not self.many:
            return numbers
        digests = [hashlib.blake2b(repr(each).encode(), digest_size=6).digest() for each in self._columns]
        return np.array([int.from_bytes(each) for each in digests], np.int64)[numbers]


def suggested(proba: Floats) -> Bools:
    """Which classes, of any number that may apply, a head suggests, shape (n_items, n_classes)."""
    applies: Bools = proba >= APPLIES_FROM
    return applies


def whole(proba: Floats) -> Doubles:
    """How probable it is that all of a suggestion is right, the classes taken to be independent, shape (n_items,)."""
    each = np.maximum(proba, 1 - proba).astype(np.float64)
    product: Doubles = each.prod(axis=1)
    return product
