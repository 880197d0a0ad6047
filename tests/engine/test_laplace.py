import numpy as np
import pytest
from sklearn.datasets import load_digits

from collab.engine.heads import Logistic, Standard
from collab.engine.laplace import Laplace


def fitted(n, seed=0, dim=12):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    rows = (np.eye(dim)[labels] + rng.normal(0, 0.4, (n, dim))).astype(np.float32)
    pool = (np.eye(dim)[rng.integers(3, size=400)] + rng.normal(0, 0.4, (400, dim))).astype(np.float32)
    standard = Standard.of(pool)
    head = Logistic().fit(rows, labels, 3, standard=standard)
    return Laplace.of(head, rows, standard), rows, pool


@pytest.mark.parametrize("labels", [5, 60])
def test_the_variance_is_that_of_the_inverted_curvature(labels):
    laplace, rows, pool = fitted(labels)
    x, y = ((r - laplace.standard.mean) / laplace.standard.scale for r in (rows, pool))
    curvature = (1 - np.square(laplace.head.proba(rows)).sum(axis=1)) / 2
    covariance = np.linalg.inv(laplace.head.strength * np.eye(12) + (x * curvature[:, None]).T @ x)
    assert laplace.variance(pool) == pytest.approx(np.einsum("ij,jk,ik->i", y, covariance, y), rel=1e-3)


def test_more_labels_leave_less_variance():
    few, many = fitted(9)[0], fitted(300)[0]
    pool = fitted(9)[2]
    assert many.variance(pool).mean() * many.head.strength < few.variance(pool).mean() * few.head.strength


def test_an_item_between_two_classes_is_ambiguous_and_one_from_elsewhere_unfamiliar():
    laplace, _, _ = fitted(120)
    items = np.zeros((3, 12), np.float32)
    items[0, 0], items[1, 9] = 1, 3
    tie = laplace.head.logits(np.eye(3, 12, dtype=np.float32))
    share = (tie[1, 1] - tie[1, 0]) / ((tie[0, 0] - tie[0, 1]) + (tie[1, 1] - tie[1, 0]))
    items[2, :2] = share, 1 - share
    assert laplace.doubts(items, laplace.head.proba(items)) == ("", "unfamiliar", "ambiguous")


def test_where_nearly_all_is_labeled_next_to_nothing_is_unfamiliar():
    laplace, rows, _ = fitted(600)
    near = rows[:200] + np.random.default_rng(1).normal(0, 0.01, (200, 12)).astype(np.float32)
    assert laplace.doubts(near, laplace.head.proba(near)).count("unfamiliar") < 10


def test_a_tie_is_one_of_what_is_shown():
    laplace, rows, _ = fitted(60)
    shown = np.tile(np.float32([0.5, 0.5, 0]), (len(rows), 1))
    assert "" not in laplace.doubts(rows, shown)


@pytest.mark.slow
def test_digits_of_a_class_never_labeled_are_called_unfamiliar_oftener_than_others():
    rows, truth = load_digits(return_X_y=True)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    known = np.flatnonzero(truth != 4)
    labeled, rest = known[:200], known[200:]
    standard = Standard.of(rows)
    head = Logistic().fit(rows[labeled], truth[labeled], 10, standard=standard)
    laplace = Laplace.of(head, rows[labeled], standard)
    strange, usual = (laplace.doubts(part, head.proba(part)) for part in (rows[truth == 4], rows[rest]))
    assert strange.count("unfamiliar") / len(strange) > 3 * usual.count("unfamiliar") / len(usual)
