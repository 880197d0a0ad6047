"""What fine-tuning brings on tweets, by method and rate: accuracy and log-loss of a head refitted on its features.

`python -m tests.bench.recipes [--labels 400] [--seeds 3] [--only full-5e-05]` prints the rows of docs/fine-tuning.md.
The 1,000 tweets that judge are never learned from and choose nothing within a run.
"""

import argparse
import html
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from collab.domain.table import Rejected
from collab.engine.arrays import Floats, Ints
from collab.engine.encoders.minilm import MiniLM
from collab.engine.encoders.text import Encoder
from collab.engine.fine_tuning import fit
from collab.engine.fused import Pretrained
from collab.engine.heads import Logistic, Standard
from collab.engine.recipe import TUNING_RATES, FineTuning
from collab.engine.tuned import read_text
from collab.loop.demonstrating import TWEETS, feeling_of
from collab.loop.reading import rows, sniff
from tests.bench.measuring import machine
from tests.bench.tuning import Tweets

HELD = 1_000
NAMES = ("negative", "neutral", "positive")
RATES = {"full": (2e-5, 5e-5, 1e-4), "lora": (2e-4, 5e-4, 1e-3)}
TEMPERATURES = np.exp(np.linspace(-0.5, 2, 26))


class Judged(NamedTuple):
    """What a refitted head says of the tweets held out."""

    right: float
    cost: float
    cooled: float
    """Log-loss at the temperature that fits best, as audits would find it."""


def main() -> None:
    """Print a row for each recipe and seed."""
    recipes = {f"{method}-{rate:g}": _recipe(method, rate) for method, rates in RATES.items() for rate in rates}
    parser = argparse.ArgumentParser(prog="python -m tests.bench.recipes", description=__doc__)
    parser.add_argument("--labels", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=FineTuning().epochs)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", action="append", choices=recipes)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    texts, labels = _tweets()
    print(machine())
    print("| recipe | seed | right, % | log-loss | with temperature | best epoch | seconds |")
    print("|---|---|---|---|---|---|---|")
    for seed in range(asked.seeds):
        order = np.random.default_rng(seed).permutation(len(texts))
        held, known = order[:HELD], order[HELD : HELD + asked.labels]
        frozen = MiniLM()
        _print("frozen", seed, _judged(frozen, texts, labels, known, held), "-", 0.0)
        for name in asked.only or recipes:
            recipe = replace(recipes[name], epochs=asked.epochs)
            started = time.perf_counter()
            with tempfile.TemporaryDirectory() as kept:
                to = Path(kept)
                done = fit(
                    Pretrained(text=frozen), Tweets([texts[row] for row in known]), labels[known], 3, recipe,
                    to / "model", checkpoint=to / "kept",
                )  # fmt: skip
                took = time.perf_counter() - started
                tuned = read_text(to / "model" / "text", "tuned:x")
                _print(name, seed, _judged(tuned, texts, labels, known, held), str(done.best_epoch), took)


def _recipe(method: str, rate: float) -> FineTuning:
    assert method in TUNING_RATES, "it is one of the two"
    return FineTuning(method="lora" if method == "lora" else "full", rate=rate)


def _tweets() -> tuple[list[str], Ints]:
    texts, labels = [], []
    for row in rows(sniff(TWEETS)):
        assert not isinstance(row, Rejected), "every line of the demo data is whole"
        texts.append(html.unescape(row[1]["text"]))
        labels.append(NAMES.index(feeling_of(row[1]["mean"])))
    return texts, np.array(labels)


def _judged(encoder: Encoder, texts: list[str], labels: Ints, known: Ints, held: Ints) -> Judged:
    features = encoder.encode([texts[row] for row in (*known, *held)])
    head = Logistic().fit(features[: len(known)], labels[known], 3, standard=Standard.of(features))
    rest, truth = features[len(known) :], labels[held]

    def cost(proba: Floats) -> float:
        return float(-np.log(proba[np.arange(len(truth)), truth]).mean())

    proba = head.proba(rest)
    cooled = min(cost(head.proba(rest, float(each))) for each in TEMPERATURES)
    return Judged(float((proba.argmax(axis=1) == truth).mean()), cost(proba), cooled)


def _print(name: str, seed: int, found: Judged, best: str, took: float) -> None:
    print(
        f"| {name} | {seed} | {100 * found.right:.1f} | {found.cost:.3f} | {found.cooled:.3f} | {best} | {took:.0f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
