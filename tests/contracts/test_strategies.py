"""Every registered strategy, through the same cases."""

from dataclasses import replace

import numpy as np
import pytest

from collab.engine.pool import PoolView
from collab.engine.strategies import STRATEGIES

EVERY = pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES.keys())


def view(n=120, classes=3, seed=0, labeled=20):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, 12)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    proba = rng.dirichlet(np.ones(classes), n).astype(np.float32)
    done = np.arange(labeled)
    return PoolView(rows, np.arange(labeled, n), done, done % classes, proba, classes)


def view_of_many(n=120, classes=3, seed=0, labeled=20):
    """The same, where any number of classes may apply."""
    rng = np.random.default_rng(seed)
    labels, proba = rng.random((labeled, classes)) < 0.4, rng.random((n, classes)).astype(np.float32)
    return replace(view(n, classes, seed, labeled), labels=labels, proba=proba)


BOTH = pytest.mark.parametrize("view", [view, view_of_many], ids=["one class", "any number"])


@EVERY
@BOTH
def test_the_same_seed_chooses_the_same_items(strategy, view):
    first, second = (strategy.select(view(), 30, np.random.default_rng(7)) for _ in range(2))
    assert (first.indices.tolist(), first.scores.tolist(), first.reasons) == (
        second.indices.tolist(),
        second.scores.tolist(),
        second.reasons,
    )


@EVERY
@BOTH
@pytest.mark.parametrize("size", [1, 10, 99, 100, 500])
def test_as_many_candidates_as_wanted_are_chosen_each_once(strategy, size, view):
    chosen = strategy.select(view(), size, np.random.default_rng(0))
    assert len(set(chosen.indices.tolist())) == len(chosen.indices) == len(chosen.reasons) == min(size, 100)
    assert set(chosen.indices.tolist()) <= set(range(20, 120))


@EVERY
@BOTH
def test_scores_fall_and_reasons_are_known(strategy, view):
    chosen = strategy.select(view(), 80, np.random.default_rng(0))
    assert (np.diff(chosen.scores) < 0).all()
    assert 0 < chosen.scores.min() <= chosen.scores.max() <= 1
    assert set(chosen.reasons) <= {"typical", "unsure", "unlike", "random", "coverage", "telling", "rare"}


@EVERY
def test_the_pool_is_left_as_it_was(strategy):
    pool, untouched = view(), view()
    strategy.select(pool, 30, np.random.default_rng(0))
    assert pool.features.tolist() == untouched.features.tolist()
    assert pool.proba.tolist() == untouched.proba.tolist()


@EVERY
@BOTH
def test_near_duplicates_are_asked_once_before_anything_is_asked_twice(strategy, view):
    pool = view()  # of its sixty different rows twenty were answered
    twins = replace(
        pool, features=np.concatenate([pool.features[:60]] * 2), proba=np.concatenate([pool.proba[:60]] * 2)
    )
    chosen = strategy.select(twins, 40, np.random.default_rng(0)).indices
    assert {int(i) % 60 for i in chosen} == set(range(20, 60))


@EVERY
@BOTH
def test_what_people_have_before_them_counts_as_asked(strategy, view):
    pool = view()
    features, proba = (np.concatenate([part[:60]] * 2) for part in (pool.features, pool.proba))
    others = np.setdiff1d(np.arange(20, 120), [30])
    held = replace(pool, features=features, proba=proba, candidates=others, held=np.array([30]))
    chosen = strategy.select(held, 39, np.random.default_rng(0)).indices
    assert 90 not in chosen


@EVERY
def test_retired_classes_are_no_trouble(strategy):
    pool = view(classes=4)
    proba = np.where(np.arange(4) == 3, 0, pool.proba).astype(np.float32)
    pool = replace(pool, labels=np.array([3] + [0, 1, 2] * 6 + [0]), proba=proba, retired=(3,))
    assert len(strategy.select(pool, 100, np.random.default_rng(0)).indices) == 100


@EVERY
@BOTH
def test_a_pool_of_nothing_but_duplicates_is_still_asked(strategy, view):
    pool = replace(view(), features=np.tile(view().features[:1], (120, 1)))
    assert len(strategy.select(pool, 40, np.random.default_rng(0)).indices) == 40


@EVERY
@BOTH
@pytest.mark.parametrize("labeled", [0, 1])
def test_few_labels_are_enough(strategy, labeled, view):
    assert len(strategy.select(view(labeled=labeled), 10, np.random.default_rng(0)).indices) == 10


@EVERY
@BOTH
def test_one_class_is_enough(strategy, view):
    assert len(strategy.select(view(classes=1), 10, np.random.default_rng(0)).indices) == 10


@EVERY
@BOTH
def test_an_empty_pool_gives_an_empty_selection(strategy, view):
    pool = replace(view(), candidates=np.array([], np.int64))
    chosen = strategy.select(pool, 10, np.random.default_rng(0))
    assert (chosen.indices.tolist(), chosen.scores.tolist(), chosen.reasons) == ([], [], ())


@EVERY
def test_without_probabilities_it_chooses_or_says_that_it_needs_them(strategy):
    pool = replace(view(), proba=None)
    if strategy.needs_proba:
        with pytest.raises(ValueError, match="fit a head first"):
            strategy.select(pool, 5, np.random.default_rng(0))
    else:
        assert len(strategy.select(pool, 5, np.random.default_rng(0)).indices) == 5


@EVERY
@pytest.mark.parametrize("part", ["features", "proba"])
def test_nan_is_refused(strategy, part):
    broken = getattr(view(), part).copy()
    broken[20:] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        strategy.select(replace(view(), **{part: broken}), 5, np.random.default_rng(0))


@EVERY
def test_a_class_added_in_mid_project_without_any_label_is_no_trouble(strategy):
    pool = view(classes=4)
    pool = replace(pool, labels=pool.labels % 3, proba=np.where(np.arange(4) == 3, 0, pool.proba).astype(np.float32))
    assert len(strategy.select(pool, 100, np.random.default_rng(0)).indices) == 100


@EVERY
def test_retired_classes_of_any_number_are_no_trouble(strategy):
    pool = view_of_many(classes=4)
    pool = replace(pool, proba=np.where(np.arange(4) == 3, 0, pool.proba).astype(np.float32), retired=(3,))
    assert len(strategy.select(pool, 100, np.random.default_rng(0)).indices) == 100


@EVERY
def test_features_may_lie_on_disk(strategy, tmp_path):
    np.save(tmp_path / "features.npy", view().features)
    pool = replace(view(), features=np.load(tmp_path / "features.npy", mmap_mode="r"))
    chosen, same = (strategy.select(each, 10, np.random.default_rng(0)).indices.tolist() for each in (pool, view()))
    assert chosen == same
