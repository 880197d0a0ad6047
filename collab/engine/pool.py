"""What a strategy sees of a pool, and what it answers with. Knows rows of features, not what they stand for."""

from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

from collab.engine import uncertainty
from collab.engine.arrays import Floats, Ints, Labels, refuse_nan


@dataclass(frozen=True, slots=True)
class PoolView:
    """What a strategy may see of a pool."""

    features: Floats
    """Rows of mean squared norm 1, shape (n, dim). May lie on disk: few are read, and checked, each time."""
    candidates: Ints
    """Rows that may be asked."""
    labeled: Ints
    """Rows that the head was fitted on."""
    labels: Labels
    """What they are: class columns, same shape; or which classes apply, shape (n_labeled, n_classes)."""
    proba: Floats | None
    """Class probabilities of all rows, shape (n, n_classes); None: there is no head yet. They sum to 1, unless any
    number of classes may apply: then each is its own."""
    n_classes: int
    """Columns of `proba`, those of retired classes too."""
    held: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    """Rows that people have before them: asked already, though not answered."""
    retired: tuple[int, ...] = ()
    """Columns of classes that are offered no more."""
    torn: Floats = field(init=False)
    """How torn the head is over each row, shape (n,): its margin score, or the mean over the classes that may apply;
    empty where there is no head."""

    def __post_init__(self) -> None:
        if len(self.labeled) != len(self.labels):
            raise ValueError(f"{len(self.labeled)} labeled rows have {len(self.labels)} labels.")
        if self.proba is not None:
            refuse_nan("Probabilities", self.proba)
        score = uncertainty.unsettled if self.many else uncertainty.margin
        torn = np.empty(0, np.float32) if self.proba is None else score(self.proba)
        object.__setattr__(self, "torn", torn)  # frozen; worked out once, for all stages of a choice need it

    @property
    def many(self) -> bool:
        """Whether any number of classes may apply to an item."""
        return self.labels.ndim == 2

    @property
    def counts(self) -> Ints:
        """How many labeled rows are of each class, shape (n_classes,)."""
        if self.labels.ndim == 2:
            applying: Ints = self.labels.sum(axis=0, dtype=np.int64)
            return applying
        return np.bincount(self.labels, minlength=self.n_classes)

    def rows(self, rows: Ints) -> Floats:
        """Read the features of some rows. Raises ValueError where they hold NaN."""
        read = np.asarray(self.features[rows])
        refuse_nan("Features", read)
        return read

    def known_proba(self) -> Floats:
        """The probabilities. Raises ValueError where there is no head yet."""
        if self.proba is None:
            raise ValueError("This strategy needs probabilities; fit a head first.")
        return self.proba


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows in asking order, each once."""

    indices: Ints
    scores: Floats
    """In (0, 1], falling; they only say the order."""
    reasons: tuple[str, ...]
    """Why each was chosen: "typical", "unsure", "unlike", "coverage", "telling", "rare" or "random"."""


def draw(rows: Ints, count: int, rng: Generator) -> Ints:
    """Draw `count` of the rows at random, each once, or all of them where there are fewer."""
    return rng.choice(rows, min(count, len(rows)), replace=False)


def highest(scores: Floats, rows: Ints, count: int) -> Ints:
    """The `count` rows with the highest scores, highest first, ties in the order of the rows."""
    if count < len(scores):
        cut = np.partition(scores, len(scores) - count)[len(scores) - count]
        enough = np.flatnonzero(scores >= cut)
        rows, scores = rows[enough], scores[enough]
    return rows[np.argsort(-scores, kind="stable")[:count]]
