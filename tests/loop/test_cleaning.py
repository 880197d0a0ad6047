"""What becomes of the columns and rows of a table before a network is trained on it."""

import csv

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from collab.errors import NothingToLearn, TooLarge, UnknownName
from collab.loop import cleaning
from collab.loop.cleaning import Column, LeftOut, clean


@pytest.fixture
def write(tmp_path):
    """Writes columns of 24 rows between a label and a flag, and gives the path."""

    def made(**columns):
        path = tmp_path / "table.csv"
        rows = zip(["yes", "no"] * 12, *columns.values(), ["up", "up", "down"] * 8, strict=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("label", *columns, "flag"), *rows])
        return path

    return made


WEIGHTS = [n * 0.5 for n in range(24)]


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        (["1", "-2.5e1", "", "NA"] * 6, "number", (1.0, -25.0, None, None)),
        (["red", "Blue ", "?", "none"] * 6, "category", ("red", "Blue", None, "none")),
        (["1970-01-02", "1970-01-03T12:00", "", "1970-01-01T00:00+00:00"] * 6, "date", (1.0, 2.5, None, 0.0)),
        (["007", "010", "007", "1"] * 6, "category", ("007", "010", "007", "1")),
        (["a", "", "a", ""] * 6, "category", ("a", None, "a", None)),
    ],
)
def test_a_column_becomes_what_its_cells_are(write, cells, kind, values):
    column = clean(write(found=cells), "label").columns[0]
    assert (column.kind, column.values[:4], column.odd) == (kind, values, 0)


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (["same"] * 24, "being the same in every row"),
        ([""] * 24, "being empty"),
        (range(100, 124), "numbering the rows"),
        ([f"S-{n}" for n in range(24)], "holding an id or a text, different in most rows"),
    ],
)
def test_a_column_that_tells_nothing_is_left_out_and_said(write, cells, why):
    cleaned = clean(write(weight=WEIGHTS, found=cells), "label")
    assert cleaned.left_out == (LeftOut("found", why),)
    assert f"Left out, for {why}: found." in cleaned.sentences()


def test_whole_numbers_far_apart_are_left_out_only_where_their_name_says_id(write):
    cleaned = clean(write(income=[n * n for n in range(24)], user_id=[n * n for n in range(24)]), "label")
    assert [column.name for column in cleaned.columns] == ["income", "flag"]


def test_columns_that_are_named_are_taken_even_if_they_number_the_rows(write):
    cleaned = clean(write(weight=WEIGHTS, year=range(2000, 2024)), "label", ("year",))
    assert cleaned.columns == (Column("year", "number", tuple(map(float, range(2000, 2024)))),)


def test_a_few_words_among_numbers_count_as_missing(write):
    cleaned = clean(write(weight=[*WEIGHTS[:23], "heavy"]), "label")
    assert cleaned.columns[0] == Column("weight", "number", (*WEIGHTS[:23], None), odd=1)
    assert cleaned.sentences()[1] == (
        "Numbers: weight. Missing cells (1, 1 of them hold no number) take the median and a flag."
    )


@pytest.mark.parametrize(
    ("cell", "comma", "number"),
    [("1.234,5", "point", 1234.5), ("3,25", "point", 3.25), ("1,234.5", "thousands", 1234.5)],
)
def test_a_comma_in_numbers_means_what_is_said(write, cell, comma, number):
    assert clean(write(price=[cell, "2,0"] * 12), "label", (), comma).columns[0].values[0] == number


def test_a_comma_in_numbers_is_asked_about(write):
    with pytest.raises(NothingToLearn, match=r"'price' writes numbers with a comma, such as 3,5\. Say what"):
        clean(write(price=["3,5", "4"] * 12), "label")


def test_rows_without_a_label_or_a_value_and_broken_rows_are_counted(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("size,label\n1,a\n2,\n,b\n3,b,c\n4,b\n5,NA\n")
    cleaned = clean(path, "label")
    assert (cleaned.answers, cleaned.columns) == (("a", "b"), (Column("size", "number", (1.0, 4.0)),))
    assert cleaned.sentences()[0] == (
        "2 of 6 rows are used; left out: 1 can't be read (line 5 has 3 cells where the header has 2), "
        "2 without label, 1 without any value to learn from."
    )


def test_whole_numbers_of_a_parquet_file_are_the_classes_that_people_read(tmp_path):
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table({"size": [0.5, 1.5, 2.5], "kind": [1.0, 2.0, None]}), path)
    cleaned = clean(path, "kind")
    assert (cleaned.answers, cleaned.unlabeled) == (("1", "2"), 1)


def test_a_sentence_names_the_first_of_many_columns(write):
    cleaned = clean(write(**{f"c{n}": [n, n + 1, n] * 8 for n in range(22)}), "label")
    assert cleaned.sentences()[1].endswith("c18, c19, … (22 in all).")


def test_a_column_that_is_not_there_is_answered_with_those_that_are(write):
    with pytest.raises(UnknownName, match="no column 'lable'; there is label, weight, flag"):
        clean(write(weight=WEIGHTS), "lable")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("label\na\nb\n", "it has no column beside 'label'"),
        ("size,label\n1,\n2,NA\n", "none of its rows has a value in 'label'"),
        ("size,label\n,a\n,b\n", r"no column is left \(size is left out for being empty\)"),
    ],
)
def test_a_table_with_nothing_to_learn_from_is_refused(tmp_path, text, says):
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(NothingToLearn, match=says):
        clean(path, "label")


def test_a_table_that_is_too_large_is_refused_before_it_fills_the_memory(write, monkeypatch):
    monkeypatch.setattr(cleaning, "MOST_CELLS", 20)
    with pytest.raises(TooLarge, match="Take a part of the rows"):
        clean(write(weight=WEIGHTS), "label")
