"""How two texts differ, word by word; where a writing has no spaces, character by character."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

MOST_WORDS = 600
"""Of each text that are compared: more would take long, and nobody could read it."""
_PARTS = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]|[^\W\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]+"
    r"|\s+|[^\w\s]"
)


@dataclass(frozen=True, slots=True)
class Part:
    """A run of text that both have, or one of them alone."""

    of: Literal["both", "first", "second"]
    text: str


def contrast(first: str, second: str) -> tuple[Part, ...]:
    """Tell what both texts have and what only one has, in the order in which they are read.

    >>> [(p.of, p.text) for p in contrast("a good film", "a bad film")]
    [('both', 'a '), ('first', 'good'), ('second', 'bad'), ('both', ' film')]
    """
    a, b = (_PARTS.findall(text)[:MOST_WORDS] for text in (first, second))
    parts: list[Part] = []
    matcher = SequenceMatcher(None, [w.casefold() for w in a], [w.casefold() for w in b], autojunk=False)
    for what, start, end, over, until in matcher.get_opcodes():
        if what == "equal":
            parts.append(Part("both", "".join(a[start:end])))
            continue
        if start < end:
            parts.append(Part("first", "".join(a[start:end])))
        if over < until:
            parts.append(Part("second", "".join(b[over:until])))
    return tuple(_joined(parts))


def _joined(parts: list[Part]) -> list[Part]:
    """With single spaces between what differs taken to either side: a changed phrase is read as one."""
    found: list[Part] = []
    first = second = ""
    for at, part in enumerate(parts):
        bridge = part.text.isspace() and bool(first or second) and at < len(parts) - 1
        if part.of == "both" and not bridge:
            found += _sides(first, second)
            found.append(part)
            first = second = ""
            continue
        first += part.text if part.of != "second" else ""
        second += part.text if part.of != "first" else ""
    return found + _sides(first, second)


def _sides(first: str, second: str) -> list[Part]:
    return [*([Part("first", first)] if first else []), *([Part("second", second)] if second else [])]
