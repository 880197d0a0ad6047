"""Is the effect of suggestions found, and is the advice to stop right?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from collab.engine.assurance import Estimate, accuracy
from collab.engine.betting import sequence
from collab.engine.certifying import Bools, spent
from collab.engine.influence import Influence, influence
from collab.engine.stopping import LITTLE, Gain, expected_gain
from tests.bench.assuring.models import AHEAD, LABELS, SEEDS, Course
from tests.bench.measuring import Result

LEVEL, FOLLOWS, EACH = 0.95, 0.2, 150
TOO_OFTEN, WRONG_AT_MOST = 0.05, 0.1
"""The doubt that the bound of the accuracy leaves, and the interval of the gain."""
AUDITED = 200
"""Audits at the end; before, as many as labels: more than the product asks for, so that a bound has its chances."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one project was told, and what was true."""

    early: bool
    """Whether a target was told to be reached by a model that had not reached it."""
    early_plainly: bool
    """Whether the interval for a single look would have said so."""
    easy: bool
    """Whether a target 10 points lower was told to be reached."""
    gain: Gain | None
    brought: float
    """What the labels after the last look really brought."""


def effects(courses: Mapping[str, Sequence[Course]], draws: int) -> Iterator[Result]:
    """Whether the effect of suggestions is found, of people who follow the model 20 % of the time."""
    rng = np.random.default_rng(4)
    for people in (6, 12):
        held: list[bool] = []
        for number in range(draws):
            parts = courses[list(courses)[number % len(courses)]]
            found, truth = _followed(parts[number % SEEDS].rest.right, people, rng, number)
            held.append(found.low <= truth <= found.high)
        told = f"{people} annotators, {EACH} answers each, a third hidden, {draws} draws; level {LEVEL}"
        yield Result(f"effect_coverage_{people}", float(np.mean(held)), "", 0.92, "at least", told)


def advice(courses: Mapping[str, Sequence[Course]], draws: int) -> Iterator[Result]:
    """Whether a target that is told to be reached is, and whether little to gain means little."""
    rng = np.random.default_rng(7)
    runs = [_stopped(parts[number % SEEDS], rng) for parts in courses.values() for number in range(ceil(draws / 10))]
    early, plain, easy = (
        float(np.mean([getattr(run, name) for run in runs])) for name in ("early", "early_plainly", "easy")
    )
    told = (
        f"the median accuracy as target, a look after each batch up to {LABELS} labels with as many audits, "
        f"{len(runs)} runs; by the interval for a single look {plain:.1%}; a target 10 points lower was told reached "
        f"in {easy:.0%}"
    )
    yield Result("target_told_too_early", early, "", TOO_OFTEN, "at most", told)
    gains = [(run.gain, run.brought) for run in runs if run.gain is not None]
    held = float(np.mean([gain.low <= brought <= gain.high for gain, brought in gains]))
    off = float(np.mean([abs(gain.value - brought) for gain, brought in gains]))
    told = (
        f"mean distance of the expected gain from what {AHEAD} more labels brought, from {LABELS}, {len(gains)} "
        f"curves; its interval is of the expectation: it held what was brought in {held:.0%}"
    )
    yield Result("gain_off", off, "", LITTLE, "at most", told)
    little = [brought for gain, brought in gains if gain.high < LITTLE]
    wrong = sum(brought > LITTLE for brought in little)
    told = f"{AHEAD} labels brought over a point though little was told: {wrong} of {len(little)} curves"
    yield Result("little_told_wrongly", wrong / max(1, len(little)), "", WRONG_AT_MOST, "at most", told)


def _stopped(course: Course, rng: np.random.Generator) -> Run:
    """Look after each batch; the target is what half of the models reach, so that many are nearly good enough."""
    looks = np.flatnonzero(course.labels <= LABELS)
    audits = np.minimum(course.labels, AUDITED)[looks]
    order = rng.permutation(course.right.shape[1])
    seen = [course.right[i][order[:n]] for i, n in zip(looks, audits.tolist(), strict=True)]
    truth = course.accuracy[looks]
    target = float(np.median(truth))
    lows = np.array([_low(right, look, len(order)) for look, right in enumerate(seen, 1)])
    plain = np.array([accuracy(right, LEVEL, len(order)).low for right in seen])
    gain = expected_gain(course.labels[looks], np.array([right.sum() for right in seen]), audits, rng)
    return Run(
        early=bool(((lows >= target) & (truth < target)).any()),
        early_plainly=bool(((plain >= target) & (truth < target)).any()),
        easy=bool((lows >= target - 0.1).any()),
        gain=gain if isinstance(gain, Gain) else None,
        brought=float(course.accuracy[-1] - truth[-1]),
    )


def _low(right: Bools, look: int, items: int) -> float:
    """The lower bound as the product tells it: each look at another model spends its share of the doubt."""
    return float(sequence(right, 1 - spent(1 - LEVEL, look), items).low[-1])


def _followed(model: Bools, people: int, rng: np.random.Generator, seed: int) -> tuple[Estimate, float]:
    """Annotators of different skill, who answer as they would alone but for the 20 % where they follow."""
    who = np.repeat(np.arange(people), EACH)
    right = model[rng.integers(len(model), size=len(who))]
    skill = np.linspace(0.7, 0.95, people)
    # Where the model is wrong, a third of the wrong answers happen to be its answer.
    meets = np.where(right, skill[who], (1 - skill[who]) / 3)
    shown = rng.random(len(who)) >= 1 / 3
    agreed = (rng.random(len(who)) < meets) | (shown & (rng.random(len(who)) < FOLLOWS))
    found = influence(who, shown, agreed, np.ones(len(who)), np.where(right, 1, 0), level=LEVEL, seed=seed)
    assert isinstance(found, Influence), "so many answers are enough"
    alone = skill * model.mean() + (1 - skill) / 3 * (1 - model.mean())
    return found.difference, FOLLOWS * float(1 - alone.mean())
