"""Draw the learning curves of a simulation as SVG and PNG, outside any browser."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import vl_convert

from collab.loop.comparing import Curve
from collab.loop.simulating import Result

VEGA_LITE = "6.4"
WIDTH, HEIGHT = 640, 380
COLORS = ("#0072b2", "#d55e00", "#008060", "#a2559f", "#8a6d00", "#3d9bd0", "#5b3fa6", "#b0124f")
"""Okabe and Ito's first, which colour-blind people can tell apart, the pale ones darkened for text on white.

Source: Okabe and Ito, "Color Universal Design", 2008.
"""
BASELINE = "#767676"
INK, SOFT, LINE, GRID = "#222222", "#555555", "#999999", "#e9e9e9"
LABEL_GAP = 18
"""Pixels between the names at line ends."""
FEW = 3
"""Bands of more curves are paler: they lie over each other."""

Spec = dict[str, Any]
"""A piece of Vega-Lite."""


def draw(result: Result, folder: Path) -> tuple[Path, Path]:
    """Write `curves.svg` and `curves.png` into a folder."""
    spec, svg, png = picture_of(result), folder / "curves.svg", folder / "curves.png"
    svg.write_text(vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE), encoding="utf-8")
    png.write_bytes(vl_convert.vegalite_to_png(spec, vl_version=VEGA_LITE, scale=2))
    return svg, png


def picture_of(result: Result) -> Spec:
    """Draw mean curves with their intervals and the level of training on the whole pool, each named at its end."""
    compared, full = result.summary, result.full
    bottom, top = _range(result)
    last = compared.area_to
    # The baseline lies under the others, whatever was asked for first.
    curves = sorted(compared.curves, key=lambda c: c.strategy != compared.baseline)
    colors = {c.strategy: COLORS[i % len(COLORS)] for i, c in enumerate(curves[1:])}
    colors[compared.baseline] = BASELINE if len(curves) > 1 else COLORS[0]
    layers: list[Spec] = [_rule(full.accuracy)]
    if result.seeds > 1:
        opacity = 0.14 if len(curves) <= FEW else 0.07
        layers += [_band(curve, colors[curve.strategy], opacity, bottom, top) for curve in curves]
    layers += [_line(curve, colors[curve.strategy], dashed=number > len(COLORS)) for number, curve in enumerate(curves)]
    names = [(f"all {full.pool:,} labels", full.accuracy, SOFT)]
    names += [(c.strategy, c.accuracy[-1], colors[c.strategy]) for c in curves]
    heights = spread_out([(accuracy - bottom) / (top - bottom) * HEIGHT for _, accuracy, _ in names])
    for (name, accuracy, color), height in zip(names, heights, strict=True):
        layers.append(_name(f"{name} {100 * accuracy:.1f} %", last, bottom + height / HEIGHT * (top - bottom), color))
    return {
        "$schema": f"https://vega.github.io/schema/vega-lite/v{VEGA_LITE}.json",
        "width": WIDTH, "height": HEIGHT, "background": "white",
        "padding": {"left": 14, "right": 20, "top": 14, "bottom": 14},
        "title": {
            "text": f"{result.name}: how fast the model learns", "subtitle": _subtitle(result), "anchor": "start",
            "frame": "group", "offset": 18, "fontSize": 17, "fontWeight": 600, "color": INK, "subtitleFontSize": 13,
            "subtitleColor": SOFT, "subtitlePadding": 6,
        },
        "encoding": {
            "x": {
                "field": "labels", "type": "quantitative", "title": "labels",
                "scale": {"domain": [0, last], "nice": False},
                "axis": {"grid": False, "tickCount": 8, "labelFlush": False, "titlePadding": 8},
            },
            "y": {
                "field": "accuracy", "type": "quantitative", "title": None,
                "scale": {"domain": [bottom, top], "nice": False, "zero": False},
                "axis": {
                    "tickCount": 7, "labelExpr": "format(100 * datum.value, '.3~f') + ' %'", "domain": False,
                    "ticks": False, "labelPadding": 8,
                },
            },
        },
        "layer": layers,
        "config": {
            "font": "Liberation Sans, Arial, Helvetica, sans-serif", "view": {"stroke": None},
            "axis": {
                "labelFontSize": 12, "titleFontSize": 13, "titleFontWeight": "normal", "labelColor": SOFT,
                "titleColor": SOFT, "gridColor": GRID, "domainColor": LINE, "tickColor": LINE,
            },
        },
    }  # fmt: skip


def spread_out(heights: Sequence[float], gap: float = LABEL_GAP) -> list[float]:
    """Move names apart where they would cover each other; their order stays.

    >>> spread_out([100, 100, 300], gap=18)
    [91.0, 109.0, 300.0]
    """
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    groups: list[list[float]] = []
    for i in order:  # each group stands together around the mean of what it holds; groups that meet become one
        groups.append([heights[i]])
        while len(groups) > 1 and _bounds(groups[-2], gap)[1] + gap > _bounds(groups[-1], gap)[0]:
            groups[-2:] = [groups[-2] + groups[-1]]
    placed = [_bounds(group, gap)[0] + gap * number for group in groups for number in range(len(group))]
    return [placed[order.index(i)] for i in range(len(heights))]


def _bounds(group: Sequence[float], gap: float) -> tuple[float, float]:
    centre, reach = sum(group) / len(group), gap * (len(group) - 1) / 2
    return centre - reach, centre + reach


def _rule(accuracy: float) -> Spec:
    mark = {"type": "rule", "color": LINE, "strokeDash": [5, 4], "strokeWidth": 1.4}
    return {"data": {"values": [{"accuracy": accuracy}]}, "mark": mark, "encoding": {"x": None}}


def _band(curve: Curve, color: str, opacity: float, bottom: float, top: float) -> Spec:
    columns = zip(curve.labels, curve.low, curve.high, strict=True)
    rows = [{"labels": n, "accuracy": max(low, bottom), "high": min(high, top)} for n, low, high in columns]
    mark = {"type": "area", "color": color, "opacity": opacity}
    return {"data": {"values": rows}, "mark": mark, "encoding": {"y2": {"field": "high"}}}


def _line(curve: Curve, color: str, *, dashed: bool) -> Spec:
    rows = [{"labels": n, "accuracy": mean} for n, mean in zip(curve.labels, curve.accuracy, strict=True)]
    mark: Mapping[str, Any] = {"type": "line", "color": color, "strokeWidth": 2.4, "strokeJoin": "round"}
    return {"data": {"values": rows}, "mark": {**mark, "strokeDash": [6, 3]} if dashed else mark}


def _name(said: str, last: int, height: float, color: str) -> Spec:
    mark = {"type": "text", "align": "left", "dx": 9, "fontSize": 13, "fontWeight": 600, "color": color, "text": said}
    return {"data": {"values": [{"labels": last, "accuracy": height}]}, "mark": mark}


def _range(result: Result) -> tuple[float, float]:
    """Accuracies from the lowest mean to the highest, with some room for the bands."""
    lows = [min(c.accuracy) for c in result.summary.curves]
    highs = [result.full.accuracy, *(max(c.accuracy) for c in result.summary.curves)]
    room = 0.08 * max(0.05, max(highs) - min(lows))
    return max(0.0, min(lows) - room), min(1.0, max(highs) + room)


def _subtitle(result: Result) -> str:
    runs = f"means over {result.seeds} seeds, bands are 95 % intervals" if result.seeds > 1 else "one seed"
    return f"Accuracy on {result.full.test:,} test items; {runs}"
