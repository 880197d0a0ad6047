import numpy as np
import pytest

from collab.engine.information import Information


def setting(rows=30, targets=40, labeled=6, dim=5, seed=0):
    rng = np.random.default_rng(seed)
    parts = [rng.normal(size=(n, dim)).astype(np.float32) / np.float32(dim**0.5) for n in (rows, targets, labeled)]
    weights = tuple(rng.uniform(0.05, 0.25, len(part)).astype(np.float32) for part in parts)
    return parts, weights


def trace(chosen, parts, weights):
    """Sum of the variances of the targets' logits, weighed, once these rows are labeled too; worked out plainly."""
    rows, targets, labeled = (np.column_stack([part, np.ones(len(part))]).astype(np.float64) for part in parts)
    known = np.eye(rows.shape[1]) + (labeled.T * weights[2]) @ labeled
    known += (rows[chosen].T * weights[0][chosen]) @ rows[chosen]
    return float((weights[1] * np.einsum("ij,jk,ik->i", targets, np.linalg.inv(known), targets)).sum())


def greedy(parts, weights, size):
    chosen = []
    for _ in range(size):
        left = [row for row in range(len(parts[0])) if row not in chosen]
        chosen.append(min(left, key=lambda row: trace([*chosen, row], parts, weights)))
    return chosen


def picks(parts, weights, size):
    rows, targets, labeled = parts
    information = Information(rows, targets, labeled, rows @ targets.T, weights)
    found = []
    for _ in range(size):
        found.append(information.best())
        information.take(found[-1])
    return found


@pytest.mark.parametrize("seed", range(3))
def test_picks_are_those_of_plain_greedy_minimisation_of_the_targets_variance(seed):
    parts, weights = setting(seed=seed)
    assert picks(parts, weights, 8) == greedy(parts, weights, 8)


def test_it_starts_from_nothing():
    parts, weights = setting(labeled=0)
    assert picks(parts, weights, 5) == greedy(parts, weights, 5)


def test_what_others_took_is_counted():
    (rows, targets, labeled), weights = setting()
    information = Information(rows, targets, labeled, rows @ targets.T, weights)
    first = information.best()
    information.take(first)
    fresh = Information(rows, targets, labeled, rows @ targets.T, weights)
    fresh.take(first)
    assert information.best() == fresh.best() != first


def test_a_row_far_from_what_is_known_tells_more_than_one_that_is_known():
    rows = np.eye(3, dtype=np.float32)[[0, 1]]
    quarter = np.full(9, 0.25, np.float32)
    information = Information(rows, rows, rows[[0] * 9], rows @ rows.T, (quarter[:2], quarter[:2], quarter))
    assert information.best() == 1
