"""The review page: the card in its mode of second looks; below it what was settled, and what there is to look at."""

import secrets

import streamlit as st

from collab.domain.project import Project
from collab.domain.suspect import Adjudicated
from collab.loop import adjudicating, doubting, ordering, reviewing
from collab.loop.annotating import new_id
from collab.ui import session, words
from collab.ui.answers import told
from collab.ui.card.card import label_card
from collab.ui.items import excerpt
from collab.ui.pieces import empty, errors_told, heading, job_failed, latest_job, live_job, no_project, plain, watch_job
from collab.ui.words import word

PAGE = 50
FIRST_LOOK = 20
"""Decisions from which the worker looks by itself."""


def draw() -> None:
    """Mount the card; below it the verdicts in force, and orders of further looks."""
    project = session.project()
    if project is None:
        heading(word("review.title"), word("review.why"))
        no_project("rule", word("review.none"), word("review.none_why"))
        return
    if not session.may("review", project.id):
        heading(word("review.title"), word("review.why"))
        empty("lock", word("review.title"), word("review.no_right"))
        return
    event = label_card(
        project,
        session.annotator(),
        session.grant(project.id),
        lang=words.language(),
        mode="review",
        base=session.base(),
        key=f"review-{project.id}-{session.annotator()}",
    )
    if event.who:
        session.leave()
        st.rerun()
    _looked(project)
    _settled(project)
    _sent(project)
    if session.may("lead", project.id):
        _audits(project)


def _looked(project: Project) -> None:
    """When answers were looked through, what was found, and the way to have it done anew."""
    jobs = ordering.jobs(session.desk(), project.id)
    found = doubting.looked(session.desk(), project.id)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if found is None:
            st.caption(word("review.not_yet", n=FIRST_LOOK))
        else:
            st.caption(
                word(
                    "review.found", n=f"{found.decisions:,}", when=session.clock(found.at),
                    likely=f"{found.likely_wrong:,}",
                )
            )  # fmt: skip
        live = live_job(jobs, doubting.JOB)
        if live is None and st.button(word("review.again_now"), type="tertiary"):
            doubting.look_again(session.desk(), project.id, session.annotator(), session.now())
            st.rerun()
    if live is not None:
        watch_job(project.id, live.id, what=word("review.looking"))
    elif (last := latest_job(jobs, doubting.JOB)) is not None and last.status == "failed":
        job_failed(last)


def _settled(project: Project) -> None:
    """The verdicts in force, latest first; any of them can be taken back."""
    # Read when it is opened: the card settles more without telling the page.
    box = st.expander(word("review.settled"), key=f"settled-box-{project.id}", on_change="rerun")
    if not box.open:
        return
    with box:
        before = st.session_state.get(f"settled-{project.id}")
        found = reviewing.decided(session.desk(), project.id, PAGE, before)
        if not found:
            st.caption(word("review.settled_none"))
            return
        picked = st.dataframe(
            [
                {
                    word("review.when"): session.clock(each.at),
                    word("review.by"): each.adjudicator,
                    word("review.verdict"): _verdict(each),
                    word("review.now"): _now(each, project),
                    word("review.reason"): word(f"suspect.{each.kind}"),
                    word("review.item"): excerpt(item, project),
                }
                for each, item in found
            ],
            hide_index=True, width="stretch", height="auto" if len(found) < 9 else 340, on_select="rerun",
            selection_mode="single-row", key=f"settled-{project.id}-{found[0][0].number}-{len(found)}",
        )  # fmt: skip
        rows = picked["selection"]["rows"]
        with st.container(horizontal=True):
            if st.button(word("review.take_back"), disabled=not rows):
                act = found[rows[0]][0].adjudication.event
                adjudicating.withdraw(session.desk(), project.id, act, session.annotator(), new_id(), session.now())
                st.toast(word("review.took_back"), icon=":material/undo:")
                st.rerun()
            if len(found) == PAGE and st.button(word("review.settled_older")):
                st.session_state[f"settled-{project.id}"] = found[-1][0].number
                st.rerun()


def _sent(project: Project) -> None:
    """What was sent to somebody and waits for them; any of it can be taken back."""
    box = st.expander(word("review.sent"), key=f"sent-box-{project.id}", on_change="rerun")
    if not box.open:
        return
    with box:
        found = reviewing.sent(session.desk(), project.id)
        if not found:
            st.caption(word("review.sent_none"))
            return
        picked = st.dataframe(
            [
                {
                    word("review.when"): session.clock(each.at),
                    word("review.by"): each.by,
                    word("review.sent_to"): each.to,
                    word("review.item"): excerpt(item, project),
                }
                for each, item in found
            ],
            hide_index=True, width="stretch", height="auto" if len(found) < 9 else 340, on_select="rerun",
            selection_mode="single-row", key=f"sent-{project.id}-{found[0][0].event}-{len(found)}",
        )  # fmt: skip
        rows = picked["selection"]["rows"]
        if st.button(word("review.take_back"), disabled=not rows, key=f"sent-back-{project.id}"):
            with errors_told():
                act = found[rows[0]][0].event
                adjudicating.withdraw(session.desk(), project.id, act, session.annotator(), new_id(), session.now())
                st.toast(word("review.sent_back"), icon=":material/undo:")
                st.rerun()


def _audits(project: Project) -> None:
    """Order a second look at audits: at all, or at a random part."""
    with st.expander(word("review.audits_title")):
        st.caption(word("review.audits_why"))
        with (
            st.form(f"audits-{project.id}", border=False),
            st.container(horizontal=True, vertical_alignment="bottom", gap="small"),
        ):
            size = st.number_input(word("review.audits_some"), 1, 100_000, 50, step=10, width=220)
            whole = st.checkbox(word("review.audits_all"))
            if st.form_submit_button(word("review.audits_do")):
                ordered = adjudicating.order_audits(
                    session.desk(), project.id, session.annotator(), secrets.randbits(32), session.now(),
                    size=None if whole else int(size),
                )  # fmt: skip
                st.success(plain(word("review.audits_done", n=f"{ordered:,}")))


def _verdict(each: Adjudicated) -> str:
    verdict = each.adjudication.verdict
    return word("review.discard" if verdict == "discard" else "review.keep" if verdict == "keep" else "review.change")


def _now(each: Adjudicated, project: Project) -> str:
    said = each.adjudication
    if said.verdict == "discard":
        return word("state.open")
    return word("review.unusable") if said.unusable else told(said.answer, project.schema)
