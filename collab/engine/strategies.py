"""Query strategies: which items to ask next, and in what order. Knows rows of features, not what they stand for.

Each works in two stages: a prefilter takes a few thousand rows from a pool of any size, then the batch is chosen
among them. Only the first picks are worth that choice, for the head will have been refitted before the rest is asked:
the tail of a long ranking follows by margin.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.random import Generator

from collab.engine import uncertainty
from collab.engine.arrays import Floats, Ints, refuse_nan
from collab.engine.diversity import first_of_same, herd, typical, weighted_centres
from collab.errors import UnknownName

CHOSEN = 50
"""Picks that a strategy chooses itself; the tail follows by margin."""
SAMPLE = 4_000
"""Random rows that typicality clusters."""
UNSURE, RANDOM, TARGETS = 1_000, 1_000, 2_500
"""Herding chooses among the most unsure rows and random ones, to cover random targets."""
SPARE = 100
"""Rows ranked beyond the wanted size, to take the places of near duplicates."""
LABELED = 1_000
"""At most so many labeled rows, drawn at random, cover their surroundings."""


@dataclass(frozen=True, slots=True)
class PoolView:
    """What a strategy may see of a pool."""

    features: Floats
    """Unit rows, shape (n, dim)."""
    candidates: Ints
    """Rows that may be asked."""
    labeled: Ints
    """Rows that the head was fitted on."""
    labels: Ints
    """Their class columns, same shape."""
    proba: Floats | None
    """Class probabilities of all rows, shape (n, n_classes); None: there is no head yet."""
    n_classes: int

    def __post_init__(self) -> None:
        if len(self.labeled) != len(self.labels):
            raise ValueError(f"{len(self.labeled)} labeled rows have {len(self.labels)} labels.")
        refuse_nan("Features", self.features)
        if self.proba is not None:
            refuse_nan("Probabilities", self.proba)


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows in asking order, each once."""

    indices: Ints
    scores: Floats
    """In (0, 1], falling; they only say the order."""
    reasons: tuple[str, ...]
    """Why each was chosen: "typical", "unsure", "unlike", "coverage" or "random"."""


class Strategy(Protocol):
    """A way to choose what to ask next."""

    @property
    def name(self) -> str:
        """The name that a policy carries."""

    @property
    def needs_proba(self) -> bool:
        """Whether it can choose only once a head has been fitted."""

    def select(self, pool: PoolView, size: int, rng: Generator) -> Selection:
        """Choose the next `size` candidates, or all of them where there are fewer. Same rng, same selection.

        Of items that are nearly the same the first is asked in its place, the others at the end.

        Raises:
            ValueError: The strategy needs probabilities and the pool has none.
        """


class RandomOrder:
    """Every candidate is as likely as any other: the baseline that a strategy must beat."""

    name = "random"
    needs_proba = False

    def select(self, pool: PoolView, size: int, rng: Generator) -> Selection:  # noqa: D102  # documented by the protocol
        return _ranking(pool, size, _draw(pool.candidates, size + SPARE, rng), "random")


class Margin:
    """The items whose two best classes are nearest to a tie."""

    name = "margin"
    needs_proba = True

    def select(self, pool: PoolView, size: int, rng: Generator) -> Selection:  # noqa: D102  # documented by the protocol
        scores = uncertainty.margin(_proba(pool)[pool.candidates])
        return _ranking(pool, size, _highest(scores, pool.candidates, size + SPARE), "unsure")


class Entropy:
    """The items whose probabilities are the most spread; with many classes that is often noise, so prefer margin."""

    name = "entropy"
    needs_proba = True

    def select(self, pool: PoolView, size: int, rng: Generator) -> Selection:  # noqa: D102  # documented by the protocol
        scores = uncertainty.entropy(_proba(pool)[pool.candidates])
        return _ranking(pool, size, _highest(scores, pool.candidates, size + SPARE), "unsure")


class Typicality:
    """The most typical item of each part of the pool that has no label yet: the best first questions."""

    name = "typicality"
    needs_proba = False

    def select(self, pool: PoolView, size: int, rng: Generator) -> Selection:  # noqa: D102  # documented by the protocol
        rows = _draw(pool.candidates, SAMPLE, rng)
        labeled = pool.features[_draw(pool.labeled, LABELED, rng)]
        picks = typical(pool.features[rows], labeled, min(size, CHOSEN, len(rows)), rng)
        return _then_margin(pool, size, rows[picks], ("typical",) * len(picks), rng)


class WeightedKMeans:
    """Unsure items spread by a k-means whose weights are their margins; also right for raw tabular features."""

    name = "weighted_kmeans"
    needs_proba = True

    def select(self, pool: PoolView, size: int, rng: Generator) -> Selection:  # noqa: D102  # documented by the protocol
        scores = uncertainty.margin(_proba(pool)[pool.candidates])
        wanted = min(size, CHOSEN)
        rows = _distinct(pool, _highest(scores, pool.candidates, 20 * wanted))
        torn = uncertainty.margin(_proba(pool)[rows])
        picks = weighted_centres(pool.features[rows], torn, min(wanted, len(rows)), rng)
        return _then_margin(pool, size, rows[picks], ("coverage",) * len(picks), rng)


class UncertaintyHerding:
    """Items that lie near many items of which the head is unsure, and far from those that have a label."""

    name = "uncertainty_herding"
    needs_proba = True

    def select(self, pool: PoolView, size: int, rng: Generator) -> Selection:  # noqa: D102  # documented by the protocol
        proba = _proba(pool)
        unsure = _highest(uncertainty.margin(proba[pool.candidates]), pool.candidates, UNSURE)
        others = np.setdiff1d(_draw(pool.candidates, RANDOM, rng), unsure)
        rows = np.concatenate([unsure, others])
        targets = _draw(pool.candidates, TARGETS, rng)
        labeled = pool.features[_draw(pool.labeled, LABELED, rng)]
        torn = uncertainty.margin(proba[targets])
        picks, near = herd(pool.features[rows], pool.features[targets], torn, labeled, min(size, CHOSEN))
        own = uncertainty.margin(proba[rows[picks]])
        reasons = tuple("unlike" if far > torn else "unsure" for far, torn in zip(1 - near[picks], own, strict=True))
        return _then_margin(pool, size, rows[picks], reasons, rng)


class Default:
    """Typicality for the first labels and while only one class is known, then uncertainty herding."""

    name = "default"
    needs_proba = False

    def select(self, pool: PoolView, size: int, rng: Generator) -> Selection:  # noqa: D102  # documented by the protocol
        few = len(pool.labeled) < max(10, 2 * pool.n_classes) or len(np.unique(pool.labels)) < 2
        stage: Strategy = Typicality() if few or pool.proba is None else UncertaintyHerding()
        return stage.select(pool, size, rng)


STRATEGIES: dict[str, Strategy] = {
    strategy.name: strategy
    for strategy in (
        Default(), UncertaintyHerding(), WeightedKMeans(), Typicality(), Margin(), Entropy(), RandomOrder(),
    )
}  # fmt: skip


def strategy_of(name: str) -> Strategy:
    """The strategy of that name. Raises `UnknownName`."""
    try:
        return STRATEGIES[name]
    except KeyError:
        raise UnknownName("strategy", name, tuple(STRATEGIES)) from None


def _proba(pool: PoolView) -> Floats:
    if pool.proba is None:
        raise ValueError("This strategy needs probabilities; fit a head first.")
    return pool.proba


def _draw(rows: Ints, count: int, rng: Generator) -> Ints:
    return rng.choice(rows, min(count, len(rows)), replace=False)


def _highest(scores: Floats, rows: Ints, count: int) -> Ints:
    """The `count` rows with the highest scores, highest first, ties in the order of the rows."""
    if count < len(scores):
        cut = np.partition(scores, len(scores) - count)[len(scores) - count]
        enough = np.flatnonzero(scores >= cut)
        rows, scores = rows[enough], scores[enough]
    return rows[np.argsort(-scores, kind="stable")[:count]]


def _distinct(pool: PoolView, rows: Ints) -> Ints:
    return rows[first_of_same(pool.features[rows])]


def _then_margin(pool: PoolView, size: int, first: Ints, reasons: tuple[str, ...], rng: Generator) -> Selection:
    """Rank the strategy's own picks, then the rest by margin, or at random where there is no head."""
    if pool.proba is None:
        rest, reason = _draw(pool.candidates, size + SPARE, rng), "random"
    else:
        rest = _highest(uncertainty.margin(pool.proba[pool.candidates]), pool.candidates, size + SPARE)
        reason = "unsure"
    return _ranking(pool, size, rest, reason, first, reasons)


def _ranking(
    pool: PoolView, size: int, rest: Ints, reason: str, first: Ints | None = None, reasons: tuple[str, ...] = ()
) -> Selection:
    """Put the first picks before the rest, each row once, near duplicates of earlier rows at the end."""
    if first is not None:
        rest = np.concatenate([first, rest[~np.isin(rest, first)]])
    kept = first_of_same(pool.features[rest])
    order = np.concatenate([kept, np.setdiff1d(np.arange(len(rest)), kept)])[:size]
    why = reasons + (reason,) * (len(rest) - len(reasons))
    scores = np.linspace(1, 0, len(order), endpoint=False, dtype=np.float32)
    return Selection(rest[order], scores, tuple(why[i] for i in order))
