"""Choose few rows that stand for many: typical ones, centres of weighted clusters, kernel herding.

Rows are features of one size: their mean squared norm is about 1, be they unit vectors or scaled columns.
"""

import heapq

import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from collab.engine.arrays import Floats, Ints

SAME, EQUAL = 0.002, 1e-9
"""Squared distance below which two rows are the same to a reader: of an encoder's unit rows a cosine over .999. Rows
of a table differ in what the columns say: there only equal ones are."""

NEIGHBOURS = 20
CLUSTER_SAMPLE = 500
"""Rows of a cluster that are compared with each other: enough to find its dense part."""


def squared_distances(a: Floats, b: Floats) -> Floats:
    """Squared Euclidean distance of each row of `a` to each of `b`, shape (len(a), len(b)); never below 0."""
    distance: Floats = a @ b.T
    distance *= -2
    distance += np.einsum("ij,ij->i", a, a)[:, None]
    distance += np.einsum("ij,ij->i", b, b)
    return np.maximum(distance, 0, out=distance)


def first_of_same(features: Floats) -> Ints:
    """Positions of the rows that no earlier row nearly equals, in their order."""
    kept = np.ones(len(features), bool)
    close = squared_distances(features, features) <= _same(features)
    for later, row in enumerate(np.tril(close, -1)):
        kept[later] = not (row & kept).any()
    return np.flatnonzero(kept)


def unlike_all(features: Floats, others: Floats) -> Ints:
    """Positions of the rows that none of the others nearly equals."""
    if not len(features) or not len(others):
        return np.arange(len(features))
    return np.flatnonzero(squared_distances(features, others).min(axis=1) > _same(features))


def kmeans(
    features: Floats, clusters: int, rng: Generator, weights: Floats | None = None, rounds: int = 10
) -> tuple[Floats, Ints]:
    """Cluster rows by Euclidean distance; what decides of unit rows is then their cosine.

    Args:
        features: Shape (n_rows, dim).
        clusters: How many, at most n_rows.
        rng: Places the first centres, far from each other by k-means++.
        weights: How much each row counts, shape (n_rows,), not negative.
        rounds: At most so many; it stops when no row changes its cluster.

    Returns:
        Centres, shape (clusters, dim), and the cluster of each row, shape (n_rows,). A cluster may be empty.

    Source: Arthur and Vassilvitskii, "k-means++: The Advantages of Careful Seeding", SODA 2007.
    """
    if not len(features):
        return features, np.zeros(0, np.int64)
    weights = np.ones(len(features), np.float32) if weights is None else weights + np.float32(1e-6)
    centres = features[_spread(features, clusters, rng, weights)]
    member = np.full(len(features), -1)
    for _ in range(rounds):
        nearest = (np.square(centres).sum(axis=1) / 2 - features @ centres.T).argmin(axis=1)
        if (nearest == member).all():
            break
        member = nearest
        order = np.argsort(member, kind="stable")
        present, starts = np.unique(member[order], return_index=True)
        sums = np.add.reduceat(features[order] * weights[order, None], starts, axis=0)
        centres = centres.copy()
        centres[present] = sums / np.add.reduceat(weights[order], starts)[:, None]
    return centres, member


def typical(features: Floats, labeled: Floats, size: int, rng: Generator) -> Ints:
    """Choose the most typical row of each cluster that holds no label, largest cluster first.

    Args:
        features: Rows to choose from, shape (n_rows, dim).
        labeled: Rows that have a label, shape (n_labeled, dim).
        size: How many; fewer come back where fewer clusters are without a label.
        rng: Places the first centres.

    Returns:
        Positions in `features`, in asking order.

    Source: Hacohen, Dekel and Weinshall, "Active Learning on a Budget: Opposite Strategies Suit High and Low Budgets",
    ICML 2022.
    """
    both = np.concatenate([features, labeled])
    clusters = min(len(labeled) + size, 500, len(both))
    _, member = kmeans(both, clusters, rng)
    sizes = np.bincount(member, minlength=clusters)
    sizes[member[len(features) :]] = 0
    open_clusters = [c for c in np.argsort(-sizes, kind="stable")[:size] if sizes[c]]
    return np.array(
        [_densest(features, np.flatnonzero(member[: len(features)] == c), rng) for c in open_clusters], np.int64
    )


def weighted_centres(features: Floats, weights: Floats, size: int, rng: Generator) -> Ints:
    """Choose the row nearest to each centre of a weighted k-means, heaviest cluster first; no row twice.

    Source: Zhdanov, "Diverse mini-batch Active Learning", arXiv 1901.05954, 2019.
    """
    centres, member = kmeans(features, size, rng, weights)
    order = np.argsort(-np.bincount(member, weights, size), kind="stable")
    distance = squared_distances(centres[order], features)
    chosen = []
    for row in distance:
        best = int(row.argmin())
        chosen.append(best)
        distance[:, best] = np.inf
    return np.array(chosen, np.int64)


def bandwidth(labeled: Floats) -> float:
    """Width of the kernel: how near to each other labeled rows lie; it shrinks as labels come in.

    The original takes the smallest distance; near duplicates would make that zero, so here it is the 10 % quantile of
    the distances to the nearest other labeled row, and at least .05. With fewer than two labels it is 1.
    """
    if len(labeled) < 2:
        return 1.0
    distance = squared_distances(labeled, labeled)
    np.fill_diagonal(distance, np.inf)
    return max(float(np.quantile(np.sqrt(distance.min(axis=1)), 0.1)), 0.05)


def kernel(squared: Floats, width: float) -> Floats:
    """Gaussian kernel of squared distances, written over them."""
    squared *= np.float32(-1 / width**2)
    return np.exp(squared, out=squared)


def cover(rows: Floats, by: Floats, width: float) -> Floats:
    """How well each row is covered by the nearest of others, in [0, 1], shape (len(rows),); 0 where there are none."""
    if not len(by):
        return np.zeros(len(rows), np.float32)
    return kernel(squared_distances(rows, by).min(axis=1), width)


class Herding:
    """Picks rows one by one so that unsure targets lie near a chosen or labeled row.

    Each pick raises the weighted coverage, the sum over targets of weight times kernel to the nearest chosen row, by
    the most. Coverage is submodular: a row's gain only falls, so that a queue of old gains finds the best without
    computing all of them anew.

    Source: Bae, Oliveira and Sutherland, "Uncertainty Herding: One Active Learning Method for All Label Budgets",
    ICLR 2025; Minoux, "Accelerated Greedy Algorithms for Maximizing Submodular Set Functions", 1978.
    """

    def __init__(self, kernel: Floats, covered: Floats, weights: Floats) -> None:
        """Begin with what labeled rows cover.

        Args:
            kernel: Of rows to choose from and targets, shape (n_rows, n_targets).
            covered: How well labeled rows cover each target, shape (n_targets,).
            weights: How unsure the head is of each target, shape (n_targets,), in [0, 1].
        """
        self._kernel, self._covered, self._weights = kernel, covered.copy(), weights
        gains = np.maximum(kernel - covered, 0) @ weights
        self._queue = [(-gain, row) for row, gain in enumerate(gains.tolist())]
        heapq.heapify(self._queue)
        self._taken: set[int] = set()

    def best(self) -> int:
        """The row with the highest gain that was not taken yet; there must be one."""
        while True:
            row = self._queue[0][1]
            if row in self._taken:
                heapq.heappop(self._queue)
                continue
            gain = float(np.maximum(self._kernel[row] - self._covered, 0) @ self._weights)
            heapq.heapreplace(self._queue, (-gain, row))
            if self._queue[0][1] == row:
                return row

    def take(self, row: int) -> None:
        """Count what a row covers, whoever picked it."""
        self._taken.add(row)
        np.maximum(self._covered, self._kernel[row], out=self._covered)


def _same(features: Floats) -> float:
    norms = np.einsum("ij,ij->i", features, features)
    return SAME if np.abs(norms - 1).max(initial=0) < 0.01 else EQUAL


def _spread(features: Floats, count: int, rng: Generator, weights: Floats) -> Ints:
    """Draw rows far from each other, each with probability by weight and squared distance to those drawn before."""
    norms = np.einsum("ij,ij->i", features, features)
    chosen = [int(rng.choice(len(features), p=_share(weights)))]
    distance = np.full(len(features), np.inf, np.float32)
    for _ in range(count - 1):
        last = chosen[-1]
        distance = np.minimum(distance, np.maximum(norms + norms[last] - 2 * (features @ features[last]), 0))
        distance[chosen] = 0
        odds = distance * weights
        if not odds.sum() > 0:  # every row equals a chosen one
            odds = np.ones(len(features), np.float32)
            odds[chosen] = 0
        chosen.append(int(rng.choice(len(features), p=_share(odds))))
    return np.array(chosen, np.int64)


def _share(weights: Floats) -> npt.NDArray[np.float64]:
    exact = weights.astype(np.float64)
    exact /= exact.sum()
    return exact


def _densest(features: Floats, rows: Ints, rng: Generator) -> int:
    """The row that lies nearest to its nearest neighbours inside its cluster."""
    if len(rows) > CLUSTER_SAMPLE:
        rows = np.sort(rng.choice(rows, CLUSTER_SAMPLE, replace=False))
    neighbours = min(NEIGHBOURS, len(rows) // 2)
    if not neighbours:
        return int(rows[0])
    distance = squared_distances(features[rows], features[rows])
    np.fill_diagonal(distance, np.inf)
    near = np.partition(distance, neighbours - 1, axis=1)[:, :neighbours]
    return int(rows[np.sqrt(near).mean(axis=1).argmin()])
