"""Lay points of many dimensions out on a plane, so that what is alike lies close together."""

import warnings
from importlib.util import find_spec

import numpy as np

from collab.engine.arrays import Floats
from collab.errors import NotInstalled

METHODS = ("umap", "pca")
"""The best first; the last one is always there."""
NEIGHBOURS, SPREAD = 15, 0.1
OUTLIERS, MARGIN = (0.005, 0.995), 0.1
"""Quantiles that the plane shows on each axis, and what it shows beyond them, as a share of what lies between."""


def method() -> str:
    """The best method that is installed."""
    return "umap" if find_spec("umap") is not None else "pca"


def plane(features: Floats, how: str, seed: int = 0) -> Floats:
    """Lay rows out on a plane, shape (n, 2), each axis from 0 to 1; the longer one fills it.

    Args:
        features: Shape (n, dim).
        how: One of `METHODS`.
        seed: Of methods that draw.

    Raises:
        NotInstalled: The method's package isn't there.
    """
    if len(features) < NEIGHBOURS or how == "pca":  # too few for neighbourhoods
        return _scaled(_principal(features))
    return _scaled(_umap(features, seed))


def _principal(features: Floats) -> Floats:
    """The two directions in which the rows vary most.

    Source: Pearson, "On lines and planes of closest fit ...", Philosophical Magazine 1901.
    """
    rows = np.asarray(features, np.float32)
    if len(rows) < 2 or rows.shape[1] < 2:
        return np.pad(rows[:, :2], ((0, 0), (0, 2 - min(2, rows.shape[1]))))
    centred = rows - rows.mean(axis=0)
    _, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    axes = axes[:, :-3:-1]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])  # an axis has two directions: the same each time
    return np.asarray(centred @ axes, np.float32)


def _umap(features: Floats, seed: int) -> Floats:
    """Neighbourhoods as they are, distances between far ones as they come.

    Source: McInnes, Healy, Melville, "UMAP: Uniform Manifold Approximation and Projection ...", 2018.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ImportWarning)  # of TensorFlow, which it does without
            from umap import UMAP
    except ImportError as error:
        raise NotInstalled("UMAP", "map") from error
    made = UMAP(n_neighbors=NEIGHBOURS, min_dist=SPREAD, metric="cosine", random_state=seed, n_jobs=1)
    return np.asarray(made.fit_transform(np.asarray(features, np.float32)), np.float32)


def _scaled(points: Floats) -> Floats:
    if not len(points):
        return points.reshape(0, 2)
    least, most = points.min(axis=0), points.max(axis=0)
    low, high = np.quantile(points, OUTLIERS, axis=0)
    beyond = MARGIN * (high - low)
    # One far outlier would leave all others a corner: it goes to the edge.
    low, high = np.maximum(least, low - beyond), np.minimum(most, high + beyond)
    size = float((high - low).max()) or float((most - least).max()) or 1.0
    return np.asarray(np.clip((points - (low + high) / 2) / size + 0.5, 0, 1), np.float32)


def inside(points: Floats, outline: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether each point, shape (n, 2), lies inside a closed outline, shape (m, 2): it is left an odd number of times
    on the way to the right."""
    found = np.zeros(len(points), bool)
    if len(outline) < 3:
        return found
    x, y = points[:, 0], points[:, 1]
    for (ax, ay), (bx, by) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        if ay == by:
            continue
        crosses = (ay > y) != (by > y)
        found ^= crosses & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
    return found
