"""Check a head by the audits, as far as it takes too long for each refit: bounds at every look, calibration."""

from collections.abc import Sequence
from math import pi, sqrt

import numpy as np
from numpy.random import Generator
from scipy.special import ndtri

from collab.domain.run import SHOWN_FROM, Bin, Calibration, Checks, Figure, Round, Stratum
from collab.engine.arrays import Floats, Ints, Labels
from collab.engine.assurance import SMALL, accuracy_by_confidence
from collab.engine.betting import sequence
from collab.engine.calibration import BINS, calibration_error, reliability, squared_errors
from collab.engine.certifying import Bools, Doubles
from collab.loop.judging import Audits

LEVEL = 0.95
PER_BIN = 20
"""Audit answers in each bin of the reliability diagram, until there are 15 bins."""


def check(
    done: Round, look: int, audits: Audits, proba: Floats, honest: Floats | None, pool: Doubles, rng: Generator
) -> Checks:
    """Make the figures that a page only reads.

    Args:
        done: The round, judged.
        look: How many times figures have been made with this, from 1 on.
        audits: That judged it.
        proba: What the head shows of them, shape (n_audits, n_classes).
        honest: What it would show of the answered ones had they not chosen its temperature, shape (n_answered,
            n_classes); None: they are too few to choose one.
        pool: Probability of what is suggested of every item that has features, shape (n_items,).
        rng: Draws resamples.
    """
    right, answered = audits.numbers.said(proba) == audits.truth, audits.truth >= 0
    stratum = np.array([a.stratum for a in audits.found], np.int64)
    low, high = _bounds_at_every_look(look, done.strata, stratum, right, answered) or (None, None)
    second = None
    # The head is surer of what it was trained on, so such items must be few among those that say how sure it is.
    if len(done.strata) == 1 and done.strata[0].items == len(pool) and done.labels <= SMALL * len(pool):
        second = _by_confidence(right, answered, audits.numbers.sure(proba), pool)
    calibration = None if honest is None else _calibration(honest, audits.labels(honest.shape[1]), rng)
    checked = sum(s.answered for s in done.strata if s.answered >= SHOWN_FROM)
    return Checks(done.labels, look, checked, low, high, second, calibration)


def _bounds_at_every_look(
    look: int, strata: Sequence[Stratum], stratum: Ints, right: Bools, answered: Bools
) -> tuple[float, float] | None:
    """Bound the accuracy on all items of the checked strata so that looking again and again is allowed.

    A sequence holds at every look at one head, but each refit is another head, judged by the same audits: looking at 15
    of them, plain sequences at 95 % were all right in 83 % of draws. So each look spends a share of the doubt, and the
    shares add up to all of it; so do those of several strata. Unresolved audits are wrong for the lower bound and right
    for the upper one.
    """
    checked = [s for s in strata if s.answered >= SHOWN_FROM]
    if not checked:
        return None
    doubt = (1 - LEVEL) * 6 / (pi * look) ** 2
    level, total = 1 - doubt / len(checked), sum(s.items for s in checked)
    low = high = 0.0
    for s in checked:
        own = stratum == s.number
        least = sequence(right[own], level, s.items)
        most = sequence((right | ~answered)[own], level, s.items) if s.unresolved else least
        low += s.items / total * float(least.low[-1])
        high += s.items / total * float(most.high[-1])
    return low, high


def _by_confidence(right: Bools, answered: Bools, confidence: Doubles, pool: Doubles) -> Figure | None:
    """Estimate accuracy by confidence; the interval allows for either outcome of the unresolved."""
    told = accuracy_by_confidence(right[answered], confidence[answered], pool, LEVEL)
    least = accuracy_by_confidence(right, confidence, pool, LEVEL)
    most = accuracy_by_confidence(right | ~answered, confidence, pool, LEVEL)
    if told is None or least is None or most is None:
        return None
    return Figure(told.value, least.low, most.high)


def _calibration(proba: Floats, truth: Labels, rng: Generator) -> Calibration:
    bins = reliability(proba, truth, min(BINS, len(truth) // PER_BIN))
    error = calibration_error(proba, truth, rng, LEVEL)
    rows = zip(
        bins.confidence.tolist(), (bins.accuracy * bins.count).round().tolist(), bins.count.tolist(), strict=True
    )
    return Calibration(
        tuple(Bin(round(confidence, 4), int(right), count) for confidence, right, count in rows),
        _brier(proba, truth),
        None if error is None else Figure(error.value, error.low, error.high),
    )


def _brier(proba: Floats, truth: Labels) -> Figure:
    """The Brier score of each answer, averaged, and the interval of a mean of so many."""
    each = squared_errors(proba, truth)
    mean = float(each.mean())
    half = float(ndtri((1 + LEVEL) / 2)) * float(each.std(ddof=1)) / sqrt(len(each))
    return Figure(mean, max(mean - half, 0.0), min(mean + half, 2.0))
