import numpy as np
import pytest

from collab.engine.balancing import Balance, equal, rebalanced
from collab.engine.heads import Logistic, Standard

WIDTHS = (40, 120)


def made(n, seed=0, classes=3):
    """A block that tells the classes, and one of noise three times as wide."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    centres = np.random.default_rng(9).normal(size=(classes, WIDTHS[0]))
    telling = 0.25 * centres[labels] + rng.normal(size=(n, WIDTHS[0]))
    return np.hstack([telling, rng.normal(size=(n, WIDTHS[1]))]).astype(np.float32), labels


def alike(x):
    return Standard.of(x).balanced(WIDTHS)


def test_a_block_of_noise_counts_less_and_the_head_is_right_more_often():
    (pool, truth), (test, answers) = made(128, classes=8), made(1_000, seed=1, classes=8)
    standard = alike(pool)
    balance = rebalanced(equal(2), standard.applied(pool), truth, WIDTHS, 2.5)
    right = [
        (Logistic().fit(pool, truth, 8, standard=each).proba(test).argmax(axis=1) == answers).mean()
        for each in (standard, standard.weighted(WIDTHS, balance.weights))
    ]
    assert balance.weights[0] > 4 * balance.weights[1]
    assert right[1] > right[0] + 0.02


@pytest.mark.parametrize("n", [60, 300])
def test_the_mean_square_of_weights_stays_one_with_few_items_and_with_many(n):
    x, labels = made(n)
    balance = rebalanced(equal(2), alike(x).applied(x), labels, WIDTHS, 2.5)
    assert np.square(balance.weights).mean() == pytest.approx(1)
    assert balance.looked_at == n


def test_where_nothing_can_be_learned_all_blocks_go_on_counting_nearly_alike():
    x, labels = np.random.default_rng(0).normal(size=(80, 160)).astype(np.float32), np.arange(80) % 2
    balance = rebalanced(equal(2), alike(x).applied(x), labels, WIDTHS, 2.5)
    assert max(balance.weights) / min(balance.weights) <= 2


def test_the_same_labels_give_the_same_weights():
    x, labels = made(60)
    first, second = (rebalanced(equal(2), alike(x).applied(x), labels, WIDTHS, 2.5) for _ in range(2))
    assert first == second


def test_weights_are_looked_at_from_twenty_labels_on_and_after_each_tenth():
    assert [equal(2).due(n) for n in (19, 20)] == [False, True]
    assert [Balance((1.0, 1.0), 100).due(n) for n in (109, 111)] == [False, True]
    assert not equal(1).due(1_000)


def test_equal_weights_leave_a_standard_as_it_is():
    standard = alike(made(50)[0])
    assert np.array_equal(standard.weighted(WIDTHS, equal(2).weights).scale, standard.scale)
