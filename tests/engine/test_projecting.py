import numpy as np
import pytest

from collab.engine.projecting import inside, plane


def test_the_two_widest_directions_become_the_plane():
    rng = np.random.default_rng(0)
    turned = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    rows = (rng.normal(size=(400, 5)) * [9, 3, 0.1, 0.1, 0.1]) @ turned
    points = plane(rows.astype(np.float32), "pca")
    known = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    for axis in range(2):
        assert abs(np.corrcoef(points[:, axis], known[0][:, axis])[0, 1]) > 0.999
    assert (points.min(), points.max()) == (0, 1)
    assert np.array_equal(points, plane(rows.astype(np.float32), "pca"))


@pytest.mark.slow
def test_umap_keeps_what_is_alike_together():
    pytest.importorskip("umap", reason="needs the extra map")
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(3), 40)
    rows = (np.eye(3, 8)[groups] * 5 + rng.normal(size=(120, 8)) * 0.3).astype(np.float32)
    points = plane(rows, "umap")
    centres = np.stack([points[groups == g].mean(axis=0) for g in range(3)])
    nearest = np.linalg.norm(points[:, None] - centres, axis=2).argmin(axis=1)
    assert (nearest == groups).all()
    assert np.array_equal(points, plane(rows, "umap"))


def test_few_and_equal_rows_have_a_place_too():
    assert plane(np.ones((1, 3), np.float32), "umap").tolist() == [[0.5, 0.5]]
    assert plane(np.ones((4, 3), np.float32), "pca").tolist() == [[0.5, 0.5]] * 4
    assert plane(np.zeros((0, 3), np.float32), "pca").shape == (0, 2)
    assert plane(np.float32([[1], [3]]), "pca").tolist() == [[0, 0.5], [1, 0.5]]


def test_an_outlier_goes_to_the_edge_and_leaves_the_others_their_room():
    rows = np.random.default_rng(0).uniform(size=(1000, 2)).astype(np.float32) * [2, 1]
    points = plane(np.vstack([rows, [[60, 30]]]).astype(np.float32), "pca")
    assert np.ptp(points[:-1, 0]) > 0.8
    assert max(points[-1]) == 1 or min(points[-1]) == 0


def test_inside_is_what_an_outline_encloses_also_one_with_a_bay():
    outline = np.float32([[0, 0], [4, 0], [4, 4], [2, 1], [0, 4]])
    points = np.float32([[0.5, 0.5], [2, 3], [3.5, 2], [5, 1], [-1, 1]])
    assert inside(points, outline).tolist() == [True, False, True, False, False]
    assert not inside(points, outline[:2]).any()
