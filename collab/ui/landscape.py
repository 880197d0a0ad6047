"""The map of the items: drawn, colored, encircled, and made anew where it is of yesterday."""

from typing import Any

import numpy as np
import streamlit as st

from collab.domain.project import Project
from collab.loop import finding, looking, mapping, ordering
from collab.loop.finding import Search
from collab.loop.mapping import BARE, OTHER, Map
from collab.ui import results, session
from collab.ui.items import excerpt
from collab.ui.map.map import encircled
from collab.ui.pieces import empty, job_failed, latest_job, live_job, plain, watch_job
from collab.ui.words import word, words_of

COLORINGS: tuple[mapping.Coloring, ...] = ("decision", "suggestion")
MUTED: dict[mapping.Coloring, str] = {"decision": "map.undecided", "suggestion": "map.no_suggestion", "": "map.items"}
"""What the points without a color are called, by what the others are colored."""


def draw(project: Project) -> None:
    """Draw the map, or the way to one."""
    desk = session.desk()
    jobs, drawn = ordering.jobs(desk, project.id), mapping.map_of(desk, project.id)
    live = live_job(jobs, mapping.JOB)
    if live is not None:
        watch_job(project.id, live.id, what=word("job.map"))
    if drawn is None:
        if live is None:
            _none(project)
            last = latest_job(jobs, mapping.JOB)
            if last is not None and last.status == "failed":
                job_failed(last)
        return
    if live is None and drawn.stale:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(word("map.stale"))
            _make(project, word("map.again"))
    _shown(project, drawn)


def _none(project: Project) -> None:
    if not finding.can_compare(session.desk(), project.id):
        empty("scatter_plot", word("map.none"), word("map.none_unread"))
        return
    empty("scatter_plot", word("map.none"), word("map.none_why"))
    _make(project, word("map.make"))


def _make(project: Project, label: str) -> None:
    """The button that has a map made, for those who may."""
    if not session.may("lead", project.id):
        st.caption(word("map.ask_lead"))
    elif st.button(label, type="primary", icon=":material/scatter_plot:"):
        mapping.ask_map(session.desk(), project.id, session.annotator(), session.now())
        st.rerun()


def _shown(project: Project, drawn: Map) -> None:
    by = _coloring(project)
    seen, colors = _colored(project, drawn, by)
    here = drawn.items[seen]
    shown = "map.shown_some" if drawn.of > len(drawn.items) else "map.shown"
    kept_back = drawn.of and looking.progress(session.desk(), project.id).reserved + int((~seen).sum())
    said = word(
        shown, n=f"{len(here):,}", of=f"{drawn.of:,}", at=session.clock(drawn.made_at), how=word(f"map.{drawn.method}")
    )
    st.caption(f"{said} {word('map.kept_back', n=f'{kept_back:,}')}" if kept_back else said)
    palette, places = _palette(project, colors[seen], word(MUTED[by]))
    outline, near = encircled(
        drawn.points[seen], places, palette, words_of("lasso"), key=f"map-{project.id}-{drawn.number}",
        content=f"{drawn.number}-{by}-{len(here)}-{hash(places.tobytes())}-{project.schema.version}-{word('lasso.whole')}",
    )  # fmt: skip
    _pointed_at(project, int(here[near]) if 0 <= near < len(here) else None)
    if outline:
        found = mapping.surrounded(drawn, seen, outline)
        st.subheader(word("map.encircled", n=f"{len(found):,}"), anchor=False)
        if found:
            results.draw(project, Search(among=found), place="map")


def _coloring(project: Project) -> mapping.Coloring:
    """By what the points are colored; nobody learns so what they may not know."""
    if not session.may("review", project.id):
        return ""
    names = {each: word(f"map.by_{each}") for each in COLORINGS}
    return st.segmented_control(
        word("map.colors"),
        COLORINGS,
        format_func=names.__getitem__,
        default="decision",
        required=True,
        key="map-colors",
    )


def _colored(project: Project, drawn: Map, by: mapping.Coloring) -> tuple[Any, Any]:
    """Which points are seen and how they are colored; a page that is drawn anew doesn't ask again."""
    now, may = looking.progress(session.desk(), project.id), looking.rights(session.desk(), project.id)
    key = project.id, drawn.number, by, now.events, now.revision, session.annotator(), may
    kept = st.session_state.get("map-colored")
    if kept is None or kept[0] != key:
        kept = key, mapping.seen_on(session.desk(), project, drawn, by)
        st.session_state["map-colored"] = kept
    seen, colors = kept[1]
    return seen, colors


def _palette(project: Project, colors: Any, muted: str) -> tuple[list[tuple[str, str]], Any]:
    """Names and colors of what occurs, what has no color last; and the place of each point among them."""
    classes = project.schema.classes
    known = [(at, classes[at].name, classes[at].color) for at in range(len(classes)) if (colors == at).any()]
    if (colors == OTHER).any():
        known.append((OTHER, word("map.other"), "#8a8f98"))
    known.append((BARE, muted, ""))
    places = np.full(len(colors), len(known) - 1, np.uint8)
    for place, (value, _, _) in enumerate(known):
        places[colors == value] = place
    return [(name, color) for _, name, color in known], places


def _pointed_at(project: Project, item: int | None) -> None:
    """The item that somebody points at, in words."""
    found = {} if item is None else looking.items(session.desk(), project.id, (item,))
    with st.container(border=True):
        if item in found:
            st.markdown(plain(excerpt(found[item], project)) or plain(found[item].ref))
        else:
            st.caption(word("map.point"))
