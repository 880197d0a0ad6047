"""Hold a candidate model against the champion by audits that both answered. numpy and scipy only, for pages import it.

What judges is the log-loss: at two hundred audits most real gains move too few answers for a test on these to see
(McNemar's has them undecided). The accuracy only has to be shown not to fall.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, log, sqrt

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

from collab.domain.version import Change, GateWord
from collab.engine.arrays import Floats, Ints, Labels
from collab.engine.numbering import suggested

Doubles = npt.NDArray[np.float64]

LEVEL = 0.9
"""Of both intervals, so that a candidate that is worth nothing is called better one time in twenty at most."""
FEWEST = 30
"""Audits under which nothing is told: an interval of fewer trusts in chance."""
MAY_FALL = 0.02
"""So far the accuracy may fall, by its lower bound."""
LEAST = 1e-4
"""Smallest probability that a loss is made of: below it one audit would outweigh hundreds, and no interval holds."""
PROBABLY = 0.8
"""How probably so many more audits would tell."""
MOST_TIMES = 1000.0


@dataclass(frozen=True, slots=True)
class Held:
    """How a candidate did beside the champion."""

    word: GateWord
    gain: Change
    """By how much the mean log-loss fell, in nats."""
    accuracy: Change
    before: int
    """Audits of which the champion's whole answer is right."""
    after: int
    """Those of which the candidate's is."""
    more: int | None = None
    """How many more audits would probably tell; None: it is told, or more than there are would be needed."""


@dataclass(frozen=True, slots=True)
class _Spread:
    """A weighted mean over strata, with its variance and the degrees of freedom that this is known with."""

    mean: float
    variance: float
    freedom: float


def judge(
    before: Floats,
    after: Floats,
    truth: Labels,
    *,
    strata: Ints | None = None,
    sizes: Sequence[int] = (),
    groups: Ints | None = None,
    others: tuple[Floats, Floats] | None = None,
    available: int | None = None,
) -> Held:
    """Say whether a candidate is better than the champion.

    Better: the interval of the gain lies above 0, and the accuracy's lower bound above -2 points. Worse: that of the
    gain lies below 0, or the whole of the accuracy's below -2 points. Else it can't be told.

    Args:
        before: The champion's probabilities of the audits, shape (n_audits, n_classes); of a temperature that these
            audits did not choose.
        after: The candidate's, likewise.
        truth: What people answered, shape (n_audits,); or which classes apply, shape (n_audits, n_classes).
        strata: From which part of the items each audit was drawn, as 0, 1 …, shape (n_audits,); None: all from one.
        sizes: Items of each part, for each counts by its size.
        groups: Audits of one group, such as a patient, are alike, shape (n_audits,); None: each is its own.
        others: What both say of items without an answer, each of shape (n_items, n_classes): a loss that is rare may be
            in no audit, and then shows only in where the two part. None: of the audits themselves.
        available: Audits that could still be asked; None: any number.

    Source: of the accuracy's interval, Agresti and Min, "Simple Improved Confidence Intervals for Comparing Matched
    Proportions", Statistics in Medicine 2005; of the gain's freedom, Satterthwaite, "An Approximate Distribution of
    Estimates of Variance Components", Biometrics Bulletin 1946.
    """
    n = len(truth)
    strata = np.zeros(n, np.int64) if strata is None else strata
    groups = np.arange(n) if groups is None else groups
    share = _shares(strata, sizes)
    right = [_right(proba, truth) for proba in (before, after)]
    counts = int(right[0].sum()), int(right[1].sum())
    most = -log(LEAST) * (truth.shape[1] if truth.ndim == 2 else 1)
    if n < 2:
        nothing = Change(0.0, -most, most), Change(0.0, -1.0, 1.0)
        return Held("can't tell", *nothing, *counts, _within(FEWEST - n, available))
    losses = [_losses(proba, truth) for proba in (before, after)]
    gains = losses[0] - losses[1]
    found, alone = _spread(gains, strata, groups, share), _spread(gains, strata, np.arange(n), share)
    alike = max(found.variance / alone.variance, 1.0) if 0 < alone.variance < np.inf else 1.0
    parting = _parting(*(others if others is not None and len(others[0]) else (before, after)), truth.ndim == 2)
    each = float((share**2 / np.maximum(np.bincount(strata, minlength=len(share)), 1)).sum())
    gain = _interval(replace(found, variance=max(found.variance, parting * each * alike)), most)
    changed = _Changed.of(right[1].astype(np.float64) - right[0], strata, groups, share)
    accuracy = changed.interval()
    word = _word(gain, accuracy) if n >= FEWEST else "can't tell"
    more = _more(gain, changed, n) if word == "can't tell" else None
    return Held(word, gain, accuracy, *counts, _within(more, available))


def _word(gain: Change, accuracy: Change) -> GateWord:
    if gain.low > 0 and accuracy.low > -MAY_FALL:
        return "better"
    return "worse" if gain.high < 0 or accuracy.high < -MAY_FALL else "can't tell"


def _shares(strata: Ints, sizes: Sequence[int]) -> Doubles:
    """The share of the items that each stratum stands for."""
    counts = np.asarray(sizes if len(sizes) else np.bincount(strata, minlength=1), np.float64)
    share: Doubles = counts / max(counts.sum(), 1.0)
    return share


def _right(proba: Floats, truth: Labels) -> npt.NDArray[np.bool_]:
    if truth.ndim == 2:
        whole: npt.NDArray[np.bool_] = (suggested(proba) == truth).all(axis=1)
        return whole
    same: npt.NDArray[np.bool_] = proba.argmax(axis=1) == truth
    return same


def _losses(proba: Floats, truth: Labels) -> Doubles:
    """Surprise at each answer, in nats; of any number of classes the sum over them."""
    told = np.clip(proba.astype(np.float64), LEAST, 1 - LEAST)
    if truth.ndim == 2:
        each: Doubles = -np.log(np.where(truth, told, 1 - told)).sum(axis=1)
        return each
    best: Doubles = -np.log(told[np.arange(len(truth)), truth])
    return best


def _spread(values: Doubles, strata: Ints, groups: Ints, share: Doubles) -> _Spread:
    """Mean of the values, strata by their size and groups as the units that were drawn."""
    mean, parts = 0.0, []
    for stratum, weight in enumerate(share.tolist()):
        here = strata == stratum
        own = values[here]
        mean += weight * own.mean()
        totals = np.bincount(np.unique(groups[here], return_inverse=True)[1], own - own.mean())
        units = len(totals)
        variance = float(totals @ totals) / len(own) ** 2 * units / (units - 1) if units > 1 else np.inf
        parts.append((weight**2 * variance, max(units - 1, 1)))
    variance = sum(v for v, _ in parts)
    below = sum(v**2 / f for v, f in parts)
    freedom = variance**2 / below if 0 < variance < np.inf else 1.0
    return _Spread(mean, variance, freedom)


def _parting(before: Floats, after: Floats, many: bool) -> float:
    """Variance of the gain if either model were right as often as both say on average.

    Where hardly any audit went wrong their own variance knows nothing of what one that does would cost.
    """
    one, other = (np.clip(proba.astype(np.float64), LEAST, 1 - LEAST) for proba in (before, after))
    either, gain = (one + other) / 2, np.log(other) - np.log(one)
    if not many:
        return float((either * gain**2).sum(axis=1).mean() - (either * gain).sum(axis=1).mean() ** 2)
    lost = np.log(1 - other) - np.log(1 - one)
    means = (either * gain + (1 - either) * lost).sum(axis=1)
    return float((either * (1 - either) * (gain - lost) ** 2).sum(axis=1).mean() + means.var())


def _interval(found: _Spread, most: float) -> Change:
    reach = float(stdtrit(found.freedom, (1 + LEVEL) / 2)) * sqrt(found.variance)
    return Change(found.mean, max(found.mean - reach, -most), min(found.mean + reach, most))


@dataclass(frozen=True, slots=True)
class _Changed:
    """Audits of which one model alone is right, by stratum; each of shape (n_strata,)."""

    n: Doubles
    up: Doubles
    down: Doubles
    share: Doubles
    alike: float
    """By how much groups widen the variance."""

    @classmethod
    def of(cls, change: Doubles, strata: Ints, groups: Ints, share: Doubles) -> "_Changed":
        n, up, down = (
            np.bincount(strata[kept], minlength=len(share)).astype(np.float64)
            for kept in (np.isfinite(change), change > 0, change < 0)
        )
        alone = _spread(change, strata, np.arange(len(change)), share).variance
        together = _spread(change, strata, groups, share).variance
        return cls(n, up, down, share, max(together / alone, 1.0) if alone > 0 else 1.0)

    def interval(self, times: float = 1.0, wider: float = 1.0) -> Change:
        """Interval of the difference of both shares; where no audit differs it is not of width 0.

        Half an audit is added to each of the four ways in which two models can be right and wrong.

        Args:
            times: As if there were so many times as many audits.
            wider: Factor of its width.
        """
        added = 0.5 / len(self.share)
        n, up, down = times * self.n + 4 * added, times * self.up + added, times * self.down + added
        middle = (up - down) / n
        variance = self.share**2 @ (((up + down) / n - middle**2) / n)
        reach = wider * float(ndtri((1 + LEVEL) / 2)) * sqrt(float(variance) * self.alike)
        value, centre = float(self.share @ ((self.up - self.down) / self.n)), float(self.share @ middle)
        return Change(value, max(centre - reach, -1.0), min(centre + reach, 1.0))


def _within(more: int | None, available: int | None) -> int | None:
    return None if more is None or (available is not None and more > available) else more


def _more(gain: Change, changed: _Changed, n: int) -> int | None:
    """How many more audits would probably tell, were they like these; None: more than a thousand times as many."""
    z = float(ndtri((1 + LEVEL) / 2))
    wider = (z + float(ndtri(PROBABLY))) / z
    times: float
    for times in np.geomspace(max(FEWEST / n, 1.0), MOST_TIMES, 200):
        shrunk = wider / sqrt(times)
        low, high = gain.value - shrunk * (gain.value - gain.low), gain.value + shrunk * (gain.high - gain.value)
        if _word(Change(gain.value, low, high), changed.interval(times, wider)) != "can't tell":
            return max(ceil(n * times) - n, 1)
    return None
