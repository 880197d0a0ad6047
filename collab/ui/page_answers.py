"""My answers: what this person said, latest first; any of it can be opened again on the card."""

import streamlit as st

from collab.domain.project import Project
from collab.loop.recalling import Recalled, recall
from collab.ui import session
from collab.ui.answers import choices, counted_as, told
from collab.ui.items import excerpt, pictured, thumb_cell
from collab.ui.pieces import empty, heading, no_project, plain
from collab.ui.words import word

PAGE = 100


def draw() -> None:
    """List the person's annotations in force."""
    project = session.project()
    heading(word("answers.title"), word("answers.why"))
    if project is None:
        no_project("history", word("answers.none"), word("answers.none_why"))
        return
    found, older = recall(session.desk(), project.id, session.annotator(), PAGE, _before(project))
    names = choices(project.schema)
    chosen = st.pills(
        word("answers.filter"), list(names), format_func=lambda c: plain(names[c]), key=f"class-{project.id}"
    )
    shown = [e for e in found if chosen is None or chosen in counted_as(e.annotation.answer, project.schema)]
    if not shown:
        empty("history", word("answers.none"), word("answers.none_here" if chosen else "answers.none_why"))
        return
    st.caption(word("answers.pick"))  # and room for the table's own buttons, which float above it
    link = session.image_link(project.id)
    picked = st.dataframe(
        [{**thumb_cell(entry.item, project, link), **_row(entry, project)} for entry in shown],
        key=f"answers-{project.id}-{chosen}-{shown[0].number}-{len(shown)}",
        hide_index=True, width="stretch", height="auto" if len(shown) < 12 else 460,
        on_select="rerun", selection_mode="single-row", row_height=52 if pictured(project) else None,
        column_config={word("data.picture"): st.column_config.ImageColumn(width="small")},
    )  # fmt: skip
    rows = picked["selection"]["rows"]
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(word("answers.reopen"), type="primary", disabled=not rows, shortcut="Enter" if rows else None):
            session.go("label", reopen=shown[rows[0]].annotation.id)
        if _before(project) and st.button(word("answers.newest")):
            st.session_state.pop(f"before-{project.id}")
            st.rerun()
        if older and st.button(word("answers.older")):
            st.session_state[f"before-{project.id}"] = found[-1].number
            st.rerun()


def _before(project: Project) -> int | None:
    before = st.session_state.get(f"before-{project.id}")
    return int(before) if before else None


def _row(entry: Recalled, project: Project) -> dict[str, str]:
    said = entry.annotation
    return {
        word("answers.time"): session.clock(said.at),
        word("answers.answer"): told(said.answer, project.schema) or word(f"kind_of.{said.kind}"),
        word("answers.item"): excerpt(entry.item, project),
        word("answers.ref"): entry.item.ref,
    }
