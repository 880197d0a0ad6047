"""A plane full of points, to look at and to encircle some; which items they are, its page knows."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

_HERE = Path(__file__).parent

_plane = st.components.v2.component(
    "collab.map",
    html='<div class="plane"></div>',
    css=(_HERE / "map.css").read_text("utf-8"),
    js=(_HERE / "map.js").read_text("utf-8"),
    isolate_styles=True,
)


def encircled(
    points: Any, colors: Any, palette: Sequence[tuple[str, str]], words: Mapping[str, str], *, key: str, content: str
) -> tuple[list[list[float]], int]:  # points and colors are arrays
    """Draw points; returns the outline that somebody drew around some, and the point that they pointed at, or -1.

    Args:
        points: Shape (n, 2), from 0 to 1.
        colors: Of each point, a place in the palette; what is last there lies below the others.
        palette: Name and color of each; "" is a muted one.
        words: What its buttons say.
        key: Of the widget.
        content: Must change with what is drawn: the same is not drawn anew.
    """
    data = {
        "key": content,
        "points": _text((np.asarray(points) * 65535).round().clip(0, 65535).astype("<u2")),
        "colors": _text(np.asarray(colors, np.uint8)),
        "names": [name for name, _ in palette],
        "palette": [color for _, color in palette],
        "words": dict(words),
        "map": key,
    }
    result = _plane(
        key=key, data=data, default={"outline": [], "near": -1}, on_outline_change=_rerun, on_near_change=_rerun
    )
    outline = result.outline if _is_outline(result.outline) else []
    near = result.near if isinstance(result.near, int | float) and 0 <= result.near < len(points) else -1
    return outline, int(near)


def _is_outline(given: object) -> bool:
    """Whether a browser sent what the script sends."""
    return isinstance(given, list) and all(
        isinstance(corner, list) and len(corner) == 2 and all(isinstance(at, int | float) for at in corner)
        for corner in given
    )


def _text(values: Any) -> str:  # an array
    return base64.b64encode(values.tobytes()).decode()


def _rerun() -> None:
    """A state needs a callback to be known; the rerun that it causes is all that is wanted."""
