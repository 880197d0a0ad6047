"""The report's part on how good the model is: agreement with blind answers, whole and in parts, and its percentages."""

from collab.domain.project import LabelSchema
from collab.domain.run import SHOWN_FROM, Checks
from collab.engine.assurance import Estimate
from collab.loop.reporting import POINT_FROM, AuditReport, ClassReport, CurvePoint
from collab.loop.slicing import Column, Groups
from collab.loop.summarizing import Summary
from collab.ui import parts
from collab.ui.quality import at_least, counted
from collab.ui.report.charts import learning_curve, reliability
from collab.ui.report.markup import block, figure, paragraph, percent, safe, say, section, table, told
from collab.ui.words import word

COLUMNS = 6
"""Most columns that are told; all of them are in the JSON."""


def drawn(summary: Summary) -> str:
    """All of the part."""
    found = summary.quality
    charts = _curve(found.curve) + _calibration(found.checks)
    columns = found.parts.columns[:COLUMNS] if found.parts is not None else ()
    few = say("parts.few", least=SHOWN_FROM)
    return section(
        say("report.quality"),
        _agreement(found.accuracy, found.checks),
        paragraph(_whole(summary), "note"),
        f'<div class="pair">{charts}</div>' if charts else "",
        _classes(found.classes, summary.schema),
        "".join(_column(column) for column in columns),
        paragraph(f"{few} {say('parts.how')}" if columns else "", "note"),
        _group(found.group),
    )


def _whole(summary: Summary) -> str:
    if not summary.schema.many:
        return ""
    return " ".join([say("insights.whole"), *([say("insights.whole_below")] if summary.quality.classes else [])])


def _agreement(found: AuditReport, checks: Checks | None) -> str:
    notes = []
    if found.unresolved:
        notes.append(say("insights.unresolved", n=found.unresolved))
    if found.retired:
        notes.append(say("insights.retired", n=found.retired))
    if found.chose:
        notes.append(say("insights.chose", k=f"{found.chose:,}", n=f"{found.judged:,}"))
    if found.unchecked and found.band is not None:
        names = ", ".join(found.unchecked)
        notes.append(say("insights.unchecked", share=percent(found.covered), least=SHOWN_FROM, names=names))
    if found.point is not None and f"{found.point:.0%}" != f"{found.right / found.answered:.0%}":
        notes.append(say("insights.weighted", share=percent(found.point)))
    if found.point is not None and checks is not None:
        notes += _other_bounds(checks)
    if found.band is not None:
        notes.append(say("insights.how"))
    return paragraph(_agreement_words(found), "lead") + paragraph(" ".join(notes), "note")


def _other_bounds(checks: Checks) -> list[str]:
    notes, second = [], checks.by_confidence
    if second is not None:
        shares = {name: percent(getattr(second, name)) for name in ("value", "low", "high")}
        notes.append(say("insights.by_confidence", n=checks.answered, **shares))
    if checks.low is not None:
        notes.append(say("insights.every_look", low=f"{at_least(100 * checks.low)}%", n=checks.answered))
    return notes


def _agreement_words(found: AuditReport) -> str:
    if found.band is None or found.low is None or found.high is None:
        return say("insights.scattered", n=found.judged, least=SHOWN_FROM)
    counts = {"agreed": found.right, "n": found.answered}
    if found.point is None:
        return say("insights.band", low=found.band[0], high=found.band[1], **counts)
    shares = {"low": percent(found.low), "high": percent(found.high)}
    return say("insights.point_part" if found.unchecked else "insights.point", **counts, **shares)


def _curve(points: tuple[CurvePoint, ...]) -> str:
    if len(points) < 2:
        return ""
    first, last = points[0].audits, points[-1].audits
    values = {
        "a": f"{points[0].labels:,}", "first": first.right, "first_n": first.answered,
        "b": f"{points[-1].labels:,}", "last": last.right, "last_n": last.answered,
    }  # fmt: skip
    drawing = learning_curve(
        points, say("insights.labels"), say("insights.agreed"), word("report.curve_told", **values)
    )
    return block(say("insights.curve"), figure(drawing, say("report.curve_told", **values)))


def _calibration(checks: Checks | None) -> str:
    if checks is None or checks.calibration is None:
        return ""
    found = checks.calibration
    counts = {"n": found.answered, "expected": f"{found.expected:.0f}", "agreed": found.right}
    drawn_told = word("report.calibration_told", **counts)
    drawing = reliability(found.bins, say("insights.expected"), say("insights.agreed_share"), drawn_told)
    if found.error is not None:
        score = {name: f"{100 * getattr(found.error, name):.1f}" for name in ("value", "low", "high")}
        score_told = say("insights.error", n=found.answered, **score)
    else:
        score = {name: f"{getattr(found.brier, name):.2f}" for name in ("value", "low", "high")}
        score_told = say("report.brier", n=found.answered, **score)
    each = say("insights.calibration_points", n=found.bins[-1].count)
    caption = f"{say('report.calibration_told', **counts)} {each} {score_told}"
    return block(say("insights.calibration"), figure(drawing, caption))


def _classes(classes: tuple[ClassReport, ...], schema: LabelSchema) -> str:
    heads = [say(f"insights.{key}") for key in ("class", "precision", "recall", "f1")]
    rows = [
        [safe(schema[c.class_id].name), told(counted(c.both, c.precision)), told(counted(c.both, c.recall)), _f1(c.f1)]
        for c in classes
    ]
    why = f"{say('insights.class_few', least=SHOWN_FROM, most=POINT_FROM)} {say('insights.class_how')}"
    return block(say("insights.classes"), table(heads, rows), paragraph(why, "note")) if rows else ""


def _f1(share: Estimate) -> str:
    if share.n < POINT_FROM:
        return say("insights.f1_few")
    shares = {name: f"{getattr(share, name):.2f}" for name in ("value", "low", "high")}
    return say("insights.f1_range", n=share.n, **shares)


def _column(column: Column) -> str:
    heads = [safe(column.name), say("parts.agreed")]
    rows = [[told(cell) for cell in row] for row in parts.rows_of(column)]
    return block(say("report.by_column", name=column.name), table(heads, rows, words=2))


def _group(found: Groups | None) -> str:
    if found is None:
        return ""
    how = paragraph(say("parts.group_how", column=found.column), "note")
    return block(say("report.group", name=found.column), paragraph(told(parts.unseen(found))), how)
