"""Are certificates broken no more often than they say, and do alarms come when they should?"""

import sys
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from scipy.stats import binom

from collab.engine.arrays import Ints
from collab.engine.assurance import Certified, certify
from collab.engine.betting import alarm
from collab.engine.certifying import Promise, TooFewAudits, limit_misses
from collab.engine.forecasting import forecast
from tests.bench.assuring.models import SEEDS, Course, Rest
from tests.bench.measuring import Result

DELTA, ERRORS = 0.1, (0.02, 0.05)
AUDITS = (100, 200, 400, 800)
PROMISES: tuple[Promise, ...] = ("dataset", "machine")
ALARM_DELTA, PROMISED, MACHINE_LABELS, LOOKS = 0.05, 0.05, 2_000, 300


def certificates(courses: Mapping[str, Sequence[Course]], draws: int) -> Iterator[Result]:
    """How often a promise is broken, and what it hands to the machine."""
    rng = np.random.default_rng(2)
    broken, handed = {}, {}
    for cell in ((name, p, e, n) for name in courses for p in PROMISES for e in ERRORS for n in AUDITS):
        name, promise, epsilon, n = cell
        failed, shares = 0, []
        for number in range(draws):
            rest = courses[name][number % SEEDS].rest
            rows = rng.choice(len(rest.right), n, replace=False)
            found = certify(rest.confidence[rows], rest.right[rows], rest.confidence, epsilon, DELTA, promise)
            shares.append(found.coverage if isinstance(found, Certified) else 0.0)
            failed += isinstance(found, Certified) and _error(found, rest, rows, promise) > epsilon
        broken[cell], handed[cell] = failed, float(np.mean(shares))
        said = f"{name:10} {promise:8} {epsilon:.0%} {n:4}: broken {failed / draws:.3f}, machine {handed[cell]:.3f}"
        print(said, file=sys.stderr, flush=True)
    yield from _violations("certificate", "both promises, errors 2 and 5 %", broken, draws)
    if "r8" in courses:
        r8 = handed["r8", "dataset", 0.05, 200]
        told = f"r8, data set's promise, 5 %, delta {DELTA}, 200 audits, {draws} draws over {SEEDS} models"
        yield Result("certified_share_r8", r8, "", 0.88, "at least", told)
        yield _forecasts(courses["r8"][0].rest, r8, max(1, draws // 50), rng)


def answered_since(courses: Mapping[str, Sequence[Course]], draws: int) -> Iterator[Result]:
    """How often the promise on the machine's labels is broken where people took the easy ones out of them.

    A third of what the model has right, and nothing that it has wrong, was answered after the audits were drawn: what
    stays with the machine is worse than what was audited.
    """
    rng = np.random.default_rng(8)
    broken, had = {}, 0
    for cell in ((name, e, n) for name in courses for e in ERRORS for n in AUDITS):
        name, epsilon, n = cell
        broken[cell] = 0
        for number in range(draws):
            rest = courses[name][number % SEEDS].rest
            rows = rng.choice(len(rest.right), n, replace=False)
            gone = np.setdiff1d(np.flatnonzero(rest.right & (rng.random(len(rest.right)) < 1 / 3)), rows)
            audits = (rest.confidence[rows], rest.right[rows], rest.confidence)
            found = certify(*audits, epsilon, DELTA, "machine", elsewhere=rest.confidence[gone])
            if isinstance(found, Certified):
                had += 1
                broken[cell] += _error(found, rest, np.concatenate([rows, gone]), "machine") > epsilon
    yield from _violations("answered_since", f"errors 2 and 5 %; {had} certificates", broken, draws)


def misses(courses: Mapping[str, Sequence[Course]], draws: int) -> Iterator[Result]:
    """How often more of a critical class is missed than its bound allows: of the most frequent class of each set."""
    rng = np.random.default_rng(6)
    broken, had = {}, 0
    for cell in ((name, e, n) for name in courses for e in (0.05, 0.1) for n in AUDITS):
        name, epsilon, n = cell
        broken[cell] = 0
        for number in range(draws):
            rest = courses[name][number % SEEDS].rest
            critical = int(np.bincount(rest.truth).argmax())
            rows = rng.choice(len(rest.right), n, replace=False)
            audits = (rest.confidence[rows], rest.truth[rows], rest.predicted[rows], rest.confidence)
            found = limit_misses(*audits, critical, epsilon, DELTA)
            if isinstance(found, TooFewAudits):
                continue
            had += 1
            asked = rest.truth == critical
            missed = asked & (rest.predicted != critical) & (rest.confidence >= found.threshold)
            broken[cell] += int(missed.sum()) > epsilon * int(asked.sum())
    told = f"misses 5 and 10 %; a bound was had in {had} of {draws * len(broken)}"
    yield from _violations("misses", told, broken, draws)


def alarms(draws: int) -> Iterator[Result]:
    """False alarms where machine labels are just as promised, and how soon the alarm comes where they are worse."""
    rng = np.random.default_rng(3)
    labels = np.arange(MACHINE_LABELS) < PROMISED * MACHINE_LABELS
    false = {
        "any number": [alarm(rng.random(LOOKS) < PROMISED, PROMISED, ALARM_DELTA) for _ in range(draws)],
        f"{MACHINE_LABELS:,}": [
            alarm(rng.permutation(labels)[:LOOKS], PROMISED, ALARM_DELTA, MACHINE_LABELS) for _ in range(draws)
        ],
    }
    for of, found in false.items():
        told = f"of {of} labels, looked at after each of {LOOKS} audits, {draws} draws, error as promised (5 %)"
        name = "alarm_false" if of == "any number" else "alarm_false_finite"
        yield Result(name, sum(at is not None for at in found) / draws, "", ALARM_DELTA, "at most", told)
    late = [alarm(rng.random(2_000) < 3 * PROMISED, PROMISED, ALARM_DELTA) for _ in range(draws // 4)]
    told = f"audits to the alarm at thrice the error, median of {len(late)} draws"
    median = float(np.median([2_000 if at is None else at + 1 for at in late]))
    yield Result("alarm_after", median, "", 100, "at most", told)


def _violations(what: str, told: str, broken: Mapping[object, int], draws: int) -> Iterator[Result]:
    """Test, one-sided, whether there are more than delta allows: in all, and in the worst cell."""
    runs, total = draws * len(broken), sum(broken.values())
    told = f"{total} of {runs} broken, delta {DELTA}; {told}"
    chance = float(binom.sf(total - 1, runs, DELTA))
    yield Result(f"{what}_violations_p", chance, "", 0.05, "at least", f"one-sided binomial test over all: {told}")
    worst = max(broken, key=lambda cell: broken[cell])
    alone = min(1.0, len(broken) * float(binom.sf(broken[worst] - 1, draws, DELTA)))
    told = f"the same for the worst cell, {worst}: {broken[worst]} of {draws}, times {len(broken)} cells"
    yield Result(f"{what}_worst_cell_p", alone, "", 0.05, "at least", told)


def _forecasts(rest: Rest, had: float, number: int, rng: np.random.Generator) -> Result:
    told = []
    for seed in range(number):
        rows = rng.choice(len(rest.right), 200, replace=False)
        audits = (rest.confidence[rows], rest.right[rows], rest.confidence)
        (said,) = forecast(*audits, 0.05, DELTA, "dataset", audits=[200], seed=seed)
        told.append(said.coverage)
    against = f"forecasts from 200 audits, {number} of them"
    return Result("forecast_gap_r8", abs(float(np.mean(told)) - had), "", 0.1, "at most", against)


def _error(certified: Certified, rest: Rest, answered: Ints, promise: Promise) -> float:
    """Of the machine's labels: people label what they audit or answer otherwise."""
    machine_labels = rest.confidence >= certified.threshold
    machine_labels[answered] = False
    wrong = np.count_nonzero(machine_labels & ~rest.right)
    return wrong / (len(rest.right) if promise == "dataset" else max(1, np.count_nonzero(machine_labels)))
