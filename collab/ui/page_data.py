"""Data: look through the items, search, see them on a map, answer many at once, bring in more."""

import streamlit as st

from collab.domain.project import Project
from collab.loop import looking, ordering
from collab.ui import bulk, landscape, page_import, results, search, session
from collab.ui.pieces import empty, heading, live_job, no_project, watch_job
from collab.ui.words import word


def draw() -> None:
    """Draw the list, the map, the batches, or the import."""
    project = session.project()
    heading(word("data.title"), word("data.why"))
    if project is None:
        no_project("table_rows", word("data.none"), word("data.none_why"))
        if session.may("administer") and st.button(word("home.new"), type="primary", icon=":material/add:"):
            session.go("new")
        return
    parts = {"browse": word("data.browse"), "map": word("data.map")}
    if session.may("lead", project.id):
        parts |= {"batches": word("data.batches"), "import": word("data.import_part")}
    asked = st.query_params.get("part", "browse")
    part = st.segmented_control(
        word("data.part"), list(parts), format_func=parts.__getitem__, default=asked if asked in parts else "browse",
        required=True, label_visibility="collapsed", key=f"part-{asked}",
    )  # fmt: skip
    if part == "import":
        page_import.draw(project)
    elif part == "batches":
        bulk.batches(project)
    elif _items(project):
        if part == "map":
            landscape.draw(project)
        else:
            results.draw(project, search.wanted(project))


def _items(project: Project) -> bool:
    """Whether there are items; else says why there are none."""
    desk = session.desk()
    if looking.progress(desk, project.id).items:
        return True
    job = live_job(ordering.jobs(desk, project.id), "import")
    if job is not None:
        watch_job(project.id, job.id, what=word("job.import"))
    else:
        empty("table_rows", word("data.no_items"), word("data.no_items_why"))
    return False
