"""Pieces of the report's HTML: words, tables and sections, everything in them escaped. They know no project."""

import html
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from collab.ui.pieces import plain
from collab.ui.words import word

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ue000-\ue001]")
"""What HTML can't hold, what turns the direction of text, and the two characters that stand for tags here."""
_MARK = re.compile(r":\w+\[:[\w/]+:\] ?")
"""A colored icon of Streamlit; the words beside it say the same."""


def safe(value: object) -> str:
    """Text of a person, a file or a number, as HTML.

    >>> safe("<b>&\\x00")
    '&lt;b&gt;&amp;'
    """
    return html.escape(_UNPRINTABLE.sub("", str(value)))


def say(key: str, /, **values: object) -> str:
    """A string of the catalogue as HTML; its values stay text."""
    return told(word(key, **{name: plain(str(value)) for name, value in values.items()}))


def told(markdown: str) -> str:
    """A sentence that was made for a page as HTML: ** becomes bold, nothing else means anything.

    >>> told("**2 of 3**: &#60;i&#62;")
    '<strong>2 of 3</strong>: &lt;i&gt;'
    """
    bold = re.sub(r"\*\*(.+?)\*\*", "\ue000\\1\ue001", _MARK.sub("", _UNPRINTABLE.sub("", markdown)))
    # Pages write a value's punctuation as character references; all of them are read before all is escaped.
    text = html.escape(html.unescape(bold))
    return text.replace("\ue000", "<strong>").replace("\ue001", "</strong>")


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of HTML; nothing where there is none."""
    return f'<p class="{kind}">{text}</p>' if kind and text else f"<p>{text}</p>" if text else ""


def section(title: str, *parts: str) -> str:
    """A part of the report under its title; nothing where all of its parts are empty."""
    first, *others = [part for part in parts if part] or [""]
    # The title must not stand alone at the end of a printed page.
    return f'<section><div class="start"><h2>{title}</h2>{first}</div>{"".join(others)}</section>' if first else ""


def block(title: str, *parts: str) -> str:
    """A smaller part under its title; nothing where all of its parts are empty."""
    inside = "".join(parts)
    return f'<div class="block"><h3>{title}</h3>{inside}</div>' if inside else ""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 1) -> str:
    """A table of HTML cells; the first `words` columns are text, the others numbers. Nothing where it has no rows."""
    body = "".join(f"<tr>{_cells(row, words)}</tr>" for row in rows)
    if not body:
        return ""
    head = "".join(f'<th scope="col"{"" if i < words else _NUMBER}>{text}</th>' for i, text in enumerate(heads))
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def copied(markdown: str, *, words: int = 1) -> str:
    """A table that was made for a page."""
    heads, _, *rows = ([told(cell.strip()) for cell in line.strip("| ").split("|")] for line in markdown.splitlines())
    return table(heads, rows, words=words)


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Names with what they are, both HTML; pairs without a value are left out."""
    inside = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in pairs if value)
    return f"<dl>{inside}</dl>" if inside else ""


def points(texts: Iterable[str]) -> str:
    """A list of HTML texts; nothing where it is empty."""
    inside = "".join(f"<li>{text}</li>" for text in texts if text)
    return f"<ul>{inside}</ul>" if inside else ""


def figure(drawing: str, caption: str) -> str:
    """A chart with the sentence that it shows."""
    return f"<figure>{drawing}<figcaption>{caption}</figcaption></figure>"


def day(at: int) -> str:
    """A moment, in milliseconds since 1970, as its date: the reader's clock isn't known."""
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d}" if at else ""


def moment(at: int) -> str:
    """A moment, in milliseconds since 1970, to the minute."""
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M} UTC" if at else ""


def percent(share: float) -> str:
    """A share without false exactness; near the ends never a 0 or a 100 that it isn't.

    >>> percent(0.946), percent(0.9968), percent(1.0), percent(0.004)
    ('95%', '99.7%', '100%', '0.4%')
    """
    return f"{share:.1%}" if 0 < share < 0.01 or 0.99 < share < 1 else f"{share:.0%}"


def _cells(row: Sequence[str], words: int) -> str:
    first, *others = row
    rest = "".join(f"<td{'' if i < words else _NUMBER}>{text}</td>" for i, text in enumerate(others, 1))
    return f'<th scope="row">{first}</th>{rest}'


_NUMBER = ' class="n"'
