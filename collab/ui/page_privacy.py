"""Privacy: who saw, changed or took away what; erasing a person or an item; how long what is kept is kept."""

from datetime import date, datetime, timedelta, timezone
from typing import Any, cast, get_args

import streamlit as st

from collab.domain.access import AccessEntry, AccessFilter, Act, Retention
from collab.domain.project import Project
from collab.loop import erasing, looking, overseeing
from collab.loop.erasing import Erased
from collab.ui import session
from collab.ui.items import excerpt
from collab.ui.pieces import empty, errors_told, heading, plain, typed_as
from collab.ui.words import WORDS, language, word

PAGE = 100
NAMED = 12
"""Items of an entry that are named; the file has all."""
ACTS: tuple[Act, ...] = get_args(Act)


def draw() -> None:
    """Draw what whoever administers the project, or the workspace, may see and do."""
    project = session.project()
    heading(word("privacy.title"), word("privacy.why"))
    everything = session.may("administer")
    if not everything and (project is None or not session.may("administer", project.id)):
        empty("lock", word("privacy.none"), word("privacy.none_why"))
        return
    parts = ["log", "erase", *(["retention"] if everything else [])]
    part = st.segmented_control(
        word("privacy.part"), parts, format_func=lambda p: word(f"privacy.{p}"), default="log", required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    if part == "log":
        _log(project, everything=everything)
    elif part == "erase":
        _told_last()
        if project is not None and session.may("administer", project.id):
            _item(project)
        if everything:
            _person()
        st.caption(word("privacy.elsewhere"))
    else:
        _retention()


def _log(project: Project | None, *, everything: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        person = st.text_input(word("privacy.person"), width=220).strip()
        act = st.selectbox(
            word("privacy.act"),
            ["", *ACTS],
            format_func=lambda a: word(f"act.{a}") if a else word("data.any"),
            width=180,
        )
        day = st.date_input(word("privacy.day"), None, width=180)
        whole = project is None or (everything and st.checkbox(word("privacy.all_projects")))
    scope = None if whole or project is None else project.id
    wanted = AccessFilter(person, cast("Act", act), *_span(day if isinstance(day, date) else None))
    key = f"privacy-before-{scope}-{hash(wanted)}"
    found = overseeing.accesses(session.desk(), scope, wanted, st.session_state.get(key), PAGE)
    if not found:
        empty("shield_person", word("privacy.no_entries"), word("privacy.no_entries_why"))
        return
    names = {p.id: p.name for p in looking.projects(session.desk())}
    called = overseeing.called(session.desk(), scope, [item for each in found for item in each.entry.items[:NAMED]])
    st.dataframe(
        [_row(each.entry, names, called) for each in found], hide_index=True, width="stretch",
        height=520 if len(found) > 13 else "auto", key=f"log-{key}-{hash(found[0].entry.at)}-{len(found)}",
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center"):
        if key in st.session_state and st.button(word("answers.newest")):
            st.session_state.pop(key)
            st.rerun()
        if len(found) == PAGE and st.button(word("answers.older")):
            st.session_state[key] = overseeing.read_to(found, st.session_state.get(key))
            st.rerun()
        if st.button(word("privacy.write"), icon=":material/table:"):
            kept = overseeing.keep_accesses(session.desk(), scope, wanted, session.annotator(), session.now())
            st.session_state["access-log"] = scope, kept
        whose, name = st.session_state.get("access-log", (None, ""))
        if name and whose == scope:
            address = session.download_address(name, scope, "administer")
            st.link_button(word("export.fetch"), address, icon=":material/download:", key="fetch-access-log")


def _row(entry: AccessEntry, names: dict[int, str], called: dict[int, str]) -> dict[str, Any]:  # cells of a table
    ids = ", ".join(_item_in_list(item, called) for item in entry.items[:NAMED])
    ids += " …" if len(entry.items) > NAMED else ""
    detail = dict(entry.detail)
    if right := detail.pop("right", ""):  # what was called says little; what was wanted of it says more
        what, detail[""] = word(f"right.{right}"), entry.what
    else:
        what = word(f"what.{entry.what}") if f"what.{entry.what}" in WORDS[language()] else entry.what
    return {
        word("answers.time"): session.clock(entry.at),
        word("privacy.person"): entry.person or "collab",
        word("privacy.act"): word(f"act.{entry.act}"),
        word("privacy.what"): what,
        word("nav.project"): "" if entry.project is None else names.get(entry.project, f"#{entry.project}"),
        word("privacy.items"): f"{len(entry.items):,}: {ids}" if entry.items else "",
        word("privacy.detail"): "; ".join(
            ": ".join(filter(None, (name, _told(value)))) for name, value in detail.items()
        ),
    }


def _item_in_list(item: int, called: dict[int, str]) -> str:
    ref = called.get(item, "")
    return f"#{item} ({ref})" if ref else f"#{item}"


def _told(value: Any) -> str:  # a value of JSON
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _span(day: date | None) -> tuple[int, int]:
    """The milliseconds at which a day of the person's own clock begins and ends."""
    if day is None:
        return 0, 0
    zone = timezone(timedelta(minutes=session.utc_offset()))
    start = int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)
    return start, start + 86_400_000


def _item(project: Project) -> None:
    with st.container(border=True):
        st.header(word("privacy.erase_item"), anchor=False)
        st.caption(word("privacy.erase_item_why"))
        turn = st.session_state.get("erased-items", 0)  # another key, and the field is empty
        key = f"erase-{project.id}-{turn}"
        called = st.text_input(word("privacy.item"), placeholder=word("privacy.item_hint"), key=key)
        if not called.strip():
            return
        with errors_told():
            number = erasing.item_called(session.desk(), project, called.strip())
            item = looking.items(session.desk(), project.id, (number,))[number]
            st.markdown(word("privacy.item_is", number=number, text=plain(excerpt(item, project))))
            sure = st.checkbox(word("privacy.sure"), key=f"sure-{number}")
            if st.button(word("privacy.erase_item_now"), type="primary", disabled=not sure, key=f"now-{number}"):
                with st.spinner(word("privacy.erasing")):
                    made = erasing.erase_item(session.desk(), project, number, session.annotator(), session.now())
                st.session_state["erased-items"] = turn + 1
                _done("privacy.item_done", called.strip(), made)


def _person() -> None:
    with st.container(border=True):
        st.header(word("privacy.erase_person"), anchor=False)
        st.caption(word("privacy.erase_person_why"))
        names = overseeing.names(session.desk())
        name = st.selectbox(
            word("privacy.person"), names, index=None, placeholder=word("privacy.choose"), accept_new_options=True,
            key=f"erase-who-{len(names)}",
        )  # fmt: skip
        if name is None:
            return
        typed = st.text_input(word("privacy.type_name", name=plain(name)), key=f"type-{name}")
        if st.button(word("privacy.erase_person_now"), type="primary", disabled=not typed_as(typed, name)):
            with errors_told(), st.spinner(word("privacy.erasing")):
                made = erasing.erase_person(session.desk(), name, session.annotator(), session.now())
                if name == session.annotator():
                    session.leave()
                    st.rerun()
                _done("privacy.person_done", name, made)


def _done(key: str, name: str, made: Erased) -> None:
    """Keep what came of it for the run in which the page is drawn without it."""
    lines = [word(key, name=plain(name), alias=made.name, events=f"{made.events:,}")]
    if made.files:
        lines.append(word("privacy.files_gone", files=plain(", ".join(made.files))))
    if made.mentions:
        lines.append(word("privacy.mentions", n=f"{made.mentions:,}"))
    if not made.clean:
        lines.append(word("privacy.unclean"))
    st.session_state["erased-last"] = lines
    st.rerun()


def _told_last() -> None:
    if lines := st.session_state.pop("erased-last", None):
        st.success("\n\n".join(lines), icon=":material/delete_forever:")


def _retention() -> None:
    desk = session.desk()
    kept = overseeing.due(desk, session.now()).retention
    with st.container(border=True):
        st.header(word("privacy.retention"), anchor=False)
        st.caption(word("privacy.retention_why"))
        one, two = st.columns(2)
        with one:
            log = st.number_input(word("privacy.keep_log"), 0, 36_500, kept.access_log, help=word("privacy.zero"))
        with two:
            gone = st.number_input(word("privacy.keep_deleted"), 0, 36_500, kept.deleted, help=word("privacy.zero"))
        chosen = Retention(int(log), int(gone))
        due = overseeing.due(desk, session.now(), chosen)
        if due.entries:
            st.warning(word("privacy.entries_go", n=f"{due.entries:,}"), icon=":material/auto_delete:")
        if overdue := [each.name for each, at in due.deleted if at is not None and at < session.now()]:
            st.warning(word("privacy.projects_go", names=plain(", ".join(overdue))), icon=":material/auto_delete:")
        if st.button(word("privacy.save"), disabled=chosen == kept):
            overseeing.keep_for(desk, chosen, session.annotator(), session.now())
            st.rerun()
    with st.container(border=True):
        st.header(word("privacy.deleted"), anchor=False)
        if not due.deleted:
            st.caption(word("privacy.no_deleted"))
        for each, at in due.deleted:
            with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
                goes = word("privacy.goes", at=session.clock(at)) if at is not None else word("privacy.stays")
                told = {"name": plain(each.name), "items": f"{each.items:,}", "at": session.clock(each.at)}
                st.markdown(f"{word('privacy.deleted_at', **told)} {goes}")
                if st.button(word("privacy.restore"), key=f"restore-{each.id}"):
                    with errors_told():
                        overseeing.restore_project(desk, each.id, session.annotator(), session.now())
                        st.rerun()
