"""A few thousand rows of a pool of any size, and how near they lie: what herding and information choose among."""

import numpy as np
from numpy.random import Generator

from collab.engine import uncertainty
from collab.engine.arrays import Floats, Ints
from collab.engine.diversity import Herding, bandwidth, cover, kernel, squared_distances
from collab.engine.information import Information
from collab.engine.pool import PoolView, draw, highest

UNSURE, RANDOM, TARGETS = 600, 600, 1_500
"""Rows are chosen among the most unsure and random ones, to serve random targets."""
LABELED, TOLD = 1_000, 500
"""At most so many labeled rows, drawn at random, cover their surroundings; and so many say what is known already."""
LIKELIEST = 50


class Neighbourhood:
    """What herding and information share: rows to choose from, targets, and how near they lie to each other.

    Near are items with near features for which the head says nearly the same: features stand beside the square roots
    of the probabilities, whose distance is Hellinger's.
    """

    def __init__(self, pool: PoolView, rng: Generator) -> None:
        self._proba = pool.known_proba()
        unsure = highest(uncertainty.margin(self._proba[pool.candidates]), pool.candidates, UNSURE)
        self.rows = np.concatenate([unsure, np.setdiff1d(draw(pool.candidates, RANDOM, rng), unsure)])
        self._targets = draw(pool.candidates, TARGETS, rng)
        self._labeled = draw(pool.labeled, LABELED, rng)
        self._n_labeled = len(pool.labeled)
        self._of_rows, self._of_targets = pool.rows(self.rows), pool.rows(self._targets)
        self._of_labeled = pool.rows(self._labeled)
        self._products = self._of_rows @ self._of_targets.T

    def herding(self) -> Herding:
        """Herding over these rows and targets, from what labeled rows cover already."""
        of_rows, of_targets = np.sqrt(self._proba[self.rows]), np.sqrt(self._proba[self._targets])
        beside = np.concatenate([self._of_labeled, np.sqrt(self._proba[self._labeled])], axis=1)
        width = bandwidth(beside)
        self._near = cover(np.concatenate([self._of_rows, of_rows], axis=1), beside, width)
        covered = cover(np.concatenate([self._of_targets, of_targets], axis=1), beside, width)
        squared = -2 * self._products
        squared += np.einsum("ij,ij->i", self._of_rows, self._of_rows)[:, None]
        squared += np.einsum("ij,ij->i", self._of_targets, self._of_targets)
        squared += squared_distances(of_rows, of_targets)
        return Herding(
            kernel(np.maximum(squared, 0, out=squared), width),
            covered,
            uncertainty.margin(self._proba[self._targets]),
        )

    def information(self) -> Information:
        """What labels of these rows would tell of the targets, beyond what labeled rows told."""
        told = self._of_labeled[:TOLD]
        share = np.float32(self._n_labeled / max(1, len(told)))
        weights = _tells(self._proba[self.rows]), _tells(self._proba[self._targets]), _tells(self._proba[self._labeled])
        return Information(
            self._of_rows, self._of_targets, told, self._products, (*weights[:2], share * weights[2][:TOLD])
        )

    def likeliest(self, column: int) -> list[int]:
        """Some rows in which a class is the likeliest, the best first."""
        order: Ints = np.argsort(-self._proba[self.rows, column], kind="stable")
        return [int(row) for row in order[:LIKELIEST]]

    def reasons(self, picks: list[int]) -> tuple[str, ...]:
        """Say of each pick whether the head is unsure of it or knows nothing like it: whichever is more."""
        own = uncertainty.margin(self._proba[self.rows[picks]])
        return tuple("unlike" if far > torn else "unsure" for far, torn in zip(1 - self._near[picks], own, strict=True))


def _tells(proba: Floats) -> Floats:
    """How much a label tells: the variance of whether the best class is right."""
    best: Floats = proba.max(axis=1)
    return best * (1 - best)
