import numpy as np
import pytest

from collab.engine.scaling import scaled


def test_numbers_get_one_size_and_the_mean_squared_norm_is_one():
    rows = np.random.default_rng(0).normal([5, -3], [100, 0.01], (500, 2)).astype(np.float32)
    (fitted,) = scaled(rows)
    assert fitted.std(axis=0) == pytest.approx([2**-0.5] * 2, rel=1e-3)
    assert np.square(fitted).sum(axis=1).mean() == pytest.approx(1, rel=1e-3)


def test_a_rare_flag_does_not_drown_the_numbers():
    rows = np.random.default_rng(1).normal(size=(1000, 6)).astype(np.float32)
    rows[:, 5] = np.arange(1000) == 7
    (fitted,) = scaled(rows)
    assert np.abs(fitted[7, 5]) < np.abs(fitted[:, :5]).max()


def test_constant_columns_change_nothing():
    rows = np.random.default_rng(2).normal(size=(50, 3)).astype(np.float32)
    (alone,) = scaled(rows)
    (beside,) = scaled(np.concatenate([rows, np.full((50, 2), 3.3, np.float32)], axis=1))
    assert beside == pytest.approx(np.concatenate([alone, np.zeros((50, 2))], axis=1), abs=1e-6)


def test_other_rows_are_scaled_as_the_pool_is():
    pool = np.float32([[0, 10], [2, 30], [4, 20]])
    fitted, same = scaled(pool, pool[1:])
    assert same.tolist() == fitted[1:].tolist()
