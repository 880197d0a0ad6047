"""How many of the first second looks are at answers that are wrong: the figures of the review queue.

Run `python -m tests.bench.reviewing`: one answer in ten of 2,000 is flipped to another class at random, the worker's
look is taken as the program takes it, and the queue is read as a reviewer would get it. Prints, for each set and draw,
the share of true errors among the first tenth of the queue, of each kind, how many errors confident learning counts,
and the seconds that the look took. Exits with 1 where a mean is under 60 %.
"""

import argparse
import hashlib
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from collab.domain.project import Field, LabelSchema, LoopPolicy, classes_from_names
from collab.domain.run import ImportReport
from collab.domain.store import NewItem, Store
from collab.engine.arrays import Floats, Ints
from collab.loop import suspecting
from collab.loop.doubting import Features
from collab.loop.encoding import stamp
from collab.storage.database import open_store
from tests.bench.peers import sets
from tests.bench.peers.fetching import Missing

ITEMS, FLIPPED, FIRST = 2_000, 0.1, 0.1
TARGET = 0.6
NOW = 1_700_000_000_000
PERSON = "reviewer"


def flipped(y: Ints, classes: int, seed: int) -> tuple[Ints, np.ndarray]:
    """Answers, one in ten of which says another class, each as likely; and which those are."""
    rng = np.random.default_rng(seed)
    wrong = np.zeros(len(y), bool)
    wrong[rng.permutation(len(y))[: round(FLIPPED * len(y))]] = True
    return np.where(wrong, (y + rng.integers(1, classes, len(y))) % classes, y), wrong


def fill(store: Store, x: Floats, y: Ints, classes: int, name: str) -> tuple[int, Features]:
    """Make a project whose items came with these answers, and have these features."""
    schema = LabelSchema("Which class?", classes_from_names(tuple(f"class {c}" for c in range(classes))))
    policy = LoopPolicy(encoder="hashing", audit_schedule=(), audit_trickle=0)
    project = store.create_project(name, (Field("text"),), schema, policy, NOW).id
    opened = store.begin_import(project, "made up", "decisions", NOW)
    digests = [hashlib.sha256(f"{name} {n}".encode()).hexdigest() for n in range(len(x))]
    rows = [
        NewItem(str(n), {"text": f"{name} {n}"}, digest, n / len(x), answer=(f"class {y[n]}",))
        for n, digest in enumerate(digests)
    ]
    store.add_items(opened, rows)
    store.finish_import(opened, ImportReport(added=len(rows)), 0.0, 500, NOW)
    ids = [row.item for row in store.pool(project)]
    store.features(project, "bench", x.shape[1]).append(
        np.array(ids), np.array([stamp(digest) for digest in digests]), x.astype(np.float32)
    )
    return project, Features("bench", x.shape[1], (x.shape[1],))


def measure(x: Floats, y: Ints, name: str, seed: int) -> dict[str, float]:
    """Take one look and say how good the beginning of the queue is."""
    classes = int(y.max()) + 1
    answers, wrong = flipped(y, classes, seed)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder))
        project, features = fill(store, x, answers, classes, f"{name} {seed}")
        began = time.perf_counter()
        looked = suspecting.look(store, store.project(project), features, NOW, lambda _: False)
        seconds = time.perf_counter() - began
        row = {item.item: n for n, item in enumerate(store.pool(project))}
        first = round(FIRST * len(x))

        def share(kind: str) -> float:
            asked = [row[item] for item, _ in store.due_looks(project, PERSON, kind, first, NOW)]
            return float(wrong[asked].sum() / max(1, len(asked) if kind else first))

        found = {"queue": share(""), "errors": share("error"), "contradictions": share("contradiction")}
        left = store.looks_left(project, PERSON, NOW)
        store.close()
    return {
        **found, "length": left[""], "counted": looked.likely_wrong, "wrong": int(wrong.sum()), "seconds": seconds,
    }  # fmt: skip


def drawn(names: Sequence[str], draws: int) -> Iterator[tuple[str, list[dict[str, float]]]]:
    """Measure every set; what can't be had here is left out, and said."""
    for name in names:
        try:
            sets.prepare(name)
        except Missing as missing:
            print(f"{name}: {missing}")
            continue
        data = sets.load(name)
        x, y = np.concatenate([data.x, data.x_test])[:ITEMS], np.concatenate([data.y, data.y_test])[:ITEMS]
        yield name, [measure(x, y, name, seed) for seed in range(draws)]


def main() -> int:
    """Print one line for each set and draw, then the means."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.reviewing", description=__doc__)
    parser.add_argument("--sets", nargs="+", default=["r8", "digits"])
    parser.add_argument("--draws", type=int, default=5)
    options = parser.parse_args()
    missed = False
    for name, found in drawn(options.sets, options.draws):
        for each in found:
            print(name, "  ".join(f"{what} {value:.3g}" for what, value in each.items()))
        mean = float(np.mean([each["queue"] for each in found]))
        missed |= mean < TARGET
        print(f"{name}: {mean:.1%} of the first tenth of the queue are true errors (target {TARGET:.0%})")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
