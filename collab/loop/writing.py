"""Write rows as CSV, JSON Lines, Parquet or Excel, one at a time; cells that a spreadsheet would run are made inert.

Source: OWASP Foundation, "CSV Injection".
"""

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, WriteOnlyCell

from collab.domain.project import NONE

_FORMULA = re.compile(r"[ \u00a0\u3000]*[=+\-@\t\r\n]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z")
EXCEL_ROWS = 1_048_576
EXCEL_CELL = 32_767
"""Rows of a sheet and characters of a cell that Excel can hold."""


def is_formula(text: str) -> bool:
    """Whether a spreadsheet might run this cell; plain numbers are none.

    >>> is_formula("=1+1"), is_formula(" @x"), is_formula("-2.5"), is_formula("a=b")
    (True, True, False, False)
    """
    return bool(_FORMULA.match(text)) and not _NUMBER.match(text)


class Writer(Protocol):
    """One format, open for writing."""

    @property
    def guarded(self) -> int:
        """How many cells were given a leading apostrophe."""

    @property
    def altered(self) -> int:
        """How many cells the format could not hold as they are."""

    def write(self, values: Sequence[Any]) -> None:
        """Add a row."""

    def close(self) -> None:
        """Finish the file."""


class CsvWriter:
    """CSV in UTF-8."""

    def __init__(self, path: Path, columns: Mapping[str, set[type]]) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        # Lines end in \r\n: only then does the csv module quote cells with a lone carriage return.
        self._csv = csv.writer(self._file)
        self.guarded = self.altered = 0
        self.write(list(columns))

    def write(self, values: Sequence[Any]) -> None:  # noqa: D102  # documented by the protocol
        self._csv.writerow([self._cell(v) for v in values])

    def close(self) -> None:  # noqa: D102  # documented by the protocol
        self._file.close()

    def _cell(self, value: Any) -> Any:
        text = flat(value)
        if isinstance(text, str) and is_formula(text):
            self.guarded += 1
            return "'" + text
        return text


class JsonLinesWriter:
    """One JSON object a line, exact; a column that a row never had is left out."""

    guarded = altered = 0

    def __init__(self, path: Path, columns: Mapping[str, set[type]]) -> None:
        self._file = path.open("w", encoding="utf-8", newline="\n")
        self._columns = list(columns)

    def write(self, values: Sequence[Any]) -> None:  # noqa: D102  # documented by the protocol
        row = {name: v for name, v in zip(self._columns, values, strict=True) if v is not ABSENT}
        self._file.write(json.dumps(row, ensure_ascii=False) + "\n")

    def close(self) -> None:  # noqa: D102  # documented by the protocol
        self._file.close()


class ParquetWriter:
    """Parquet, exact; a column keeps numbers and truth values where it holds nothing else, else it is text."""

    guarded = altered = 0

    def __init__(self, path: Path, columns: Mapping[str, set[type]]) -> None:
        self._schema = pa.schema([(name, _arrow_type(kinds)) for name, kinds in columns.items()])
        self._file = pq.ParquetWriter(path, self._schema, compression="zstd")
        self._rows: list[Sequence[Any]] = []

    def write(self, values: Sequence[Any]) -> None:  # noqa: D102  # documented by the protocol
        self._rows.append(values)
        if len(self._rows) >= 5000:
            self._flush()

    def close(self) -> None:  # noqa: D102  # documented by the protocol
        self._flush()
        self._file.close()

    def _flush(self) -> None:
        arrays = [
            pa.array([_parquet_cell(row[i], field.type) for row in self._rows], field.type)
            for i, field in enumerate(self._schema)
        ]
        self._file.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._rows.clear()


class ExcelWriter:
    """An Excel workbook, every text a text: no cell is a formula."""

    def __init__(self, path: Path, columns: Mapping[str, set[type]]) -> None:
        self._path = path
        self._book = openpyxl.Workbook(write_only=True)
        self._sheet = self._book.create_sheet("collab")
        self.guarded = self.altered = 0
        self.write(list(columns))

    def write(self, values: Sequence[Any]) -> None:  # noqa: D102  # documented by the protocol
        self._sheet.append([self._cell(flat(v)) for v in values])

    def close(self) -> None:  # noqa: D102  # documented by the protocol
        self._book.save(self._path)

    def _cell(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if is_formula(value):
            self.guarded += 1
            value = "'" + value
        possible = ILLEGAL_CHARACTERS_RE.sub("", value)[:EXCEL_CELL]
        self.altered += possible != value
        cell = WriteOnlyCell(self._sheet, possible)
        cell.data_type = "s"
        return cell


class _Absent:
    """A cell that its row never had."""


ABSENT = _Absent()
WRITERS: Mapping[str, Callable[[Path, Mapping[str, set[type]]], Writer]] = {
    "csv": CsvWriter,
    "jsonl": JsonLinesWriter,
    "parquet": ParquetWriter,
    "xlsx": ExcelWriter,
}


def flat(value: Any) -> Any:
    """A cell for a format that knows text and numbers only; the names of several classes, a tuple, in one text."""
    if value is None or value is ABSENT:
        return ""
    if isinstance(value, tuple):
        return "; ".join(value) or NONE
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list | bool) else value


def csv_bytes(values: Sequence[object]) -> bytes:
    """One guarded CSV line."""
    out = io.StringIO()
    csv.writer(out).writerow([f"'{v}" if isinstance(v, str) and is_formula(v) else v for v in values])
    return out.getvalue().encode("utf-8", "backslashreplace")


def _arrow_type(kinds: set[type]) -> pa.DataType:
    if kinds == {bool}:
        return pa.bool_()
    if kinds == {int}:
        return pa.int64()
    if kinds == {tuple}:  # what a file brings is never one
        return pa.list_(pa.string())
    return pa.float64() if kinds and kinds <= {int, float} else pa.string()


def _parquet_cell(value: Any, wanted: pa.DataType) -> Any:
    if value is None or value is ABSENT:
        return None
    if isinstance(value, tuple):
        return list(value)
    if wanted == pa.string() and not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return value
