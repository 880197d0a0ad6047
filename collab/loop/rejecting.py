"""Keep the list of what an import couldn't take, in the order of its file, and read it back for people."""

import csv
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from collab.domain.run import ImportReport
from collab.domain.store import Store
from collab.domain.table import PICTURES, Rejected, Table
from collab.errors import UnknownName
from collab.loop.permitting import needs
from collab.loop.writing import csv_bytes

FILES = ("file", "reason")
"""Columns of the list where a row is a picture of a folder or an archive."""
ROWS = ("line", "reason", "row")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line of the list."""

    place: str
    """Path of a picture below its folder, else number of the line in the file."""
    reason: str
    named: bool
    """Whether the place is a path."""


class Rejects:
    """The list while an import goes on; what a batch adds stands in order once `settle` is called."""

    def __init__(self, file: IO[bytes], table: Table) -> None:
        self._file, self.named = file, table.format == PICTURES
        self._batch: list[Rejected] = []
        self.count = 0

    def add(self, row: Rejected) -> None:
        """Take a row in; of a picture, `raw` is its path."""
        self._batch.append(row)
        self.count += 1

    def settle(self) -> None:
        """Write what the batch added: a duplicate is only found when its batch is stored."""
        for row in sorted(self._batch, key=lambda row: row.line):
            self._file.write(csv_bytes((row.raw, row.reason) if self.named else (row.line, row.reason, row.raw)))
        self._batch.clear()

    def written(self) -> Iterator[bytes]:
        """The whole list, as CSV."""
        self._file.seek(0)
        yield csv_bytes(FILES if self.named else ROWS)
        yield from iter(lambda: self._file.read(1 << 16), b"")


@needs("lead")
def first_rejected(store: Store, project: int, report: ImportReport, most: int) -> tuple[Refusal, ...]:
    """The first lines of an import's list; none where nothing was rejected, or the list is there no more."""
    if not report.rejected_file:
        return ()
    try:
        path = store.file(report.rejected_file)
    except UnknownName:
        return ()
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = itertools.islice(csv.DictReader(file), most)
        return tuple(
            Refusal(line.get("file") or line.get("line", ""), line["reason"], "file" in line) for line in lines
        )
