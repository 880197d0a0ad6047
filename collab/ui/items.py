"""Items in a list: a line of each, as plain text."""

from typing import Any

from collab.domain.annotation import Decision
from collab.domain.project import Item, Project
from collab.domain.store import ItemRow
from collab.ui.answers import told
from collab.ui.words import word

EXCERPT = 300


def excerpt(item: Item, project: Project) -> str:
    """The beginning of what people see of an item, on one line."""
    values = (item.fields.get(field.name) for field in project.fields if field.shown)
    texts = ("" if value is None else str(value) for value in values)  # 0 is a value
    return " ".join(" · ".join(texts).split())[:EXCERPT]


def list_row(row: ItemRow, project: Project) -> dict[str, Any]:  # cells of a table
    """An item with what became of it, as cells."""
    decision = row.decision
    answer = told(decision.answer, project.schema) if decision else ""
    note = row.annotation.note if row.annotation else ""
    return {
        word("data.ref"): row.item.ref,
        word("data.item"): excerpt(row.item, project),
        word("data.answer"): answer,
        word("data.state"): word(f"state.{row.item.state}"),
        word("data.source"): _source(decision) if decision else "",
        word("data.note"): note,
    }


def _source(decision: Decision) -> str:
    if decision.certificate is not None:
        return word("source.certificate", number=decision.certificate)
    return word(f"source.{decision.source}")
