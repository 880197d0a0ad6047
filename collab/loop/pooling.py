"""Hold a project's pool as arrays, one row for each item that has features, and keep it true to the store."""

from collections.abc import Iterator, Sequence
from typing import final

import numpy as np

from collab.domain.project import LabelSchema, Project
from collab.domain.store import FeatureFile, PoolRow, Store
from collab.domain.task import task_of
from collab.engine.arrays import Ints
from collab.engine.certifying import Bools
from collab.engine.numbering import Numbering

OPEN, OUT = -1, -2
"""Labels of rows that may be asked, and of those that may not: unusable, disputed, can't tell, superseded, a machine's.
"""


def decided(store: Store, project: Project) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Items and columns of the decisions that a model may learn from: people's, and no audit of any kind among them.

    Those whose every class was retired are left out.
    """
    task, after = task_of(project.schema), 0
    while page := store.pool(project.id, after):
        after = page[-1].item
        for row in page:
            if row.state != "decided" or row.reserved or row.drawn or row.machine:
                continue
            columns = task.columns(row.answer, project.schema)
            if columns is not None:
                yield row.item, columns


@final
class Pool:
    """Rows are those of the feature file: an item without features isn't in it yet, and one whose content was replaced
    has more than one, of which the last counts."""

    def __init__(self, store: Store, project: int, file: FeatureFile, *, many: bool = False) -> None:
        self._store, self._project, self._file = store, project, file
        self.items: Ints = np.empty(0, np.int64)
        self.labels: Ints = np.empty(0, np.int64)
        """Numbers of answers; OPEN or OUT where there is none to learn from."""
        self.numbers = Numbering(many)
        self.reserved = np.empty(0, bool)
        self._drawn = np.empty(0, bool)
        self.row: dict[int, int] = {}
        """By item."""

    def __len__(self) -> int:
        return len(self.items)

    @property
    def audits(self) -> Bools:
        """Whether each row is of the reserve, or was drawn by a certificate: never trained on nor ranked."""
        return self.reserved | self._drawn

    @property
    def labeled(self) -> Ints:
        """Rows that a head may learn from."""
        return np.flatnonzero((self.labels >= 0) & ~self.audits)

    @property
    def current(self) -> Ints:
        """Rows that count, one for each item."""
        return np.fromiter(self.row.values(), np.int64, len(self.row))

    def rows(self, items: Sequence[int]) -> Ints:
        """Rows of items that are here."""
        return np.array([self.row[i] for i in items], np.int64)

    def take_features(self, schema: LabelSchema) -> None:
        """Take in the items that were read since."""
        fresh, start = self._file.ids()[len(self.items) :], len(self.items)
        self.items = np.concatenate([self.items, fresh])
        self.labels = np.concatenate([self.labels, np.full(len(fresh), OUT)])
        self.reserved, self._drawn = (
            np.concatenate([kept, np.zeros(len(fresh), bool)]) for kept in (self.reserved, self._drawn)
        )
        for row, item in enumerate(fresh.tolist(), start):
            if item in self.row:
                self.labels[self.row[item]] = OUT
            self.row[item] = row
        self.take(fresh.tolist(), schema)

    def take(self, items: Sequence[int], schema: LabelSchema) -> None:
        """Read anew what became of these items."""
        few = not items or len(items) < len(self.row)
        for row in self._store.pool_rows(self._project, items) if few else self._all():
            if (at := self.row.get(row.item)) is not None:
                self.labels[at], self.reserved[at], self._drawn[at] = self._label(row, schema), row.reserved, row.drawn

    def _all(self) -> Iterator[PoolRow]:
        after = 0
        while page := self._store.pool(self._project, after):
            after = page[-1].item
            yield from page

    def _label(self, row: PoolRow, schema: LabelSchema) -> int:
        if row.state != "decided":
            return OPEN if row.state in ("open", "flagged") else OUT
        if row.machine:
            return OUT
        if not schema.many:
            return schema.index(row.answer[0])  # a retired class has its column still
        columns = task_of(schema).columns(row.answer, schema)
        return OUT if columns is None else self.numbers.number(columns)
