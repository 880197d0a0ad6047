"""What a person confirms before an import: what each column is for, and what to do in doubt."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from collab.domain.project import Field, Project
from collab.domain.store import AnswersAs
from collab.domain.table import Table
from collab.engine.encoders.table import names_rows
from collab.errors import InvalidSchema, UnknownName
from collab.loop.guessing import ColumnGuess, commas_in

Comma = Literal["", "point", "thousands"]
"""The comma of 3,5 is a point; that of 1,234 divides thousands."""
MOST_READ = 500
"""Columns of numbers and categories that the model reads: with more, a refit would no longer follow each answer."""


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """How to read a file into a project."""

    fields: tuple[Field, ...]
    """Shown and encoded ones become the item; every other column of the file is kept beside it."""
    id_column: str = ""
    """Empty: rows are called by their number."""
    answer_column: str = ""
    annotator_column: str = ""
    answers: AnswersAs = "nothing"
    unknown_answers: Literal["reject", "unlabeled"] = "reject"
    """What becomes of a row whose answer names no class."""
    comma: Comma = ""
    """What a comma in a number is; empty: nobody was asked, and a file that has any is refused."""
    unescape: bool = False
    """Decode HTML entities in text; the original is kept for the export."""
    on_change: Literal["keep", "replace", "add"] = "keep"
    """What becomes of a row whose id is there with other content; "replace" also reopens its decision."""
    encoding: str = ""
    delimiter: str = ""


def plan_from(guesses: Sequence[ColumnGuess], project: Project | None = None, **choices: Any) -> ImportPlan:
    """Make a plan from confirmed guesses.

    Args:
        guesses: As people left them.
        project: Where it exists already: its own fields say what is shown and encoded.
        choices: Any other field of `ImportPlan`.
    """
    named = {g.role: g.name for g in reversed(guesses)}
    roles = {"id_column": "id", "answer_column": "answer", "annotator_column": "annotator"}
    columns = {column: named.get(role, "") for column, role in roles.items()}  # type: ignore[call-overload]  # some of the roles
    return ImportPlan(project.fields if project else fields_of(guesses), **{**columns, **choices})


def fields_of(guesses: Sequence[ColumnGuess]) -> tuple[Field, ...]:
    """The fields of a new project: every column in the file's order, so that an export can give the file back."""
    fields = []
    for g in guesses:
        role = "metadata" if g.role == "answer" or g.role == "annotator" else g.role
        fields.append(Field(g.name, g.kind, role, g.unit, g.personal))
    return tuple(fields)


def with_commas(fields: Sequence[Field], table: Table) -> list[str]:
    """Columns of numbers in which the sample has commas: a point or a divider, only a person can tell."""
    wanted = [f.name for f in fields if f.kind == "number" and (f.shown or f.encoded)]
    return [name for name in wanted if commas_in(table, name)]


def example_of(table: Table, column: str) -> str:
    """The first number with a comma."""
    return commas_in(table, column)[0]


def naming_rows(fields: Sequence[Field], table: Table) -> list[str]:
    """Encoded categories of which nearly every row of the sample has its own: the model leaves them out."""
    wanted = [f.name for f in fields if f.encoded and f.kind == "category"]
    return [name for name in wanted if names_rows([cells.get(name) for cells in table.sample])]


def check_plan(plan: ImportPlan, project: Project, table: Table, *, alone: bool = False) -> None:
    """Check a plan against the project and the file.

    Args:
        plan: What people confirmed.
        project: Where to.
        table: What a first look found.
        alone: Whether the table came without what lay beside it.

    Raises:
        UnknownName: It names a column that the file hasn't.
        InvalidSchema: It contradicts the project or itself.
    """
    content = [f.name for f in plan.fields if f.shown or f.encoded]
    for column in (*content, plan.id_column, plan.answer_column, plan.annotator_column):
        if column and column not in table.columns:
            raise UnknownName("column", column, table.columns)
    if not any(f.encoded for f in plan.fields):
        raise InvalidSchema("No column is read by the model; choose one that it reads.")
    images = [f.name for f in plan.fields if f.kind == "image" and (f.shown or f.encoded)]
    if images and alone:
        raise InvalidSchema(
            f"{images[0]} names pictures, but the table was uploaded without them. Put the table and the pictures into "
            "one .zip, or give its path on the server."
        )
    read = [f for f in plan.fields if f.encoded and f.kind in ("number", "category")]
    if len(read) > MOST_READ:
        raise InvalidSchema(
            f"{len(read):,} columns of numbers and categories are more than the model can read between two answers; "
            f"choose at most {MOST_READ}. The others can be kept for the export."
        )
    if not plan.comma and (asked := with_commas(plan.fields, table)):
        raise InvalidSchema(
            f"{asked[0]} holds numbers with a comma, as {example_of(table, asked[0])!r}. Say what the comma is: "
            "a point, or a divider of thousands."
        )
    wanted = [f.name for f in project.fields if f.shown or f.encoded]
    if sorted(content) != sorted(wanted):
        raise InvalidSchema(
            f"The items of this project have the fields {', '.join(wanted)}, not {', '.join(content)}. "
            "Rename the columns of the file, or make a new project for it."
        )
    if plan.answers != "nothing" and not plan.answer_column:
        raise InvalidSchema("Answers are wanted, but no column is named that holds them.")
    if plan.answers == "annotations" and not plan.annotator_column:
        raise InvalidSchema("Annotations need a column that names the annotator; without one, import decisions.")
