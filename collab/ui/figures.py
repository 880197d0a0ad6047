"""The charts of Insights: figures in, a chart out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from collab.domain.run import Bin
from collab.engine.assurance import share_of
from collab.engine.recipe import Epoch
from collab.loop.reporting import CurvePoint
from collab.ui.words import word

QUIET = "#7d8590"
"""A gray that can be read on a light and on a dark page."""
BLUE, RED, GREEN = "#3f7fd4", "#c8553d", "#2f9463"
"""Colors of marks that can be seen on both."""
DARK_GREEN, DARK_RED, DARK_GRAY = "#1b7a4c", "#b4432c", "#6a727c"
"""Colors that white words can be read on."""
PLAIN = "#888888"
"""The color of a class that has none."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A class and how many items have it."""

    name: str
    count: int
    color: str


@dataclass(frozen=True, slots=True)
class Range:
    """A part of the data and the share of agreement there, with its interval."""

    name: str
    value: float
    low: float
    high: float
    told: str
    """The counts behind it."""


@dataclass(frozen=True, slots=True)
class Shift:
    """How many blind answers people and a model called so, by one version and by another."""

    people: str
    model: str
    before: int
    after: int

    @property
    def better(self) -> bool:
        """Whether the second one agrees more often here, or errs less often."""
        return (self.after > self.before) == (self.people == self.model)


def audit_curve(points: list[CurvePoint]) -> Any:  # altair has no types
    """Draw the agreement with blind answers by number of labels, with its interval."""
    rows = [{"labels": p.labels, "share": p.audits.share, "low": p.audits.low, "high": p.audits.high} for p in points]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        alt.X("labels:Q", axis=alt.Axis(title=word("insights.labels"), format="d", tickMinStep=1))
    )
    share = alt.Axis(format="%", title=None)
    band = base.mark_area(opacity=0.2).encode(
        alt.Y("low:Q", scale=alt.Scale(domain=[0, 1]), axis=share), alt.Y2("high:Q")
    )
    line = base.mark_line(point=len(rows) < 60).encode(alt.Y("share:Q", axis=share))
    return (band + line).properties(height=260, title=_measure(word("insights.agreed")))


def demo_curve(points: list[CurvePoint]) -> Any:  # altair has no types
    """Draw the agreement with held-back answers by number of labels."""
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


def loss_curve(epochs: Sequence[Epoch]) -> Any:  # altair has no types
    """Draw the losses by epoch, of what was learned from and of what was held out."""
    learned, held = word("models.learned"), word("models.held")
    rows = [{"epoch": e.number, "loss": e.loss, "of": learned} for e in epochs]
    rows += [{"epoch": e.number, "loss": e.held_out, "of": held} for e in epochs if e.held_out is not None]
    both = [learned, held]
    return (
        alt.Chart(alt.InlineData(values=rows))
        .mark_line(point=len(epochs) < 30, strokeWidth=2)
        .encode(
            alt.X("epoch:Q", axis=alt.Axis(title=word("models.epoch"), format="d", tickMinStep=1)),
            alt.Y("loss:Q", scale=alt.Scale(zero=False), axis=alt.Axis(title=None)),
            color=alt.Color(
                "of:N", scale=alt.Scale(domain=both, range=[BLUE, RED]),
                legend=alt.Legend(orient="top", title=None, symbolType="stroke", labelLimit=300, offset=4),
            ),
            strokeDash=alt.StrokeDash("of:N", scale=alt.Scale(domain=both, range=[[1, 0], [6, 4]]), legend=None),
            tooltip=[
                alt.Tooltip("of:N", title=word("models.of")),
                alt.Tooltip("epoch:Q", title=word("models.epoch")),
                alt.Tooltip("loss:Q", format=".4f", title=word("models.loss")),
            ],
        )
        .properties(height=330, title=_measure(word("models.loss_axis")))
    )  # fmt: skip


LEAST_HUE = 0.5
"""How much of its color the smallest change has: it must still be read as better or worse."""


def shift_map(shifts: Sequence[Shift]) -> Any:  # altair has no types
    """Draw by how much each cell of the confusion matrix changes; what is better is green, what is worse red.

    White words stand on all of these colors, on a light page and on a dark one; what stays is only hinted at.
    """
    most = max((abs(s.after - s.before) for s in shifts), default=0) or 1
    rows = [
        {
            "people": s.people, "model": s.model, "before": s.before, "after": s.after,
            "told": f"{s.after - s.before:+d}".replace("-", "−") if s.after != s.before else "",
            "color": _mixed(
                DARK_GREEN if s.better else DARK_RED, LEAST_HUE + (1 - LEAST_HUE) * abs(s.after - s.before) / most
            ),
            "weight": 1.0 if s.after != s.before else 0.12,
        }
        for s in shifts
    ]  # fmt: skip
    labels: dict[str, Any] = {"labelLimit": 110, "ticks": False, "domain": False, "labelOverlap": False, "grid": False}
    model = alt.Axis(title=word("comparison.model"), orient="top", labelAngle=0, **labels)
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        alt.X("model:N", sort=None, axis=model, scale=alt.Scale(paddingInner=0.03)),
        alt.Y("people:N", sort=None, axis=alt.Axis(title=None, **labels), scale=alt.Scale(paddingInner=0.06)),
        tooltip=[
            alt.Tooltip("people:N", title=word("comparison.people")),
            alt.Tooltip("model:N", title=word("comparison.model")),
            alt.Tooltip("before:Q", title=word("comparison.first")),
            alt.Tooltip("after:Q", title=word("comparison.second")),
        ],
    )
    cells = base.mark_rect(cornerRadius=4).encode(
        color=alt.Color("color:N", scale=None, legend=None), opacity=alt.Opacity("weight:Q", scale=None, legend=None)
    )
    told = base.mark_text(fontSize=13, fontWeight=600, color="#ffffff").encode(alt.Text("told:N"))
    height = 44 * len({s.people for s in shifts}) + 130
    return (cells + told).properties(height=height, title=_measure(word("comparison.people")))


def reliability_diagram(bins: Sequence[Bin]) -> Any:  # altair has no types
    """Draw how often the model agreed by what it expected, with intervals; honest probabilities lie on the diagonal."""
    shares = [share_of(b.right, b.count) for b in bins]
    rows = [
        {"claim": b.confidence, "share": s.value, "low": s.low, "high": s.high, "told": f"{b.right} / {b.count}"}
        for b, s in zip(bins, shares, strict=True)
    ]
    whole = alt.Scale(domain=[0, 1])
    x = alt.X("claim:Q", scale=whole, axis=alt.Axis(title=word("insights.expected"), format="%"))
    y = alt.Axis(format="%", title=None)
    base = alt.Chart(alt.InlineData(values=rows)).encode(x)
    honest = alt.Chart(alt.InlineData(values=[{"claim": 0, "share": 0}, {"claim": 1, "share": 1}]))
    diagonal = honest.mark_line(strokeDash=[4, 4], strokeWidth=1, color=QUIET).encode(x, alt.Y("share:Q", axis=y))
    ranges = base.mark_rule(color=QUIET, strokeWidth=2).encode(alt.Y("low:Q", scale=whole, axis=y), alt.Y2("high:Q"))
    points = base.mark_point(filled=True, size=60, opacity=1).encode(
        alt.Y("share:Q", axis=y),
        tooltip=[
            alt.Tooltip("claim:Q", format=".0%", title=word("insights.expected")),
            alt.Tooltip("share:Q", format=".0%", title=word("insights.agreed_share")),
            alt.Tooltip("told:N", title=word("insights.counts")),
        ],
    )
    return (diagonal + ranges + points).properties(height=260, title=_measure(word("insights.agreed_share")))


def ranges(parts: Sequence[Range]) -> Any:  # altair has no types
    """Draw a point and its interval for each part, one under the other, so that they can be compared."""
    rows = [{"name": p.name, "share": p.value, "low": p.low, "high": p.high, "told": p.told} for p in parts]
    share, whole = alt.Axis(format="%", title=None), alt.Scale(domain=[0, 1])
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        alt.Y(
            "name:N",
            sort=None,
            title=None,
            axis=alt.Axis(labelLimit=120, labelOverlap=False, ticks=False, domain=False),
        )
    )
    bars = base.mark_rule(color=QUIET, strokeWidth=2).encode(alt.X("low:Q", scale=whole, axis=share), alt.X2("high:Q"))
    dots = base.mark_point(filled=True, size=60, opacity=1).encode(
        alt.X("share:Q", axis=share),
        tooltip=[
            alt.Tooltip("name:N", title=word("parts.part")),
            alt.Tooltip("share:Q", format=".0%", title=word("insights.agreed_share")),
            alt.Tooltip("told:N", title=word("insights.counts")),
        ],
    )
    return (bars + dots).properties(height=28 * len(rows) + 70, title=_measure(word("insights.agreed")))


def bar_chart(bars: Sequence[Bar]) -> Any:  # altair has no types
    """Draw one bar for each class."""
    rows = [{"name": b.name, "n": b.count, "color": b.color} for b in bars]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=160, ticks=False, domain=False)),
        alt.X("n:Q", title=None, axis=None),
    )
    drawn = base.mark_bar(cornerRadiusEnd=3).encode(color=alt.Color("color:N", scale=None, legend=None))
    return (drawn + base.mark_text(align="left", dx=4, color=QUIET).encode(alt.Text("n:Q", format=",d"))).properties(
        height=28 * len(rows) + 10
    )


def _measure(text: str) -> Any:  # altair has no types
    """Say above a chart what its height measures: along the axis the words would be cut off where it is narrow."""
    return alt.TitleParams(text, anchor="start", frame="bounds", fontSize=13, fontWeight=400, color=QUIET, offset=12)


def _mixed(color: str, share: float) -> str:
    """Between gray and a color, both as "#rrggbb"."""
    ends = zip(bytes.fromhex(DARK_GRAY[1:]), bytes.fromhex(color[1:]), strict=True)
    return "#" + bytes(round(a + share * (b - a)) for a, b in ends).hex()
