"""Items in a list: a line of each, as plain text, and its first picture."""

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from collab.domain.annotation import Decision
from collab.domain.media import thumb_of
from collab.domain.project import Item, Project
from collab.domain.store import ItemRow
from collab.ui.answers import told
from collab.ui.words import word

EXCERPT = 300


def excerpt(item: Item, project: Project) -> str:
    """The beginning of what people see of an item, on one line.

    A picture goes by its own file's name (its folder may tell the answer), an item without any words by its id.
    """
    values = []
    for field in project.fields:
        if field.shown:
            value = item.fields.get(field.name)
            given = item.meta.get(field.name) if field.kind == "image" else value
            whole = "" if given is None else str(given)  # 0 is a value
            values.append(PurePosixPath(whole.replace("\\", "/")).name if field.kind == "image" else whole)
    pictures = pictured(project)
    line = " ".join(" · ".join(v for v in values if v or not pictures).split())[:EXCERPT]
    return line or (item.ref if pictures else "")


def pictured(project: Project) -> bool:
    """Whether people see pictures in its items."""
    return any(field.shown and field.kind == "image" for field in project.fields)


def thumb(item: Item, project: Project) -> str:
    """The name of the stored thumbnail of its first picture; "" where it has none."""
    names = (item.fields.get(field.name) for field in project.fields if field.shown and field.kind == "image")
    return next((thumb_of(name) for name in names if name), "")


def thumb_cell(item: Item, project: Project, link: Callable[[str], str]) -> dict[str, str | None]:
    """The cell of its first picture, for a project that has pictures."""
    if not pictured(project):
        return {}
    small = thumb(item, project)
    return {word("data.picture"): link(small) if small else None}


def answer_words(row: ItemRow, project: Project) -> str:
    """The classes of its decision; "" where there is none."""
    return told(row.decision.answer, project.schema) if row.decision else ""


def state_word(item: Item, *, own: bool = False) -> str:
    """What became of an item; "–" where that isn't known.

    Args:
        own: Whether no more is known than what the person said themselves: then "open" isn't known of any item.
    """
    return "–" if own and item.state == "open" else word(f"state.{item.state}")


def list_row(row: ItemRow, project: Project, *, own: bool = False) -> dict[str, Any]:  # cells of a table
    """An item with what became of it, as cells.

    Args:
        own: As in `state_word`.
    """
    decision = row.decision
    note = row.annotation.note if row.annotation else ""
    return {
        word("data.ref"): row.item.ref,
        word("data.item"): excerpt(row.item, project),
        word("data.answer"): answer_words(row, project),
        word("data.state"): state_word(row.item, own=own),
        word("data.source"): _source(decision) if decision else "",
        word("data.note"): note,
    }


def _source(decision: Decision) -> str:
    if decision.certificate is not None:
        return word("source.certificate", number=decision.certificate)
    return word(f"source.{decision.source}")
