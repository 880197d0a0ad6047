"""Estimate shares from strata that were audited at different rates. numpy and scipy only, for pages import it."""

from math import ceil, floor

import numpy as np
import numpy.typing as npt

from collab.engine.arrays import Ints
from collab.engine.assurance import Estimate, share_of

Doubles = npt.NDArray[np.float64]

ROUNDING = 1e-9


def weighted_share(hits: Ints, n: Ints, weight: Doubles, level: float = 0.95) -> Estimate:
    """Estimate a share of a part of the items, such as those called one class, which has no size that is known.

    The interval is the one of as many equal answers as these tell as much as. With one stratum, or equal weights, they
    are the answers themselves; else a fraction of one is given away, in either direction.

    Args:
        hits: Answers for it, shape (n_strata,).
        n: Answers in the part, shape (n_strata,).
        weight: For how many items an answer stands, shape (n_strata,).
        level: Of the interval.

    Source: Korn and Graubard, "Confidence Intervals for Proportions with Small Expected Number of Positive Counts
    Estimated from Survey Data", Survey Methodology 1998; Kish, "Survey Sampling", Wiley 1965, where all are hits.

    >>> weighted_share(np.array([36]), np.array([40]), np.array([25.0]))
    Estimate(value=0.9, low=0.7695..., high=0.9604..., n=40)
    """
    answers = int(n.sum())
    if not answers:
        return share_of(0, 0, level)
    total, squares = float(weight @ n), float(weight**2 @ n)
    share = float(weight @ hits) / total
    equal = min(answers, total**2 / squares)
    spread = float(weight**2 @ (hits * (1 - share) ** 2 + (n - hits) * share**2))
    if spread > 0:
        equal = min(equal, share * (1 - share) * total**2 / spread)
    equal = max(1, floor(equal + ROUNDING))
    low = share_of(floor(share * equal + ROUNDING), equal, level).low
    high = share_of(ceil(share * equal - ROUNDING), equal, level).high
    return Estimate(share, low, high, answers)
