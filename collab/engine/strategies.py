"""Query strategies: which items to ask next, and in what order. Knows rows of features, not what they stand for.

Each works in two stages: a prefilter takes a few thousand rows from a pool of any size, then the batch is chosen
among them. Only the first picks are worth that choice, for the head will have been refitted before the rest is asked:
the tail of a long ranking follows by margin.
"""

from typing import Protocol

import numpy as np
from numpy.random import Generator

from collab.engine import uncertainty
from collab.engine.arrays import Ints
from collab.engine.diversity import first_of_same, typical, unlike_all, weighted_centres
from collab.engine.neighbourhood import LABELED, Neighbourhood
from collab.engine.pool import PoolView, Selection, draw, highest
from collab.errors import UnknownName

CHOSEN = 50
"""Picks that a strategy chooses itself; the tail follows by margin."""
SAMPLE = 4_000
"""Random rows that typicality clusters."""
AT_ONCE = 10
"""Typical rows that one clustering gives."""
SPARE = 100
"""Rows ranked beyond the wanted size, to take the places of near duplicates."""
REMEMBERED = 5_000
"""At most so many labeled rows, evenly spread, are remembered so that what is nearly the same isn't asked again."""
TELLING, RARE = 3, 20
"""Of the mix, every third pick is the most telling one, and every twentieth the likeliest of the rarest class."""


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
        return _ranking(pool, size, draw(pool.candidates, size + SPARE, rng), "random")


class Margin:
    """The items whose two best classes are nearest to a tie; of any number that may apply, all classes on the mean."""

    name = "margin"
    needs_proba = True

    def select(self, pool: PoolView, size: int, rng: Generator) -> Selection:  # noqa: D102  # documented by the protocol
        pool.known_proba()
        return _ranking(pool, size, highest(pool.torn[pool.candidates], pool.candidates, size + SPARE), "unsure")


class Entropy:
    """The items whose probabilities are the most spread; with many classes that is often noise, so prefer margin."""

    name = "entropy"
    needs_proba = True

    def select(self, pool: PoolView, size: int, rng: Generator) -> Selection:  # noqa: D102  # documented by the protocol
        score = uncertainty.binary_entropy if pool.many else uncertainty.entropy
        scores = score(pool.known_proba()[pool.candidates])
        return _ranking(pool, size, highest(scores, pool.candidates, size + SPARE), "unsure")


class Typicality:
    """The most typical item of each part of the pool that has no label yet: the best first questions."""

    name = "typicality"
    needs_proba = False

    def select(self, pool: PoolView, size: int, rng: Generator) -> Selection:  # noqa: D102  # documented by the protocol
        rows = draw(pool.candidates, SAMPLE, rng)
        asked = np.concatenate([draw(pool.labeled, LABELED, rng), pool.held])
        features, labeled = pool.rows(rows), pool.rows(asked)
        picks: Ints = np.empty(0, np.int64)
        while len(picks) < min(size, CHOSEN, len(rows)):
            # Some at a time, as if those before were labeled: whoever asks for more gets the same ones first.
            known = np.concatenate([labeled, features[picks]])
            found = typical(features, known, AT_ONCE, rng)
            found = found[~np.isin(found, picks)]
            if not len(found):
                break
            picks = np.concatenate([picks, found])
        picks = picks[:size]
        return _then_margin(pool, size, rows[picks], ("typical",) * len(picks), rng)


class WeightedKMeans:
    """Unsure items spread by a k-means whose weights are their margins."""

    name = "weighted_kmeans"
    needs_proba = True

    def select(self, pool: PoolView, size: int, rng: Generator) -> Selection:  # noqa: D102  # documented by the protocol
        pool.known_proba()
        wanted = min(size, CHOSEN)
        rows = highest(pool.torn[pool.candidates], pool.candidates, 20 * wanted)
        rows = rows[first_of_same(pool.rows(rows))]
        picks = weighted_centres(pool.rows(rows), pool.torn[rows], min(wanted, len(rows)), rng)
        return _then_margin(pool, size, rows[picks], ("coverage",) * len(picks), rng)


class UncertaintyHerding:
    """Items that lie near many items of which the head is unsure, and far from those that have a label."""

    name = "uncertainty_herding"
    needs_proba = True

    def select(self, pool: PoolView, size: int, rng: Generator) -> Selection:  # noqa: D102  # documented by the protocol
        near = Neighbourhood(pool, rng)
        herding = near.herding()
        picks = []
        for _ in range(min(size, CHOSEN, len(near.rows))):
            picks.append(herding.best())
            herding.take(picks[-1])
        return _then_margin(pool, size, near.rows[picks], near.reasons(picks), rng)


class Mix:
    """Herding in most turns; in others the item that tells a linear head the most, or one of the rarest class.

    Herding is the best where near items have the same class, as encoders have it; information needs no neighbours and
    is the best where a linear head fits. Together they win where either does, and lose nowhere.
    """

    name = "mix"
    needs_proba = True

    def select(self, pool: PoolView, size: int, rng: Generator) -> Selection:  # noqa: D102  # documented by the protocol
        near = Neighbourhood(pool, rng)
        herding, information = near.herding(), near.information()
        rare = near.rare()
        picks: list[int] = []
        reasons: list[str] = []
        for _ in range(min(size, CHOSEN, len(near.rows))):
            turn = len(pool.labeled) + len(picks)  # goes on from batch to batch, be they of one item
            if turn % RARE == RARE - 1 and (left := [row for row in rare if row not in picks]):
                pick, reason = left[0], "rare"
            elif turn % TELLING == TELLING - 1:
                pick, reason = information.best(), "telling"
            else:
                pick, reason = herding.best(), ""
            herding.take(pick)
            information.take(pick)
            picks.append(pick)
            reasons.append(reason)
        why = tuple(own or herded for own, herded in zip(reasons, near.reasons(picks), strict=True))
        return _then_margin(pool, size, near.rows[picks], why, rng)


class Default:
    """Typicality for the first labels and while all answers were the same, then the mix."""

    name = "default"
    needs_proba = False

    def select(self, pool: PoolView, size: int, rng: Generator) -> Selection:  # noqa: D102  # documented by the protocol
        offered = pool.n_classes - len(pool.retired)
        few = len(pool.labeled) < max(10, 2 * offered) or len(np.unique(pool.labels, axis=0)) < 2
        stage: Strategy = Typicality() if few or pool.proba is None else Mix()
        return stage.select(pool, size, rng)


STRATEGIES: dict[str, Strategy] = {
    strategy.name: strategy
    for strategy in (
        Default(), Mix(), UncertaintyHerding(), WeightedKMeans(), Typicality(), Margin(), Entropy(), RandomOrder(),
    )
}  # fmt: skip


def strategy_of(name: str) -> Strategy:
    """The strategy of that name. Raises `UnknownName`."""
    try:
        return STRATEGIES[name]
    except KeyError:
        raise UnknownName("strategy", name, tuple(STRATEGIES)) from None


def _then_margin(pool: PoolView, size: int, first: Ints, reasons: tuple[str, ...], rng: Generator) -> Selection:
    """Rank the strategy's own picks, then the rest by margin, or at random where there is no head."""
    if pool.proba is None:
        rest, reason = draw(pool.candidates, size + SPARE, rng), "random"
    else:
        rest = highest(pool.torn[pool.candidates], pool.candidates, size + SPARE)
        reason = "unsure"
    return _ranking(pool, size, rest, reason, first, reasons)


def _ranking(
    pool: PoolView, size: int, rest: Ints, reason: str, first: Ints | None = None, reasons: tuple[str, ...] = ()
) -> Selection:
    """Put the first picks before the rest, each row once, near duplicates of earlier rows at the end.

    Earlier are also those that were answered, or that people have before them: some of them where they are many.
    """
    if first is not None:
        rest = np.concatenate([first, rest[~np.isin(rest, first)]])
    features, asked = pool.rows(rest), np.concatenate([pool.held, pool.labeled[:: 1 + len(pool.labeled) // REMEMBERED]])
    kept = first_of_same(features)
    kept = kept[unlike_all(features[kept], pool.rows(asked))]
    order = np.concatenate([kept, np.setdiff1d(np.arange(len(rest)), kept)])[:size]
    why = reasons + (reason,) * (len(rest) - len(reasons))
    scores = np.linspace(1, 0, len(order), endpoint=False, dtype=np.float32)
    return Selection(rest[order], scores, tuple(why[i] for i in order))
