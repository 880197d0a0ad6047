"""What the columns of a file are for: guesses shown, edited and confirmed."""

import dataclasses
from collections.abc import Sequence
from typing import Any, get_args

import streamlit as st

from collab.domain.project import Field, FieldKind
from collab.domain.table import PICTURES, Table
from collab.loop.guessing import ColumnGuess, ColumnRole, called_personal
from collab.loop.planning import MOST_READ, example_of, fields_of, naming_rows, with_commas
from collab.loop.reading import holds_pictures
from collab.ui.pieces import plain
from collab.ui.upload import is_upload, look
from collab.ui.words import word

Draft = dict[str, Any]  # what a person has said so far: file, table, guesses, choices

ROLES: tuple[ColumnRole, ...] = get_args(ColumnRole)
KINDS: tuple[FieldKind, ...] = get_args(FieldKind)
DELIMITERS = {"": "", ",": ",", ";": ";", "\t": "Tab", "|": "|"}
ENCODINGS = ("", "utf-8", "utf-16", "windows-1252", "gb18030", "shift_jis", "big5")


def column_editor(guesses: Sequence[ColumnGuess], *, key: str) -> list[ColumnGuess]:
    """Let people correct kind, role and unit of each column, and say which are personal."""
    roles = {role: word(f"role.{role}") for role in ROLES}
    kinds = {kind: word(f"kind.{kind}") for kind in KINDS}
    st.caption(word("columns.seems"))  # and room for the table's own buttons, which float above it
    rows: list[Draft] = [
        {
            "name": g.name,
            "kind": kinds[g.kind],
            "role": roles[g.role],
            "unit": g.unit,
            "personal": g.personal,
            "why": word(f"guess.{g.why}"),
        }
        for g in guesses
    ]
    edited = st.data_editor(
        rows,
        key=key,
        width="stretch",
        hide_index=True,
        disabled=("name", "why"),
        column_config={
            "name": st.column_config.TextColumn(word("columns.name")),
            "kind": st.column_config.SelectboxColumn(word("columns.kind"), options=[*kinds.values()], required=True),
            "role": st.column_config.SelectboxColumn(word("columns.role"), options=[*roles.values()], required=True),
            "unit": st.column_config.TextColumn(word("columns.unit"), max_chars=12, help=word("columns.unit_why")),
            "personal": st.column_config.CheckboxColumn(
                word("columns.personal"), help=word("columns.personal_why"), width="small"
            ),
            "why": st.column_config.TextColumn(word("columns.why"), width="medium"),
        },
    )
    kind_of = {text: kind for kind, text in kinds.items()}
    role_of = {text: role for role, text in roles.items()}
    return [
        dataclasses.replace(
            g,
            kind=kind_of[row["kind"]],
            role=role_of[row["role"]],
            unit=(row["unit"] or "").strip(),
            personal=bool(row["personal"]),
        )
        for g, row in zip(guesses, edited, strict=True)
    ]


def say_personal(guesses: Sequence[ColumnGuess]) -> None:
    """Say what the tick does, and which columns may want one by what they are called; nothing is ticked unasked."""
    st.caption(word("columns.personal_why"))
    if likely := [g.name for g in guesses if not g.personal and called_personal(g.name)]:
        st.info(word("columns.personal_likely", columns=plain(", ".join(likely))), icon=":material/shield_person:")


def reading_options(table: Table, source: str) -> Table:
    """Encoding and delimiter as detected, to be set right where the preview looks wrong."""
    if not table.encoding:
        return table
    with st.expander(word("columns.reading", encoding=plain(table.encoding), delimiter=plain(_shown(table.delimiter)))):
        encoding = st.selectbox(word("columns.encoding"), ENCODINGS, format_func=lambda e: e or word("columns.detect"))
        delimiter = ""
        if table.delimiter:
            delimiter = st.selectbox(
                word("columns.delimiter"), [*DELIMITERS], format_func=lambda d: DELIMITERS[d] or word("columns.detect")
            )
    changed = (encoding and encoding != table.encoding) or (delimiter and delimiter != table.delimiter)
    return look(table.path, source, encoding=encoding, delimiter=delimiter) if changed else table


def answer_options(draft: Draft) -> dict[str, Any]:
    """What to do with answers in the file, and with HTML entities; the choices of an import plan."""
    choices: dict[str, Any] = {"encoding": draft["table"].encoding, "delimiter": draft["table"].delimiter}
    choices["comma"] = _comma(draft["table"], draft.get("fields") or fields_of(draft["guesses"]))
    roles = {g.role for g in draft["guesses"]}
    if "answer" in roles:
        uses = ["decisions", *(["annotations"] if "annotator" in roles else []), "truth", "nothing"]
        choices["answers"] = st.radio(
            word("columns.answers"), uses, format_func=lambda u: word(f"answers_as.{u}"),
            captions=[word(f"answers_as.{u}_why") for u in uses],
        )  # fmt: skip
        if choices["answers"] != "nothing" and st.toggle(word("columns.unlabeled"), help=word("columns.unlabeled_why")):
            choices["unknown_answers"] = "unlabeled"
    escaped = any(
        mark in str(v)
        for cells in draft["table"].sample
        for v in cells.values()
        for mark in ("&amp;", "&lt;", "&#", "&quot;")
    )
    if draft["table"].format != PICTURES:
        choices["unescape"] = st.toggle(word("columns.unescape"), value=escaped, help=word("columns.unescape_why"))
    return choices


def can_go_on(draft: Draft) -> bool:
    """Whether the model can read what was chosen, and every question has its answer; says what hinders that."""
    fields, table = draft.get("fields") or fields_of(draft["guesses"]), draft["table"]
    read = [f for f in fields if f.encoded]
    wide = sum(f.kind in ("number", "category") for f in read)
    images = [f.name for f in fields if f.kind == "image" and (f.shown or f.encoded)]
    alone = bool(images) and is_upload(table.path) and not holds_pictures(table.path)
    if not read:
        st.warning(word("new.reads_nothing"))
    if wide > MOST_READ:
        st.warning(word("columns.too_wide", n=f"{wide:,}", most=MOST_READ))
    if alone:
        st.warning(word("data.alone", column=plain(images[0])))
    elif images:
        st.caption(word("data.pictures"))
    if named := naming_rows(fields, table):
        st.info(word("columns.own_values", columns=plain(", ".join(named))))
    told = bool(draft["choices"]["comma"]) or not with_commas(fields, table)
    if not told:
        st.warning(word("columns.comma_needed"))
    return bool(read) and wide <= MOST_READ and told and not alone


def _comma(table: Table, fields: Sequence[Field]) -> str:
    """Ask what the comma in numbers is, where there are some; nothing is chosen before."""
    columns = with_commas(fields, table)
    if not columns:
        return ""
    label = word("columns.comma", columns=plain(", ".join(columns)), example=plain(example_of(table, columns[0])))
    return st.radio(label, ("point", "thousands"), index=None, format_func=lambda c: word(f"comma.{c}")) or ""


def _shown(delimiter: str) -> str:
    return DELIMITERS.get(delimiter, delimiter) or word("columns.none")
