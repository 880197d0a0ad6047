"""What the points of a simulation say: one curve for each strategy, and how much better it is than another."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from collab.engine.curves import Difference, Doubles, area, labels_to_reach, mean_interval, paired

AREA_FROM = 10
"""Areas begin at so many labels: under it there is hardly a head."""
BASELINE = "random"
LEVELS = (0.90, 0.95)
"""Shares of full accuracy that a curve should reach soon."""


@dataclass(frozen=True, slots=True)
class Point:
    """The head after one more batch of answers."""

    strategy: str
    seed: int
    round: int
    labels: int
    accuracy: float
    macro_f1: float
    query_seconds: float
    refit_seconds: float


@dataclass(frozen=True, slots=True)
class Curve:
    """One strategy: means over seeds by round, with intervals that are NaN where there is one seed."""

    strategy: str
    labels: tuple[int, ...]
    accuracy: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    macro_f1: tuple[float, ...]
    area: float
    """Mean accuracy over the range of labels that the comparison names."""
    area_low: float
    area_high: float
    labels_to_90: float
    """Labels at which the mean curve reaches 90 % of full accuracy; infinity: it doesn't."""
    labels_to_95: float
    query_seconds: float
    refit_seconds: float
    difference: Difference | None
    """Of the areas, this one's minus the baseline's; None for the baseline itself."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """All strategies side by side."""

    baseline: str
    area_from: int
    area_to: int
    curves: tuple[Curve, ...]


def compare(points: Sequence[Point], full_accuracy: float) -> Comparison:
    """Compare the strategies that the points are of, in their order; `random` is the baseline, else the first.

    Args:
        points: Every round of every seed of every strategy: the same seeds and rounds for all.
        full_accuracy: What training on the whole pool reaches.
    """
    strategies = tuple(dict.fromkeys(p.strategy for p in points))
    baseline = BASELINE if BASELINE in strategies else strategies[0]
    labels = np.array(sorted({p.labels for p in points}))
    counted = labels >= min(AREA_FROM, labels[-1])
    areas = {
        s: np.array([area(labels[counted], row[counted]) for row in _rows(points, s, "accuracy")]) for s in strategies
    }
    curves = []
    for strategy in strategies:
        band = mean_interval(_rows(points, strategy, "accuracy"))
        over = mean_interval(areas[strategy][:, None])
        reached = [labels_to_reach(labels, band.mean, level * full_accuracy) for level in LEVELS]
        difference = None
        if strategy != baseline:
            difference = paired(areas[strategy], areas[baseline], np.random.default_rng(0))
        curves.append(
            Curve(
                strategy, tuple(labels.tolist()), tuple(band.mean.tolist()), tuple(band.low.tolist()),
                tuple(band.high.tolist()), tuple(_rows(points, strategy, "macro_f1").mean(axis=0).tolist()),
                float(over.mean[0]), float(over.low[0]), float(over.high[0]), reached[0], reached[1],
                float(_rows(points, strategy, "query_seconds").mean()),
                float(_rows(points, strategy, "refit_seconds").mean()), difference,
            )
        )  # fmt: skip
    return Comparison(baseline, int(labels[counted][0]), int(labels[-1]), tuple(curves))


def _rows(points: Sequence[Point], strategy: str, figure: str) -> Doubles:
    """A figure of the points, shape (n_seeds, n_rounds)."""
    seeds: dict[int, list[float]] = {}
    for point in points:
        if point.strategy == strategy:
            seeds.setdefault(point.seed, []).append(getattr(point, figure))
    return np.array(list(seeds.values()), np.float64)
