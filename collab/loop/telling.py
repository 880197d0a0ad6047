"""Write what a model that was taken away says of a file into another one, row by row."""

import secrets
from collections.abc import Callable, Container
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collab.domain.table import Rejected, Row
from collab.errors import UnknownName, UserError
from collab.loop.planning import Comma
from collab.loop.predicting import Model
from collab.loop.reading import sniff
from collab.loop.writing import ABSENT, WRITERS
from collab.storage.failures import disk_errors

FORMATS = ("csv", "jsonl", "parquet")
"""Those that take any number of rows."""
LINE = "line"
OURS = "collab_"
"""Begins what is said where the file has a column of that name."""
TOLD_EVERY = 1000


@dataclass(frozen=True, slots=True)
class Told:
    """What was written."""

    file: Path
    rows: int
    errors: int
    """Rows of which nothing is said, for they can't be read."""
    as_in_the_app: bool = True
    """Whether this processor computes as the one on which the model learned."""


def predict_file(
    bundle: Path,
    file: Path,
    to: Path | None = None,
    *,
    comma: Comma = "",
    unescape: bool = False,
    tell: Callable[[int], object] = bool,
) -> Told:
    """Read a file, and write each of its rows with what the model says of it.

    The columns of the file come first, then those of the model. A row that can't be read has its line and an error. In
    Parquet the columns that came along are text.

    Args:
        bundle: Where the model is.
        file: The table, or a folder or archive of pictures.
        to: Where to write; its suffix names the format. None: a CSV file here, named after the table.
        comma: What it is in numbers as 3,5.
        unescape: Decode HTML entities in text.
        tell: Told the number of rows now and then.

    Raises:
        UnreadableFile: The bundle is none, or the file has no table with the columns that the model reads.
        UnknownName: There is no such format.
        UserError: The output would take the place of the input, or of another file.
    """
    out = to or Path(f"{file.name.partition('.')[0] or 'pictures'}-predicted.csv")
    form = out.suffix.lstrip(".").lower()
    if form not in FORMATS:
        raise UnknownName("format", form, FORMATS)
    if out.resolve() in (file.resolve(), bundle.resolve()):
        raise UserError(f"{out} would be written over what is read. Name another file.")
    if out.exists():
        raise UserError(f"{out} is there already. Name another file, or move that one away first.")
    model = Model.load(bundle)
    table = sniff(file)
    theirs = [*table.columns]
    columns: dict[str, set[type]] = {_free(LINE, theirs): {int}, **{name: {str} for name in theirs}}
    for name, kinds in model.columns.items():
        columns[_free(name, columns)] = kinds
    beside = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    rows = errors = 0
    with disk_errors(out):
        try:
            with closing(WRITERS[form](beside, columns)) as writer:
                for row, prediction in model.predictions(table, comma=comma, unescape=unescape):
                    writer.write([*_given(row, theirs), *model.cells(prediction)])
                    rows, errors = rows + 1, errors + bool(prediction.error)
                    if rows % TOLD_EVERY == 0:
                        tell(rows)
            beside.replace(out)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
    return Told(out, rows, errors, model.as_in_the_app)


def _free(name: str, taken: Container[str]) -> str:
    """A name that no other column has: a file may be our own output, once or twice."""
    while name in taken:
        name = f"{OURS}{name}"
    return name


def _given(row: Row, columns: list[str]) -> list[Any]:
    """The line of a row and its cells."""
    if isinstance(row, Rejected):
        return [row.line, *[ABSENT] * len(columns)]
    return [row[0], *(row[1].get(name, ABSENT) for name in columns)]
