"""Put what a simulation found into tables for a terminal; its JSON has all rounds and all digits."""

import math
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from collab.engine.curves import BOOTSTRAP_FROM
from collab.loop.simulating import Result

MOST_ROUNDS = 10


def tables_of(result: Result) -> tuple[Table, Table]:
    """Say in percent how good each strategy was over its whole curve, and show some rounds of the curves."""
    compared = result.summary
    several = result.seeds > 1
    how = "" if result.seeds < BOOTSTRAP_FROM else ", of differences by bootstrap"
    runs = f"{result.seeds} seeds, 95 % intervals by Student's t{how}" if several else "one seed"
    look: dict[str, Any] = {"box": SIMPLE_HEAD, "padding": (0, 1, 0, 0), "title_justify": "left"}
    whole = Table(
        "strategy", f"mean of {compared.area_from}-{compared.area_to}", f"more than {compared.baseline}",
        "won/ tied/ lost", "labels to 90 %", "to 95 %", "s/query", **look,
        title=f"{escape(result.name)}: accuracy in % on {result.full.test:,} test items; {runs}",
    )  # fmt: skip
    split = "One split for all seeds: the intervals are of the luck in asking, not of the choice of test items."
    whole.caption, whole.caption_justify = "\n".join([*([split] if several else []), *result.full.left]), "left"
    for curve in compared.curves:
        mean = f"{100 * curve.area:.1f}" + (f" ± {100 * (curve.area_high - curve.area):.1f}" if several else "")
        paired = ["", ""]
        if (d := curve.difference) is not None:
            between = f" ({100 * d.low:+.1f} to {100 * d.high:+.1f})" if several else ""
            paired = [f"{100 * d.mean:+.1f}{between}", f"{d.wins}/{d.ties}/{d.losses}"]
        reached = [f"{n:.0f}" if n < math.inf else "-" for n in (curve.labels_to_90, curve.labels_to_95)]
        whole.add_row(curve.strategy, mean, *paired, *reached, f"{curve.query_seconds:.3f}")
    labels = compared.curves[0].labels
    step = -(-len(labels) // MOST_ROUNDS)
    rounds = Table("labels", *(c.strategy for c in compared.curves), title="accuracy/macro-F1 in %", **look)
    for at in range((len(labels) - 1) % step, len(labels), step):
        shown = (f"{100 * c.accuracy[at]:.1f}/{100 * c.macro_f1[at]:.1f}" for c in compared.curves)
        rounds.add_row(str(labels[at]), *shown)
    rounds.add_row(f"all {result.full.pool:,}", f"{100 * result.full.accuracy:.1f}/{100 * result.full.macro_f1:.1f}")
    return whole, rounds
