"""What a search found: a list or tiles, how many there are, and what can be done with them."""

import math
from dataclasses import replace

import streamlit as st

from collab.domain.project import Project
from collab.domain.store import MOST_COUNTED, ItemFilter, ItemRow
from collab.loop import annotating, finding, handing_out, looking
from collab.loop.finding import Hits, Search
from collab.ui import bulk, search, session
from collab.ui.answers import name_of
from collab.ui.grid.grid import picked_tiles
from collab.ui.items import excerpt, list_row, pictured, thumb_cell
from collab.ui.pieces import empty, plain
from collab.ui.words import word

PAGE = 50
TILES = 60
"""Of one page: whole rows, however many stand in one."""
MOST_CHOSEN = 500
_COUNTED = (ItemFilter(), ItemFilter(state="labeled"), ItemFilter(state="machine"))
"""How many of these there are is known whatever their number."""


def draw(project: Project, wanted: Search, *, place: str = "search") -> None:
    """Draw a page of what fits, with its acts.

    Args:
        place: Where on the page this stands, for the keys of its widgets.
    """
    tiled = pictured(project) and _tiled(place)
    size = TILES if tiled else PAGE
    pages_key = f"page-{place}-{hash(wanted)}-{size}"
    page = int(st.session_state.get(pages_key, 1))
    indexing = bool(wanted.items.text) and finding.indexing(session.desk(), project.id)
    found, total = _look(project, wanted, size, (page - 1) * size, indexing=indexing)
    if indexing:
        st.caption(word("find.indexing"))
    _say_likeness(project, wanted)
    if not found.rows:
        empty("search_off", word("data.nothing"), word("data.nothing_why"))
        _say_how_many(project, replace(found, exact=True), 0)  # it may be there, and be set aside
        return
    _say_how_many(project, found, total)
    key = f"{place}-{hash(wanted)}-{page}"
    own = not session.may("review", project.id)
    if tiled:
        link, label = session.image_link(project.id), word("data.tiles", page=page)
        ids = picked_tiles(found.rows, project, link, key=f"tiles-{key}", label=label, own=own)
    else:
        ids = _listed(found, project, f"items-{key}", own=own)
    listed = total if found.exact else max(len(found.ids), total)
    if listed > size:
        st.pagination(math.ceil(listed / size), key=pages_key)
    _acts(project, wanted, ids, found, total, place)


def _look(project: Project, wanted: Search, limit: int, offset: int, *, indexing: bool) -> tuple[Hits, int]:
    """A page of hits and how many were counted; a page that is drawn anew because of a tick isn't looked for again."""
    desk = session.desk()
    now = looking.progress(desk, project.id)
    known = now.events, now.revision, indexing
    may = session.annotator(), looking.rights(desk, project.id)  # what was found for more rights isn't shown for fewer
    key = (project.id, project.schema.version, wanted, limit, offset, known, may)
    kept = st.session_state.get("found")
    if kept is not None and kept[0] == key:
        return kept[1], kept[2]
    if wanted.plain and wanted.items in _COUNTED and session.may("review", project.id):
        deep = offset + limit > MOST_COUNTED
        rows, total = looking.find(desk, project.id, wanted.items, limit if deep else 1, offset if deep else 0)
        found = Hits(tuple(rows), (), True) if deep else finding.search(desk, project, wanted, limit, offset)
        found = replace(found, exact=True)
    else:
        found = finding.search(desk, project, wanted, limit, offset)
        total = len(found.ids)
    st.session_state["found"] = key, found, total
    return found, total


def _say_likeness(project: Project, wanted: Search) -> None:
    """Which item others shall be like."""
    if wanted.like is None:
        return
    item = looking.items(session.desk(), project.id, (wanted.like,)).get(wanted.like)
    if item is not None:
        st.caption(word("find.like", item=plain(excerpt(item, project)[:120])))


def _say_how_many(project: Project, found: Hits, total: int) -> None:
    desk = session.desk()
    known = looking.progress(desk, project.id)
    key = "data.found_reserved" if known.reserved else "data.found"
    if looking.certificates(desk, project.id):  # their audits are hidden as well
        key = "data.found_certified"
    n = f"{total:,}" if found.exact else word("find.more_than", n=f"{_rounded(total):,}")
    said = word(key, n=n, items=f"{known.items:,}", reserved=f"{known.reserved:,}")
    st.caption(f"{said} {word('find.ranked')}" if found.ranked and total > 1 else said)


def _rounded(n: int) -> int:
    """Down to two digits: what wasn't counted to its end is told no more exactly.

    >>> _rounded(8972), _rounded(10_000), _rounded(52)
    (8900, 10000, 52)
    """
    step = int(10 ** max(0, len(str(n)) - 2))
    return n // step * step


def _tiled(place: str) -> bool:
    """Whether the person wants to see the pictures rather than the list."""
    views = {True: word("data.as_tiles"), False: word("data.as_list")}
    chosen = st.segmented_control(
        word("data.view"), list(views), format_func=views.__getitem__, default=True, required=True,
        label_visibility="collapsed", key=f"tiled-{place}",
    )  # fmt: skip
    return bool(chosen)


def _listed(found: Hits, project: Project, key: str, *, own: bool) -> list[int]:
    """The items as a table; returns the ids of those that are ticked."""
    link = session.image_link(project.id)
    picked = st.dataframe(
        [
            {**thumb_cell(row.item, project, link), **list_row(row, project, own=own), **_measures(row, found, project)}
            for row in found.rows
        ],
        key=key, hide_index=True, width="stretch", height=480 if len(found.rows) > 12 else "auto", on_select="rerun",
        selection_mode="multi-row", row_height=52 if pictured(project) else None,
        column_config={
            word("data.item"): st.column_config.TextColumn(width="large"),  # leaves room for the others
            word("data.picture"): st.column_config.ImageColumn(width="small"),
        },
    )  # fmt: skip
    return [found.rows[i].item.id for i in picked["selection"]["rows"]]


def _measures(row: ItemRow, found: Hits, project: Project) -> dict[str, str]:
    """What the model says of an item, and how alike it is, where anybody asked."""
    cells = {}
    if found.alike:
        cells[word("find.alike")] = f"{found.alike.get(row.item.id, 0):.2f}"
    if found.said:
        said = found.said.get(row.item.id)
        cells[word("find.says")] = f"{name_of(said[0], project.schema)} {said[1]:.0%}" if said else ""
    return cells


def _acts(project: Project, wanted: Search, ids: list[int], found: Hits, total: int, place: str) -> None:
    """What can be done with the rows that were picked, or with all that were found."""
    desk, who = session.desk(), session.annotator()
    with st.container(horizontal=True, vertical_alignment="center"):
        if wanted.items.state == "unusable":
            if not ids:
                st.caption(word("data.restore_hint"))
            elif st.button(word("data.restore", n=len(ids)), type="primary"):
                for item in ids:
                    annotating.restore_item(desk, project.id, item, who, annotating.new_id(), session.now())
                st.rerun()
            return
        few = min(total, MOST_CHOSEN)
        label = word("data.label_these", n=len(ids)) if ids else word("data.label_found", n=few)
        if st.button(label, type="primary", icon=":material/bolt:", key=f"label-{place}"):
            chosen = ids or finding.search(desk, project, wanted, 1, few - 1).ids[:few].tolist()
            if handing_out.choose(desk, project.id, who, chosen):
                session.go("label", mode="chosen")
            st.warning(word("data.none_to_label"))
        if len(ids) == 1 and finding.can_compare(desk, project.id):
            like = st.button(word("find.more_like"), icon=":material/hub:", key=f"like-{place}")
            if like:
                search.look_for_like(project, ids[0])
                session.go("data")
        if session.may("lead", project.id):
            bulk.offer(place)
    if session.may("lead", project.id):
        bulk.draw(
            project, wanted, ids, min(total, MOST_COUNTED), exact=found.exact and total <= MOST_COUNTED, place=place
        )
