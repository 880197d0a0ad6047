"""Advise whether to go on labeling: the worker keeps the evidence, and a page reads what it comes to today."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite

import numpy as np
from numpy.random import Generator

from collab.domain.project import Project
from collab.domain.run import SHOWN_FROM, Round
from collab.engine.stopping import (
    Advice,
    Agreement,
    Gain,
    Saving,
    TooFewPoints,
    advise,
    expected_gain,
    expected_saving,
    far_enough,
    kappa,
)

FIGURES, WATCHED = "advice", "watched"
COMPARABLE = 0.9
"""Looks are compared by what a certificate would hand over only where they stand on nearly as many audits as today:
more audits alone make a forecast bolder."""
LOOKS, LATEST = 100, 20
"""Looks that are kept at most; where there are more, every other one goes, but for the latest."""


@dataclass(frozen=True, slots=True)
class Look:
    """A model as it was, at least ten labels after the one before."""

    labels: int
    coverage: float | None
    """Share of the pool that a certificate would be expected to let it label; None where nobody can say."""
    right: int = 0
    audits: int = 0
    """Audit answers of the checked strata, which judged it."""
    apart: int = 0
    """Labels between it and the model before; 0: it is the first."""
    kappa: float | None = None
    """How far it agrees with the model before on the watched items, beyond chance; None: that says nothing."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What a model says of the items on which successive ones are compared."""

    items: tuple[int, ...]
    columns: tuple[int, ...]
    """Its class of each; of any number of classes that may apply, a number of all of them."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a page needs to know to advise; made anew about once a minute."""

    model: int
    """Version whose refits are looked at: with another one everything starts anew."""
    labels: int
    """Decisions that the last refit was fitted on."""
    classes: tuple[str, ...]
    """Ids of the classes that it tells apart, retired ones included: with others everything starts anew."""
    audits_by_class: Mapping[str, int] = field(default_factory=dict)
    """Audit answers by class id; those that occur."""
    bound: float | None = None
    """Lower bound of the accuracy on all items that holds however often one looks; what no audit speaks for counts as
    wrong. None: there are too few audits."""
    answered: int = 0
    """Audit answers that the bound stands on."""
    covered: float = 0.0
    """Share of the items that these audits speak for."""
    looks: tuple[Look, ...] = ()
    """Oldest first, since classes were last added; old ones are thinned out."""
    gain: Gain | None = None
    gain_points: int = 0
    """Points that the gain was, or would have been, read from."""
    saving: Saving | None = None
    saving_points: int = 0
    """Points that the saving was, or would have been, read from."""
    watched: int = 0
    """Items on which successive models are compared."""


@dataclass(frozen=True, slots=True)
class StopAdvice:
    """What the evidence comes to, under the target and with the classes of today."""

    advice: Advice
    target: float
    """Accuracy wanted."""
    short: tuple[str, ...]
    """Ids of the classes on offer with fewer than five audit answers."""
    evidence: Evidence


def advised(evidence: Evidence, project: Project) -> StopAdvice | None:
    """Say what the evidence comes to; None where it is of other classes."""
    schema = project.schema
    if evidence.classes != tuple(c.id for c in schema.classes):
        return None
    live = schema.live
    agreements = [
        Agreement(look.apart, float("nan") if look.kappa is None else look.kappa)
        for look in evidence.looks
        if look.apart
    ]
    advice = advise(
        evidence.bound,
        project.policy.target,
        agreements,
        np.array([evidence.audits_by_class.get(c.id, 0) for c in live], np.int64),
        evidence.gain or TooFewPoints(evidence.gain_points, evidence.gain_points + 1),
        evidence.saving or TooFewPoints(evidence.saving_points, evidence.saving_points + 1),
    )
    return StopAdvice(advice, project.policy.target, tuple(live[i].id for i in advice.short), evidence)


def refreshed(before: Evidence | None, done: Round, classes: tuple[str, ...]) -> Evidence:
    """What the last round shows, after the looks of before; another model, or other classes, have none.

    Args:
        before: The evidence that there is.
        done: The round, judged and checked.
        classes: Ids, retired ones included.
    """
    if before is None or (before.model, before.classes) != (done.model, classes):
        before = Evidence(done.model, 0, classes)
    checked = [s for s in done.strata if s.answered >= SHOWN_FROM]
    covered = sum(s.items for s in checked) / max(1, sum(s.items for s in done.strata))
    low = None if done.checks is None else done.checks.low
    people = Counter[str]()
    for stratum in done.strata:
        people.update({class_id: counts.people for class_id, counts in stratum.classes.items() if counts.people})
    return replace(
        before,
        labels=done.labels,
        audits_by_class=dict(people),
        bound=None if low is None else low * covered,
        answered=sum(s.answered for s in checked),
        covered=covered,
    )


def is_due(evidence: Evidence) -> bool:
    """Whether the model is far enough from the one of the last look to be compared with it."""
    return not evidence.looks or far_enough(evidence.looks[-1].labels, evidence.labels)


def looked(
    evidence: Evidence, done: Round, agrees: float | None, coverage: float | None, pool: int, rng: Generator
) -> Evidence:
    """Add the model of the last round to the looks, and say what they let expect.

    Args:
        evidence: Refreshed.
        done: The round.
        agrees: Kappa with the model of the last look, where there is one to compare with.
        coverage: Share of the pool that a certificate is expected to let it label.
        pool: Items that are still to be answered.
        rng: Draws resamples.
    """
    looks = [look for look in evidence.looks if look.labels < done.labels]  # others rest on what was taken back
    checked = [s for s in done.strata if s.answered >= SHOWN_FROM]
    right, audits = sum(s.right for s in checked), sum(s.answered for s in checked)
    known = looks == list(evidence.looks)  # else the model that it was compared with is gone
    apart = done.labels - looks[-1].labels if looks and known else 0
    share = None if coverage is None else round(coverage, 4)
    looks.append(Look(done.labels, share, right, audits, apart, agrees if known else None))
    if len(looks) > LOOKS:
        looks = [*looks[:-LATEST:2], *looks[-LATEST:]]
    labels, rights, of = (np.array([getattr(each, name) for each in looks]) for name in ("labels", "right", "audits"))
    gain = expected_gain(labels, rights, of, rng)
    comparable = [look for look in looks if look.coverage is not None and look.audits >= COMPARABLE * audits]
    shares = np.array([look.coverage for look in comparable], np.float64)
    saving = expected_saving(np.array([look.labels for look in comparable], np.int64), shares, pool)
    return replace(
        evidence,
        looks=tuple(looks),
        gain=None if isinstance(gain, TooFewPoints) else gain,
        gain_points=gain.points if isinstance(gain, TooFewPoints) else len(looks),
        saving=None if isinstance(saving, TooFewPoints) else saving,
        saving_points=saving.points if isinstance(saving, TooFewPoints) else len(looks),
    )


def agreement(then: Watched | None, now: Watched) -> float | None:
    """Kappa of two models on the items that both were watched on; None where there are none, or it says nothing."""
    if then is None:
        return None
    said = dict(zip(then.items, then.columns, strict=True))
    pairs = [(said[item], column) for item, column in zip(now.items, now.columns, strict=True) if item in said]
    if not pairs:
        return None
    answers, places = np.unique(np.array(pairs), return_inverse=True)
    a, b = places.reshape(-1, 2).T
    found = kappa(a, b, len(answers))
    return found if isfinite(found) else None
