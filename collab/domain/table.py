"""What a file holds before it becomes items: rows with their line numbers, and rows that can't be taken."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

Cells = dict[str, Any]

PICTURES = "Pictures"
"""The format of a folder or an archive without a table: a row for each picture, with its path, folder and name."""
PICTURE_COLUMNS = ("image", "folder", "file")

RAW_LIMIT = 2000
"""Characters of a rejected row that are kept."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that can't be taken, and why."""

    line: int
    """Line of the file where the row begins; for Parquet and Excel the number of the row."""
    reason: str
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """What a first look at a file found; all that `rows` needs to read it."""

    path: Path
    format: str
    columns: tuple[str, ...] = ()
    """In the file's order, with unique names."""
    sample: tuple[Cells, ...] = ()
    """The first good rows."""
    about: int = 0
    """Estimated number of rows; exact for Parquet."""
    renamed: tuple[tuple[int, str, str], ...] = ()
    """(position, name in the file, name used) of columns that had no name or another one's."""
    left_out: tuple[str, ...] = ()
    """Columns that hold bytes."""
    encoding: str = ""
    delimiter: str = ""
    inside: str = ""
    """The table inside a folder or an archive; empty: the path is the table, or there are only pictures."""
    quoted: bool = True
    """Whether quotes hold cells together; False: a quote is a character like any other."""


Row = tuple[int, Cells] | Rejected
