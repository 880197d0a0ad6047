"""Deal decisions: which say when to stop, and which stand in a batch together. Free of torch.

None of them is an audit: those never come here.
"""

from collections.abc import Sequence

import numpy as np

from collab.engine.arrays import Ints, Labels
from collab.errors import NothingToLearn

FEWEST, EACH = 8, 2
"""Decisions without which nothing is trained; and those of a class without which it can't be learned: where any number
of classes may apply, those to which it does and those to which it doesn't."""
MIXED = 100
"""At most so many batches are sorted by length together; the more, the less chance there is in who meets."""


def refuse_too_few(labels: Labels, name: str = "these decisions") -> None:
    """Say what is missing before a training begins.

    Args:
        labels: Class columns, or which classes apply.
        name: What the message calls them.

    Raises:
        NothingToLearn: They are too few, or say only one thing.
    """
    if len(labels) < FEWEST:
        reason = f"there are {len(labels)}, and fine-tuning needs at least {FEWEST}; label {FEWEST - len(labels)} more."
        raise NothingToLearn(name, reason)
    if labels.ndim == 2:
        applies = labels.sum(axis=0)
        if np.minimum(applies, len(labels) - applies).max(initial=0) < EACH:
            reason = f"no class applies to {EACH} of them and doesn't to {EACH} others; label more of one that does."
            raise NothingToLearn(name, reason)
        return
    _, counts = np.unique(labels, return_counts=True)
    if len(counts) < 2:
        raise NothingToLearn(name, f"all of them say the same; label at least {EACH} items of another class.")
    if np.sort(counts)[-2] < EACH:
        raise NothingToLearn(name, f"only one answer was given more than once; a second one needs {EACH} decisions.")


def dealt(labels: Labels, share: float, seed: int) -> tuple[Ints, Ints]:
    """Split rows into those that are learned from and those that say when to stop, answer by answer.

    Args:
        labels: Class columns, or which classes apply.
        share: Of the rows that are held out; 0 holds none.
        seed: The same seed deals the same way.

    Returns:
        Row numbers of both, in order. Of single classes the first row of each is always learned from.
    """
    order = np.random.default_rng([seed, 0]).permutation(len(labels))
    answers = np.unique(labels, axis=0, return_inverse=True)[1].ravel()
    order = order[np.argsort(answers[order], kind="stable")]
    first = np.diff(answers[order], prepend=-1) != 0
    free = order[~first] if labels.ndim == 1 else order
    count = min(len(free), max(1, round(share * len(labels)))) if share > 0 else 0
    # evenly spread over rows in order of their answers: each answer gives its share
    picked = np.floor((np.arange(count) + 0.5) * len(free) / max(1, count)).astype(np.int64)
    watch = np.sort(free[picked])
    learn = np.setdiff1d(np.arange(len(labels)), watch)
    return learn, watch


def batches(rows: Ints, lengths: Sequence[int] | None, batch: int, seed: int, epoch: int) -> list[Ints]:
    """Shuffle rows for an epoch and cut them into batches; with lengths, such of about one length stand together.

    Args:
        rows: To deal.
        lengths: Of every row that there is, by its number; None: they aren't known, and chance alone deals.
        batch: Rows in each; the last one may have fewer.
        seed: The same seed and epoch give the same batches.
        epoch: From 1 on.
    """
    rng = np.random.default_rng([seed, 1, epoch])
    order = rows[rng.permutation(len(rows))]
    if lengths is not None:
        known = np.asarray(lengths)
        pool = batch * max(1, min(MIXED, len(rows) // (2 * batch)))
        parts = [order[start : start + pool] for start in range(0, len(order), pool)]
        order = np.concatenate([part[np.argsort(-known[part], kind="stable")] for part in parts])
    found = [order[start : start + batch] for start in range(0, len(order), batch)]
    if lengths is None:
        return found
    return [found[at] for at in rng.permutation(len(found))]
