from dataclasses import replace

import numpy as np
import pytest

from collab.engine.pool import PoolView
from collab.engine.strategies import strategy_of
from collab.errors import UnknownName


def pool(labeled=(), labels=(), n=300, proba=True, seed=0):
    rng = np.random.default_rng(seed)
    member = rng.integers(5, size=n)
    rows = np.eye(16)[member] + rng.normal(0, 0.2, (n, 16))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    likely = rng.dirichlet(np.ones(3), n).astype(np.float32) if proba else None
    labeled = np.array(labeled, np.int64)
    return PoolView(rows, np.setdiff1d(np.arange(n), labeled), labeled, np.array(labels, np.int64), likely, 3)


def reasons(view, size=5):
    return set(strategy_of("default").select(view, size, np.random.default_rng(0)).reasons)


def test_default_starts_with_what_is_typical():
    assert reasons(pool(proba=False)) == {"typical"}


def test_default_stays_with_what_is_typical_while_one_class_is_known():
    assert reasons(pool(range(20), [1] * 20)) == {"typical"}


def test_default_asks_unsure_and_unlike_items_once_it_knows_enough():
    assert reasons(pool(range(20), [0, 1] * 10)) <= {"unsure", "unlike", "telling"}


def test_the_mix_asks_as_often_for_what_tells_the_most_in_batches_of_one_as_in_one_of_ten():
    at_once = strategy_of("mix").select(pool(range(30), [0, 1] * 15), 9, np.random.default_rng(0)).reasons
    singly = [
        strategy_of("mix")
        .select(pool(range(n), [0, 1] * (n // 2) + [0] * (n % 2)), 1, np.random.default_rng(0))
        .reasons[0]
        for n in range(30, 39)
    ]
    assert at_once.count("telling") == singly.count("telling") == 3


def test_now_and_then_the_mix_asks_for_the_likeliest_item_of_the_rarest_class_wherever_it_lies():
    view = pool(range(39), [0] * 30 + [1] * 7 + [2] * 2, n=5000)
    asked = strategy_of("mix").select(view, 1, np.random.default_rng(0))
    likeliest = view.candidates[view.proba[view.candidates, 2].argmax()]
    assert (asked.reasons, asked.indices.tolist()) == (("rare",), [likeliest])


def test_the_rarest_class_is_not_one_that_is_offered_no_more():
    view = pool(range(39), [0] * 30 + [1] * 7 + [2] * 2)
    asked = strategy_of("mix").select(replace(view, retired=(2,)), 1, np.random.default_rng(0)).indices
    assert asked.tolist() == [view.candidates[view.proba[view.candidates, 1].argmax()]]


def test_an_item_like_one_that_was_answered_is_not_asked_as_the_rarest():
    view = pool(range(39), [0] * 30 + [1] * 7 + [2] * 2)
    twin = int(view.candidates[view.proba[view.candidates, 2].argmax()])
    features, proba = view.features.copy(), view.proba.copy()
    features[38], proba[38] = features[twin], proba[twin]
    asked = strategy_of("mix").select(replace(view, features=features, proba=proba), 1, np.random.default_rng(0))
    assert asked.indices.tolist() != [twin]


def test_whoever_asks_for_more_typical_items_gets_the_same_ones_first():
    few, many = (
        strategy_of("typicality").select(pool(proba=False), size, np.random.default_rng(0)).indices.tolist()
        for size in (10, 40)
    )
    assert many[:10] == few


def test_margin_asks_in_order_of_the_margin():
    view = pool()
    asked = strategy_of("margin").select(view, 10, np.random.default_rng(0)).indices
    best = np.sort(view.proba, axis=1)
    gap = best[:, -1] - best[:, -2]
    assert asked.tolist() == np.argsort(gap, kind="stable")[:10].tolist()


def test_a_long_ranking_ends_by_margin():
    view = pool(range(20), [0, 1] * 10)
    asked = strategy_of("default").select(view, 200, np.random.default_rng(0)).indices[60:]
    best = np.sort(view.proba[asked], axis=1)
    assert (np.diff(best[:, -1] - best[:, -2]) >= 0).all()


def test_herding_calls_an_item_unlike_where_nothing_labeled_is_near():
    rows = np.eye(4, dtype=np.float32)[[0, 0, 3]]
    view = PoolView(rows, np.array([2]), np.array([0, 1]), np.array([0, 1]), np.float32([[0.9, 0.1]] * 3), 2)
    assert strategy_of("uncertainty_herding").select(view, 1, np.random.default_rng(0)).reasons == ("unlike",)


def test_of_many_labeled_rows_old_ones_cover_their_surroundings_too():
    rows = np.eye(2, dtype=np.float32)[[0] * 500 + [1] * 1000 + [0]]
    view = PoolView(rows, np.array([1500]), np.arange(1500), np.arange(1500) % 2, np.float32([[0.6, 0.4]] * 1501), 2)
    assert strategy_of("uncertainty_herding").select(view, 1, np.random.default_rng(0)).reasons == ("unsure",)


def test_labels_must_match_the_labeled_rows():
    with pytest.raises(ValueError, match="2 labeled rows have 1 labels"):
        PoolView(np.eye(3, dtype=np.float32), np.array([2]), np.array([0, 1]), np.array([0]), None, 2)


def test_a_strategy_that_is_not_there_is_named():
    with pytest.raises(UnknownName, match="uncertainty_herding"):
        strategy_of("badge")
