"""Learn from the labels how much each block of columns counts: text, pictures and table don't always say as much."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from collab.engine import logistic
from collab.engine.arrays import Ints

Doubles = npt.NDArray[np.float64]

LOOK_FROM, LOOK_GROWTH = 20, 1.1
"""Labels at which weights are first learned, and the growth after which they are looked at again."""
STEP = 2.0
"""Factor by which a weight is tried larger and smaller."""
LEAST = 1 / 16
"""Of the largest weight: a block that counts less is as good as gone."""
FIRST_SWEEPS = 4
"""Over all blocks, at the first look; later ones sweep once."""
MOST_ITEMS = 128
"""Evenly spread over the labels; a few weights need no more, and the time for a look grows faster than their number."""


@dataclass(frozen=True, slots=True)
class Balance:
    """Weights of the blocks; their mean square is 1, so that the penalty of a head goes on meaning the same."""

    weights: tuple[float, ...]
    looked_at: int = 0
    """Number of labels at which they were last looked at; 0: they are equal ones."""

    def due(self, n_labels: int) -> bool:
        """Whether there are enough labels to look at them, or to look again."""
        return len(self.weights) > 1 and n_labels >= max(LOOK_FROM, LOOK_GROWTH * self.looked_at)


def equal(blocks: int) -> Balance:
    """Blocks that count alike."""
    return Balance((1.0,) * blocks)


def rebalanced(before: Balance, x: Doubles, labels: Ints, widths: Sequence[int], strength: float) -> Balance:
    """Try each block's weight larger and smaller, and keep what lowers the loss on items left out by more than chance.

    Same arguments, same result. Items count by their products alone, so that a try costs no more for many columns.

    Args:
        before: The weights so far, from which it starts.
        x: Standardised rows in which blocks count alike, shape (n_items, dim).
        labels: Their classes, shape (n_items,).
        widths: Columns of each block, in their order.
        strength: Of the head's penalty.
    """
    n_labels = len(x)
    spread = np.random.default_rng(0).permutation(n_labels)[:MOST_ITEMS]  # rows may come class by class, or in turn
    x, labels = x[spread], labels[spread]
    blocks = np.split(x, np.cumsum(widths)[:-1], axis=1)
    products = [block @ block.T for block in blocks] if len(x) <= x.shape[1] else None
    known, truth = np.unique(labels, return_inverse=True)

    def losses(weights: Doubles) -> Doubles:
        if products is None:
            rows = np.hstack([weight * block for weight, block in zip(weights, blocks, strict=True)])
        else:
            gram = np.tensordot(weights**2, products, 1)
            gram[np.diag_indices_from(gram)] += 1e-9 * max(np.trace(gram), 1.0)  # equal items need the lift
            rows = np.linalg.cholesky(gram)
        start = np.zeros((len(known), rows.shape[1] + 1))
        return logistic.fit(rows, truth, strength, start).left_out()

    weights = np.array(before.weights)
    best = losses(weights)
    for _ in range(1 if before.looked_at else FIRST_SWEEPS):
        settled = True
        for block, factor in _moves(len(weights)):
            tried = weights.copy()
            tried[block] *= factor
            tried /= np.sqrt(np.square(tried).mean())
            if tried.min() < LEAST * tried.max():
                continue
            gains = best - (other := losses(tried))
            if gains.mean() > gains.std() / np.sqrt(len(gains)):
                weights, best, settled = tried, other, False
        if settled:
            break
    return Balance(tuple(weights.tolist()), n_labels)


def _moves(blocks: int) -> Iterator[tuple[int, float]]:
    """Of two blocks one is enough: that it counts more says that the other counts less."""
    for block in range(blocks if blocks > 2 else 1):
        yield block, STEP
        yield block, 1 / STEP
