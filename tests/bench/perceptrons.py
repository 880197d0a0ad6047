"""Where the head "mlp" pays: accuracy of both heads on random labels. Run `python -m tests.bench.perceptrons`.

Penguins and, where the demo has it, credit are measured as the product measures tables; the other sets are those of
`tests.bench.peers`, made by `make bench-peers` and read from the folder that is named.
"""

import csv
import gzip
import io
import sys
import time
from pathlib import Path

import numpy as np

from collab.engine.arrays import Floats, Ints
from collab.engine.encoders.table import Table
from collab.engine.heads import Standard, head_of
from tests.driving import ROOT

LABELS, DRAWS = (20, 100, 500), 10
HEADS = ("logistic", "mlp")
SETS = ("satellite", "letter", "vehicle")
TABLES = {"penguins": "species", "credit_g": "class"}

Parts = tuple[Floats, Ints, Floats, Ints]


def table(path: Path, label: str) -> Parts:
    """A table of the demos as features; a third of its rows, drawn at random, is held out."""
    written = path.read_bytes()
    text = (gzip.decompress(written) if path.suffix == ".gz" else written).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    names = [name for name in rows[0] if name != label]
    fields = [(name, "number" if all(_is_number(row[name]) for row in rows) else "category") for name in names]
    features = Table.fit(fields, rows).encode(rows)
    truth = np.unique([row[label] for row in rows], return_inverse=True)[1].astype(np.int64)
    order = np.random.default_rng(0).permutation(len(rows))
    held, pool = np.split(order, [len(rows) // 3])
    return features[pool], truth[pool], features[held], truth[held]


def told(parts: Parts, labels: int) -> list[tuple[float, float, float, float]]:
    """For each head: mean accuracy, its standard deviation over draws, mean log loss, and median seconds of a fit."""
    pool, truth, held, answers = parts
    classes, standard = int(max(truth.max(), answers.max())) + 1, Standard.of(pool)
    found = []
    for name in HEADS:
        right, cost, seconds = [], [], []
        for draw in range(DRAWS):
            picked = np.random.default_rng([draw, labels]).permutation(len(pool))[:labels]
            started = time.process_time()
            head = head_of(name).fit(pool[picked], truth[picked], classes, standard=standard, seed=draw)
            seconds.append(time.process_time() - started)
            proba = head.proba(held)
            right.append((proba.argmax(axis=1) == answers).mean())
            cost.append(-np.log(np.maximum(proba[np.arange(len(held)), answers], 1e-9)).mean())
        found.append(
            (float(np.mean(right)), float(np.std(right, ddof=1)), float(np.mean(cost)), float(np.median(seconds)))
        )
    return found


def main(folder: Path, data: Path) -> None:
    """Print a row of Markdown for each set and number of labels."""
    sets = {name: (data, label) for name, label in TABLES.items()}
    print("| set | labels | logistic | mlp | log loss, logistic | mlp | seconds of a first fit, logistic | mlp |")
    print("|---|---|---|---|---|---|---|---|")
    for name in (*sets, *SETS):
        if name in sets:
            paths = [path for path in data.glob(f"{name}*") if path.suffix in (".csv", ".gz")]
            if not paths:
                continue
            parts = table(paths[0], TABLES[name])
        else:
            with np.load(folder / f"{name}.npz") as file:
                parts = tuple(file[part] for part in ("X", "y", "X_test", "y_test"))
        for labels in LABELS:
            if labels < len(parts[0]):
                linear, deep = told(parts, labels)
                shares = [f"{100 * h[0]:.1f} ± {100 * h[1]:.1f}" for h in (linear, deep)]
                rest = [f"{h[i]:.2f}" for i in (2, 3) for h in (linear, deep)]
                print(f"| {name} | {labels} | {' | '.join(shares + rest)} |", flush=True)


def _is_number(cell: str) -> bool:
    try:
        float(cell or "nan")
    except ValueError:
        return False
    return True


if __name__ == "__main__":
    given = [Path(argument) for argument in sys.argv[1:]]
    main(*given, *(ROOT / "build" / "peers" / "sets", ROOT / "data")[len(given) :])
