"""What collab's heads know while they learn, and what they get right: the truth that audits are held against."""

from dataclasses import dataclass

import numpy as np

from collab.engine.arrays import Floats, Ints
from collab.engine.certifying import Bools, Doubles
from collab.engine.heads import FittedHead, Logistic, Standard, softmax
from collab.engine.pool import PoolView
from collab.engine.strategies import strategy_of
from tests.bench.peers.sets import load

LABELS, BATCH, SEEDS = 200, 10, 5
AHEAD = 50
"""Labels that are given after those, to see what they bring."""


@dataclass(frozen=True, slots=True)
class Rest:
    """What is left of a pool after 200 labels."""

    logits: Floats
    """Shape (n_items, n_classes)."""
    truth: Ints
    """Class columns, shape (n_items,)."""
    confidence: Doubles
    """Probability of the best class, shape (n_items,)."""
    predicted: Ints
    """That class."""

    @property
    def right(self) -> Bools:
        return self.predicted == self.truth


@dataclass(frozen=True, slots=True)
class Course:
    """One project: its models after each batch, and what was left in the middle."""

    rest: Rest
    labels: Ints
    """Of each model, from the first that knew two classes up to 250, shape (n_models,)."""
    right: Bools
    """Whether each is right on items that nobody labels, shape (n_models, n_items)."""

    @property
    def accuracy(self) -> Doubles:
        return self.right.mean(axis=1)


def learn(name: str, seed: int) -> Course:
    """Ask for 250 labels as the product does, and look after each batch."""
    of = load(name)
    rng, standard = np.random.default_rng(seed), Standard.of(of.x)
    strategy, labeled = strategy_of("default"), np.empty(0, np.int64)
    head: FittedHead | None = None
    rest: Rest | None = None
    labels, right = [], []
    while len(labeled) < LABELS + AHEAD:
        candidates = np.setdiff1d(np.arange(len(of.x)), labeled)
        proba = None if head is None else head.proba(of.x)
        chosen = strategy if head is not None else strategy_of("typicality")
        seen = PoolView(of.x, candidates, labeled, of.y[labeled], proba, of.n_classes)
        labeled = np.concatenate([labeled, chosen.select(seen, BATCH, rng).indices])
        if len(np.unique(of.y[labeled])) < 2:
            continue
        head = Logistic().fit(of.x[labeled], of.y[labeled], of.n_classes, standard=standard, previous=head)
        labels.append(len(labeled))
        right.append(head.logits(of.x_test).argmax(axis=1) == of.y_test)
        if len(labeled) == LABELS:
            rest = _rest(head, of.x, of.y, labeled)
    assert rest is not None, "so many labels know two classes"
    return Course(rest, np.array(labels), np.stack(right))


def _rest(head: FittedHead, x: Floats, y: Ints, labeled: Ints) -> Rest:
    rows = np.setdiff1d(np.arange(len(x)), labeled)
    logits = head.logits(x[rows])
    proba = softmax(logits)
    return Rest(logits, y[rows], proba.max(axis=1).astype(np.float64), proba.argmax(axis=1))
