"""Are the figures of the audits right as often as they say? `make bench-assurance`; build/assurance.json.

Models are heads after up to 250 labels that collab asked for; what they get right on the rest of the pool is known, so
that each draw of audits can be held against the truth.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

from rich.console import Console
from rich.table import Table

from tests.bench.assuring.intervals import groups, intervals, label_sets
from tests.bench.assuring.models import SEEDS, Course, learn
from tests.bench.assuring.people import advice, effects
from tests.bench.assuring.promises import alarms, answered_since, certificates, misses
from tests.bench.measuring import Result, machine
from tests.bench.peers.sets import SETS
from tests.driving import ROOT

NAMES = ("r8", "satellite", "tweets", "news20")
FIGURES: dict[str, Callable[[Mapping[str, Sequence[Course]], int], Iterator[Result]]] = {
    "intervals": intervals,
    "groups": lambda _, draws: groups(draws),
    "label sets": label_sets,
    "certificates": certificates,
    "answered since": answered_since,
    "misses": misses,
    "alarms": lambda _, draws: alarms(draws),
    "effects": effects,
    "advice": advice,
}


def main() -> int:
    """Simulate, tell, write; 1 where a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.assurance", description=__doc__)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--only", action="append", choices=FIGURES)
    asked = parser.parse_args()
    names = [name for name in NAMES if (SETS / f"{name}.npz").exists()]
    left = sorted(set(NAMES) - set(names))
    if left:
        print(f"LEFT OUT, for they are not prepared: {', '.join(left)}.", flush=True)
    if not names:
        print("Prepare the sets first: python -m tests.bench.peers prepare", file=sys.stderr)
        return 1
    courses = {name: [learn(name, seed) for seed in range(SEEDS)] for name in names}
    found: list[Result] = []
    for name in asked.only or FIGURES:
        found += FIGURES[name](courses, asked.draws)
        _write(found, names, left)
    missing = f"; left out: {', '.join(left)}" if left else ""
    table = Table("figure", "measured", "target", "met", "against", title=f"{', '.join(names)}{missing}; {machine()}")
    for each in found:
        met = "yes" if each.met else "NO"
        table.add_row(each.name, f"{each.value:,.4g}", f"{each.better} {each.target:,g}", met, each.against)
    Console(width=160).print(table)
    return 0 if all(each.met for each in found) else 1


def _write(found: Sequence[Result], names: Sequence[str], left: Sequence[str]) -> None:
    """After each group, so that what took long is there even where the rest is cut off."""
    told = [{**each.as_dict(), "sets": names, "left_out": left} for each in found]
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build" / "assurance.json").write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
