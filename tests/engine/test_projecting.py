import numpy as np

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


def test_few_and_equal_rows_have_a_place_too():
    assert plane(np.ones((1, 3), np.float32), "umap").tolist() == [[0.5, 0.5]]
    assert plane(np.ones((4, 3), np.float32), "pca").tolist() == [[0.5, 0.5]] * 4
    assert plane(np.zeros((0, 3), np.float32), "pca").shape == (0, 2)
    assert plane(np.float32([[1], [3]]), "pca").tolist() == [[0, 0.5], [1, 0.5]]


def test_inside_is_what_an_outline_encloses_also_one_with_a_bay():
    outline = np.float32([[0, 0], [4, 0], [4, 4], [2, 1], [0, 4]])
    points = np.float32([[0.5, 0.5], [2, 3], [3.5, 2], [5, 1], [-1, 1]])
    assert inside(points, outline).tolist() == [True, False, True, False, False]
    assert not inside(points, outline[:2]).any()
