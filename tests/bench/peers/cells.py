"""One cell of the bench: one set, one arm, one seed, from no label to 200. Each is a file, and runs once."""

import ast
import importlib.metadata
import json
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from collab.engine.arrays import Floats, Ints
from collab.engine.heads import FittedHead, Standard, head_of
from tests.bench.peers.rivals import Model, Rival, View, at_random, rival_of
from tests.bench.peers.sets import Set, load
from tests.driving import ROOT

CELLS = ROOT / "build" / "peers" / "cells"
BUDGET, BATCH = 200, 10
HEAD = "logistic"
FULL = "full pool"
"""Not an arm: the head fitted on all of the pool."""
PROTOCOL = 1
"""Part of every cell's key: raise it when this module, or a peer's arm in rivals.py, measures something else."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What to run."""

    set: str
    strategy: str
    seed: int

    @property
    def path(self) -> Path:
        return CELLS / self.set / self.strategy.replace(" ", "_").replace(":", "_") / f"{self.seed}.json"


@dataclass(frozen=True, slots=True)
class Curve:
    """What came out: labels, accuracy and processor seconds for the query, by round."""

    labels: list[int]
    accuracy: list[float]
    query_s: list[float]


def done(cell: Cell) -> Curve | None:
    """Read a cell whose key is as it would be now; `key_of` says what that covers."""
    if not cell.path.exists():
        return None
    kept = json.loads(cell.path.read_text())
    return Curve(**kept["curve"]) if kept["key"] == key_of(cell) else None


def run_all(cells: Iterable[Cell], jobs: int) -> Iterator[tuple[Cell, Curve | str, float]]:
    """Run cells in processes of their own, in any order; with each comes its curve or its error, and its seconds."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(_run_timed, cell): cell for cell in cells}
        for future in as_completed(waiting):
            yield waiting[future], *future.result()


def _run_timed(cell: Cell) -> tuple[Curve | str, float]:
    started = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # peers warn of classes without labels in every round
            curve = run(cell)
    except Exception as error:  # one arm that breaks must not take the hour of the others with it
        return f"{type(error).__name__}: {error}", time.perf_counter() - started
    cell.path.parent.mkdir(parents=True, exist_ok=True)
    half = cell.path.with_suffix(".half")
    half.write_text(json.dumps({"key": key_of(cell), "curve": asdict(curve)}))
    half.rename(cell.path)
    return curve, time.perf_counter() - started


def run(cell: Cell) -> Curve:
    """Ask in batches of ten, answer truly, refit, test; every label counts, the first ones too."""
    of = _set(cell.set)
    if cell.strategy == FULL:
        return _whole(of)
    np.random.seed(cell.seed)  # some peers draw from numpy's global state
    rival = rival_of(cell.strategy)
    query, fit = rival.start(of, cell.seed), _fitting(rival, of, cell.seed)
    order = np.random.default_rng([cell.seed, 0]).permutation(len(of.x))
    labeled: Ints = np.empty(0, np.int64)
    model: Model | None = None
    curve = Curve([], [], [])
    for number in range(1, BUDGET // BATCH + 1):
        candidates = np.setdiff1d(np.arange(len(of.x)), labeled)
        rng = np.random.default_rng([cell.seed, number])
        view = View(of.x, labeled, of.y[labeled], candidates, of.n_classes, model, order, rng)
        able = model is not None or (rival.cold if not len(labeled) else not rival.needs_model)
        started = time.process_time()  # of one thread: what else runs on the machine doesn't count
        picked = np.asarray((query if able else at_random)(view, BATCH), np.int64)
        spent = time.process_time() - started
        if len(np.unique(picked)) != BATCH or not np.isin(picked, candidates).all():
            raise ValueError(f"{cell.strategy} chose {picked.tolist()}: not {BATCH} different rows of the candidates.")
        labeled = np.concatenate([labeled, picked])
        known = of.y[labeled]
        model = fit(labeled) if len(np.unique(known)) > 1 else None
        guess = np.full(len(of.y_test), known[0]) if model is None else model(of.x_test).argmax(axis=1)
        curve.labels.append(len(labeled))
        curve.accuracy.append(float((guess == of.y_test).mean()))
        curve.query_s.append(round(spent, 6))
    return curve


def _fitting(rival: Rival, of: Set, seed: int) -> Callable[[Ints], Model]:
    """Make the function that fits on rows of the pool: the shared head, or an arm's own classifier."""
    if rival.classifier is not None:
        return _fitting_shipped(rival.classifier(seed), of)
    standard = Standard.of(of.x)
    head: FittedHead | None = None

    def fit(rows: Ints) -> Model:
        nonlocal head
        head = head_of(HEAD).fit(of.x[rows], of.y[rows], of.n_classes, standard=standard, previous=head, seed=seed)
        return head.proba

    return fit


def _fitting_shipped(classifier: Any, of: Set) -> Callable[[Ints], Model]:
    """Fit a peer's classifier on columns standardised by the pool, as our head has them inside."""
    standard = Standard.of(of.x)

    def ready(x: Floats) -> Floats:
        return (x - standard.mean) / standard.scale

    def fit(rows: Ints) -> Model:
        classifier.fit(ready(of.x[rows]), of.y[rows])

        def model(x: Floats) -> Floats:
            proba = np.zeros((len(x), of.n_classes), np.float32)
            proba[:, classifier.classes_] = classifier.predict_proba(ready(x))
            return proba

        return model

    return fit


def _whole(of: Set) -> Curve:
    head = head_of(HEAD).fit(of.x, of.y, of.n_classes, standard=Standard.of(of.x))
    return Curve([len(of.x)], [float((head.proba(of.x_test).argmax(axis=1) == of.y_test).mean())], [0.0])


def key_of(cell: Cell) -> dict[str, Any]:
    """Name what a cell was run with: its set, the head's code, and the code or package that asks.

    Collab's strategies are part of it only where collab asks. Not in it are rivals.py and this module (`PROTOCOL` is
    for these), nor the versions of scikit-learn, numpy and torch: after a change of those delete build/peers/cells.
    """
    ours = cell.strategy.partition(":")[0] == "collab"
    package = "collab" if ours or cell.strategy == FULL else rival_of(cell.strategy).package
    return {
        "protocol": PROTOCOL,
        "set": _set(cell.set).digest,
        "head": DIGESTS["heads"],
        "code": DIGESTS["strategies"] if ours else importlib.metadata.version(package),
    }


@cache
def _set(name: str) -> Set:
    return load(name)


def _digest(module: str) -> str:
    """Digest a module of the engine with those of the engine that it imports; comments and docstrings don't count."""
    seal = sha256()
    for path in sorted(_imported(ROOT / "collab" / "engine" / f"{module}.py", set())):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                node.body = [part for part in node.body if not _is_text(part)]
        seal.update(ast.dump(tree).encode())
    return seal.hexdigest()[:12]


def _imported(path: Path, found: set[Path]) -> set[Path]:
    found.add(path)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("collab.engine"):
            stem = ROOT / node.module.replace(".", "/")
            for each in (stem.with_suffix(".py"), *(stem / f"{name.name}.py" for name in node.names)):
                if each.exists() and each not in found:
                    _imported(each, found)
    return found


def _is_text(part: ast.stmt) -> bool:
    return isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant) and isinstance(part.value.value, str)


DIGESTS = {module: _digest(module) for module in ("heads", "strategies")}
"""Taken at once, for what a process runs is what was on the disk when it started."""
