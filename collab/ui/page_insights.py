"""Insights: how often the model agrees with blind answers, how the classes lie, what the worker does now."""

from typing import Any

import altair as alt
import streamlit as st

from collab.domain.project import Project
from collab.domain.run import CALIBRATED_FROM
from collab.loop import reporting
from collab.loop.reporting import POINT_FROM, SHOWN_FROM, AuditReport, CurvePoint, Overview
from collab.ui import session
from collab.ui.pieces import duration, empty, heading, job_failed, latest_job, live_job, plain, watch_job
from collab.ui.words import WORDS, language, word

QUIET = "#7d8590"
"""A gray that can be read on a light and on a dark page."""

WATCH_SECONDS = 3.0

SECONDS_EACH = 6.0
"""What an answer is taken to cost while this person's own pace isn't known."""


def draw() -> None:
    """Draw the figures of the open project."""
    project = session.project()
    heading(word("insights.title"), plain(project.name) if project else "")
    if project is None or not session.store().progress(project.id).items:
        empty("show_chart", word("insights.none"), word("insights.none_why"))
        return
    overview = reporting.overview(session.store(), project.id, session.now())
    left, right = st.columns([3, 2], gap="large")
    with left:
        _agreement(project, overview)
        _curves(project)
    with right:
        resting = overview.worker_alive and overview.progress.reading >= 1
        # A timer costs every open tab; it runs only while there is something to watch.
        st.fragment(_worker, run_every=None if resting else WATCH_SECONDS)(project)
        _progress(project, overview)
        _balance(project, overview)


def _agreement(project: Project, overview: Overview) -> None:
    report = reporting.accuracy(session.store(), project.id)
    waiting = max(0, overview.progress.audited - report.judged - report.retired)  # since the last fit
    missing = max(0, CALIBRATED_FROM - (report.judged or waiting))
    with st.container(border=True):
        st.header(word("insights.agreement"), anchor=False)
        st.markdown(_agreement_words(report, waiting, overview.progress.reading))
        if missing:
            st.caption(_missing(project, overview, missing))
        if report.unresolved:
            st.caption(word("insights.unresolved", n=report.unresolved))
        if report.retired:
            st.caption(word("insights.retired", n=report.retired))
        if report.unchecked and report.band is not None:
            names = plain(", ".join(report.unchecked))
            st.caption(word("insights.unchecked", names=names, least=SHOWN_FROM, share=f"{report.covered:.0%}"))
        if report.point is not None and f"{report.point:.0%}" != f"{report.right / report.answered:.0%}":
            st.caption(word("insights.weighted", share=f"{report.point:.0%}"))
        st.caption(word("insights.how"))


def _agreement_words(report: AuditReport, waiting: int, reading: float) -> str:
    if report.band is None or report.low is None or report.high is None:
        answered = report.judged + waiting
        if answered < SHOWN_FROM:
            return word("insights.too_few", n=answered, least=SHOWN_FROM)
        if report.judged:
            return word("insights.scattered", n=answered, least=SHOWN_FROM)
        return word(
            "insights.not_judged_reading" if reading < 1 else "insights.not_judged", n=answered, waiting=waiting
        )
    if report.point is None:
        return word("insights.band", low=report.band[0], high=report.band[1], n=report.answered)
    return word(
        "insights.point_part" if report.unchecked else "insights.point",
        agreed=report.right, n=report.answered, low=f"{report.low:.0%}", high=f"{report.high:.0%}",
    )  # fmt: skip


def _missing(project: Project, overview: Overview, blind_answers: int) -> str:
    """Say how many blind answers are missing, and how long it takes until they have been asked."""
    every = max(1, project.policy.audit_every(overview.progress.audited))
    pace = reporting.pace(session.store(), project.id, session.annotator())
    time = duration(blind_answers * every * (pace or SECONDS_EACH))
    if pace:
        return word("insights.missing", n=blind_answers, time=time)
    return word("insights.missing_assumed", n=blind_answers, time=time, seconds=f"{SECONDS_EACH:.0f}")


def _curves(project: Project) -> None:
    points = reporting.curve(session.store(), project.id)
    audited = [p for p in points if p.audits.point is not None]
    with st.container(border=True):
        st.header(word("insights.curve"), anchor=False)
        if len(audited) >= 2:
            st.altair_chart(_audit_curve(audited), width="stretch", alt=_audit_alt(audited))
        else:
            st.caption(word("insights.curve_later", least=POINT_FROM))
    demo = [p for p in points if p.demo is not None]
    if project.demo:
        with st.container(border=True):
            st.header(word("insights.demo"), anchor=False)
            if demo:
                st.markdown(
                    word(
                        "insights.demo_now",
                        share=f"{demo[-1].demo:.0%}",
                        n=demo[-1].labels,
                        items=f"{demo[-1].demo_items:,}",
                    )
                )
                st.altair_chart(_demo_curve(demo), width="stretch", alt=_demo_alt(demo))
            else:
                st.caption(word("insights.demo_later"))
            st.caption(word("insights.demo_why"))


def _audit_curve(points: list[CurvePoint]) -> Any:  # altair has no types
    rows = [{"labels": p.labels, "share": p.audits.share, "low": p.audits.low, "high": p.audits.high} for p in points]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        alt.X("labels:Q", axis=alt.Axis(title=word("insights.labels"), format="d", tickMinStep=1))
    )
    share = alt.Axis(format="%", title=None)
    band = base.mark_area(opacity=0.2).encode(
        alt.Y("low:Q", scale=alt.Scale(domain=[0, 1]), axis=share), alt.Y2("high:Q")
    )
    line = base.mark_line(point=True).encode(alt.Y("share:Q", axis=share))
    return (band + line).properties(height=260, title=_measure(word("insights.agreed")))


def _demo_curve(points: list[CurvePoint]) -> Any:  # altair has no types
    rows = [{"labels": p.labels, "share": p.demo} for p in points]
    return (
        alt.Chart(alt.InlineData(values=rows))
        .mark_line(point=len(rows) < 60)
        .encode(
            alt.X("labels:Q", axis=alt.Axis(title=word("insights.labels"), format="d", tickMinStep=1)),
            alt.Y("share:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%", title=None)),
        )
        .properties(height=240, title=_measure(word("insights.demo_axis")))
    )


def _measure(text: str) -> Any:  # altair has no types
    """Say above a chart what its height measures: along the axis the words would be cut off where it is narrow."""
    return alt.TitleParams(text, anchor="start", frame="bounds", fontSize=13, fontWeight=400, color=QUIET, offset=12)


def _audit_alt(points: list[CurvePoint]) -> str:
    first, last = points[0], points[-1]
    return word(
        "insights.curve_alt", a=first.labels, b=last.labels, first=f"{first.audits.share:.0%}",
        last=f"{last.audits.share:.0%}",
    )  # fmt: skip


def _demo_alt(points: list[CurvePoint]) -> str:
    first, last = points[0], points[-1]
    return word("insights.curve_alt", a=first.labels, b=last.labels, first=f"{first.demo:.0%}", last=f"{last.demo:.0%}")


def _worker(project: Project) -> None:
    store = session.store()
    overview = reporting.overview(store, project.id, session.now())
    with st.container(border=True):
        st.header(word("insights.worker"), anchor=False)
        progress = overview.progress
        if not overview.worker_alive:
            st.warning(word("insights.no_worker"), icon=":material/power_off:")
        else:
            key = f"worker.{progress.worker}"
            st.markdown(
                word(key) if key in WORDS[language()] else plain(progress.worker)
            )  # else it says what went wrong
        if progress.reading < 1:
            st.progress(progress.reading, text=word("insights.reading", share=f"{progress.reading:.0%}"))
        last = next(reversed(store.rounds(project.id)), None)
        if last is not None and last.labels:
            st.caption(word("insights.fit", labels=f"{last.labels:,}", seconds=f"{last.fit_seconds:.2f}"))
        running, asked = live_job(overview.jobs, "retrain"), latest_job(overview.jobs, "retrain")
        if running is not None:
            watch_job(running.id, what=word("job.retrain"))
        elif st.button(word("insights.retrain"), disabled=not progress.decided, icon=":material/refresh:"):
            store.submit_job("retrain", project.id, {}, session.annotator(), session.now())
            st.rerun()
        elif asked is not None and asked.status == "failed":
            job_failed(asked)
        elif asked is not None and asked.status == "done" and asked.finished_at:
            st.caption(word("insights.retrained", at=session.clock(asked.finished_at)))


def _progress(project: Project, overview: Overview) -> None:
    store, who, progress = session.store(), session.annotator(), overview.progress
    with st.container(border=True):
        st.header(word("insights.progress"), anchor=False)
        answered = progress.decided + progress.audited
        st.progress(
            min(1.0, answered / progress.items),
            text=word("home.progress", answered=f"{answered:,}", items=f"{progress.items:,}"),
        )
        done = reporting.today(store, project.id, who, session.now(), session.utc_offset())
        st.markdown(word("home.today", n=done, goal=project.policy.daily_goal))
        pace = reporting.pace(store, project.id, who)
        st.caption(word("insights.pace", seconds=f"{pace:.1f}") if pace else word("insights.no_pace"))


def _balance(project: Project, overview: Overview) -> None:
    schema = project.schema
    counts = {c.id: 0 for c in schema.live}
    for class_id, n in overview.classes.items():
        heir = schema.resolve(class_id)
        counts[heir] = counts.get(heir, 0) + n
    with st.container(border=True):
        st.header(word("insights.balance"), anchor=False)
        if overview.progress.audited:
            st.caption(word("insights.without_audits", n=f"{overview.progress.audited:,}"))
        if not any(counts.values()):
            st.caption(word("insights.no_balance"))
            return
        rows = [{"name": schema[c].name, "n": n, "color": schema[c].color or "#888888"} for c, n in counts.items()]
        bars = alt.Chart(alt.InlineData(values=rows)).encode(
            alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=160, ticks=False, domain=False)),
            alt.X("n:Q", title=None, axis=None),
        )
        chart = bars.mark_bar(cornerRadiusEnd=3).encode(
            color=alt.Color("color:N", scale=None, legend=None)
        ) + bars.mark_text(align="left", dx=4, color=QUIET).encode(alt.Text("n:Q", format=",d"))
        st.altair_chart(
            chart.properties(height=28 * len(rows) + 10), width="stretch",
            alt="; ".join(f"{row['name']}: {row['n']}" for row in rows),
        )  # fmt: skip
