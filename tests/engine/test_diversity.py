import numpy as np
import pytest
from sklearn.cluster import KMeans

from collab.engine.diversity import bandwidth, first_of_same, herd, kmeans, typical, weighted_centres


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
    theirs = ((rows - unit(reference.cluster_centers_)[reference.labels_]) ** 2).sum()
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


def test_lazy_herding_equals_plain_greedy_herding():
    rng = np.random.default_rng(12)
    rows, targets, labeled = (unit(rng.normal(size=(n, 8))) for n in (40, 80, 5))
    weights = rng.random(80, np.float32)
    picks, _ = herd(rows, targets, weights, labeled, 10)
    kernel = np.exp(-((rows[:, None] - targets) ** 2).sum(-1) / bandwidth(labeled) ** 2)
    covered = np.exp(-((labeled[:, None] - targets) ** 2).sum(-1) / bandwidth(labeled) ** 2).max(axis=0)
    plain = []
    for _ in range(10):
        plain.append(int((np.maximum(kernel - covered, 0) @ weights).argmax()))
        covered = np.maximum(covered, kernel[plain[-1]])
    assert picks.tolist() == plain


def test_herding_goes_where_the_head_is_unsure():
    rows, member = clouds([20, 20], np.random.default_rng(13))
    picks, _ = herd(rows, rows, (member == 1).astype(np.float32), rows[:0], 1)
    assert member[picks].tolist() == [1]


def test_herding_says_how_well_each_row_was_covered_before():
    rows = unit([[1, 0], [0, 1]])
    _, near = herd(rows, rows, np.ones(2, np.float32), rows[:1], 1)
    assert near == pytest.approx([1, np.exp(-2)])
