"""The peers' bench: `python -m tests.bench.peers prepare`, then `run`, then `report`; `make bench-peers` does all.

A cell (set, arm, seed) that was run is kept until its set, the head, collab's strategies (for collab's arm) or the
peer's version change, so `run` can be stopped and started again.
"""

import argparse
import os
import sys
import time

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # for the processes that run cells

from tests.bench.peers.cells import FULL, Cell, done, run_all
from tests.bench.peers.fetching import Missing
from tests.bench.peers.report import report, summary
from tests.bench.peers.rivals import RIVALS
from tests.bench.peers.sets import SETS, SOURCES, prepare

SEEDS = 10


def main() -> int:
    """Do one of the three; 1 where a cell failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.peers", description=__doc__)
    parser.add_argument("step", choices=("prepare", "run", "report"))
    parser.add_argument("--sets", nargs="+", choices=SOURCES, help="only these; else all that may be tuned on")
    parser.add_argument("--confirm", action="store_true", help="the sets that only confirm, instead of the others")
    parser.add_argument("--strategies", nargs="+", help="arms by name, or collab:STRATEGY; else all")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--jobs", type=int, default=2, help="cells at a time, each with one thread")
    parser.add_argument("--overwrite", nargs="+", default=[], help="arms to run again even where nothing changed")
    asked = parser.parse_args()
    names = asked.sets or [name for name, source in SOURCES.items() if source.confirm == asked.confirm]
    strategies = asked.strategies or list(RIVALS)
    if asked.step == "prepare":
        return _prepare(names)
    if asked.step == "run":
        return _run(_ready(names), strategies, asked.seeds, asked.jobs, set(asked.overwrite))
    return report(_ready(list(SOURCES)), asked.seeds)


def _prepare(names: list[str]) -> int:
    import torch

    torch.set_num_threads(2)
    for name in names:
        try:
            prepare(name, lambda text: print(text, flush=True))
        except Missing as missing:
            print(f"LEFT OUT: {name}. {missing}", flush=True)
    return 0


def _ready(names: list[str]) -> list[str]:
    ready = [name for name in names if (SETS / f"{name}.npz").exists()]
    if left := sorted(set(names) - set(ready)):
        print(f"LEFT OUT, for they are not prepared: {', '.join(left)}.", flush=True)
    return ready


def _run(names: list[str], strategies: list[str], seeds: int, jobs: int, overwrite: set[str]) -> int:
    cells = [Cell(name, FULL, 0) for name in names]
    cells += [Cell(name, strategy, seed) for name in names for strategy in strategies for seed in range(seeds)]
    waiting = [cell for cell in cells if cell.strategy in overwrite or done(cell) is None]
    print(f"{len(cells) - len(waiting)} of {len(cells)} cells are there; running {len(waiting)}.", flush=True)
    failed, started = 0, time.perf_counter()
    for number, (cell, curve, seconds) in enumerate(run_all(waiting, jobs), 1):
        if isinstance(curve, str):
            failed += 1
        said = f"FAILED: {curve}" if isinstance(curve, str) else f"ends at {curve.accuracy[-1]:.3f}"
        spent = time.perf_counter() - started
        left = f"{spent / 60:.1f} min, {spent / number * (len(waiting) - number) / 60:.1f} to go"
        print(f"{cell.set} / {cell.strategy} / {cell.seed}: {said} in {seconds:.1f} s ({left})", flush=True)
    summary(names, strategies, seeds)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
