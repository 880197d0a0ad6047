"""Data: look through the items, search, label what was found, bring in more."""

import math

import streamlit as st

from collab.domain.project import Project
from collab.domain.store import ItemFilter, ItemRow
from collab.loop import annotating, handing_out, looking, ordering
from collab.ui import page_import, session
from collab.ui.answers import choices
from collab.ui.grid.grid import picked_tiles
from collab.ui.items import list_row, pictured, thumb_cell
from collab.ui.pieces import empty, heading, live_job, watch_job
from collab.ui.words import word

PAGE = 50
TILES = 60
"""Of one page: whole rows, however many stand in one."""
MOST_CHOSEN = 500
STATES = ("", "labeled", "machine", "flagged", "later", "unsure", "disputed", "unusable", "open")


def draw() -> None:
    """Draw the list, or the import."""
    project = session.project()
    heading(word("data.title"), word("data.why"))
    if project is None:
        empty("table_rows", word("data.none"), word("data.none_why"))
        if session.may("administer") and st.button(word("home.new"), type="primary", icon=":material/add:"):
            session.go("new")
        return
    if not session.may("lead", project.id):
        _browse(project)
        return
    parts = {"browse": word("data.browse"), "import": word("data.import_part")}
    asked = st.query_params.get("part", "browse")
    part = st.segmented_control(
        word("data.part"), list(parts), format_func=parts.__getitem__, default=asked if asked in parts else "browse",
        required=True, label_visibility="collapsed", key=f"part-{asked}",
    )  # fmt: skip
    if part == "import":
        page_import.draw(project)
    else:
        _browse(project)


def _browse(project: Project) -> None:
    desk = session.desk()
    if not looking.progress(desk, project.id).items:
        job = live_job(ordering.jobs(desk, project.id), "import")
        if job is not None:
            watch_job(project.id, job.id, what=word("job.import"))
        else:
            empty("table_rows", word("data.no_items"), word("data.no_items_why"))
        return
    wanted = _filter(project)
    tiled = pictured(project) and _tiled()
    size = TILES if tiled else PAGE
    pages_key = f"page-{hash(wanted)}-{size}"
    page = int(st.session_state.get(pages_key, 1))
    rows, total = looking.find(desk, project.id, wanted, size, (page - 1) * size)
    if not rows:
        empty("search_off", word("data.nothing"), word("data.nothing_why"))
        return
    known = looking.progress(desk, project.id)
    found = "data.found_reserved" if known.reserved else "data.found"
    if looking.certificates(desk, project.id):  # their audits are hidden as well
        found = "data.found_certified"
    st.caption(word(found, n=f"{total:,}", items=f"{known.items:,}", reserved=f"{known.reserved:,}"))
    key = f"items-{hash(wanted)}-{page}"
    if tiled:
        link = session.image_link(project.id)
        ids = picked_tiles(rows, project, link, key=f"tiles-{key}", label=word("data.tiles", page=page))
    else:
        ids = _listed(rows, project, key)
    if total > size:
        st.pagination(math.ceil(total / size), key=pages_key)
    _acts(project, wanted, ids, total)


def _tiled() -> bool:
    """Whether the person wants to see the pictures rather than the list."""
    views = {True: word("data.as_tiles"), False: word("data.as_list")}
    chosen = st.segmented_control(
        word("data.view"), list(views), format_func=views.__getitem__, default=True, required=True,
        label_visibility="collapsed", key="tiled",
    )  # fmt: skip
    return bool(chosen)


def _listed(rows: list[ItemRow], project: Project, key: str) -> list[int]:
    """The items as a table; returns the ids of those that are ticked."""
    link = session.image_link(project.id)
    picked = st.dataframe(
        [{**thumb_cell(row.item, project, link), **list_row(row, project)} for row in rows], key=key, hide_index=True,
        width="stretch", height=480 if len(rows) > 12 else "auto", on_select="rerun", selection_mode="multi-row",
        row_height=52 if pictured(project) else None,
        column_config={
            word("data.item"): st.column_config.TextColumn(width="large"),  # leaves room for the others
            word("data.picture"): st.column_config.ImageColumn(width="small"),
        },
    )  # fmt: skip
    return [rows[i].item.id for i in picked["selection"]["rows"]]


def _filter(project: Project) -> ItemFilter:
    if not session.may("review", project.id):  # what others answered isn't told, nor what a filter by it leaves
        typed = st.text_input(word("data.search"), placeholder=word("data.search_hint"), icon=":material/search:")
        return ItemFilter(typed.strip())
    names = choices(project.schema)
    asked = st.query_params.get("state", "")
    text, state, answer = st.columns([3, 1.4, 1.4], vertical_alignment="bottom")
    with text:
        typed = st.text_input(word("data.search"), placeholder=word("data.search_hint"), icon=":material/search:")
    with state:
        chosen = st.selectbox(
            word("data.state"), STATES, index=STATES.index(asked) if asked in STATES else 0,
            format_func=lambda s: word(f"state.{s}") if s else word("data.any"), key=f"state-{asked}",
        )  # fmt: skip
    with answer:
        label = st.selectbox(
            word("data.answer"), ["", *names], format_func=lambda c: names.get(c, word("data.any")), key="answer"
        )
    mine = session.annotator() if chosen == "later" else ""
    return ItemFilter(typed.strip(), chosen, label, mine)  # type: ignore[arg-type]  # chosen is one of STATES


def _acts(project: Project, wanted: ItemFilter, ids: list[int], total: int) -> None:
    """What can be done with the rows that were picked, or with all that were found."""
    desk, who = session.desk(), session.annotator()
    with st.container(horizontal=True, vertical_alignment="center"):
        if wanted.state == "unusable":
            if not ids:
                st.caption(word("data.restore_hint"))
            elif st.button(word("data.restore", n=len(ids)), type="primary"):
                for item in ids:
                    annotating.restore_item(desk, project.id, item, who, annotating.new_id(), session.now())
                st.rerun()
            return
        few = min(total, MOST_CHOSEN)
        label = word("data.label_these", n=len(ids)) if ids else word("data.label_found", n=few)
        if st.button(label, type="primary", icon=":material/bolt:"):
            found = ids or [row.item.id for row in looking.find(desk, project.id, wanted, MOST_CHOSEN, 0)[0]]
            if handing_out.choose(desk, project.id, who, found):
                session.go("label", mode="chosen")
            st.warning(word("data.none_to_label"))
