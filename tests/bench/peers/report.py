"""Tell what came out: docs/benchmarks.md, build/peers.json, and a table in the terminal."""

import datetime
import importlib.metadata
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from collab.engine.curves import Difference, area, labels_to_reach, paired, paired_over_sets
from tests.bench.measuring import machine
from tests.bench.peers.cells import FULL, Cell, Curve, done
from tests.bench.peers.rivals import RIVALS
from tests.bench.peers.sets import SOURCES, load
from tests.driving import ROOT

Doubles = npt.NDArray[np.float64]

PAGE = ROOT / "docs" / "benchmarks.md"
RAW = ROOT / "build" / "peers.json"
OURS, RANDOM = "collab", "random"
GAIN, LEAD = 3.8, 1.2
"""Targets, in points of area: above random, and above the best single peer."""
REACH = {"r8": 45, "digits": 90, "satellite": 40}
"""Targets: labels to 95 % of the accuracy of the full pool."""
PEERS = [name for name, rival in RIVALS.items() if name not in (OURS, RANDOM) and rival.classifier is None]
SHIPPED = [name for name, rival in RIVALS.items() if rival.classifier is not None]
PACKAGES = ("collab", "small-text", "modAL-python", "scikit-activeml", "scikit-learn", "numpy", "scipy", "torch")


@dataclass(frozen=True, slots=True)
class Results:
    """All curves of some sets, by set and arm, one for each seed; sets that lack an arm's cells are left out."""

    curves: dict[str, dict[str, list[Curve]]]
    full: dict[str, float]

    @property
    def sets(self) -> list[str]:
        return list(self.curves)

    def areas(self, of: str, arm: str) -> Doubles:
        """Area under the curve of each seed, in points."""
        return np.array([100 * area(np.array(c.labels), np.array(c.accuracy)) for c in self.curves[of][arm]])

    def against(self, arm: str, other: str) -> list[Doubles]:
        """Difference in area by seed, for each set."""
        return [self.areas(of, arm) - self.areas(of, other) for of in self.sets]

    def reached(self, of: str, arm: str, share: float) -> float:
        """Labels at which the mean curve reaches this share of the full pool's accuracy."""
        runs = self.curves[of][arm]
        mean = np.mean([c.accuracy for c in runs], axis=0)
        return labels_to_reach(np.array(runs[0].labels), mean, share * self.full[of])

    def seconds(self, arm: str) -> float:
        """Processor seconds for a query: median over rounds and seeds, mean over sets."""
        medians = [np.median([c.query_s for c in self.curves[of][arm]]) for of in self.sets]
        return float(np.mean(medians))


def summary(names: Sequence[str], arms: Sequence[str], seeds: int) -> None:
    """Print areas under the curve, also of single arms and few seeds."""
    table = Table("arm", *names)
    for arm in arms:
        cells = []
        for name in names:
            runs = [curve for seed in range(seeds) if (curve := done(Cell(name, arm, seed)))]
            areas = [100 * area(np.array(c.labels), np.array(c.accuracy)) for c in runs]
            cells.append(f"{np.mean(areas):.1f}" if areas else "-")
        table.add_row(arm, *cells)
    Console(width=200).print(table)


def report(names: Sequence[str], seeds: int) -> int:
    """Write the page and the raw list from the sets that are complete; 1 where some that are prepared are not."""
    tuned, confirming = (
        gather([name for name in names if SOURCES[name].confirm == confirm], seeds) for confirm in (False, True)
    )
    raw = [
        {"set": of, "strategy": arm, "seed": seed, "labels": c.labels, "accuracy": c.accuracy, "query_s": c.query_s}
        for part in (tuned, confirming)
        for of, arms in part.curves.items()
        for arm, runs in arms.items()
        for seed, c in enumerate(runs)
    ]
    RAW.write_text(json.dumps(raw) + "\n")
    text = "\n".join(_page(names, tuned, confirming, seeds)) + "\n"
    PAGE.write_text(text)
    print(text)
    return 0 if len(tuned.sets) + len(confirming.sets) == len(names) else 1


def gather(names: Sequence[str], seeds: int) -> Results:
    """Read the cells of sets that have all of them."""
    curves: dict[str, dict[str, list[Curve]]] = {}
    full: dict[str, float] = {}
    for name in names:
        found = {arm: [done(Cell(name, arm, seed)) for seed in range(seeds)] for arm in RIVALS}
        whole = done(Cell(name, FULL, 0))
        lacking = [arm for arm, runs in found.items() if not all(runs)]
        if lacking or whole is None:
            print(f"LEFT OUT: {name} lacks cells of {', '.join(lacking) or FULL}.", file=sys.stderr)
            continue
        curves[name] = {arm: [c for c in runs if c] for arm, runs in found.items()}
        full[name] = whole.accuracy[0]
    return Results(curves, full)


def _page(names: Sequence[str], tuned: Results, confirming: Results, seeds: int) -> Iterator[str]:
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    yield "# Against other tools\n"
    yield "<!-- Written by `make bench-peers`; change tests/bench/peers/report.py instead. -->\n"
    when = f"{datetime.date.today().isoformat()} by `make bench-peers`, on {machine()}."
    yield f"Measured on {when}" if tuned.sets or confirming.sets else f"Nothing is measured yet. Written on {when}"
    yield f"Python {sys.version.split()[0]}, {versions}.\n"
    yield from _method(names, tuned.full | confirming.full, seeds)
    if tuned.sets:
        yield "## What came out\n"
        yield from _verdict(tuned)
        yield "\n## Area under the curve, sets that settings were tuned on\n"
        yield from _areas(tuned)
        yield "\n## Labels to 90 % and to 95 % of the accuracy of the full pool\n"
        yield from _reaching(tuned)
    if confirming.sets:
        yield "\n## Sets that only confirm\n"
        yield from _verdict_of(confirming)
        yield ""
        yield from _areas(confirming)
        yield ""
        yield from _reaching(confirming)
    if missing := [name for name in SOURCES if name not in (*tuned.sets, *confirming.sets)]:
        yield f"\nNo figures yet, for want of the data or of all runs: {', '.join(missing)}."


def _method(names: Sequence[str], full: dict[str, float], seeds: int) -> Iterator[str]:
    yield "## How\n"
    yield (
        f"An oracle answers in batches of 10, from no label to 200, with {seeds} seeds. After each batch the head is"
        " fitted anew and tested. Every label counts, the first ones too. All arms see the same features and the same"
        " head (collab's logistic regression); only who chooses the next batch differs. The peers' arms run the"
        " peers' own code with its default settings. collab, TypiClust, DropQuery, ProbCover and CoreSet choose their"
        " first batch themselves; the others, which need a model, share one random first batch for each seed with the"
        " random arm, and go on at random while only one class is known.\n"
    )
    yield (
        "The arms “as shipped” use the classifier of each tool's own documentation instead of our head"
        " (small-text: ConfidenceEnhancedLinearSVC, modAL: RandomForestClassifier, scikit-activeml:"
        " LogisticRegression; all with their defaults, on standardised columns) and a random first batch."
        " collab as shipped is collab.\n"
    )
    yield (
        "Features: texts by MiniLM (all-MiniLM-L6-v2, 256 tokens), images by EfficientNet-lite0 at 224 pixels (1,280"
        " columns, unit rows); columns of tables are scaled as the product scales them (collab.engine.scaling), for all"
        " arms, those as shipped too. tweets, movie and amazon"
        " have three classes: a mean rating under -0.5 is negative, over 0.5 positive. Items that occur twice were"
        " removed before pool and test were drawn.\n"
    )
    tuned, confirming = (", ".join(n for n in SOURCES if SOURCES[n].confirm == confirm) for confirm in (False, True))
    yield (
        f"Settings of collab may have been tuned on {tuned}. The others only confirm and are run once, after all"
        f" settings are fixed: {confirming}. shuttle had one run of one seed before that, while the bench was"
        " built.\n"
    )
    yield from _table(("set", "kind", "pool", "test", "classes", "columns", "full pool"), _sets(names, full))
    yield "\n“full pool” is the accuracy of the head fitted on all of the pool.\n"


def _sets(names: Sequence[str], full: dict[str, float]) -> Iterator[Sequence[str]]:
    for name in names:
        of = load(name)
        sizes = (len(of.x), len(of.x_test), of.n_classes, of.x.shape[1])
        reached = f"{100 * full[name]:.1f} %" if name in full else "-"
        yield name, of.kind, *(f"{size:,}" for size in sizes), reached


def _verdict(tuned: Results) -> Iterator[str]:
    yield from _verdict_of(tuned)
    for name in REACH:
        if name in tuned.sets:
            labels = tuned.reached(name, OURS, 0.95)
            rival = min(PEERS, key=lambda arm: tuned.reached(name, arm, 0.95))
            yield (
                f"- Labels to 95 % of the full pool's accuracy on {name}: {_labels(labels)}; target {REACH[name]},"
                f" {_met(labels <= REACH[name])}. Best peer: {rival}, {_labels(tuned.reached(name, rival, 0.95))}."
            )


def _verdict_of(results: Results) -> Iterator[str]:
    gain = _over(results, OURS, RANDOM)
    best = _best(results, PEERS)
    lead = _over(results, OURS, best)
    shipped = _best(results, SHIPPED)
    away = _over(results, OURS, shipped)
    yield f"- Mean gain over random: {_points(gain)}; target {GAIN:+.1f}, {_missed_by(gain.mean, GAIN)}."
    yield (
        f"- Over the best single peer, {best} ({_points(_over(results, best, RANDOM))} over random): {_points(lead)};"
        f" target {LEAD:+.1f}, {_missed_by(lead.mean, LEAD)}; interval above 0: {'yes' if lead.low > 0 else 'no'}."
    )
    yield f"- Over the best tool as shipped, {shipped}: {_points(away)}."
    below = []
    for name, difference in zip(results.sets, results.against(OURS, RANDOM), strict=True):
        alone = paired(difference, np.zeros_like(difference), np.random.default_rng(0))
        if alone.mean < 0:
            how = "beyond its noise" if alone.high < 0 else "within its noise"
            below.append(f"{name} {alone.mean:+.1f} ({alone.low:+.1f} to {alone.high:+.1f}), {how}")
    yield f"- Sets below random: {'; '.join(below) or 'none'}."


def _areas(results: Results) -> Iterator[str]:
    yield (
        "Mean accuracy from 10 to 200 labels, in points, ± its standard error over seeds; then the mean gain over"
        " random with its 95 % interval (bootstrap over sets, then seeds), on how many sets the arm is above random,"
        " no different, or below it (95 % interval over seeds: Student's t under 10 of them, else an expanded"
        " percentile bootstrap), and seconds of processor time, on one thread, for a query of 10.\n"
    )
    rows = []
    for arm in sorted(RIVALS, key=lambda arm: -_over(results, arm, RANDOM).mean):
        cells = []
        for of in results.sets:
            areas = results.areas(of, arm)
            best = max(results.areas(of, each).mean() for each in RIVALS)
            told = f"{areas.mean():.1f} ± {areas.std(ddof=1) / np.sqrt(len(areas)):.1f}"
            cells.append(f"**{told}**" if areas.mean() == best else told)
        gain = _over(results, arm, RANDOM)
        wins = f"{gain.wins} / {gain.ties} / {gain.losses}"
        rows.append((arm, *cells, "" if arm == RANDOM else _points(gain), wins, f"{results.seconds(arm):.3f}"))
    yield from _table(("arm", *results.sets, "over random", "above / same / below", "processor s"), rows)


def _reaching(results: Results) -> Iterator[str]:
    yield "On the mean curve, between rounds in a straight line; “-”: not within 200.\n"
    rows = [
        (arm, *(" / ".join(_labels(results.reached(of, arm, share)) for share in (0.9, 0.95)) for of in results.sets))
        for arm in RIVALS
    ]
    yield from _table(("arm", *results.sets), rows)


def _best(results: Results, arms: Sequence[str]) -> str:
    return max(arms, key=lambda arm: np.mean([results.areas(of, arm).mean() for of in results.sets]))


def _over(results: Results, arm: str, other: str) -> Difference:
    return paired_over_sets(results.against(arm, other), np.random.default_rng(0))


def _points(difference: Difference) -> str:
    return f"{difference.mean:+.1f} ({difference.low:+.1f} to {difference.high:+.1f})"


def _met(met: bool) -> str:
    return "met" if met else "missed"


def _missed_by(value: float, target: float) -> str:
    return "met" if value >= target else f"missed by {target - value:.1f}"


def _labels(labels: float) -> str:
    return f"{labels:.0f}" if np.isfinite(labels) else "-"


def _table(head: Sequence[str], rows: Iterator[Sequence[str]] | Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
