"""The label page: the card, and nothing beside it that could move it; above it, whether it asks a selection."""

import streamlit as st

from collab.domain.project import Project
from collab.loop import looking, ordering
from collab.ui import session, words
from collab.ui.card.card import label_card
from collab.ui.pieces import empty, heading, live_job, no_project, plain, watch_job
from collab.ui.words import word


def draw() -> None:
    """Mount the card of the open project."""
    project = session.project()
    if project is None:
        heading(word("nav.label"))
        no_project("inbox", word("label.none"), word("label.none_why"))
        if session.may("administer") and st.button(word("home.new"), type="primary"):
            session.go("new")
        return
    if not looking.progress(session.desk(), project.id).items:
        _nothing_yet(project)
        return
    chosen = st.query_params.get("mode") == "chosen"
    if chosen:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(word("label.chosen"))
            if st.button(word("label.leave_chosen"), type="tertiary"):
                session.go("label")
    event = label_card(
        project,
        session.annotator(),
        session.grant(project.id, chosen=chosen),
        lang=words.language(),
        mode="chosen" if chosen else "label",
        base=session.base(),
        reopen=st.query_params.get("reopen", ""),
        key=f"card-{project.id}-{chosen}-{session.annotator()}",
    )
    if event.who:
        session.leave()
        st.rerun()


def _nothing_yet(project: Project) -> None:
    job = live_job(ordering.jobs(session.desk(), project.id), "import")
    if job is not None:
        heading(plain(project.schema.question), word("label.importing"))
        watch_job(project.id, job.id, what=word("job.import"))
        return
    heading(plain(project.schema.question))
    empty("inbox", word("label.no_items"), word("label.no_items_why"))
    if session.may("lead", project.id) and st.button(word("data.import"), type="primary"):
        session.go("data", part="import")
