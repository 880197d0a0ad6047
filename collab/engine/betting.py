"""Watch a stream of answers, and be right at every look: betting against what is claimed of it.

Gamblers who can't lose more than they have bet on each answer before they see it. If the claim is true, they multiply
their money by w with a probability of at most 1 / w, however often somebody looks; so where they are rich, the claim is
false. numpy only, for pages import it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Answers = npt.NDArray[np.bool_] | Sequence[bool]

SHARES = 1_000
"""Shares that a sequence tells apart; bounds are rounded outward."""
BOLDNESS = 0.5
"""No bet puts more than this of the wealth at risk."""
BETS = 12


@dataclass(frozen=True, slots=True)
class Running:
    """A share's bounds after each answer, each of shape (n,); all of them hold at once."""

    low: Doubles
    high: Doubles


def sequence(correct: Answers, level: float = 0.95, pool: int | None = None) -> Running:
    """Bound a share after each answer such that, with probability `level`, all bounds hold at once.

    Two gamblers bet against every share, one that it is higher and one that it is lower, each with half the money; how
    boldly, follows from the spread of the answers before. A share is ruled out for good once one of them is rich.

    Args:
        correct: Audit answers in their order, shape (n,).
        level: Probability that no bound is ever wrong.
        pool: How many items the audits are drawn from without replacement; None: any number.

    Source: Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", Journal of the Royal
    Statistical Society B 2024: the hedged capital process with predictable plug-in bets.
    """
    answers = np.asarray(correct, np.float64)
    shares = np.linspace(0, 1, SHARES + 1)
    bound = np.log(2 / (1 - level))
    up, down = np.zeros_like(shares), np.zeros_like(shares)
    low, high = np.zeros(len(answers)), np.ones(len(answers))
    below, above, right = 0.0, 1.0, 0.0
    for i, (answer, bet) in enumerate(zip(answers.tolist(), _plug_in(answers, bound).tolist(), strict=True)):
        claimed = shares if pool is None else np.clip((shares * pool - right) / (pool - i), 0, 1)
        with np.errstate(divide="ignore"):
            up += np.log1p(np.minimum(bet, BOLDNESS / claimed) * (answer - claimed))
            down += np.log1p(-np.minimum(bet, BOLDNESS / (1 - claimed)) * (answer - claimed))
        right += answer
        # The one's wealth falls with the share and the other's grows with it, so what is ruled out lies at the ends.
        below = max(below, shares[up >= bound].max(initial=0.0))
        above = min(above, shares[down >= bound].min(initial=1.0))
        if pool is not None:  # what was seen is certain
            below, above = max(below, right / pool), min(above, 1 - (i + 1 - right) / pool)
        low[i], high[i] = below, above
    return Running(low, high)


def alarm(errors: Answers, epsilon: float, delta: float, pool: int | None = None) -> int | None:
    """Say at which audit, counted from 0, it is shown that the error rate is over epsilon; None: at none of them.

    If the rate is at most epsilon, there is ever an alarm with probability delta at most. The money is split
    over bets of several sizes, for nobody knows how bad it is, and over starts at audits 0, 1, 3, 7, …, for it may
    become bad late.

    Args:
        errors: Whether each audit among machine labels found an error, in their order, shape (n,).
        epsilon: The rate that was promised.
        delta: Probability of a false alarm, over all time.
        pool: How many machine labels the audits are drawn from without replacement; None: any number.

    Source: Waudby-Smith and Ramdas, 2024, as above; Shin, Ramdas and Rinaldo, "E-detectors", New England Journal of
    Statistics in Data Science 2024, for the starts.
    """
    suspected = np.geomspace(1.25 * epsilon, max(0.5, 1.25 * epsilon), BETS)
    bets = (np.minimum(suspected, 1) - epsilon) / (1 - epsilon)
    starts = 2 ** np.arange(len(errors).bit_length() + 1) - 1
    number = np.arange(1, len(starts) + 1)
    wealth = np.tile((1 / (number * (number + 1)) / BETS)[:, None], BETS)  # all starts that can ever come: 1
    kept, found = 1 - float(wealth.sum()), 0
    for i, error in enumerate(errors):
        claimed = epsilon if pool is None else (epsilon * pool - found) / (pool - i)
        found += bool(error)
        if claimed <= 0:
            if error or claimed < 0:
                return i
            continue
        wealth[starts <= i] *= 1 + bets * (bool(error) / claimed - 1) if claimed < 1 else 1.0
        if kept + wealth.sum() >= 1 / delta:
            return i
    return None


def _plug_in(answers: Doubles, bound: float) -> Doubles:
    """The bet before each answer, from the spread of those before it."""
    t = np.arange(1, len(answers) + 1)
    mean = (0.5 + np.cumsum(answers)) / (t + 1)
    spread = (0.25 + np.cumsum((answers - mean) ** 2)) / (t + 1)
    return np.asarray(np.sqrt(2 * bound / (np.concatenate([[0.25], spread[:-1]]) * t * np.log(t + 1))))
