"""Put the answers of several people side by side: which of them tell how alike people answer, and how often they err.

It knows no model; pages reach it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from collab.domain.project import LabelSchema
from collab.domain.store import SharedAnswer
from collab.domain.task import task_of
from collab.engine.annotator_quality import error_rate
from collab.engine.arrays import Ints
from collab.engine.numbering import Numbering

NOISE_SEEN = 50
"""Items that two have answered, from which it is known how often people err."""
ASKED_ANEW = frozenset({"more", "relabel", "norming", "review", "chosen", "repeat"})
"""Purposes of answers that were asked for because of what others had said, or may have been."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Who answered what, as a table."""

    items: Ints
    """Ids, shape (n_items,)."""
    people: tuple[str, ...]
    table: Ints
    """Numbers of answers, shape (n_items, n_people); -1 where there is none, or it counts no more."""
    numbers: Numbering

    @property
    def given(self) -> Ints:
        """How many answers each item has, shape (n_items,)."""
        counts: Ints = (self.table >= 0).sum(axis=1)
        return counts

    @property
    def differing(self) -> Ints:
        """Rows of items whose answers differ."""
        least = np.where(self.table < 0, np.iinfo(np.int64).max, self.table).min(axis=1, initial=np.iinfo(np.int64).max)
        return np.flatnonzero((self.given > 1) & (self.table.max(axis=1, initial=-1) != least))

    def kept(self, rows: Ints) -> "Answers":
        """Some of the rows."""
        return Answers(self.items[rows], self.people, self.table[rows], self.numbers)


def tabled(answers: Sequence[SharedAnswer], schema: LabelSchema) -> Answers:
    """Put answers into a table; where any number of classes may apply, whole sets are compared."""
    numbers, task = Numbering(schema.many), task_of(schema)
    items = {item: row for row, item in enumerate(dict.fromkeys(a.item for a in answers))}
    people = {name: column for column, name in enumerate(sorted({a.annotator for a in answers}))}
    table = np.full((len(items), len(people)), -1, np.int64)
    for a in answers:
        columns = task.columns(a.answer, schema) if a.answer else None  # else it is "can't tell"
        if columns is not None:
            table[items[a.item], people[a.annotator]] = numbers.number(columns)
    return Answers(np.fromiter(items, np.int64, len(items)), tuple(people), table, numbers)


def planned(answers: Sequence[SharedAnswer]) -> list[SharedAnswer]:
    """Answers that were not asked for because of other answers: what agreement may be measured by."""
    kept = [a for a in answers if a.single and a.purpose not in ASKED_ANEW]
    times = Counter(a.item for a in kept)
    return [a for a in kept if times[a.item] > 1]


def noise_of(answers: Answers, schema: LabelSchema) -> float | None:
    """How often one answer is wrong, by how often two to the same item differ; None where too few items have two."""
    rows = np.flatnonzero(answers.given > 1)
    if len(rows) < NOISE_SEEN:
        return None
    table = answers.table[rows]
    two = np.take_along_axis(table, np.argsort(table < 0, axis=1, kind="stable")[:, :2], axis=1)
    classes = None if schema.many else len(schema.live)
    return error_rate(float((two[:, 0] != two[:, 1]).mean()), classes)
