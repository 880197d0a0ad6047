"""Items as tiles with their thumbnails, of which some can be picked; which items, its page decides."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from collab.domain.project import Project
from collab.domain.store import ItemRow
from collab.ui.items import answer_words, excerpt, state_word, thumb
from collab.ui.words import word

_HERE = Path(__file__).parent

_grid = st.components.v2.component(
    "collab.grid",
    html='<div class="tiles" role="group"></div>',
    css=(_HERE / "grid.css").read_text("utf-8"),
    js=(_HERE / "grid.js").read_text("utf-8"),
    isolate_styles=True,
)


def picked_tiles(
    rows: Sequence[ItemRow], project: Project, link: Callable[[str], str], *, key: str, label: str, own: bool = False
) -> list[int]:
    """Draw a tile for each item; returns the ids of those that are picked.

    Args:
        link: From the name of a stored thumbnail to its address.
        key: Must change with the items, or a pick would outlive them.
        label: What the tiles are, to a screen reader.
        own: As in `state_word`.
    """
    tiles = [tile(row, project, link, own=own) for row in rows]
    result = _grid(
        key=key, data={"tiles": tiles, "label": label, "none": word("data.no_picture")}, default={"picked": []},
        on_picked_change=_rerun,
    )  # fmt: skip
    here = {row.item.id for row in rows}
    return [item for item in result.picked or [] if item in here]


def tile(row: ItemRow, project: Project, link: Callable[[str], str], *, own: bool = False) -> dict[str, Any]:
    """What a tile shows: the first picture, what else there is to read, the answer and the state."""
    small = thumb(row.item, project)
    answer = answer_words(row, project)
    return {
        "id": row.item.id,
        "thumb": link(small) if small else "",
        "text": excerpt(row.item, project),
        "ref": row.item.ref,
        "answer": answer,
        "state": "" if answer and row.item.state == "decided" else state_word(row.item, own=own),
        "color": _color(row, project),
    }


def _color(row: ItemRow, project: Project) -> str:
    first = next(iter(row.decision.answer), "") if row.decision else ""
    return next((c.color for c in project.schema.classes if c.id == first), "")


def _rerun() -> None:
    """A state needs a callback to be known; the rerun that it causes is all that is wanted."""
