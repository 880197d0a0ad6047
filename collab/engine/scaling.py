"""Rows of numbers to features: columns of one size, so that none drowns the others."""

import numpy as np

from collab.engine.arrays import Floats

SAMPLE = 50_000
"""Rows, evenly spread, on which columns are measured."""


def scaled(pool: Floats, *others: Floats) -> tuple[Floats, ...]:
    """Centre and scale columns as the pool has them; the mean squared norm of its rows becomes 1.

    A number is divided by its standard deviation. A column that knows two values (a flag, a one-hot) is divided by
    half their difference, whatever their shares: a rare flag that is divided by its small deviation would drown
    everything else. A constant column becomes 0.

    Args:
        pool: Shape (n_rows, n_columns); finite.
        others: More rows with the same columns, scaled as the pool is.

    Returns:
        All of them scaled, in the same order.
    """
    sample = np.asarray(pool[:: max(1, -(-len(pool) // SAMPLE))], np.float64)
    least, most, mean, size = sample.min(axis=0), sample.max(axis=0), sample.mean(axis=0), sample.std(axis=0)
    flags = ((sample == least) | (sample == most)).all(axis=0)
    size[flags] = (most - least)[flags] / 2
    size[size <= 1e-12 * np.maximum(np.abs(most), 1)] = np.inf
    norm = np.sqrt((((sample - mean) / size) ** 2).sum(axis=1).mean()) or 1.0
    shift, factor = mean.astype(np.float32), (1 / (size * norm)).astype(np.float32)
    return tuple((np.asarray(rows, np.float32) - shift) * factor for rows in (pool, *others))
