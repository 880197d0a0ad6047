"""Are the figures of the audits right as often as they say? `make bench-assurance`; build/assurance.json.

Models are heads after 200 labels that collab asked for; what they get right on the rest of the pool is known, so that
each draw of audits can be held against the truth.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import binom

from collab.engine.assurance import Estimate, accuracy, share_interval
from collab.engine.betting import alarm, sequence
from collab.engine.certifying import Bools, Certified, Doubles, Promise, certify
from collab.engine.forecasting import forecast
from collab.engine.heads import FittedHead, Logistic, Standard
from collab.engine.influence import influence
from collab.engine.pool import PoolView
from collab.engine.strategies import strategy_of
from tests.bench.measuring import Result, machine
from tests.bench.peers.sets import SETS, load
from tests.driving import ROOT

NAMES = ("r8", "satellite", "tweets", "news20")
LABELS, BATCH, SEEDS = 200, 10, 5
LEVEL, DELTA, LOOKS, FOLLOWS = 0.95, 0.1, 300, 0.2
INTERVALS = (50, 100, 200, 400)
CERTIFICATES = (100, 200, 400, 800)
PROMISES: tuple[Promise, ...] = ("dataset", "machine")


@dataclass(frozen=True, slots=True)
class Rest:
    """What is left of a pool after 200 labels: how sure the model is of each item, and whether it is right."""

    confidence: Doubles
    right: Bools


def learn(name: str, seed: int) -> Rest:
    """Ask for 200 labels as the product does, and fit."""
    of = load(name)
    rng, standard = np.random.default_rng(seed), Standard.of(of.x)
    strategy, labeled = strategy_of("default"), np.empty(0, np.int64)
    head: FittedHead | None = None
    while len(labeled) < LABELS:
        candidates = np.setdiff1d(np.arange(len(of.x)), labeled)
        proba = None if head is None else head.proba(of.x)
        chosen = strategy if head is not None else strategy_of("typicality")
        seen = PoolView(of.x, candidates, labeled, of.y[labeled], proba, of.n_classes)
        labeled = np.concatenate([labeled, chosen.select(seen, BATCH, rng).indices])
        if len(np.unique(of.y[labeled])) > 1:
            head = Logistic().fit(of.x[labeled], of.y[labeled], of.n_classes, standard=standard, previous=head)
    rest = np.setdiff1d(np.arange(len(of.x)), labeled)
    proba = head.proba(of.x[rest])
    return Rest(proba.max(axis=1).astype(np.float64), proba.argmax(axis=1) == of.y[rest])


def intervals(rests: dict[str, list[Rest]], draws: int) -> Iterator[Result]:
    """Coverage of each kind of interval, for the share of a large population, and of these pools."""
    rng = np.random.default_rng(1)
    wilson, exact = [], []
    for rest in (parts[0] for parts in rests.values()):
        share, items = float(rest.right.mean()), len(rest.right)
        for n in INTERVALS:
            any_size = [accuracy(rng.random(n) < share, LEVEL) for _ in range(draws)]
            wilson.append(np.mean([each.low <= share <= each.high for each in any_size]))
            right = [int(rest.right[rng.choice(items, n, replace=False)].sum()) for _ in range(draws)]
            bounds = [share_interval(k, n, items, LEVEL) for k in right]
            exact.append(np.mean([each.low <= share <= each.high for each in bounds]))
    cells = f"{len(rests)} sets, {INTERVALS} audits, {draws} draws each"
    yield Result("wilson_coverage_least", float(min(wilson)), "", 0.92, "at least", f"accuracy, 95 %, {cells}")
    yield Result("wilson_coverage_most", float(max(wilson)), "", 0.98, "at most", f"accuracy, 95 %, {cells}")
    told = f"finite pools, {cells}; least of a cell {min(exact):.3f}"
    yield Result("exact_coverage", float(np.mean(exact)), "", 0.945, "at least", told)
    held = []
    for rest in (parts[0] for parts in rests.values()):
        share, items = float(rest.right.mean()), len(rest.right)
        for pool in (None, items):
            for _ in range(draws):
                drawn = rng.random(LOOKS) < share if pool is None else rest.right[rng.permutation(items)[:LOOKS]]
                found = sequence(drawn, LEVEL, pool)
                held.append(found.low[-1] <= share <= found.high[-1])  # bounds only come closer: the last knows all
    told = f"looked at after each of {LOOKS} audits, {len(rests)} sets, with and without their size, {draws} draws each"
    yield Result("sequence_coverage", float(np.mean(held)), "", 0.945, "at least", told)


def certificates(rests: dict[str, list[Rest]], draws: int) -> Iterator[Result]:
    """How often a promise is broken, and what it hands to the machine."""
    rng = np.random.default_rng(2)
    broken, handed = {}, {}
    for cell in ((name, p, e, n) for name in rests for p in PROMISES for e in (0.02, 0.05) for n in CERTIFICATES):
        name, promise, epsilon, n = cell
        failed, shares = 0, []
        for number in range(draws):
            rest = rests[name][number % SEEDS]
            rows = rng.choice(len(rest.right), n, replace=False)
            found = certify(rest.confidence[rows], rest.right[rows], rest.confidence, epsilon, DELTA, promise)
            shares.append(found.coverage if isinstance(found, Certified) else 0.0)
            failed += isinstance(found, Certified) and _error(found, rest, rows, promise) > epsilon
        broken[cell], handed[cell] = failed, float(np.mean(shares))
        said = f"{name:10} {promise:8} {epsilon:.0%} {n:4}: broken {failed / draws:.3f}, machine {handed[cell]:.3f}"
        print(said, file=sys.stderr, flush=True)
    runs = draws * len(broken)
    chance = float(binom.sf(sum(broken.values()) - 1, runs, DELTA))
    worst = max(broken, key=lambda cell: broken[cell])
    alone = min(1.0, len(broken) * float(binom.sf(broken[worst] - 1, draws, DELTA)))
    told = f"{sum(broken.values())} of {runs} certificates broken, delta {DELTA}; both promises, errors 2 and 5 %"
    yield Result("certificate_violations_p", chance, "", 0.05, "at least", f"one-sided binomial test over all: {told}")
    told = f"{worst}: {broken[worst]} of {draws}, times {len(broken)} cells"
    yield Result("certificate_worst_cell_p", alone, "", 0.05, "at least", f"the same for the worst cell, {told}")
    if "r8" in rests:
        r8 = handed["r8", "dataset", 0.05, 200]
        told = f"r8, data set's promise, 5 %, delta {DELTA}, 200 audits, {draws} draws over {SEEDS} models"
        yield Result("certified_share_r8", r8, "", 0.88, "at least", told)
        rest = rests["r8"][0]
        told_shares = []
        for number in range(max(1, draws // 50)):
            rows = rng.choice(len(rest.right), 200, replace=False)
            audits = (rest.confidence[rows], rest.right[rows], rest.confidence)
            (said,) = forecast(*audits, 0.05, DELTA, "dataset", audits=[200], seed=number)
            told_shares.append(said.coverage)
        gap = abs(float(np.mean(told_shares)) - r8)
        yield Result(
            "forecast_gap_r8", gap, "", 0.1, "at most", f"forecasts from 200 audits, {len(told_shares)} of them"
        )


def alarms(draws: int) -> Iterator[Result]:
    """False alarms where machine labels are just as promised, and how soon the alarm comes where they are worse."""
    rng = np.random.default_rng(3)
    false = np.mean([alarm(rng.random(LOOKS) < 0.05, 0.05, DELTA) is not None for _ in range(draws)])
    told = f"looked at after each of {LOOKS} audits, {draws} draws, error as promised (5 %)"
    yield Result("alarm_false", float(false), "", DELTA, "at most", told)
    late = [alarm(rng.random(2_000) < 0.15, 0.05, DELTA) for _ in range(draws // 4)]
    told = f"audits to the alarm at thrice the error, median of {len(late)} draws"
    yield Result(
        "alarm_after", float(np.median([2_000 if at is None else at + 1 for at in late])), "", 100, "at most", told
    )


def effects(rests: dict[str, list[Rest]], draws: int) -> Iterator[Result]:
    """Whether the effect of suggestions is found, of people who follow the model 20 % of the time."""
    rng = np.random.default_rng(4)
    model = next(iter(rests.values()))[0].right
    for people in (6, 12):
        held: list[bool] = []
        for number in range(draws):
            found, truth = _followed(model, people, rng, number)
            held.append(found.low <= truth <= found.high)
        told = f"{people} annotators, 120 answers each, a third hidden, {draws} draws; level {LEVEL}"
        yield Result(f"effect_coverage_{people}", float(np.mean(held)), "", 0.92, "at least", told)


def _followed(model: Bools, people: int, rng: np.random.Generator, seed: int) -> tuple[Estimate, float]:
    """Annotators of different skill, who answer as they would alone but for the 20 % where they follow."""
    who = np.repeat(np.arange(people), 120)
    right = model[rng.integers(len(model), size=len(who))]
    skill = np.linspace(0.7, 0.95, people)
    # Where the model is wrong, a third of the wrong answers happen to be its answer.
    meets = np.where(right, skill[who], (1 - skill[who]) / 3)
    shown = rng.random(len(who)) >= 1 / 3
    agreed = (rng.random(len(who)) < meets) | (shown & (rng.random(len(who)) < FOLLOWS))
    found = influence(who, shown, agreed, np.ones(len(who)), np.where(right, 1, 0), level=LEVEL, seed=seed)
    alone = skill * model.mean() + (1 - skill) / 3 * (1 - model.mean())
    return found.difference, FOLLOWS * float(1 - alone.mean())


def _error(certified: Certified, rest: Rest, audited: np.ndarray, promise: Promise) -> float:
    """Of the machine's labels: people label what they audit."""
    machine_labels = rest.confidence >= certified.threshold
    machine_labels[audited] = False
    wrong = np.count_nonzero(machine_labels & ~rest.right)
    return wrong / (len(rest.right) if promise == "dataset" else max(1, np.count_nonzero(machine_labels)))


def main() -> int:
    """Simulate, tell, write; 1 where a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.assurance", description=__doc__)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--only", action="append", choices=("intervals", "certificates", "alarms", "effects"))
    asked = parser.parse_args()
    names = [name for name in NAMES if (SETS / f"{name}.npz").exists()]
    if left := sorted(set(NAMES) - set(names)):
        print(f"LEFT OUT, for they are not prepared: {', '.join(left)}.", flush=True)
    if not names:
        print("Prepare the sets first: python -m tests.bench.peers prepare", file=sys.stderr)
        return 1
    rests = {name: [learn(name, seed) for seed in range(SEEDS)] for name in names}
    draws = asked.draws
    groups: dict[str, Callable[[], Iterator[Result]]] = {
        "intervals": lambda: intervals(rests, draws),
        "certificates": lambda: certificates(rests, draws),
        "alarms": lambda: alarms(draws),
        "effects": lambda: effects(rests, ceil(draws / 2)),
    }
    found = [result for name in asked.only or groups for result in groups[name]()]
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build" / "assurance.json").write_text(json.dumps([each.as_dict() for each in found], indent=1) + "\n")
    table = Table("figure", "measured", "target", "met", "against", title=machine())
    for each in found:
        met = "yes" if each.met else "NO"
        table.add_row(each.name, f"{each.value:,.4g}", f"{each.better} {each.target:,g}", met, each.against)
    Console(width=160).print(table)
    return 0 if all(each.met for each in found) else 1


if __name__ == "__main__":
    sys.exit(main())
