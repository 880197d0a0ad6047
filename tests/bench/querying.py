"""How fast questions are chosen, pools are scored and heads are refitted; with the product's own strategy and head."""

import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from collab.engine.arrays import Floats, Ints
from collab.engine.heads import FittedHead, FittedLinear, Logistic, Standard
from collab.engine.pool import PoolView
from collab.engine.strategies import strategy_of
from collab.engine.uncertainty import margin
from tests.bench.measuring import Result, p95, told
from tests.driving import ROOT

SMALL, LARGE = 20_000, 1_000_000
CLASSES, LABELS, BATCH, REPEATS = 10, 200, 20, 3
CHUNK = 50_000


@dataclass(frozen=True, slots=True)
class Pool:
    """Features that lie in a file, and the head of some labels."""

    features: Floats
    truth: Ints
    head: FittedHead

    def view(self, proba: Floats) -> PoolView:
        labeled = np.arange(LABELS)
        return PoolView(
            self.features, np.arange(LABELS, len(self.features)), labeled, self.truth[:LABELS], proba, CLASSES
        )


def results() -> Iterator[Result]:
    """Queries and scoring on made-up unit rows in ten overlapping classes, memory-mapped; refits on the same kind.

    With one thread, as the worker has it.
    """
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder, threadpool_limits(1):
        yield from _queries(Path(folder))
        yield from _scoring(Path(folder))
        yield _refits()


def _queries(folder: Path) -> Iterator[Result]:
    for items, dim, name, target in ((SMALL, 384, "20k", 0.1), (LARGE, 256, "1m_fresh", 1.0)):
        pool = _pool(folder / name, items, dim)
        proba = pool.head.proba(pool.features)
        spent = _timed(lambda: _choose(pool, proba))  # noqa: B023  # called at once
        against = f"{BATCH} of {items:,} x {dim}, {CLASSES} classes, probabilities are there, {told(spent, 's')}"
        yield Result(f"query_s_{name}", statistics.median(spent), "s", target, "at most", against)
    spent = _timed(lambda: _choose(pool, pool.head.proba(pool.features)))
    against = f"the same from a fitted head: logits, softmax, choice; {told(spent, 's')}"
    yield Result("query_s_1m_cold", statistics.median(spent), "s", 3.0, "at most", against)
    tracemalloc.start()
    _choose(pool, pool.head.proba(pool.features))
    most = tracemalloc.get_traced_memory()[1] / (4 * LARGE * 256)
    tracemalloc.stop()
    yield Result("query_memory_ratio", most, "times", 1.2, "at most", "peak of the cold query, by the features' size")


def _choose(pool: Pool, proba: Floats) -> None:
    strategy_of("default").select(pool.view(proba), BATCH, np.random.default_rng(0))


def _scoring(folder: Path) -> Iterator[Result]:
    features = np.array(_pool(folder / "scored", LARGE, 384).features)
    other = np.empty_like(features)
    copied = statistics.median(_timed(lambda: np.copyto(other, features)))
    for classes, name in ((10, "rescore_ratio_bandwidth"), (100, "rescore_ratio_product_100")):
        rng = np.random.default_rng(classes)
        weights = rng.normal(size=(classes, 384)).astype(np.float32)
        head = FittedLinear(weights, weights[:, 0].copy(), 1.0, LABELS)
        columns = np.ascontiguousarray(weights.T)
        product = statistics.median(_timed(lambda: features @ columns))  # noqa: B023  # called at once
        scored = statistics.median(_timed(lambda: margin(head.proba(features))))  # noqa: B023  # called at once
        figures = f"{scored:.3g} s; copy of the features {copied:.3g} s, bare product {product:.3g} s"
        against = f"logits, softmax, margin of {LARGE:,} x 384, {classes} classes, float32: {figures}"
        ratio, target = (scored / copied, 6.0) if classes == 10 else (scored / product, 1.3)
        yield Result(name, ratio, "times", target, "at most", against)


def _refits() -> Result:
    """Grow from 1 to 500 labels by one to ten at a time, with three and with ten classes."""
    spent = []
    for classes in (3, 10):
        rng = np.random.default_rng(classes)
        features, truth = _rows(2_000, 384, classes, rng)
        standard, labels, head = Standard.of(features), 1, None
        while labels <= 500:
            started = time.perf_counter()
            head = Logistic().fit(features[:labels], truth[:labels], classes, standard=standard, previous=head)
            spent.append(time.perf_counter() - started)
            labels += int(rng.integers(1, 11))
    millis = [1000 * s for s in spent]
    against = f"1 to 500 labels x 384, by 1 to 10, 3 and 10 classes, with the strength's tuning; {told(millis, 'ms')}"
    return Result("refit_p95_ms_500", p95(millis), "ms", 60.0, "at most", against)


def _timed(act: Callable[[], object]) -> list[float]:
    act()
    spent = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        act()
        spent.append(time.perf_counter() - started)
    return spent


def _rows(count: int, dim: int, classes: int, rng: np.random.Generator) -> tuple[Floats, Ints]:
    centres = np.random.default_rng(dim).normal(size=(classes, dim)).astype(np.float32)
    truth = rng.integers(classes, size=count)
    rows = centres[truth] + 3 * rng.standard_normal((count, dim), dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), truth


def _pool(path: Path, items: int, dim: int) -> Pool:
    rng = np.random.default_rng(0)
    features = np.memmap(path, np.float32, "w+", shape=(items, dim))
    truth = np.empty(items, np.int64)
    for start in range(0, items, CHUNK):
        part = slice(start, min(items, start + CHUNK))
        features[part], truth[part] = _rows(part.stop - start, dim, CLASSES, rng)
    features.flush()
    read = np.memmap(path, np.float32, "r", shape=(items, dim))
    head = Logistic().fit(read[:LABELS], truth[:LABELS], CLASSES, standard=Standard.of(read))
    return Pool(read, truth, head)
