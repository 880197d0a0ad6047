"""Draw the report's two charts as inline SVG: no scripts, no fonts of their own, black ink where it is printed."""

from collections.abc import Sequence

from collab.domain.run import Bin
from collab.engine.assurance import share_of
from collab.loop.reporting import CurvePoint
from collab.ui.report.markup import safe

WIDTH, HEIGHT = 320, 226
LEFT, RIGHT, TOP, BOTTOM = 36, 12, 26, 36
"""Room around the plot for its axes."""
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


def learning_curve(points: Sequence[CurvePoint], across: str, up: str, told: str) -> str:
    """Draw the agreement with blind answers by number of labels, with its interval.

    Args:
        points: At least two, each with a share and its bounds, by rising number of labels.
        across: What the horizontal axis counts.
        up: What the vertical axis measures.
        told: The chart in words, for those who don't see it.
    """
    first, last = points[0].labels, points[-1].labels
    shares = [(p.labels, p.audits.share or 0.0, p.audits.low or 0.0, p.audits.high or 0.0) for p in points]
    spots = [((n - first) / max(1, last - first), *rest) for n, *rest in shares]
    low, high = [(x, low) for x, _, low, _ in spots], [(x, high) for x, *_, high in spots]
    band = f'<polygon class="band" points="{_path(low + high[::-1])}"/>'
    line = f'<polyline class="line" points="{_path([(x, share) for x, share, *_ in spots])}"/>'
    x, y = _at(1, spots[-1][1])
    labels = [(0.0, f"{first:,}"), (1.0, f"{last:,}")]
    return _drawing(told, _axes(labels, across, up), band, line, f'<circle class="dot" cx="{x}" cy="{y}" r="3"/>')


def reliability(bins: Sequence[Bin], across: str, up: str, told: str) -> str:
    """Draw how often the model agreed by what it expected, with intervals; honest probabilities lie on the diagonal."""
    marks = []
    for each in bins:
        found = share_of(each.right, each.count)
        (x, y), (_, top), (_, low) = (_at(each.confidence, v) for v in (found.value, found.high, found.low))
        marks.append(f'<line class="range" x1="{x}" x2="{x}" y1="{low}" y2="{top}"/>')
        marks.append(f'<circle class="dot" cx="{x}" cy="{y}" r="3"/>')
    labels = [(t, f"{t:.0%}") for t in TICKS]
    even = f'<polyline class="even" points="{_path([(0, 0), (1, 1)])}"/>'
    return _drawing(told, _axes(labels, across, up), even, *marks)


def _drawing(told: str, *parts: str) -> str:
    head = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{safe(told)}">'
    return "".join((head, *parts, "</svg>"))


def _axes(labels: Sequence[tuple[float, str]], across: str, up: str) -> str:
    parts = [f'<text x="0" y="10">{up}</text>']
    for tick in TICKS:
        (x, y), (end, _) = _at(0, tick), _at(1, tick)
        parts.append(f'<line class="grid" x1="{x}" x2="{end}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="{x - 6}" y="{y + 3}" text-anchor="end">{tick:.0%}</text>')
    for place, text in labels:
        x, y = _at(place, 0)
        anchor = "start" if place == 0 else "end" if place == 1 else "middle"
        parts.append(f'<text x="{x}" y="{y + 14}" text-anchor="{anchor}">{safe(text)}</text>')
    x, y = _at(0.5, 0)
    parts.append(f'<text x="{x}" y="{y + 29}" text-anchor="middle">{across}</text>')
    return "".join(parts)


def _at(x: float, y: float) -> tuple[float, float]:
    """Where a point of the unit square lies on the drawing."""
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    return round(LEFT + x * wide, 1), round(TOP + (1 - y) * high, 1)


def _path(spots: Sequence[tuple[float, float]]) -> str:
    return " ".join("{},{}".format(*_at(x, y)) for x, y in spots)
