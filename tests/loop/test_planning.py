"""What must be said before a table is imported, and what is refused."""

import pytest

from collab.domain.project import Field, LabelSchema, LoopPolicy, classes_from_names
from collab.errors import InvalidSchema
from collab.loop.importing import run_import
from collab.loop.planning import MOST_READ, ImportPlan, naming_rows
from collab.loop.reading import sniff
from tests.loop.conftest import NOW

PRICE = (Field("price", "number"),)


@pytest.fixture
def bring(store, tmp_path):
    """Imports lines of a file, divided by semicolons; returns the numbers that came in, and the report."""

    def make(*lines, fields=PRICE, **choices):
        path = tmp_path / "a.csv"
        path.write_text("\n".join(lines))
        schema = LabelSchema("Cheap or dear?", classes_from_names(("cheap", "dear")))
        project = store.create_project("Prices", fields, schema, LoopPolicy(), NOW)
        plan = ImportPlan(fields, **choices)
        report = run_import(store, project, path, plan, now=NOW, progress=lambda *_: False)
        return [item.fields["price"] for item in store.stream_items(project.id)], report

    return make


def test_numbers_with_a_comma_are_refused_until_somebody_says_what_it_is(bring):
    with pytest.raises(InvalidSchema, match="price holds numbers with a comma, as '3,500'"):
        bring("price;n", "3,500;1")


@pytest.mark.parametrize(
    ("comma", "values"),
    [("point", [3.5, 1234.5, 1234, None]), ("thousands", [3500, 1.234, None])],
    ids=["point", "thousands"],
)
def test_a_comma_is_what_was_said_and_a_number_that_contradicts_it_is_rejected(bring, comma, values):
    numbers, report = bring(
        "price;n", "3,500;1", "1.234,5;2", "1.234;3", "12.5x;4", "NA;5", fields=(*PRICE, Field("n")), comma=comma
    )
    assert (numbers, report.rejected) == (values, 5 - len(values))


def test_a_comma_that_comes_late_where_nobody_was_asked_rejects_its_row(bring):
    numbers, report = bring("price;n", *(f"{n};x" for n in range(300)), "3,5;x")
    assert (len(numbers), report.rejected) == (300, 1)


def test_more_columns_than_a_model_reads_are_refused_with_what_to_do(bring):
    fields = tuple(Field(f"c{n}", "number") for n in range(MOST_READ + 1))
    header = ";".join(f.name for f in fields)
    with pytest.raises(InvalidSchema, match=r"501 columns of numbers and categories .* choose at most 500"):
        bring(header, header.replace("c", ""), fields=fields)


def test_a_category_of_which_each_row_has_its_own_is_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("code,colour\n" + "".join(f"A{n},{'red' if n % 2 else 'blue'}\n" for n in range(60)))
    assert naming_rows((Field("code", "category"), Field("colour", "category")), sniff(path)) == ["code"]
