"""How often the card's flag is right: the figures in `Laplace.doubts`. Run `python -m tests.bench.doubting`.

Tweets against lines of this program's source, and digits with a class that was never labeled, over all ten classes.
"""

import gzip
import html
import json
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

import collab
from collab.engine.arrays import Floats, Ints
from collab.engine.encoders.minilm import MiniLM
from collab.engine.heads import Logistic, Standard
from collab.engine.laplace import Laplace
from collab.loop.demonstrating import feeling_of
from tests.bench.workspaces import TWEETS

LABELS = (50, 200, 1_000)
TEXTS, LINES = 1_500, 300


def told(pool: Floats, truth: Ints, strange: Floats, labels: int) -> tuple[float, ...]:
    """Shares of the pool and of what is strange that are called unfamiliar; of the rest of the pool, errors by flag."""
    labeled = np.random.default_rng(labels).permutation(len(pool))[:labels]
    rest = np.setdiff1d(np.arange(len(pool)), labeled)
    standard = Standard.of(pool)
    head = Logistic().fit(pool[labeled], truth[labeled], int(truth.max()) + 1, standard=standard)
    laplace = Laplace.of(head, pool[labeled], standard)
    said, other = (np.array(laplace.doubts(part, head.proba(part))) for part in (pool[rest], strange))
    wrong = head.proba(pool[rest]).argmax(axis=1) != truth[rest]
    ties = said == "ambiguous"
    return (
        (said == "unfamiliar").mean(),
        (other == "unfamiliar").mean(),
        ties.mean(),
        wrong[ties].mean(),
        wrong[said == ""].mean(),
    )


def main() -> None:
    """Print one line for each set and number of labels."""
    with gzip.open(TWEETS, "rt", encoding="utf-8") as file:
        tweets = [json.loads(line) for line in file][:TEXTS]
    feelings = [feeling_of(tweet["mean"]) for tweet in tweets]
    truth = np.unique(feelings, return_inverse=True)[1]
    sources = sorted(Path(collab.__file__).parent.rglob("*.py"))
    lines = [line.strip() for source in sources for line in source.read_text(encoding="utf-8").splitlines()]
    code = [line for line in lines if len(line) > 40][:: max(1, len(lines) // LINES)]
    encoder = MiniLM()
    texts, other = encoder.encode([html.unescape(tweet["text"]) for tweet in tweets]), encoder.encode(code)
    rows, digits = load_digits(return_X_y=True)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    print("set, labels: called unfamiliar in the pool / of what is strange; ambiguous; wrong where ambiguous / no flag")
    for labels in LABELS:
        shares = {"tweets": told(texts, truth, other, labels)}
        by_class = [
            told(rows[digits != c], np.unique(digits[digits != c], return_inverse=True)[1], rows[digits == c],
                 labels) for c in range(10)
        ]  # fmt: skip
        shares["digits"] = tuple(np.mean(by_class, axis=0))
        for name, (usual, strange, ties, torn, sure) in shares.items():
            print(f"{name}, {labels}: {usual:.2f} / {strange:.2f}; {ties:.2f}; {torn:.2f} / {sure:.2f}")


if __name__ == "__main__":
    main()
