"""Choose few rows that stand for many: typical ones, weighted centres, kernel herding. Rows are unit vectors."""

import heapq

import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from collab.engine.arrays import Floats, Ints

SAME = 0.999
"""Cosine above which two rows are the same thing to a reader."""

NEIGHBOURS = 20
CLUSTER_SAMPLE = 500
"""Rows of a cluster that are compared with each other: enough to find its dense part."""


def first_of_same(features: Floats) -> Ints:
    """Positions of the rows that no earlier row nearly equals, in their order."""
    kept = np.ones(len(features), bool)
    close = features @ features.T > SAME
    for later, row in enumerate(np.tril(close, -1)):
        kept[later] = not (row & kept).any()
    return np.flatnonzero(kept)


def kmeans(
    features: Floats, clusters: int, rng: Generator, weights: Floats | None = None, rounds: int = 10
) -> tuple[Floats, Ints]:
    """Cluster unit rows by cosine.

    Args:
        features: Shape (n_rows, dim).
        clusters: How many, at most n_rows.
        rng: Places the first centres, far from each other by k-means++.
        weights: How much each row counts, shape (n_rows,), not negative.
        rounds: At most so many; it stops when no row changes its cluster.

    Returns:
        Unit centres, shape (clusters, dim), and the cluster of each row, shape (n_rows,). A cluster may be empty.

    Source: Arthur and Vassilvitskii, "k-means++: The Advantages of Careful Seeding", SODA 2007; Dhillon and Modha,
    "Concept Decompositions for Large Sparse Text Data Using Clustering", Machine Learning 2001.
    """
    if not len(features):
        return features, np.zeros(0, np.int64)
    weights = np.ones(len(features), np.float32) if weights is None else weights + np.float32(1e-6)
    centres = features[_spread(features, clusters, rng, weights)]
    member = np.full(len(features), -1)
    for _ in range(rounds):
        nearest = (features @ centres.T).argmax(axis=1)
        if (nearest == member).all():
            break
        member = nearest
        order = np.argsort(member, kind="stable")
        present, starts = np.unique(member[order], return_index=True)
        sums = np.add.reduceat(features[order] * weights[order, None], starts, axis=0)
        centres = centres.copy()
        centres[present] = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
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
    closeness = centres[order] @ features.T
    chosen = []
    for row in closeness:
        best = int(row.argmax())
        chosen.append(best)
        closeness[:, best] = -np.inf
    return np.array(chosen, np.int64)


def bandwidth(labeled: Floats) -> float:
    """Width of the kernel: how near to each other labeled rows lie; it shrinks as labels come in.

    The original takes the smallest distance; near duplicates would make that zero, so here it is the 2 % quantile of
    the distances to the nearest other labeled row, and at least .05. With fewer than two labels it is 1.
    """
    if len(labeled) < 2:
        return 1.0
    cosine = labeled @ labeled.T
    np.fill_diagonal(cosine, -1)
    distance = np.sqrt(np.maximum(2 - 2 * cosine.max(axis=1), 0))
    return max(float(np.quantile(distance, 0.02)), 0.05)


def herd(features: Floats, targets: Floats, weights: Floats, labeled: Floats, size: int) -> tuple[Ints, Floats]:
    """Choose rows so that the unsure targets lie near a chosen or labeled row, greedily.

    Each pick raises the weighted coverage, the sum over targets of weight times kernel to the nearest chosen row, by
    the most. Coverage is submodular: a row's gain only falls, so that a queue of old gains finds the best without
    computing all of them anew.

    Args:
        features: Rows to choose from, shape (n_rows, dim).
        targets: Rows to be covered, shape (n_targets, dim).
        weights: How unsure the head is of each target, shape (n_targets,), in [0, 1].
        labeled: Rows that cover already, shape (n_labeled, dim).
        size: How many.

    Returns:
        Positions in `features` in the order chosen, and for each row of `features` how well the labeled rows covered it
        before, in [0, 1].

    Source: Bae, Oliveira and Sutherland, "Uncertainty Herding: One Active Learning Method for All Label Budgets",
    ICLR 2025; Minoux, "Accelerated Greedy Algorithms for Maximizing Submodular Set Functions", 1978.
    """
    sharpness = np.float32(2 / bandwidth(labeled) ** 2)
    kernel = _kernel(features, targets, sharpness)
    covered = _nearest_kernel(targets, labeled, sharpness)
    gains = np.maximum(kernel - covered, 0) @ weights
    queue = [(-gain, i) for i, gain in enumerate(gains.tolist())]
    heapq.heapify(queue)
    chosen: list[int] = []
    while queue and len(chosen) < size:
        _, i = heapq.heappop(queue)
        gain = float(np.maximum(kernel[i] - covered, 0) @ weights)
        if queue and -gain > queue[0][0]:
            heapq.heappush(queue, (-gain, i))
            continue
        chosen.append(i)
        np.maximum(covered, kernel[i], out=covered)
    return np.array(chosen, np.int64), _nearest_kernel(features, labeled, sharpness)


def _kernel(a: Floats, b: Floats, sharpness: np.float32) -> Floats:
    """Gaussian kernel of unit rows: squared distance is 2 - 2 cosine."""
    values = a @ b.T
    values -= 1
    values *= sharpness
    np.exp(values, out=values)
    return values


def _nearest_kernel(rows: Floats, labeled: Floats, sharpness: np.float32) -> Floats:
    if not len(labeled):
        return np.zeros(len(rows), np.float32)
    nearest: Floats = ((rows @ labeled.T).max(axis=1) - 1) * sharpness
    return np.exp(nearest, out=nearest)


def _spread(features: Floats, count: int, rng: Generator, weights: Floats) -> Ints:
    """Draw rows far from each other, each with probability by weight and squared distance to those drawn before."""
    chosen = [int(rng.choice(len(features), p=_share(weights)))]
    distance = np.full(len(features), np.inf, np.float32)
    for _ in range(count - 1):
        distance = np.minimum(distance, np.maximum(1 - features @ features[chosen[-1]], 0))
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
    cosine = features[rows] @ features[rows].T
    np.fill_diagonal(cosine, -1)
    near = np.partition(cosine, len(rows) - neighbours, axis=1)[:, -neighbours:]
    distance = np.sqrt(np.maximum(2 - 2 * near, 0)).mean(axis=1)
    return int(rows[distance.argmin()])
