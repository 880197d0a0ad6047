"""The worker's half of asking: which strategies there are, and how a selection becomes the rows of the queue."""

from collections.abc import Mapping

from collab.domain.annotation import Ask, Purpose, Suggestion, coin
from collab.domain.project import LoopPolicy, Project
from collab.engine.arrays import Ints
from collab.engine.pool import Selection
from collab.engine.strategies import STRATEGIES

FEWEST = 200
PER_ANNOTATOR = 10
WHOLE = 2000
"""Rows of a whole ranking, written at most once a minute."""


def size_of(annotators: int, whole: bool) -> int:
    """How many rows a ranking has: enough for everyone until the next one lands."""
    return max(WHOLE if whole else FEWEST, PER_ANNOTATOR * annotators)


def strategies() -> tuple[str, ...]:
    """Names that a policy can carry, the default first."""
    usual = LoopPolicy().strategy
    return (usual, *(name for name in STRATEGIES if name != usual))


def asks_of(
    project: Project, items: Ints, selection: Selection, words: Mapping[int, Suggestion], purpose: Purpose
) -> list[Ask]:
    """Make the rows of a ranking, best first.

    Args:
        project: Says by its coin which of them are blind.
        items: Item id of each pool row.
        selection: Pool rows in asking order.
        words: What is suggested, by item.
        purpose: Why all of them are asked.
    """
    asks = []
    for row, score, reason in zip(
        selection.indices.tolist(), selection.scores.tolist(), selection.reasons, strict=True
    ):
        item = int(items[row])
        blind = coin(project, item) < project.policy.blind_share
        asks.append(Ask(0, project.id, item, 0, purpose, "query", score, blind, reason, words.get(item)))
    return asks
