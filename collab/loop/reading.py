"""Read tables from files, row by row, with line numbers; a bad row becomes `Rejected`, never an exception.

Knows formats and bytes; refuses to know projects, classes and stores. A new format is one class here and one line in
`READERS`.
"""

import dataclasses
import gzip
import itertools
import math
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Protocol
from zipfile import BadZipFile

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl.utils.exceptions import InvalidFileException

from collab.domain.media import IMAGE_SUFFIXES
from collab.domain.table import PICTURE_COLUMNS, PICTURES, RAW_LIMIT, Cells, Rejected, Row, Table
from collab.errors import UnreadableFile
from collab.loop.gathering import Place, place_of
from collab.loop.parsing import Delimited, JsonLines, unique_names

SAMPLE_ROWS = 200


def may_be_picture(name: str) -> bool:
    """Whether a file is called like a picture; one that is called otherwise is never taken for one."""
    return name.lower().endswith(IMAGE_SUFFIXES)


class Reader(Protocol):
    """One format."""

    @property
    def name(self) -> str:
        """What people call it."""

    def look(self, table: Table) -> Table:
        """Fill in what can be known without reading the rows; `encoding` and `delimiter` given are kept."""

    def rows(self, table: Table) -> Iterator[Row]:
        """Read lazily, in the file's order."""


def sniff(path: Path, *, encoding: str = "", delimiter: str = "") -> Table:
    """Look at a file: format, encoding, delimiter, columns and first rows.

    Args:
        path: Its suffix names the format; ".gz" after the suffix of a text format is fine. A folder or a ZIP archive
            holds one table at its top with paths to pictures in it, or pictures alone.
        encoding: Overrides the guess, as `delimiter` does.

    Raises:
        UnreadableFile: No table is in it; the message says what to do next.
    """
    if not path.exists():
        raise UnreadableFile(path.name, "it isn't there. Check the path.")
    if holds_pictures(path):
        return _look_into(path, encoding, delimiter)
    reader = _reader(path)
    with _told(path):
        if not path.stat().st_size:
            raise UnreadableFile(path.name, "it is empty. Choose a file with a header and rows.")
        table = reader.look(Table(path, reader.name, encoding=encoding, delimiter=delimiter))
        sample: list[Cells] = []
        for row in itertools.islice(reader.rows(table), 2 * SAMPLE_ROWS):
            if not isinstance(row, Rejected) and len(sample) < SAMPLE_ROWS:
                sample.append(row[1])
    if not sample:
        raise UnreadableFile(
            path.name, "no row in it can be read. It needs a header and, below it, rows with as many cells."
        )
    columns = table.columns or tuple(dict.fromkeys(name for cells in sample for name in cells))
    return dataclasses.replace(table, columns=columns, sample=tuple(sample))


def rows(table: Table) -> Iterator[Row]:
    """Read the rows of a table lazily, each with its line number.

    Raises:
        UnreadableFile: The file breaks off in the middle.
    """
    if table.format == PICTURES:
        yield from _pictures(place_of(table.path))
    elif table.inside:
        with _told(table.path), place_of(table.path).opened(table.inside) as path:
            yield from _reader(path).rows(dataclasses.replace(table, path=path))
    else:
        with _told(table.path):
            yield from _reader(table.path).rows(table)


def holds_pictures(path: Path) -> bool:
    """Whether it is a folder or an archive."""
    return path.is_dir() or path.suffix.lower() == ".zip"


class Parquet:
    """Apache Parquet, batch by batch."""

    name = "Parquet"

    def look(self, table: Table) -> Table:  # noqa: D102  # documented by the protocol
        with pq.ParquetFile(table.path) as file:
            binary = tuple(
                f.name for f in file.schema_arrow if pa.types.is_binary(f.type) or pa.types.is_large_binary(f.type)
            )
            columns = tuple(name for name in file.schema_arrow.names if name not in binary)
            return dataclasses.replace(table, columns=columns, left_out=binary, about=file.metadata.num_rows)

    def rows(self, table: Table) -> Iterator[Row]:  # noqa: D102  # documented by the protocol
        number = 0
        with pq.ParquetFile(table.path) as file:
            for batch in file.iter_batches(2000, columns=list(table.columns)):
                for cells in batch.to_pylist():
                    number += 1
                    yield number, {name: _plain(value) for name, value in cells.items()}


class Excel:
    """The first sheet of an Excel workbook, its formulas as they were last computed."""

    name = "Excel"

    def look(self, table: Table) -> Table:  # noqa: D102  # documented by the protocol
        with _sheet(table.path) as sheet:
            header = next(sheet.iter_rows(values_only=True), ())
            filled = [i for i, cell in enumerate(header) if cell is not None]
            if not filled:
                raise UnreadableFile(
                    table.path.name, "the first row of its first sheet is empty. Write the names of the columns there."
                )
            columns, renamed = unique_names([str(cell or "") for cell in header[: filled[-1] + 1]])
            return dataclasses.replace(table, columns=columns, renamed=renamed, about=max(0, (sheet.max_row or 1) - 1))

    def rows(self, table: Table) -> Iterator[Row]:  # noqa: D102  # documented by the protocol
        width = len(table.columns)
        with _sheet(table.path) as sheet:
            for number, values in enumerate(sheet.iter_rows(min_row=2, values_only=True), 2):
                if all(value is None for value in values):
                    continue
                if any(value is not None for value in values[width:]):
                    yield Rejected(
                        number, f"has cells beyond the {width} columns of the header", str(values)[:RAW_LIMIT]
                    )
                    continue
                padded = (*values[:width], *[None] * (width - len(values)))
                yield number, {name: _plain(value) for name, value in zip(table.columns, padded, strict=True)}


_DELIMITED, _JSON, _PARQUET, _EXCEL = Delimited(), JsonLines(), Parquet(), Excel()
READERS: Mapping[str, Reader] = {
    ".csv": _DELIMITED,
    ".tsv": _DELIMITED,
    ".txt": _DELIMITED,
    ".jsonl": _JSON,
    ".ndjson": _JSON,
    ".parquet": _PARQUET,
    ".xlsx": _EXCEL,
}  # fmt: skip
PACKED = (_DELIMITED, _JSON)
"""Readers whose files may be gzipped."""


def _look_into(path: Path, encoding: str, delimiter: str) -> Table:
    """Look at a folder or an archive."""
    with _told(path):
        place = place_of(path)
        names = [row[1] for row in place.listing() if not isinstance(row, Rejected)]
    top = _top(names)
    tables = [n for n in names if n.lower().endswith(_TABLES) and PurePosixPath(n).parent == top]
    if len(tables) == 1:
        with _told(path), place.opened(tables[0]) as inner:
            try:
                found = sniff(inner, encoding=encoding, delimiter=delimiter)
            except UnreadableFile as error:
                raise UnreadableFile(tables[0], error.reason) from error
        return dataclasses.replace(found, path=path, inside=tables[0])
    if len(tables) > 1:
        raise UnreadableFile(
            path.name, f"it has {len(tables)} tables at its top; leave the one that names the pictures."
        )
    pictures = [name for name in names if may_be_picture(name)]
    if not pictures:
        raise UnreadableFile(path.name, "no picture is in it: no JPEG, PNG, WebP, TIFF, BMP or GIF.")
    step = max(1, len(pictures) // SAMPLE_ROWS)  # folders come one after the other: look at all of them
    sample = tuple(_cells(name) for name in pictures[::step][:SAMPLE_ROWS])
    return Table(path, PICTURES, PICTURE_COLUMNS, sample, len(pictures))


def _pictures(place: Place) -> Iterator[Row]:
    for row in place.listing():
        yield row if isinstance(row, Rejected) else (row[0], _cells(row[1]))


def _cells(name: str) -> Cells:
    path = PurePosixPath(name)
    return dict(zip(PICTURE_COLUMNS, (name, path.parent.name, path.name), strict=True))


def _top(names: list[str]) -> PurePosixPath:
    """The folder in which all of them lie: an archive often holds one folder with everything in it."""
    parents = [PurePosixPath(folder).parts for folder in {name.rpartition("/")[0] for name in names}]
    same = itertools.takewhile(lambda parts: len(set(parts)) == 1, zip(*parents, strict=False))
    return PurePosixPath(*(parts[0] for parts in same))


_TABLES = tuple(suffix for suffix in READERS if suffix != ".txt") + tuple(
    f"{suffix}.gz" for suffix, reader in READERS.items() if reader in PACKED and suffix != ".txt"
)
"""A .txt beside pictures is most often no table."""


def _reader(path: Path) -> Reader:
    suffixes = [s.lower() for s in path.suffixes[-2:]]
    packed = suffixes[-1:] == [".gz"]
    reader = READERS.get(suffixes[0] if packed else suffixes[-1]) if suffixes else None
    if reader is None or (packed and reader not in PACKED):
        raise UnreadableFile(
            path.name,
            f"collab reads {', '.join(READERS)} (text formats also with .gz), and .zip. Save it as one of these.",
        )
    return reader


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what libraries raise on a broken file into a sentence."""
    try:
        yield
    except FileNotFoundError:
        raise UnreadableFile(path.name, "it isn't there. Check the path.") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        what = "its gzip packing" if path.suffix.lower() == ".gz" else "it"  # workbooks and archives are packed too
        raise UnreadableFile(path.name, f"{what} is damaged ({error}). Pack or save it again.") from error
    except (pa.ArrowException, BadZipFile, InvalidFileException, KeyError, SyntaxError) as error:
        raise UnreadableFile(
            path.name, f"it isn't what its suffix says ({error}). Save it again, or rename it."
        ) from error


@contextmanager
def _sheet(path: Path) -> Iterator[Any]:  # openpyxl has no types
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        yield book.worksheets[0]
    finally:
        book.close()


def _plain(value: Any) -> Any:
    """A cell as JSON can hold it."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
