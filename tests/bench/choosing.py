"""How often the sets on the card hold the right class: the figures at `suggesting.SURE`.

Run `python -m tests.bench.choosing`: on tweets and digits, with 100 random labels, at level .9, mean of 25 draws.
"""

import gzip
import html
import json

import numpy as np
from scipy.special import softmax
from sklearn.datasets import load_digits

from collab.engine import label_sets, uncertainty
from collab.engine.arrays import Floats, Ints
from collab.engine.calibration import fit_temperature
from collab.engine.encoders.minilm import MiniLM
from collab.engine.heads import Logistic, Standard
from collab.engine.laplace import Laplace
from collab.loop.demonstrating import feeling_of
from collab.loop.suggesting import SURE
from tests.bench.workspaces import TWEETS

LABELS, LEVEL, DRAWS, HARDEST = 100, 0.9, 25, 200
AUDITS = (50, 100, 200)
TEXTS = 2_500


def covered(rows: Floats, truth: Ints, audits: int, sure: float | None, seed: int) -> tuple[float, ...]:
    """Share of items with a set on the card, and of right sets: of these, of the hardest, of unfamiliar ones."""
    order = np.random.default_rng(seed).permutation(len(rows))
    audited, labeled, rest = np.split(order, [audits, audits + LABELS])
    standard = Standard.of(rows)
    head = Logistic().fit(rows[labeled], truth[labeled], int(truth.max()) + 1, standard=standard)
    logits = head.logits(rows)
    temperature = fit_temperature(logits[audited], truth[audited])
    proba = softmax(logits / np.float32(temperature), axis=1)
    sets = label_sets.predict(proba[rest], label_sets.calibrate(proba[audited], truth[audited], LEVEL, sure))
    doubts = Laplace.of(head, rows[labeled], standard, rows).doubts(rows[rest], temperature)
    unfamiliar = np.array(doubts) == "unfamiliar"
    helps = np.array(label_sets.meanings(sets, unfamiliar)) == "choices"
    hard = np.isin(np.arange(len(rest)), np.argsort(-uncertainty.margin(proba[rest]))[:HARDEST])
    right = sets[np.arange(len(rest)), truth[rest]]
    shown = helps & ~unfamiliar
    return (
        shown.mean(),
        *(right[of].mean() if of.any() else np.nan for of in (shown, shown & hard, helps & unfamiliar)),
    )


def main() -> None:
    """Print one line for each set, number of audits and promise."""
    with gzip.open(TWEETS, "rt", encoding="utf-8") as file:
        tweets = [json.loads(line) for line in file][:TEXTS]
    feelings = np.unique([feeling_of(tweet["mean"]) for tweet in tweets], return_inverse=True)[1]
    texts = MiniLM().encode([html.unescape(tweet["text"]) for tweet in tweets])
    digits, names = load_digits(return_X_y=True)
    digits = (digits / np.linalg.norm(digits, axis=1, keepdims=True)).astype(np.float32)
    print(
        "set, audits, sure: shown; right of the shown / of the hardest shown / of unfamiliar ones, which aren't shown"
    )
    for name, rows, truth in (("tweets", texts, feelings), ("digits", digits, names)):
        for audits in AUDITS:
            for sure in (None, SURE):
                draws = [covered(rows, truth, audits, sure, seed) for seed in range(DRAWS)]
                shown, right, hard, strange = np.nanmean(draws, axis=0)
                print(f"{name}, {audits}, {sure}: {shown:.2f}; {right:.2f} / {hard:.2f} / {strange:.2f}")


if __name__ == "__main__":
    main()
