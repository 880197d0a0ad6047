import gzip
import itertools
from collections import Counter
from pathlib import Path

import openpyxl
import pytest

from collab.domain.table import Rejected
from collab.errors import UnreadableFile
from collab.loop.delimiting import guess_encoding
from collab.loop.guessing import ColumnGuess, classes_in, commas_in, guess, language_of
from collab.loop.reading import rows, sniff

FILES = Path(__file__).parent / "files"


def read(path: Path) -> list[object]:
    return list(rows(sniff(path)))


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("empty.csv", "empty"),
        ("header_only.csv", "no row"),
        ("no_parquet.parquet", "isn't what its suffix says"),
        ("no_workbook.xlsx", "isn't what its suffix says"),
        ("no_gzip.csv.gz", "gzip packing is damaged"),
        ("workbook.csv", "an Excel or ZIP file"),
        ("letter.docx", "Save it as one of these"),
        ("nowhere.csv", "isn't there"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_what_to_do_next(name, word):
    with pytest.raises(UnreadableFile, match=word):
        sniff(FILES / name)


def test_ragged_rows_are_rejected_with_their_line_and_the_others_are_kept():
    assert read(FILES / "ragged.csv") == [
        (2, {"text": "fine", "label": "yes"}),
        Rejected(3, "has 3 cells where the header has 2", "three,cells,here"),
        Rejected(4, "has 1 cells where the header has 2", "one"),
        (5, {"text": "last", "label": "no"}),
    ]


def test_a_quote_never_closed_costs_only_its_own_line():
    assert read(FILES / "quote_never_closed.csv") == [
        (2, {"text": "fine", "label": "yes"}),
        Rejected(3, "has a quote that is never closed", '"never closed,yes\n'),
        (4, {"text": "kept", "label": "no"}),
        (5, {"text": "closed, and kept", "label": "no"}),
        (6, {"text": "last", "label": "yes"}),
    ]


def test_a_quote_open_to_the_end_of_the_file_costs_only_its_own_line():
    assert read(FILES / "quote_open_to_the_end.csv") == [
        (2, {"text": "fine", "label": "yes"}),
        Rejected(3, "has a quote that is never closed", '"never closed,yes\n'),
        (4, {"text": "kept", "label": "no"}),
        (5, {"text": "last", "label": "yes"}),
    ]


def test_a_quoted_cell_may_span_lines(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'text,label\r\n"two\r\nlines",yes\r\nlast,no\r\n')
    assert read(path) == [(2, {"text": "two\r\nlines", "label": "yes"}), (4, {"text": "last", "label": "no"})]


def test_a_row_with_nul_bytes_is_rejected():
    assert read(FILES / "nul.csv")[1] == Rejected(3, "has NUL bytes", "half\0way,no\n")


def test_bytes_of_another_encoding_are_rejected_where_the_rest_is_utf8():
    table = sniff(FILES / "broken_bytes.csv")
    assert table.encoding == "utf-8"
    assert list(rows(table))[2] == Rejected(
        4, "has bytes that are not utf-8; choose the encoding of the file", "bad � byte,no\n"
    )


def test_a_cell_of_ten_megabytes_is_rejected_and_reading_goes_on(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"text,label\nfine,yes\n" + b"x" * 10_000_000 + b",no\nlast,no\n")
    found = read(path)
    assert found[1] == Rejected(3, "has a cell of more than 1 MB", "x" * 2000)
    assert found[2] == (4, {"text": "last", "label": "no"})


def test_a_line_of_forty_megabytes_is_skipped_without_being_held(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"text,label\nfine,yes\n" + b'"' + b"x" * 40_000_000 + b"\nlast,no\n")
    assert [r if isinstance(r, tuple) else r.line for r in read(path)] == [
        (2, {"text": "fine", "label": "yes"}), 3, (4, {"text": "last", "label": "no"}),
    ]  # fmt: skip


def test_duplicate_and_missing_headers_are_renamed_and_said():
    table = sniff(FILES / "duplicate_headers.csv")
    assert table.columns == ("text", "text (2)", "column 3", "label")
    assert table.renamed == ((2, "text", "text (2)"), (3, "", "column 3"))


@pytest.mark.parametrize(
    ("name", "encoding", "first"),
    [
        ("latin.csv", "cp1252", {"text": "façade déjà vu", "label": "yes"}),
        ("gb18030.csv", "gb18030", {"文本": "这个产品太糟糕了，不推荐购买", "标签": "负面"}),
        ("utf16.csv", "utf-16", {"text": "今天很好", "label": "yes"}),
    ],
)
def test_the_encoding_is_detected(name, encoding, first):
    table = sniff(FILES / name)
    assert (table.encoding, table.sample[0]) == (encoding, first)


def test_an_encoding_given_wins_over_the_guess():
    assert sniff(FILES / "latin.csv", encoding="cp1250").encoding == "cp1250"


def test_an_unknown_encoding_is_refused():
    with pytest.raises(UnreadableFile, match="no encoding 'utf-9'"):
        sniff(FILES / "latin.csv", encoding="utf-9")


def test_the_delimiter_is_the_one_that_gives_even_rows():
    table = sniff(FILES / "semicolons.csv")
    assert (table.delimiter, table.sample[0]) == (";", {"text": "well, well", "label": "yes"})


def test_quotes_of_running_text_are_kept_in_a_tsv():
    assert read(FILES / "raw_quotes.tsv") == [
        (2, {"text": '"Yes," she said', "label": "yes"}), (3, {"text": '12" pipe', "label": "no"}),
    ]  # fmt: skip


def test_carriage_returns_alone_end_lines_too(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"text,label\rfine,yes\rlast,no\r")
    assert read(path) == [(2, {"text": "fine", "label": "yes"}), (3, {"text": "last", "label": "no"})]


def test_broken_json_lines_are_rejected_one_by_one():
    found = read(FILES / "broken.jsonl")
    assert [r[0] if isinstance(r, tuple) else (r.line, r.reason.split(":")[0]) for r in found] == [
        1,
        (2, "is not JSON"),
        (3, "is not a JSON object with values by column name"),
        (4, "is not JSON"),
        (5, "is not JSON"),
        6,
    ]


def test_a_gzip_that_breaks_off_is_told_while_reading(tmp_path):
    path = tmp_path / "a.csv.gz"
    body = gzip.compress(b"text,label\n" + b"".join(b"row %d,yes\n" % i for i in range(100_000)))
    path.write_bytes(body[: len(body) // 2] + body[-8:])
    with pytest.raises(UnreadableFile, match="gzip"):
        read(path)


def test_an_excel_row_beyond_the_header_is_rejected(tmp_path):
    book = openpyxl.Workbook()
    for cells in (("text", "n"), ("fine", 1), (None, None), ("more", 2, "extra"), ("last",)):
        book.active.append(cells)
    book.save(tmp_path / "a.xlsx")
    assert read(tmp_path / "a.xlsx") == [
        (2, {"text": "fine", "n": 1}),
        Rejected(4, "has cells beyond the 2 columns of the header", "('more', 2, 'extra')"),
        (5, {"text": "last", "n": None}),
    ]


def test_reading_is_lazy(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"text\n" + b"row\n" * 3_000_000)
    assert len(list(itertools.islice(rows(sniff(path)), 3))) == 3


def test_columns_are_guessed_from_names_and_values(tmp_path):
    path = tmp_path / "a.csv"
    lines = [f'{i},"A longer text, number {i}, as people write",{i % 2},{i * 1.5},ann\n' for i in range(50)]
    path.write_text("id,text,label,price,annotator\n" + "".join(lines))
    assert guess(sniff(path)) == [
        ColumnGuess("id", "number", "id", "named so"),
        ColumnGuess("text", "text", "both", "longest text"),
        ColumnGuess("label", "number", "answer", "named so"),
        ColumnGuess("price", "number", "metadata", "numbers"),
        ColumnGuess("annotator", "category", "annotator", "named so"),
    ]


def test_a_single_column_is_the_text(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id\n1\n2\n")
    assert guess(sniff(path)) == [ColumnGuess("id", "text", "both", "longest text")]


def test_in_a_table_without_text_numbers_and_categories_are_the_content(tmp_path):
    path = tmp_path / "a.csv"
    lines = [
        f"A-{n},{n % 3}.5,{n if n % 7 else 'NA'},{'red' if n % 2 else 'blue'},2024-01-{n + 1:02}\n" for n in range(30)
    ]
    path.write_text("id,mass,width,colour,day\n" + "".join(lines))
    assert guess(sniff(path)) == [
        ColumnGuess("id", "text", "id", "named so"),
        ColumnGuess("mass", "number", "both", "numbers"),
        ColumnGuess("width", "number", "both", "numbers"),
        ColumnGuess("colour", "category", "both", "few values"),
        ColumnGuess("day", "category", "both", "few values"),
    ]


def test_names_beside_numbers_are_kept_for_the_export(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("year,name,height,mass\n" + "".join(f"2007,Ann {n},{n},{n * 2}\n" for n in range(30)))
    assert [g.role for g in guess(sniff(path))] == ["both", "metadata", "both", "both"]


def test_of_thousands_of_columns_the_first_hundred_are_taken_for_the_content(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("\n".join(",".join(f"{start}{n}" for n in range(3000)) for start in ("c", 1, 2, 3)))
    roles = Counter((g.role, g.why) for g in guess(sniff(path)))
    assert roles == {("both", "numbers"): 100, ("metadata", "many columns"): 2900}


def test_numbers_with_a_comma_are_numbers_and_known_as_such(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text;price;stock\n" + "".join(f"a sentence about {n};{n},5;1,{n}00\n" for n in range(1, 9)))
    table = sniff(path)
    assert [g.kind for g in guess(table)] == ["text", "number", "number"]
    assert commas_in(table, "price")[:2] == ["1,5", "2,5"]


def test_classes_of_a_column_are_counted():
    assert classes_in(sniff(FILES / "quote_never_closed.csv"), "label") == Counter(yes=2, no=2)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("I think that this is the best of it", "en"),
        ("今天天气很好 ok", "zh"),
        ("今日はとても良い天気です", "ja"),
        ("Ich bin nicht der, den sie zu sehen glauben, und das ist gut", "de"),
        ("Это очень плохой товар", "ru"),
        ("xyzzy plugh 1234", "unknown"),
        ("", "unknown"),
    ],
)
def test_the_language_is_told_or_said_to_be_unknown(text, language):
    assert language_of([text]) == language


def test_one_broken_line_does_not_turn_utf8_into_another_encoding():
    assert guess_encoding("é\nü\n".encode() + b"\xff\n") == "utf-8"
