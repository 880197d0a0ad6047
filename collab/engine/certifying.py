"""Certify which items a machine may label: a confidence threshold and a promise about its errors.

Everything rests on fresh audits: drawn uniformly, without replacement, from the very items that the machine is to
label, after the model was frozen, and used for this one certificate only. numpy and scipy only, for pages import it.
"""

from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor, log, log1p, pi
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, gammaln

from collab.engine.arrays import Ints

Bools = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]
Promise = Literal["dataset", "machine"]
"""Which errors are bounded: as a share of the whole data set, whose other items people label without error, or as a
share of the machine's labels."""

MOST_THRESHOLDS = 50
SMALL = 0.05
"""From this share of the population on, drawing without replacement counts."""
LEFT_OUT = -2
ROUNDING = 1e-9
"""Keeps 5 % of 200 at 10, whatever the floating point makes of it."""
MOST_AUDITS = 1_000_000
"""Nobody audits more; a certificate that would need more can't be had."""


@dataclass(frozen=True, slots=True)
class Certified:
    """A threshold from which on the machine may label, and the evidence."""

    threshold: float
    """Of the confidence: the machine labels what is at least this sure."""
    coverage: float
    """Share of the pool at or above the threshold."""
    n: int
    """Audits drawn."""
    n_errors: int
    """Wrong or unresolved audits at or above the threshold."""
    n_above: int
    """Audits at or above the threshold."""


@dataclass(frozen=True, slots=True)
class TooFewAudits:
    """No threshold can be certified with these audits."""

    n: int
    """Audits drawn."""
    more: int | None
    """How many more are needed if they are as good as these, at the least; None: this pool has not so many."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """The thresholds of a pool, the strictest first, fixed before any audit was answered."""

    thresholds: Doubles
    counts: Ints
    """How many items of the pool are at or above each, shape as `thresholds`."""
    items: int

    @classmethod
    def of(cls, pool_confidence: Doubles, least: float = 0.0) -> Self:
        """Take at most 50 quantiles of the pool's confidence, none of them below `least`."""
        ordered = np.sort(pool_confidence)
        places = np.linspace(0, len(ordered) - 1, MOST_THRESHOLDS).astype(np.int64)
        thresholds = np.unique(ordered[places])[::-1]
        thresholds = thresholds[thresholds >= least]
        return cls(thresholds, len(ordered) - np.searchsorted(ordered, thresholds), len(ordered))

    def at_or_above(self, confidence: Doubles) -> Ints:
        """How many of these are at or above each threshold."""
        return len(confidence) - np.searchsorted(np.sort(confidence), self.thresholds)

    def allowed(
        self, above: Ints, n: int, epsilon: float, delta: float, promise: Promise, elsewhere: Ints | int = 0
    ) -> Ints:
        """The most errors at or above each threshold with which it passes.

        Args:
            above: Audits at or above each threshold.
            n: All audits.
            epsilon: As for `certify`.
            delta: As for `certify`.
            promise: As for `certify`.
            elsewhere: Other items at or above each threshold that people label.
        """
        if promise == "dataset":
            return np.full(len(above), most_errors(n, epsilon, delta, self.items))
        # Too many errors: more than epsilon of the items that stay with the machine. What an audit found is people's;
        # the found errors stay in the count, for how many are found is chance. So do those among the items that people
        # answered elsewhere: nobody knows how many there are.
        machine = self.counts - above - elsewhere
        too_many = np.floor(epsilon * machine + ROUNDING).astype(np.int64) + 1
        tests = zip(above.tolist(), self.counts.tolist(), too_many.tolist(), strict=True)
        allowed = np.array([most_errors(m, epsilon, delta, size, wrong) for m, size, wrong in tests], np.int64)
        return np.where((allowed < 0) | (machine <= 0), LEFT_OUT, allowed)

    def certified(self, place: int, n: int, errors: Ints, above: Ints) -> Certified:
        """Say what stands behind the threshold at this place."""
        threshold, coverage = float(self.thresholds[place]), float(self.counts[place] / self.items)
        return Certified(threshold, coverage, n, int(errors[place]), int(above[place]))


def certify(
    confidence: Doubles,
    correct: Bools,
    pool_confidence: Doubles,
    epsilon: float,
    delta: float,
    promise: Promise = "machine",
    *,
    least: float = 0.0,
    elsewhere: Doubles | None = None,
) -> Certified | TooFewAudits:
    """Find the lowest threshold at which the promise holds, except with probability delta.

    At most 50 thresholds, quantiles of the pool's confidence, are looked at from the strictest on, until one fails.
    The errors at or above a threshold, as a share of the data set, can only grow as it falls, so nothing is lost by
    looking often: the promise on the data set. As a share of the machine's labels they may also fall; there each
    threshold is a test of its own in an order that was fixed before, and those with too few audits to pass even without
    an error are left out, which depends on no answer. From 5 % of the population on, drawing without replacement
    counts. Machine labels are the items that no person answered: errors that were found are not taken off the bound.

    Args:
        confidence: Of the audited items' best class, shape (n,).
        correct: Whether the answer is that class, shape (n,); an unresolved audit is none.
        pool_confidence: Of all items the audits were drawn from, the audited ones among them, shape (n_items,).
        epsilon: At most this share of errors.
        delta: At most this probability that there are more; see `spent` for a second certificate.
        promise: Whose share.
        least: No threshold below this: the one of a critical class, see `limit_misses`.
        elsewhere: Of items of the pool that people answered since, though no audit, shape (m,). Which ones may depend
            on anything but on what the audits found.

    Source: Candes, Ilyas and Zrnic, "Probably Approximately Correct Labels", 2025, and Bates et al.,
    "Distribution-Free, Risk-Controlling Prediction Sets", Journal of the ACM 2021, for the data set; Angelopoulos et
    al., "Learn then Test", Annals of Applied Statistics 2025, for the machine's labels.
    """
    check(confidence, correct, pool_confidence, epsilon, delta)
    ladder = Ladder.of(pool_confidence, least)
    above, errors = ladder.at_or_above(confidence), ladder.at_or_above(confidence[~correct])
    n, gone = len(correct), 0 if elsewhere is None else ladder.at_or_above(elsewhere)
    last = last_passed(errors, ladder.allowed(above, n, epsilon, delta, promise, gone))
    if last is None:
        shares = np.full(len(above), n) if promise == "dataset" else above
        return TooFewAudits(n, _more(errors, shares, n, ladder.items, epsilon, delta))
    return ladder.certified(last, n, errors, above)


def limit_misses(
    confidence: Doubles,
    answers: Ints,
    predicted: Ints,
    pool_confidence: Doubles,
    critical: int,
    epsilon: float,
    delta: float,
) -> Certified | TooFewAudits:
    """Find the lowest threshold at which the machine misses at most so large a share of a critical class.

    Missed is an item of the class that is at least as sure and called another class. The share is of all items of the
    class, those that people label included, so it only grows as the threshold falls. Hand the threshold to `certify` as
    `least`; where there is none, nothing may be labeled against the class. The deltas of both add up.

    Args:
        confidence: Of the audited items' best class, shape (n,).
        answers: Class columns of the audits, shape (n,); -1 where unresolved, which counts as a missed item.
        predicted: The best class, shape (n,).
        pool_confidence: Of all items the audits were drawn from, shape (n_items,).
        critical: Column of the class.
        epsilon: At most this share missed.
        delta: At most this probability that it is more.
    Returns:
        `n` counts audits of the class; `more` how many more of these are needed.
    """
    asked = (answers == critical) | ((answers == -1) & (predicted != critical))
    found = predicted[asked] == critical
    if not asked.any():
        return TooFewAudits(0, least_audits(epsilon, delta))
    check(confidence[asked], found, pool_confidence, epsilon, delta)
    ladder, n = Ladder.of(pool_confidence), len(found)
    above, errors = ladder.at_or_above(confidence[asked]), ladder.at_or_above(confidence[asked][~found])
    last = last_passed(errors, np.full(len(above), most_errors(n, epsilon, delta)))
    if last is None:
        return TooFewAudits(n, _more(errors, np.full(len(above), n), n, MOST_AUDITS, epsilon, delta))
    return ladder.certified(last, n, errors, above)


def spent(delta: float, number: int) -> float:
    """What the certificate of that number, from 1 on, may spend: all that will ever be issued spend delta together."""
    if number < 1:
        raise ValueError(f"Certificate {number} can't be: the first has number 1.")
    return delta * 6 / (pi * number) ** 2


@lru_cache(maxsize=65_536)
def most_errors(
    n: int, epsilon: float, delta: float, population: int | None = None, too_many: int | None = None
) -> int:
    """The most errors among n audits that still show that a share is at most epsilon; -1: none would be too many.

    So many errors or fewer have a probability of at most delta where the share is over epsilon, which is to say that
    the exact upper bound of Clopper and Pearson lies at or under epsilon.

    Args:
        n: Audits.
        epsilon: The share.
        delta: The probability.
        population: How many items they were drawn from without replacement; None: from any number.
        too_many: How many errors in the population break the promise; by default what is more than epsilon of it.

    >>> [most_errors(n, 0.05, 0.1) for n in (44, 45, 77)]
    [-1, 0, 1]
    """
    if population is None or n <= SMALL * population:
        share = epsilon if population is None or too_many is None else min(epsilon, too_many / population)
        chance = bdtr(np.arange(n + 1.0), n, share)
    else:
        wrong = floor(epsilon * population + ROUNDING) + 1 if too_many is None else too_many
        chance = _hypergeometric(n, wrong, population)
    return int(np.searchsorted(chance, delta * (1 + 1e-12), side="right")) - 1


def least_audits(epsilon: float, delta: float, population: int | None = None) -> int:
    """How many audits certify a share of at most epsilon if not one of them is wrong; of a small pool it takes fewer.

    >>> least_audits(0.05, 0.1), least_audits(0.02, 0.1), least_audits(0.01, 0.05)
    (45, 114, 299)
    """
    enough = ceil(log(delta) / log1p(-epsilon))
    if population is None:
        return enough
    return bisect_left(
        range(min(enough, population)), True, key=lambda n: most_errors(n, epsilon, delta, population) >= 0
    )


def check(confidence: Doubles, correct: Bools, pool_confidence: Doubles, epsilon: float, delta: float) -> None:
    """Raise ValueError where audits don't fit the pool, or the promise is none."""
    if len(confidence) != len(correct) or len(correct) > len(pool_confidence) or not len(pool_confidence):
        raise ValueError(f"{len(confidence)} and {len(correct)} audits don't fit a pool of {len(pool_confidence)}.")
    if not (0 < epsilon < 1 and 0 < delta < 1):
        raise ValueError(f"Error bound {epsilon} and probability {delta} must lie between 0 and 1.")
    if not (np.isfinite(confidence).all() and np.isfinite(pool_confidence).all()):
        raise ValueError("Confidences hold NaN or infinity; score these items again.")


def last_passed(errors: Ints, allowed: Ints) -> int | None:
    """Index of the last threshold that passes, with all stricter ones that are not left out; None: not one does."""
    failed = np.flatnonzero((errors > allowed) & (allowed != LEFT_OUT))
    passed = np.flatnonzero((errors <= allowed)[: failed[0] if len(failed) else None])
    return int(passed[-1]) if len(passed) else None


def _hypergeometric(n: int, wrong: int, population: int) -> Doubles:
    """Probability of at most 0, 1, … n errors in n draws without replacement; scipy.stats is slow to load."""
    k = np.arange(n + 1.0)
    possible = k[(k <= wrong) & (n - k <= population - wrong)]
    chance = np.zeros(n + 1)
    ways = _log_choose(wrong, possible) + _log_choose(population - wrong, n - possible)
    chance[possible.astype(np.int64)] = np.exp(ways - _log_choose(population, np.float64(n)))
    return np.cumsum(chance)


def _log_choose(n: int, k: Doubles | np.float64) -> Doubles:
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))


def _more(errors: Ints, audits: Ints, n: int, most: int, epsilon: float, delta: float) -> int | None:
    """How many audits more would certify the threshold that is nearest to it, if errors stay as rare as they are."""
    needed = [
        ceil(enough * n / m)
        for k, m in zip(errors.tolist(), audits.tolist(), strict=True)
        if m and (enough := _enough_audits(epsilon, delta, k / m)) is not None
    ]
    total = max(min(needed, default=most + 1) if n else least_audits(epsilon, delta), n + 1)
    return total - n if total <= most else None


def _enough_audits(epsilon: float, delta: float, share: float) -> int | None:
    """The same if such a share of them is wrong; None where so many can't be had."""
    if share >= epsilon:
        return None
    few, many = least_audits(epsilon, delta) - 1, least_audits(epsilon, delta)
    while bdtr(ceil(share * many), many, epsilon) > delta:
        few, many = many, 2 * many
        if many > MOST_AUDITS:
            return None
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if bdtr(ceil(share * middle), middle, epsilon) <= delta else (middle, many)
    return many
