"""What several answers come to, by every way of settling them: `python -m tests.bench.raters`.

The demo's tweets were rated by twenty people each. Five of the twenty answer each item here, each rater with noise of
their own, and the decisions are held against what the mean of all ratings says. crowd-kit and cleanlab run on the same
answers; the model, where a way takes one, has learned from the majority of the others' items (out of fold).
"""

import gzip
import html
import json
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from cleanlab.multiannotator import get_label_quality_multiannotator
from crowdkit.aggregation import DawidSkene, MajorityVote

from collab.domain.project import LoopPolicy
from collab.engine.annotator_quality import careful, crowdlab, dawid_skene, majority
from collab.engine.arrays import Floats, Ints
from collab.engine.encoders.minilm import MiniLM
from collab.engine.heads import Logistic, Standard
from collab.engine.label_quality import out_of_fold
from collab.loop.demonstrating import TWEETS, feeling_of

RATERS, EACH, CLASSES = 20, 5, 3
SIZES = (4_200, 500, 150)
"""Items that have been answered by several: all, and as few as a project has in its first days."""
SEEDS = range(5)
NAMES = ("negative", "neutral", "positive")
DEFAULT = "dawid skene, the model learned from it"
"""What a project does that decides so: the model of the next round learns from the decisions of the last one."""
Way = Callable[[Ints, Floats], Ints]


@dataclass(frozen=True, slots=True)
class Data:
    """The tweets."""

    features: Floats
    standard: Standard
    truth: Ints
    """Classes, shape (n_items,)."""
    said: Ints
    """What each rater said, shape (n_items, RATERS)."""

    @classmethod
    def read(cls) -> Self:
        """Read and encode them."""
        with gzip.open(TWEETS, "rt", encoding="utf-8") as file:
            tweets = [json.loads(line) for line in file]
        features = MiniLM().encode([html.unescape(tweet["text"]) for tweet in tweets])
        truth = np.array([NAMES.index(feeling_of(tweet["mean"])) for tweet in tweets])
        ratings = np.array([tweet["ratings"][:RATERS] for tweet in tweets])
        return cls(features, Standard.of(features), truth, np.sign(ratings) + 1)


def uniform(said: Ints, rng: np.random.Generator) -> Ints:
    """Have rater j answer another class at random, at rates from none to six in ten."""
    wrong = rng.random(said.shape) < rng.permutation(np.linspace(0, 0.6, RATERS))
    return np.where(wrong, (said + rng.integers(1, CLASSES, said.shape)) % CLASSES, said)


def leaning(said: Ints, rng: np.random.Generator) -> Ints:
    """Have each rater fall back on a favourite class, at rates from none to eight in ten."""
    falls = rng.random(said.shape) < rng.permutation(np.linspace(0, 0.8, RATERS))
    return np.where(falls, rng.integers(0, CLASSES, RATERS), said)


def sampled(said: Ints, rng: np.random.Generator) -> Ints:
    """Keep five answers to each item, -1 elsewhere."""
    place = rng.permuted(np.tile(np.arange(RATERS), (len(said), 1)), axis=1)
    return np.where(place < EACH, said, -1)


def _crowdkit(method: MajorityVote | DawidSkene, answers: Ints) -> Ints:
    items, people = np.nonzero(answers >= 0)
    table = pd.DataFrame({"task": items, "worker": people, "label": answers[items, people]})
    found: Ints = method.fit_predict(table).sort_index().to_numpy()
    return found


def _cleanlab(answers: Ints, model: Floats) -> Ints:
    table = pd.DataFrame(np.where(answers >= 0, answers, np.nan))
    found = get_label_quality_multiannotator(table, model, verbose=False)
    decided: Ints = found["label_quality"]["consensus_label"].to_numpy()
    return decided


OURS: Mapping[str, Way] = {
    "majority": lambda a, m: majority(a, CLASSES).answers,
    "dawid skene": lambda a, m: dawid_skene(a, CLASSES).answers,
    "dawid skene with the model": lambda a, m: dawid_skene(a, CLASSES, m).answers,
    "crowdlab": lambda a, m: crowdlab(a, m).answers,
}
THEIRS: Mapping[str, Way] = {
    "crowd-kit majority": lambda a, m: _crowdkit(MajorityVote(), a),
    "crowd-kit Dawid-Skene": lambda a, m: _crowdkit(DawidSkene(n_iter=100), a),
    "cleanlab CROWDLAB": _cleanlab,
}


def measured(size: int, noise: Callable[[Ints, np.random.Generator], Ints], data: Data) -> dict[str, list[float]]:
    """Share of right decisions of every way, one for each seed, and how often the default is sure and right then."""
    right: dict[str, list[float]] = {}
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        rows = rng.permutation(len(data.truth))[:size]
        truth, answers = data.truth[rows], sampled(noise(data.said[rows], rng), rng)

        def model(first: Ints, rows: Ints = rows, seed: int = seed) -> Floats:
            return out_of_fold(data.features[rows], first, CLASSES, Logistic(), data.standard, seed=seed)

        plain, skilled = majority(answers, CLASSES).answers, dawid_skene(answers, CLASSES).answers
        of_majority = model(plain)
        found = {name: way(answers, of_majority) for name, way in {**OURS, **THEIRS}.items()}
        settled = dawid_skene(answers, CLASSES, model(skilled))
        found[DEFAULT] = settled.answers
        found["the model alone"] = of_majority.argmax(axis=1)
        for name, decided in found.items():
            right.setdefault(name, []).append(float((decided == truth).mean()))
        differ = np.where(answers < 0, -1, answers).max(axis=1) != np.where(answers < 0, CLASSES, answers).min(axis=1)
        sure = careful(settled.proba[differ]).max(axis=1) >= LoopPolicy().aggregate_from
        right.setdefault("where answers differ, it decides of", []).append(float(sure.mean()))
        right.setdefault("right of these", []).append(float((settled.answers == truth)[differ][sure].mean()))
    return right


def main() -> int:
    """Print means over the seeds, and how far they spread; 1 where another program decides better than the default."""
    warnings.simplefilter("ignore")  # of what newer pandas will no longer do
    data, missed = Data.read(), 0
    for noise in (uniform, leaning):
        for size in SIZES:
            right = measured(size, noise, data)
            print(f"{noise.__name__}, {size} items, {EACH} of {RATERS} answers each, {len(SEEDS)} seeds")
            for name, shares in right.items():
                print(f"  {name:44} {np.mean(shares):.4f}  ({min(shares):.4f} to {max(shares):.4f})")
            missed += any(np.mean(right[name]) > np.mean(right[DEFAULT]) for name in THEIRS)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
