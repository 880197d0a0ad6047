"""Text formats: CSV, TSV and JSON Lines, in any encoding, gzipped or not."""

import dataclasses
import gzip
import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from collab.domain.table import RAW_LIMIT, Rejected, Row, Table
from collab.errors import UnreadableFile
from collab.loop.delimiting import guess_delimiter, guess_encoding, physical_lines, records

SAMPLE_BYTES = 1 << 18

_MAGIC = {
    b"PK\x03\x04": "an Excel or ZIP file",
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "a gzip file",
    b"%PDF": "a PDF",
}


class Delimited:
    """CSV and TSV; any delimiter, any encoding."""

    name = "CSV"

    def look(self, table: Table) -> Table:  # noqa: D102  # documented by the protocol
        head, size = _head(table.path)
        encoding = table.encoding or guess_encoding(head)
        text = _decoded(table.path, head, encoding)
        wanted = table.delimiter or ("\t" if ".tsv" in table.path.suffixes else "")
        delimiter, quoted = guess_delimiter(text, wanted)
        table = dataclasses.replace(table, encoding=encoding, delimiter=delimiter, quoted=quoted)
        header = next(self._records(table), None)
        if header is None or isinstance(header, Rejected):
            why = f"its header {header.reason}" if header else "it has only blank lines"
            raise UnreadableFile(table.path.name, f"{why}. Write the names of the columns in the first line.")
        columns, renamed = unique_names(header[1])
        about = max(1, round(size / max(1, len(head)) * text.count("\n")) - 1)
        return dataclasses.replace(table, columns=columns, renamed=renamed, about=about)

    def rows(self, table: Table) -> Iterator[Row]:  # noqa: D102  # documented by the protocol
        columns = table.columns
        width = len(columns)
        header_seen = False
        for record in self._records(table):
            if isinstance(record, Rejected):
                yield record
            elif not header_seen:
                header_seen = True
            elif len(record[1]) != width:
                reason = f"has {len(record[1])} cells where the header has {width}"
                yield Rejected(record[0], reason, table.delimiter.join(record[1])[:RAW_LIMIT])
            else:
                yield record[0], dict(zip(columns, record[1], strict=True))

    def _records(self, table: Table) -> Iterator[tuple[int, list[str]] | Rejected]:
        with _open(table.path) as file:
            for number, cells, fault, raw in records(file, table.encoding, table.delimiter, quoted=table.quoted):
                yield Rejected(number, fault, raw[:RAW_LIMIT]) if fault else (number, cells)


class JsonLines:
    """One JSON object a line."""

    name = "JSON Lines"

    def look(self, table: Table) -> Table:  # noqa: D102  # documented by the protocol
        head, size = _head(table.path)
        encoding = table.encoding or guess_encoding(head)
        lines = _decoded(table.path, head, encoding).count("\n")
        return dataclasses.replace(table, encoding=encoding, about=max(1, round(size / max(1, len(head)) * lines)))

    def rows(self, table: Table) -> Iterator[Row]:  # noqa: D102  # documented by the protocol
        with _open(table.path) as file:
            for number, (line, fault) in enumerate(physical_lines(file, table.encoding), 1):
                if fault:
                    yield Rejected(number, fault, line[:RAW_LIMIT])
                    continue
                if line.isspace() or not line:
                    continue
                try:
                    cells = json.loads(line, parse_constant=_no_constant)
                    if "\\ud" in line or "\\uD" in line:
                        json.dumps(cells, ensure_ascii=False).encode()  # half a character can't be stored
                except (ValueError, RecursionError) as error:
                    yield Rejected(number, f"is not JSON: {error}", line[:RAW_LIMIT])
                    continue
                if isinstance(cells, dict) and cells:
                    yield number, cells
                else:
                    yield Rejected(number, "is not a JSON object with values by column name", line[:RAW_LIMIT])


def unique_names(header: list[str]) -> tuple[tuple[str, ...], tuple[tuple[int, str, str], ...]]:
    """Name every column once."""
    names: list[str] = []
    renamed: list[tuple[int, str, str]] = []
    for position, given in enumerate(header, 1):
        wanted = given if given.strip() else f"column {position}"
        name = next(
            n for n in itertools.chain([wanted], (f"{wanted} ({i})" for i in itertools.count(2))) if n not in names
        )
        if name != given:
            renamed.append((position, given, name))
        names.append(name)
    return tuple(names), tuple(renamed)


@contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
        yield file  # type: ignore[misc]  # GzipFile is an IO[bytes] in all but name


def _head(path: Path) -> tuple[bytes, int]:
    """The first bytes, up to a whole line where there is one, and the size of the file unpacked."""
    with _open(path) as file:
        head = file.read(SAMPLE_BYTES)
    for magic, what in _MAGIC.items():
        if head.startswith(magic):
            raise UnreadableFile(path.name, f"it is {what}, not text. Give it the suffix that it should have.")
    size = path.stat().st_size
    if path.suffix.lower() == ".gz":
        with path.open("rb") as packed:
            packed.seek(-4, 2)  # the trailer holds the unpacked size, modulo 4 GB: good enough for progress
            size = int.from_bytes(packed.read(4), "little")
    if len(head) == SAMPLE_BYTES and b"\n" in head:
        head = head[: head.rindex(b"\n") + 1]
    return head, max(size, len(head))


def _decoded(path: Path, head: bytes, encoding: str) -> str:
    try:
        return head.decode(encoding, "replace")
    except LookupError:
        raise UnreadableFile(path.name, f"there is no encoding {encoding!r}. Try utf-8, cp1252 or gb18030.") from None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON value")
