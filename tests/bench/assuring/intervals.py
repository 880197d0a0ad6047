"""Do intervals hold the accuracy, and label sets the class, as often as they say?"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import numpy as np
from scipy.stats import betabinom, binom

from collab.engine.arrays import Floats, Ints
from collab.engine.assurance import Estimate, accuracy, accuracy_by_confidence, clustered, share_interval
from collab.engine.betting import sequence
from collab.engine.calibration import fit_temperature
from collab.engine.heads import softmax
from collab.engine.label_sets import calibrate, predict, rank_of
from collab.loop.suggesting import SURE
from tests.bench.assuring.models import SEEDS, Course
from tests.bench.measuring import Result

LEVEL, LOOKS, SETS_LEVEL, BAND = 0.95, 300, 0.9, 0.9
AUDITS = (50, 100, 200, 400)
BY_CONFIDENCE = (200, 400)
OF_GROUP = 10


def intervals(courses: Mapping[str, Sequence[Course]], draws: int) -> Iterator[Result]:
    """Coverage of each kind of interval, for the share of a large population, and of these pools."""
    rng = np.random.default_rng(1)
    wilson, exact, second, held = [], [], [], []
    for rest in (parts[0].rest for parts in courses.values()):
        right, items = rest.right, len(rest.truth)
        share = float(right.mean())
        for n in AUDITS:
            any_size = [accuracy(rng.random(n) < share, LEVEL) for _ in range(draws)]
            wilson.append(np.mean([_holds(each, share) for each in any_size]))
            rows = [rng.choice(items, n, replace=False) for _ in range(draws)]
            bounds = [share_interval(int(right[drawn].sum()), n, items, LEVEL) for drawn in rows]
            exact.append(np.mean([each.low <= share <= each.high for each in bounds]))
            if n in BY_CONFIDENCE:
                found = [accuracy_by_confidence(right[d], rest.confidence[d], rest.confidence, LEVEL) for d in rows]
                second.append(np.mean([_holds(each, share) for each in found if each is not None]))
        for pool in (None, items):
            for _ in range(draws):
                drawn = rng.random(LOOKS) < share if pool is None else right[rng.permutation(items)[:LOOKS]]
                seen = sequence(drawn, LEVEL, pool)
                held.append(seen.low[-1] <= share <= seen.high[-1])  # bounds only come closer: the last knows all
    cells = f"{len(courses)} sets, {AUDITS} audits, {draws} draws each"
    yield Result("wilson_coverage_least", float(min(wilson)), "", 0.92, "at least", f"accuracy, 95 %, {cells}")
    yield Result("wilson_coverage_most", float(max(wilson)), "", 0.98, "at most", f"accuracy, 95 %, {cells}")
    told = f"finite pools, {cells}; least of a cell {min(exact):.3f}"
    yield Result("exact_coverage", float(np.mean(exact)), "", 0.945, "at least", told)
    told = (
        f"looked at after each of {LOOKS} audits, {len(courses)} sets, with and without their size, {draws} draws each"
    )
    yield Result("sequence_coverage", float(np.mean(held)), "", 0.945, "at least", told)
    told = f"accuracy by confidence, 95 %, {len(courses)} sets, {BY_CONFIDENCE} audits, {draws} draws each"
    yield Result("by_confidence_coverage_least", float(min(second)), "", 0.92, "at least", told)


def groups(draws: int) -> Iterator[Result]:
    """Coverage of the interval that clusters on a group, such as the patient: groups of 10 whose answers are alike."""
    rng = np.random.default_rng(9)
    ours, plain = [], []
    for number, alike, share in product((10, 20, 40), (0.1, 0.3), (0.8, 0.95)):
        who = np.repeat(np.arange(number), OF_GROUP)
        spread = 1 / alike - 1
        for _ in range(draws):
            chance = rng.beta(share * spread, (1 - share) * spread, number)
            right = rng.random(len(who)) < chance[who]
            ours.append(_holds(clustered(right, who, level=LEVEL), share))
            plain.append(_holds(accuracy(right, LEVEL), share))
    cells = np.reshape(ours, (-1, draws)).mean(axis=1)
    told = (
        f"accuracy of new groups, 10 to 40 of {OF_GROUP}, correlation .1 and .3, {draws} draws each; least of a cell "
    )
    told += f"{cells.min():.3f}; Wilson's interval, which takes them for independent: {np.mean(plain):.3f}"
    yield Result("clustered_coverage", float(cells.mean()), "", 0.93, "at least", told)


def label_sets(courses: Mapping[str, Sequence[Course]], draws: int) -> Iterator[Result]:
    """Coverage of label sets on the items that nobody audited, against what their numbers allow.

    As the product makes them, with a temperature from the same audits; and with the plain probabilities, which share
    nothing: what lies between the two is what sharing costs.
    """
    rng = np.random.default_rng(5)
    inside = {"label_sets": [], "label_sets_plain": []}
    means, reached = [], []
    for n in AUDITS:
        rank = rank_of(n, SETS_LEVEL)
        for parts in courses.values():
            covered = {name: [] for name in inside}
            for number in range(draws):
                rest = parts[number % SEEDS].rest
                order = rng.permutation(len(rest.truth))
                audits, others = order[:n], order[n:]
                temperature = fit_temperature(rest.logits[audits], rest.truth[audits])
                proba, plain = softmax(rest.logits, temperature), softmax(rest.logits)
                covered["label_sets"].append(_covered(proba, rest.truth, audits, others))
                covered["label_sets_plain"].append(_covered(plain, rest.truth, audits, others))
                reached.append(_covered(proba, rest.truth, audits, others, SURE) >= SETS_LEVEL * len(others))
            count = len(parts[0].rest.truth) - n
            low, high = betabinom.ppf([(1 - BAND) / 2, (1 + BAND) / 2], count, rank, n + 1 - rank)
            for name, found in covered.items():
                inside[name].append(int(np.sum((low <= found) & (found <= high))))
            shared, plain = (float(np.mean(covered[name])) / count for name in covered)
            means.append((shared - rank / (n + 1), shared - plain))
    cells = f"{len(courses)} sets, {AUDITS} audits, {draws} draws each, level {SETS_LEVEL}"
    for name, counts in inside.items():
        alone = min(1.0, len(counts) * float(binom.cdf(min(counts), draws, BAND)))
        told = f"cells whose coverage lies in the middle {BAND:.0%} of its beta band; {cells}"
        yield Result(f"{name}_in_band", sum(counts) / draws / len(counts), "", BAND - 0.01, "at least", told)
        told = f"one-sided binomial test of the worst cell, {min(counts)} of {draws}, times {len(counts)}; {cells}"
        yield Result(f"{name}_worst_cell_p", alone, "", 0.05, "at least", told)
    cells_sure = np.reshape(reached, (-1, draws)).mean(axis=1)
    told = (
        f"draws whose sets, made to keep the level with confidence {SURE}, keep it; worst cell {cells_sure.min():.3f}; "
    )
    yield Result("label_sets_sure", float(cells_sure.mean()), "", SURE, "at least", told + cells)
    off, costs = np.array(means).T
    worst = float(np.abs(off).max())
    told = f"mean coverage of a cell, less rank / (n + 1): {off.min():+.4f} to {off.max():+.4f}; {cells}"
    yield Result("label_sets_mean_off", worst, "", 0.01, "at most", told)
    told = (
        f"coverage lost by taking the temperature from the same audits, worst cell, mean {-costs.mean():.4f}; {cells}"
    )
    yield Result("label_sets_sharing_costs", float(-costs.min()), "", 0.01, "at most", told)


def _holds(found: Estimate, share: float) -> bool:
    return found.low <= share <= found.high


def _covered(proba: Floats, truth: Ints, audits: Ints, others: Ints, sure: float | None = None) -> int:
    """On how many of the others the set holds the class, where the audits have made the threshold."""
    sets = predict(proba[others], calibrate(proba[audits], truth[audits], SETS_LEVEL, sure))
    return int(sets[np.arange(len(others)), truth[others]].sum())
