"""Insights: how often the model agrees with blind answers, how the classes lie, what the worker does now."""

import streamlit as st

from collab.domain.project import Project
from collab.domain.run import Round
from collab.engine.assurance import share_of
from collab.loop import looking, ordering, reporting
from collab.loop.demonstrating import demo_of
from collab.loop.reporting import POINT_FROM, CurvePoint, Overview
from collab.ui import advice, consistency, influence, parts, quality, session
from collab.ui.answers import choices, counted_as, name_of
from collab.ui.figures import PLAIN, Bar, audit_curve, bar_chart, demo_curve
from collab.ui.pieces import empty, heading, job_failed, latest_job, live_job, no_project, plain, watch_job
from collab.ui.sentences import sentence
from collab.ui.words import WORDS, language, word

WATCH_SECONDS = 3.0


def draw() -> None:
    """Draw the figures of the open project."""
    project = session.project()
    heading(word("insights.title"), plain(project.name) if project else "")
    if project is None:
        no_project("show_chart", word("insights.none"), word("insights.none_why"))
        return
    if not looking.progress(session.desk(), project.id).items:
        empty("show_chart", word("insights.none"), word("insights.none_why"))
        return
    desk, who = session.desk(), session.annotator()
    overview = reporting.overview(desk, project.id, session.now())
    of_all = session.may("lead", project.id)  # what single people do
    effect = reporting.influence(desk, project.id) if of_all else None
    influence.warn(effect, project.policy.mode)
    advice.draw(reporting.advice(desk, project.id), project.schema, overview.progress)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        quality.draw(project, overview)
        parts.draw(reporting.parts(desk, project.id), reporting.group(desk, project.id))
        _curves(project)
    with right:
        resting = overview.worker_alive and overview.progress.reading >= 1
        # A timer costs every open tab; it runs only while there is something to watch.
        st.fragment(_worker, run_every=None if resting else WATCH_SECONDS)(project)
        _progress(project, overview)
        _balance(project, overview)
        consistency.draw(project, who)
        if of_all:
            influence.draw(effect, project.policy.mode, who)


def _curves(project: Project) -> None:
    points = reporting.curve(session.desk(), project.id)
    audited = [p for p in points if p.audits.point is not None]
    with st.container(border=True):
        st.header(word("insights.curve"), anchor=False)
        if len(audited) >= 2:
            st.altair_chart(audit_curve(audited), width="stretch", alt=_audit_alt(audited))
        else:
            st.caption(word("insights.curve_later", least=POINT_FROM))
    demo = [p for p in points if p.demo is not None]
    if project.demo:
        with st.container(border=True):
            st.header(word("insights.demo"), anchor=False)
            if demo:
                st.markdown(_demo_now(demo[-1]))
                st.altair_chart(demo_curve(demo), width="stretch", alt=_demo_alt(demo))
            else:
                st.caption(word("insights.demo_later"))
            st.caption(word(f"held_back.{demo_of(project) or 'other'}"))


def _demo_now(point: CurvePoint) -> str:
    # They are those of the audit reserve, which was drawn at random: an interval tells of all items.
    found = share_of(round((point.demo or 0) * point.demo_items), point.demo_items)
    shares = {name: f"{getattr(found, name):.0%}" for name in ("value", "low", "high")}
    return word("insights.demo_now", n=f"{point.labels:,}", items=f"{point.demo_items:,}", **shares)


def _audit_alt(points: list[CurvePoint]) -> str:
    first, last = points[0], points[-1].audits
    shares = {name: f"{getattr(last, name):.0%}" for name in ("share", "low", "high")}
    return word(
        "insights.curve_alt", a=first.labels, b=points[-1].labels, first=f"{first.audits.share:.0%}", n=last.answered,
        **shares,
    )  # fmt: skip


def _demo_alt(points: list[CurvePoint]) -> str:
    first, last = points[0], points[-1]
    return word("insights.demo_alt", a=first.labels, b=last.labels, first=f"{first.demo:.0%}", last=f"{last.demo:.0%}")


def _worker(project: Project) -> None:
    desk = session.desk()
    overview = reporting.overview(desk, project.id, session.now())
    with st.container(border=True):
        st.header(word("insights.worker"), anchor=False)
        progress = overview.progress
        if not overview.worker_alive:
            st.warning(word("insights.no_worker"), icon=":material/power_off:")
        else:
            key = f"worker.{progress.worker}"
            st.markdown(
                word(key) if key in WORDS[language()] else plain(sentence(progress.worker))
            )  # else it says what went wrong
        if progress.reading < 1:
            st.progress(progress.reading, text=word("insights.reading", share=f"{progress.reading:.0%}"))
        last = looking.last_round(desk, project.id)
        if last is not None and last.labels:
            st.caption(_fitted(last))
        running, asked = live_job(overview.jobs, "retrain"), latest_job(overview.jobs, "retrain")
        if running is not None:
            watch_job(project.id, running.id, what=word("job.retrain"))
        elif st.button(word("insights.retrain"), disabled=not progress.decided, icon=":material/refresh:"):
            ordering.retrain(desk, project.id, session.annotator(), session.now())
            st.rerun()
        elif asked is not None and asked.status == "failed":
            job_failed(asked)
        elif asked is not None and asked.status == "done" and asked.finished_at:
            st.caption(word("insights.retrained", at=session.clock(asked.finished_at)))


def _fitted(last: Round) -> str:
    if last.fit_seconds < 0.1:
        return word("insights.fit_quick", labels=f"{last.labels:,}")
    return word("insights.fit", labels=f"{last.labels:,}", seconds=f"{last.fit_seconds:.1f}")


def _progress(project: Project, overview: Overview) -> None:
    desk, who, progress = session.desk(), session.annotator(), overview.progress
    with st.container(border=True):
        st.header(word("insights.progress"), anchor=False)
        st.progress(
            min(1.0, progress.answered / progress.items),
            text=word("home.progress", answered=f"{progress.answered:,}", items=f"{progress.items:,}"),
        )
        if progress.machine:
            st.caption(word("insights.machine", n=f"{progress.machine:,}"))
        done = reporting.today(desk, project.id, who, session.now(), session.utc_offset())
        st.markdown(word("home.today", n=done, goal=project.policy.daily_goal))
        st.caption(word("insights.counted"))
        pace = reporting.pace(desk, project.id, who)
        st.caption(word("insights.pace", seconds=f"{pace:.1f}") if pace else word("insights.no_pace"))


def _balance(project: Project, overview: Overview) -> None:
    schema = project.schema
    counts = dict.fromkeys(choices(schema), 0)
    for class_id, n in overview.classes.items():
        (heir,) = counted_as((class_id,), schema)
        counts[heir] = counts.get(heir, 0) + n
    with st.container(border=True):
        st.header(word("insights.balance"), anchor=False)
        audits = overview.progress.audited + overview.progress.checked
        if audits:
            st.caption(word("insights.without_audits", n=f"{audits:,}"))
        if not any(counts.values()):
            st.caption(word("insights.no_balance"))
            return
        if schema.many:
            st.caption(word("insights.balance_many"))
        colors = {c.id: c.color for c in schema.classes}
        bars = [Bar(name_of(c, schema), n, colors.get(c) or PLAIN) for c, n in counts.items()]
        st.altair_chart(bar_chart(bars), width="stretch", alt="; ".join(f"{b.name}: {b.count}" for b in bars))
