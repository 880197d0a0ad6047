"""Guess classes from their names and descriptions alone, before anybody has answered.

Knows vectors and words, not people: that it is only a guess is for the callers to say.
"""

import re
from collections.abc import Sequence

import numpy as np

from collab.engine.arrays import Floats, refuse_nan
from collab.engine.heads import FittedHead, FittedLinear

MEANINGLESS = frozenset({"hashing"})
"""Encoders that see letters and no meaning: what they find alike says nothing of what a class stands for."""

SAMPLE = 10_000
"""Rows of the pool, evenly spread, from which the prototypes are made."""
LIKELIEST = 0.1
"""Share of the sample that stands for the classes, the same number of rows for each."""
ALIKE = 0.97
"""Cosine above which two class texts are one to the encoder, as in "Is it new? Yes" and "Is it new? No"."""
ONE_SIDED = 0.95
"""Where more of the pool gets one class, the guess tells nobody anything."""

_WORD = re.compile(r"[^\W\d_]+")


def tell_apart(names: Sequence[str], descriptions: Sequence[str]) -> bool:
    """Say whether a reader who knows nothing else could tell the classes apart by these words.

    A class needs a word of three letters, or of any length in other scripts than Latin, and no two may have the same
    words: numbers and single letters say nothing.

    >>> tell_apart(("spam", "no spam"), ("", "")), tell_apart(("Class 1", "Class 2"), ("", ""))
    (True, False)
    """
    words = [
        frozenset(w for w in _WORD.findall(f"{name} {description}".casefold()) if len(w) > 1 or not w.isascii())
        for name, description in zip(names, descriptions, strict=True)
    ]
    speaking = all(any(len(w) > 2 or not w.isascii() for w in each) for each in words)
    return speaking and len(set(words)) == len(words)


def guess(pool: Floats, classes: Floats) -> FittedHead | None:
    """Make a head without labels: the nearest of one prototype for each class.

    The class text's own vector lies far from all items, and a text that is close to everything would win everywhere.
    So items are first compared with the classes relative to the pool's mean, and the mean of those that lean most
    clearly to a class takes the place of its text. Prototypes are not balanced: a rare class stays rare.

    Args:
        pool: Unit rows, shape (n_items, dim).
        classes: Unit rows of the class texts by the same encoder, shape (n_classes, dim).

    Returns:
        A head whose mean logit spread is log(n_classes) / 2, about as sure as such guesses proved right; None where
        the texts are the same to the encoder, or nearly the whole pool would get one class.

    Source: Chang et al., "Importance of Semantic Representation: Dataless Classification", AAAI 2008; the prototypes
    from Schopf, Braun and Matthes, "Lbl2Vec: An Embedding-Based Approach for Unsupervised Document Retrieval on
    Predefined Topics", WEBIST 2021.
    """
    count = len(classes)
    sample = np.asarray(pool[:: max(1, -(-len(pool) // SAMPLE))], np.float32)
    refuse_nan("Class vectors", classes)
    if len(sample) < count or np.triu(classes @ classes.T, 1).max() > ALIKE:
        return None
    closeness = sample @ classes.T
    closeness -= closeness.mean(axis=0)
    rows = max(1, min(len(sample) // count, max(5, int(len(sample) * LIKELIEST / count))))
    prototypes = np.stack([sample[np.argsort(-lead)[:rows]].mean(axis=0) for lead in _leads(closeness)])
    prototypes /= np.maximum(np.linalg.norm(prototypes, axis=1, keepdims=True), 1e-12)
    likeness = sample @ prototypes.T
    spread = float(likeness.std(axis=1).mean())
    commonest = np.bincount(likeness.argmax(axis=1), minlength=count).max()
    if spread < 1e-4 or commonest > ONE_SIDED * len(sample):
        return None
    weights = (prototypes * (np.log(count) / 2 / spread)).astype(np.float32)
    return FittedLinear(weights, np.zeros(count, np.float32), strength=0.0, n_labels=0)


def _leads(closeness: Floats) -> list[Floats]:
    """For each class by how much every row is closer to it than to the next best one."""
    leads = []
    for column in range(closeness.shape[1]):
        others = np.delete(closeness, column, axis=1)
        leads.append(closeness[:, column] - others.max(axis=1))
    return leads
