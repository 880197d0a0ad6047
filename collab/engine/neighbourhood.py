"""A few thousand rows of a pool of any size, and how near they lie: what herding and information choose among."""

import numpy as np
from numpy.random import Generator

from collab.engine.arrays import Floats, Ints
from collab.engine.diversity import Herding, bandwidth, cover, kernel, squared_distances
from collab.engine.information import Information
from collab.engine.pool import PoolView, draw, highest

UNSURE, RANDOM, TARGETS = 600, 600, 1_500
"""Rows are chosen among the most unsure and random ones, to serve random targets."""
LABELED, TOLD = 1_000, 500
"""At most so many labeled rows, drawn at random, cover their surroundings; and so many say what is known already."""
LIKELIEST = 50
"""Rows that may stand for the rarest class."""
ASKED = 0.9
"""Cover from which a row is as good as asked already."""


class Neighbourhood:
    """What herding and information share: rows to choose from, targets, and how near they lie to each other.

    Near are items with near features for which the head says nearly the same: features stand beside the square roots
    of the probabilities, whose distance is Hellinger's. Where any number of classes may apply, each is told with its
    opposite.
    """

    def __init__(self, pool: PoolView, rng: Generator) -> None:
        self._proba = pool.known_proba()
        self._many = pool.many
        self._torn = pool.torn
        self._rare = self._likeliest(pool)
        unsure = highest(pool.torn[pool.candidates], pool.candidates, UNSURE)
        self.rows = np.unique(np.concatenate([unsure, draw(pool.candidates, RANDOM, rng), self._rare]))
        self._targets = draw(pool.candidates, TARGETS, rng)
        self._labeled = draw(pool.labeled, LABELED, rng)
        self._n_labeled = len(pool.labeled)
        self._of_rows, self._of_targets = pool.rows(self.rows), pool.rows(self._targets)
        self._of_labeled = pool.rows(self._labeled)
        self._products = self._of_rows @ self._of_targets.T
        beside = self._beside(self._labeled, self._of_labeled)
        self._width = bandwidth(beside)
        self._asked = np.concatenate([beside, self._beside(pool.held, pool.rows(pool.held))])
        self._near = cover(self._beside(self.rows, self._of_rows), self._asked, self._width)

    def herding(self) -> Herding:
        """Herding over these rows and targets, from what labeled rows, and those that are out, cover already."""
        squared = -2 * self._products
        squared += np.einsum("ij,ij->i", self._of_rows, self._of_rows)[:, None]
        squared += np.einsum("ij,ij->i", self._of_targets, self._of_targets)
        squared += squared_distances(self._roots(self.rows), self._roots(self._targets))
        covered = cover(self._beside(self._targets, self._of_targets), self._asked, self._width)
        near = kernel(np.maximum(squared, 0, out=squared), self._width)
        return Herding(near, covered, self._torn[self._targets])

    def information(self) -> Information:
        """What labels of these rows would tell of the targets, beyond what labeled rows told."""
        told = self._of_labeled[:TOLD]
        share = np.float32(self._n_labeled / max(1, len(told)))
        weights = tuple(self._tells(self._proba[part]) for part in (self.rows, self._targets, self._labeled))
        return Information(
            self._of_rows, self._of_targets, told, self._products, (weights[0], weights[1], share * weights[2][:TOLD])
        )

    def rare(self) -> list[int]:
        """Positions of rows of the whole pool in which the rarest class is the likeliest, the best first.

        None that is like one that was asked.
        """
        places = np.searchsorted(self.rows, self._rare)
        return [int(place) for place in places if self._near[place] < ASKED]

    def reasons(self, picks: list[int]) -> tuple[str, ...]:
        """Say of each pick whether the head is unsure of it or knows nothing like it: whichever is more."""
        own = self._torn[self.rows[picks]]
        return tuple("unlike" if far > torn else "unsure" for far, torn in zip(1 - self._near[picks], own, strict=True))

    def _beside(self, rows: Ints, features: Floats) -> Floats:
        return np.concatenate([features, self._roots(rows)], axis=1)

    def _roots(self, rows: Ints) -> Floats:
        proba = self._proba[rows]
        return np.sqrt(np.concatenate([proba, 1 - proba], axis=1) if self._many else proba)

    def _tells(self, proba: Floats) -> Floats:
        """How much a label tells: the variance of whether the best class is right, or of whether one applies."""
        if self._many:
            mean: Floats = (proba * (1 - proba)).mean(axis=1)
            return mean
        best: Floats = proba.max(axis=1)
        return best * (1 - best)

    def _likeliest(self, pool: PoolView) -> Ints:
        """Candidates in which the class with the fewest labels, of those that have any and are offered, is likeliest.

        None where it is nowhere likelier than among the labels: such an item would not be of that class.
        """
        counts = pool.counts
        counts[list(pool.retired)] = 0
        if not counts.any():
            return np.empty(0, np.int64)
        column = int(np.where(counts > 0, counts, len(pool.labels) + 1).argmin())
        found: Ints = highest(self._proba[pool.candidates, column], pool.candidates, LIKELIEST)
        likely: Ints = found[self._proba[found, column] > counts[column] / len(pool.labels)]
        return likely
