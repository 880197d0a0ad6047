"""The table in which people write classes: one row each, names for colors, ids kept where there are some."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from collab.domain.project import PALETTE, LabelClass, classes_from_names, folded
from collab.loop.guessing import spelled_once
from collab.loop.shaping import commas_divide, names_in
from collab.ui.words import word

ClassRow = Mapping[str, Any]  # cells of a table that a person edits

COLORS = dict(
    zip(("blue", "red", "green", "purple", "gold", "teal", "violet", "pink", "olive", "brown"), PALETTE, strict=True)
)
NAMED = {value: name for name, value in COLORS.items()}
DIGITS = "1234567890"
"""Keys that classes get, in this order."""
TEXTS = ("name", "key", "color", "description", "example", "near_miss")
COLUMNS = (*TEXTS[:3], "critical", *TEXTS[3:])


def rows_from_names(names: Sequence[str]) -> list[ClassRow]:
    """One row for each name, with keys and colors handed out."""
    made = classes_from_names(tuple(n or str(i) for i, n in enumerate(names)))
    return [row_of(c) | {"name": name, "id": ""} for c, name in zip(made, names, strict=True)]


def row_of(each: LabelClass) -> dict[str, Any]:
    """A class as a row; its cells are strings, but for the tick of critical ones.

    The id goes along unseen, so that a row may move or be taken away.
    """
    return {column: getattr(each, column) for column in COLUMNS} | {
        "color": NAMED.get(each.color, each.color),
        "id": each.id,
    }


def class_editor(rows: Sequence[ClassRow], *, key: str, fixed: bool = False) -> list[ClassRow]:
    """Let people edit classes; returns the rows as they are now.

    Args:
        fixed: No rows may be added or taken away.
    """
    colors = dict.fromkeys([*COLORS, *(row["color"] for row in rows)])  # a class may have one of its own
    st.caption(word("classes.table"))  # and room for the table's own buttons, which float above it
    edited = st.data_editor(
        [dict(row) for row in rows],
        key=key,
        width="stretch",
        num_rows="fixed" if fixed else "dynamic",
        hide_index=True,
        column_order=COLUMNS,
        column_config={
            "name": st.column_config.TextColumn(word("classes.name"), max_chars=80, required=True),
            "key": st.column_config.TextColumn(
                word("classes.key"), max_chars=1, width="small", help=word("classes.key_why")
            ),
            "color": st.column_config.SelectboxColumn(
                word("classes.color"),
                options=[*colors],
                format_func=_color_words,
                width="small",
            ),
            "critical": st.column_config.CheckboxColumn(
                word("classes.critical"), width="small", help=word("classes.critical_why")
            ),
            "description": st.column_config.TextColumn(word("classes.description"), width="large"),
            "example": st.column_config.TextColumn(word("classes.example"), width="medium"),
            "near_miss": st.column_config.TextColumn(
                word("classes.near_miss"), width="medium", help=word("classes.near_miss_why")
            ),
        },
    )
    return [dict(row) for row in edited]


def _color_words(name: object) -> str:
    return word(f"color.{name}") if name in COLORS else str(name)


def classes_within(counts: Counter[str], *, many: bool) -> Counter[str]:
    """Count the classes that the values of a column name.

    Args:
        counts: Of the values as they stand in the file.
        many: Whether a value may name several classes, as a JSON list or divided by ";", "|" or commas, and none by
            "∅", "none" or [].

    >>> classes_within(Counter({"wind; rain": 2, "rain": 1, "[]": 4}), many=True)
    Counter({'rain': 3, 'wind': 2})
    >>> classes_within(Counter({"Sun": 1, "sun": 2}), many=False)
    Counter({'sun': 3})
    """
    found: Counter[str] = Counter()
    if many:
        commas = commas_divide(counts)
        for value, n in counts.items():
            for name in {folded(name): name for name in names_in(value, commas=commas)}.values():
                found[name] += n
    else:
        found.update(counts)
    return spelled_once(found)


def read_classes(rows: Sequence[ClassRow]) -> tuple[LabelClass, ...]:
    """Classes from rows: empty ones are left out, keys and colors handed out; a new class's first name is its id."""
    texts = [{c: str(row.get(c) or "").strip() for c in (*TEXTS, "id")} for row in rows]
    written = [any(row[c] for c in ("name", "description", "example", "near_miss")) for row in texts]
    filled = [row for row, some in zip(texts, written, strict=True) if some]
    critical = [bool(row.get("critical")) for row, some in zip(rows, written, strict=True) if some]
    free = iter(DIGITS.translate({ord(row["key"]): None for row in filled if len(row["key"]) == 1}))
    return tuple(
        LabelClass(
            row["id"] or row["name"], row["name"], row["key"] or ("" if row["id"] else next(free, "")),
            COLORS.get(row["color"], row["color"] or PALETTE[i % len(PALETTE)]),
            row["description"], row["example"], row["near_miss"], critical[i],
        )
        for i, row in enumerate(filled)
    )  # fmt: skip
