import numpy as np
import pytest
from sklearn.cluster import KMeans

from collab.engine.diversity import (
    Herding,
    bandwidth,
    cover,
    first_of_same,
    kernel,
    kmeans,
    squared_distances,
    typical,
    weighted_centres,
)  # fmt: skip


def unit(rows):
    rows = np.asarray(rows, np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def clouds(sizes, rng, dim=16, spread=0.1):
    """Rows around one axis for each size, and the axis of each row."""
    member = np.repeat(np.arange(len(sizes)), sizes)
    return unit(np.eye(dim)[member] + rng.normal(0, spread, (len(member), dim))), member


def test_only_the_first_of_near_duplicates_is_kept():
    rows = unit([[1, 0, 0], [0, 1, 0], [1, 0.001, 0], [0, 0, 1], [0, 1, 0.001]])
    assert first_of_same(rows).tolist() == [0, 1, 3]


def test_kmeans_finds_the_clouds_that_are_there():
    rows, member = clouds([30, 20, 10], np.random.default_rng(0))
    _, found = kmeans(rows, 3, np.random.default_rng(1))
    assert len(set(zip(found.tolist(), member.tolist(), strict=True))) == 3


def test_kmeans_is_about_as_tight_as_scikit_learn():
    rows, _ = clouds([40] * 6, np.random.default_rng(2), spread=0.4)
    centres, member = kmeans(rows, 6, np.random.default_rng(3))
    reference = KMeans(6, n_init=1, random_state=0).fit(rows)
    ours = ((rows - centres[member]) ** 2).sum()
    theirs = reference.inertia_
    assert ours <= 1.1 * theirs


def test_kmeans_survives_rows_that_are_all_the_same():
    _, member = kmeans(unit([[1, 1]] * 5), 3, np.random.default_rng(0))
    assert member.tolist() == [member[0]] * 5


def test_typical_rows_come_from_every_cloud_the_largest_first():
    rows, member = clouds([40, 20, 10], np.random.default_rng(4))
    assert member[typical(rows, rows[:0], 3, np.random.default_rng(5))].tolist() == [0, 1, 2]


def test_typical_rows_avoid_clouds_that_hold_a_label():
    rows, member = clouds([40, 20, 10], np.random.default_rng(6))
    picks = typical(rows[1:], rows[:1], 2, np.random.default_rng(7))
    assert 0 not in member[1:][picks]


def test_a_typical_row_is_not_an_outlier():
    rows = np.concatenate([clouds([30], np.random.default_rng(8))[0], unit(np.eye(16)[[0]] + np.eye(16)[[1]])])
    assert typical(rows, rows[:0], 1, np.random.default_rng(9))[0] != 30


def test_weighted_centres_come_from_every_cloud_and_never_twice():
    rows, member = clouds([20, 20, 20], np.random.default_rng(10))
    picks = weighted_centres(rows, np.ones(60, np.float32), 3, np.random.default_rng(11))
    assert sorted(member[picks]) == [0, 1, 2]


def test_the_bandwidth_shrinks_as_labels_come_nearer_to_each_other_but_not_to_zero():
    far, near = unit([[1, 0], [0, 1]]), unit([[1, 0], [1, 0.3]])
    assert 1 > bandwidth(near[:1]) - 1e-9 > bandwidth(near) > 0.05
    assert bandwidth(far) == pytest.approx(np.sqrt(2))
    assert bandwidth(unit([[1, 0], [1, 0]])) == 0.05


def herd(rows, targets, weights, labeled, size):
    width = bandwidth(labeled)
    herding = Herding(kernel(squared_distances(rows, targets), width), cover(targets, labeled, width), weights)
    picks = []
    for _ in range(size):
        picks.append(herding.best())
        herding.take(picks[-1])
    return picks


def test_lazy_herding_equals_plain_greedy_herding():
    rng = np.random.default_rng(12)
    rows, targets, labeled = (unit(rng.normal(size=(n, 8))) for n in (40, 80, 5))
    weights = rng.random(80, np.float32)
    near = np.exp(-((rows[:, None] - targets) ** 2).sum(-1) / bandwidth(labeled) ** 2)
    covered = np.exp(-((labeled[:, None] - targets) ** 2).sum(-1) / bandwidth(labeled) ** 2).max(axis=0)
    plain = []
    for _ in range(10):
        plain.append(int((np.maximum(near - covered, 0) @ weights).argmax()))
        covered = np.maximum(covered, near[plain[-1]])
    assert herd(rows, targets, weights, labeled, 10) == plain


def test_herding_goes_where_the_head_is_unsure():
    rows, member = clouds([20, 20], np.random.default_rng(13))
    assert member[herd(rows, rows, (member == 1).astype(np.float32), rows[:0], 1)].tolist() == [1]


def test_herding_counts_what_others_took():
    rows = np.float32([[1, 0], [0.9, 0], [0, 1]])
    herding = Herding(kernel(squared_distances(rows, rows), 1), np.zeros(3, np.float32), np.ones(3, np.float32))
    herding.take(0)
    assert herding.best() == 2


def test_a_row_is_covered_by_how_near_the_nearest_other_is():
    rows = unit([[1, 0], [0, 1]])
    assert cover(rows, rows[:1], 1) == pytest.approx([1, np.exp(-2)])


def test_distances_are_those_of_rows_of_any_size():
    rows = np.float32([[3, 4], [0, 0], [3, 0]])
    assert squared_distances(rows[:1], rows).tolist() == [[0, 25, 16]]
