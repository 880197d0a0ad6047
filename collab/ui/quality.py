"""How good the model is, on Insights: agreement, class by class, and whether its percentages mean what they say."""

from collections.abc import Sequence
from math import floor

import streamlit as st

from collab.domain.project import Project
from collab.domain.run import CALIBRATED_FROM, SHOWN_FROM, Calibration, Checks, Progress
from collab.engine.assurance import Estimate
from collab.engine.calibration import ERROR_FROM
from collab.loop import reporting
from collab.loop.reporting import POINT_FROM, AuditReport, ClassReport, Overview, band
from collab.ui import session
from collab.ui.figures import reliability_diagram
from collab.ui.pieces import duration, plain
from collab.ui.words import word

SECONDS_EACH = 6.0
"""What an answer is taken to cost while this person's own pace isn't known."""


def draw(project: Project, overview: Overview) -> None:
    """Draw what the audits say of the model."""
    desk = session.desk()
    report, checks = reporting.accuracy(desk, project.id), reporting.checks(desk, project.id)
    classes = reporting.by_class(desk, project.id, project.schema)
    _agreement(project, overview, report, checks, by_class=bool(classes))
    if classes:
        _classes(project, classes)
    if checks is not None and checks.calibration is not None:
        _calibration(checks.calibration, checks.labels)


def counted(k: int, share: Estimate) -> str:
    """A share as counts with its range, no more exact than so many answers allow: "30 of 40 (60 to 86%)"."""
    if not share.n:
        return word("insights.count_none")
    counts = {"both": f"{k:,}", "n": f"{share.n:,}"}
    if share.n < SHOWN_FROM:
        return word("insights.count", **counts)
    return word("insights.count_range", **counts, range=extent(share))


def extent(share: Estimate) -> str:
    """The range of a share alone, no more exact than so many answers allow: "60 to 86%"."""
    if share.n < SHOWN_FROM:
        return word("insights.extent_few")
    if share.n < POINT_FROM:
        low, high = band(share.low, share.high)
        return word("insights.extent_band", low=low, high=high)
    return word("insights.extent", low=f"{100 * share.low:.0f}", high=f"{share.high:.0%}")


def at_least(bound: float, digits: int = 0) -> str:
    """A lower bound, never rounded up to what it misses.

    >>> at_least(89.99), at_least(0.9899, 3), at_least(29.0)
    ('89', '0.989', '29')
    """
    return f"{floor(bound * 10**digits + 1e-9) / 10**digits:.{digits}f}"


def points(share: float, digits: int = 0) -> str:
    """A difference of two shares in points, with its sign.

    >>> points(0.074), points(-0.031), points(0.001)
    ('+7', '−3', '0')
    """
    value = round(100 * share, digits) or 0.0
    return f"{value:+.{digits}f}".replace("-", "−") if value else f"{value:.{digits}f}"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Draw a table that can be scrolled where the page is narrow; one in Markdown would run out of its place."""
    st.table({head: [row[i] for row in rows] for i, head in enumerate(heads)}, border="horizontal", hide_index=True)


def _agreement(
    project: Project, overview: Overview, report: AuditReport, checks: Checks | None, *, by_class: bool
) -> None:
    waiting = max(0, overview.progress.audited - report.judged - report.retired)  # since the last fit
    missing = max(0, CALIBRATED_FROM - (report.judged or waiting))
    with st.container(border=True):
        st.header(word("insights.agreement"), anchor=False)
        st.markdown(agreement(report, waiting, overview.progress.reading))
        if project.schema.many:
            st.caption(word("insights.whole"))
            if by_class:
                st.caption(word("insights.whole_below"))
        if missing:
            st.caption(missing_words(project, overview.progress, missing, _own_pace(project)))
        if report.unresolved:
            st.caption(word("insights.unresolved", n=report.unresolved))
        if report.retired:
            st.caption(word("insights.retired", n=report.retired))
        if report.chose:
            st.caption(word("insights.chose", k=f"{report.chose:,}", n=f"{report.judged:,}"))
        if report.unchecked and report.band is not None:
            names = plain(", ".join(report.unchecked))
            st.caption(word("insights.unchecked", names=names, least=SHOWN_FROM, share=f"{report.covered:.0%}"))
        if report.point is not None and f"{report.point:.0%}" != f"{report.right / report.answered:.0%}":
            st.caption(word("insights.weighted", share=f"{report.point:.0%}"))
        if report.point is not None and checks is not None:
            _other_bounds(checks)
        st.caption(word("insights.how"))


def agreement(report: AuditReport, waiting: int, reading: float) -> str:
    """How often the model agrees, in a sentence, as exact as so many answers allow.

    Args:
        report: What the audits say.
        waiting: Blind answers given since the last fit.
        reading: Share of the items that have been read.
    """
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
        counts = {"agreed": report.right, "n": report.answered}
        return word("insights.band", low=report.band[0], high=report.band[1], **counts)
    return word(
        "insights.point_part" if report.unchecked else "insights.point",
        agreed=report.right, n=report.answered, low=f"{report.low:.0%}", high=f"{report.high:.0%}",
    )  # fmt: skip


def _own_pace(project: Project) -> float | None:
    return reporting.pace(session.desk(), project.id, session.annotator())


def missing_words(project: Project, progress: Progress, blind_answers: int, pace: float | None) -> str:
    """Say how many blind answers are missing, and how long it takes until they have been asked; or that too few items
    are set aside for so many."""
    if blind_answers > progress.audits_left:
        return word("insights.out_of_reach", n=blind_answers, left=f"{progress.audits_left:,}")
    every = max(1, project.policy.audit_every(progress.audited))
    time = duration(blind_answers * every * (pace or SECONDS_EACH))
    if pace:
        return word("insights.missing", n=blind_answers, time=time)
    return word("insights.missing_assumed", n=blind_answers, time=time, seconds=f"{SECONDS_EACH:.0f}")


def _other_bounds(checks: Checks) -> None:
    second = checks.by_confidence
    if second is not None:
        shares = {name: f"{getattr(second, name):.0%}" for name in ("value", "low", "high")}
        st.caption(word("insights.by_confidence", **shares, n=checks.answered))
    if checks.low is not None:
        st.caption(word("insights.every_look", low=f"{at_least(100 * checks.low)}%", n=checks.answered))


def _classes(project: Project, classes: tuple[ClassReport, ...]) -> None:
    names = {c.id: plain(c.name) for c in project.schema.live}
    told = [c for c in classes if min(c.precision.n, c.recall.n) >= SHOWN_FROM]
    with st.container(border=True):
        st.header(word("insights.classes"), anchor=False)
        if told:
            least = min(told, key=lambda c: c.f1.value)
            said = {"name": names[least.class_id], "both": least.both}
            key = "insights.class_least" if len(told) > 1 else "insights.class_words"
            st.markdown(word(key, **said, model=least.precision.n, people=least.recall.n))
        heads = [word(f"insights.{key}") for key in ("class", "precision", "recall", "f1")]
        table(heads, [_row(names[c.class_id], c) for c in classes])
        if any(min(c.precision.n, c.recall.n) < SHOWN_FROM or c.f1.n < POINT_FROM for c in classes):
            st.caption(word("insights.class_few", least=SHOWN_FROM, most=POINT_FROM))
        st.caption(word("insights.class_how"))


def _row(name: str, found: ClassReport) -> list[str]:
    return [name, counted(found.both, found.precision), counted(found.both, found.recall), _f1(found.f1)]


def _f1(share: Estimate) -> str:
    if share.n < POINT_FROM:
        return word("insights.f1_few")
    return word(
        "insights.f1_range", value=f"{share.value:.2f}", low=f"{share.low:.2f}", high=f"{share.high:.2f}", n=share.n
    )


def _calibration(found: Calibration, labels: int) -> None:
    least, most = found.bins[0], found.bins[-1]
    with st.container(border=True):
        st.header(word("insights.calibration"), anchor=False)
        counts = {"n": found.answered, "expected": f"{found.expected:.0f}", "agreed": found.right}
        st.markdown(word("insights.calibration_counts", **counts))
        ends = {
            f"{place}_{name}": n
            for place, b in (("least", least), ("most", most))
            for name, n in (("n", b.count), ("expected", f"{b.confidence * b.count:.0f}"), ("agreed", b.right))
        }
        st.markdown(word("insights.calibration_ends", **ends))
        st.altair_chart(
            reliability_diagram(found.bins), width="stretch", alt=word("insights.calibration_alt", **counts, **ends)
        )
        st.caption(word("insights.calibration_points", n=most.count))
        if found.error is not None:
            points = {name: f"{100 * getattr(found.error, name):.1f}" for name in ("value", "low", "high")}
            st.caption(word("insights.error", **points, n=found.answered))
        else:
            score = {name: f"{getattr(found.brier, name):.2f}" for name in ("value", "low", "high")}
            st.caption(word("insights.brier", **score, n=found.answered, least=ERROR_FROM))
        st.caption(word("insights.calibration_shared", labels=f"{labels:,}"))
