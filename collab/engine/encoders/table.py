"""Rows of numbers to features: columns of one size, so that none drowns the others."""

import numpy as np

from collab.engine.arrays import Floats


def scaled(pool: Floats, *others: Floats) -> tuple[Floats, ...]:
    """Centre and scale columns as the pool has them; the mean squared norm of its rows becomes 1.

    A column that only knows two values (a flag, a one-hot) is centred alone: a rare flag that is divided by its small
    spread would drown everything else.

    Args:
        pool: Shape (n_rows, n_columns); finite.
        others: More rows with the same columns, scaled as the pool is.

    Returns:
        All of them scaled, in the same order.
    """
    exact = np.asarray(pool, np.float64)
    mean, spread = exact.mean(axis=0), exact.std(axis=0)
    flags = np.array([len(np.unique(column)) <= 2 for column in exact.T])
    typical = np.sqrt((spread[flags] ** 2).mean()) if flags.any() else 1.0
    scale = np.where(flags, typical if typical > 0 else 1.0, np.where(spread > 1e-12, spread, 1.0))
    size = np.sqrt((((exact - mean) / scale) ** 2).sum(axis=1).mean()) or 1.0
    return tuple(
        ((np.asarray(rows, np.float64) - mean) / (scale * size)).astype(np.float32) for rows in (pool, *others)
    )
