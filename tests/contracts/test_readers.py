"""Every registered reader gives the same rows of the same table, and refuses the same nonsense."""

import contextlib
import csv
import gzip
import json
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collab.domain.table import Cells
from collab.errors import UnreadableFile
from collab.loop.reading import READERS, rows, sniff

TABLE = [
    {"id": "a", "text": 'He said "=1+1", then left.', "label": "yes"},
    {"id": "b", "text": "今天天气很好\nnext line", "label": "no"},
    {"id": "c", "text": "<script>alert(1)</script> &amp;", "label": "yes"},
]
HEADER = ["id", "text", "label"]


def write_delimited(path: Path, delimiter: str) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerows([HEADER, *[list(row.values()) for row in TABLE]])


def write_json(path: Path) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in TABLE), encoding="utf-8")


def write_excel(path: Path) -> None:
    book = openpyxl.Workbook()
    for cells in (HEADER, *[list(row.values()) for row in TABLE]):
        book.active.append(cells)
    book.save(path)


WRITE = {
    ".csv": lambda path: write_delimited(path, ","),
    ".tsv": lambda path: write_delimited(path, "\t"),
    ".txt": lambda path: write_delimited(path, ";"),
    ".jsonl": write_json,
    ".ndjson": write_json,
    ".parquet": lambda path: pq.write_table(pa.Table.from_pylist(TABLE), path),
    ".xlsx": write_excel,
}
TEXT_FORMATS = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson")


def cells_of(path: Path) -> list[Cells]:
    return [row[1] for row in rows(sniff(path))]


@pytest.mark.parametrize("suffix", READERS)
def test_a_reader_gives_rows_columns_and_order(tmp_path, suffix):
    path = tmp_path / f"table{suffix}"
    WRITE[suffix](path)
    assert cells_of(path) == TABLE
    assert sniff(path).columns == tuple(HEADER)


@pytest.mark.parametrize("suffix", TEXT_FORMATS)
def test_a_text_format_may_be_gzipped(tmp_path, suffix):
    WRITE[suffix](tmp_path / f"table{suffix}")
    packed = tmp_path / f"table{suffix}.gz"
    packed.write_bytes(gzip.compress((tmp_path / f"table{suffix}").read_bytes()))
    assert cells_of(packed) == TABLE


@pytest.mark.parametrize("suffix", READERS)
def test_an_empty_file_is_refused(tmp_path, suffix):
    (tmp_path / f"table{suffix}").touch()
    with pytest.raises(UnreadableFile, match="empty"):
        sniff(tmp_path / f"table{suffix}")


@pytest.mark.parametrize("suffix", READERS)
def test_bytes_that_are_no_table_are_refused(tmp_path, suffix):
    (tmp_path / f"table{suffix}").write_bytes(b"\x00\x01\x02")
    with pytest.raises(UnreadableFile):
        sniff(tmp_path / f"table{suffix}")


@pytest.mark.slow
@pytest.mark.parametrize("suffix", READERS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(min_size=1, max_size=300) | st.text('",;\t|\r\n\0ab{}[]:é今', max_size=80).map(str.encode))
def test_nothing_but_unreadable_file_is_raised_whatever_the_bytes(tmp_path, suffix, body):
    path = tmp_path / f"table{suffix}"
    path.write_bytes(body)
    with contextlib.suppress(UnreadableFile):
        list(rows(sniff(path)))
