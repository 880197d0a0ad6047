"""Explain a suggestion: the worker's half, which holds encoders, head and features in memory.

It keeps effects of every likely class, so that the page may tell of the class that somebody sees; what of it they may
see is for `collab.loop.inquiring` to say.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np

from collab.domain.project import Field, Item, Project
from collab.domain.store import Store
from collab.engine.arrays import Floats, Ints
from collab.engine.encoders.blocks import Blocks
from collab.engine.encoders.image import ImageEncoder
from collab.engine.explaining import GRID, Span, nearest, of_columns, of_regions, of_words
from collab.engine.heads import Standard
from collab.loop.encoding import picture_of, text_of
from collab.loop.measuring import reads_text, table_fields

T = TypeVar("T")

MOST_CLASSES = 20
"""Effects are kept for the likeliest classes alone."""
NEAR = 8
"""Neighbours that are kept: some may have lost their answer by the time they are shown."""
DIGITS = 4


@dataclass(frozen=True, slots=True)
class Grounds:
    """What the suggestions of a project stand on at this moment."""

    project: Project
    blocks: Blocks
    rows: Floats
    """Features of the pool, shape (n_rows, dim)."""
    items: Ints
    """Whose they are, row by row."""
    row: Mapping[int, int]
    """By item."""
    labeled: Ints
    """Rows that the head learned from."""
    score: Callable[[Floats], Floats]
    """Feature rows to logits, shape (n, n_classes)."""
    standard: Standard | None
    """As the head sees the pool; None where there is only a guess from the names of the classes, which reads texts."""
    eye: ImageEncoder | None = None


def answer_why(store: Store, grounds: Grounds, item: int, now: int) -> None:
    """Explain the suggestion of an item that somebody asked about; nothing can be said of one without features."""
    found = store.items([item]).get(item)
    content = {} if found is None or item not in grounds.row else explain(store, grounds, found)
    store.put_why(grounds.project.id, item, store.progress(grounds.project.id).revision, content, now)


def explain(store: Store, grounds: Grounds, item: Item) -> dict[str, Any]:
    """Say what speaks for which class, as plain values.

    Returns:
        "classes", ids of the likeliest ones with their "logits"; the effects of "words", "pictures", "fields" and
        "kinds", each with one number for each of these classes; and "near", ids and cosines of labeled items.
    """
    project, row = grounds.project, np.array(grounds.rows[grounds.row[item.id]])
    logits = grounds.score(row[None])[0]
    live = [c for c in np.argsort(-logits, kind="stable").tolist() if c < len(project.schema.classes)]
    kept = [c for c in live if not project.schema.classes[c].retired][:MOST_CLASSES]
    content: dict[str, Any] = {
        "classes": [project.schema.classes[c].id for c in kept],
        "logits": _plain(logits[kept]),
        "near": _near(grounds, item.id, row),
        "words": _words(grounds, item, row, kept),
        "pictures": _pictures(store, grounds, item, row, kept),
        "fields": [],
        "kinds": [],
    }
    if grounds.standard is not None:
        parts = _kinds(grounds)
        fields = [
            (name, part) for kind, _, whole in parts if kind == "table" for name, part in _columns(grounds, whole)
        ]
        groups = [part for _, part in fields] + [part for *_, part in parts]
        effects = _plain(of_columns(row, grounds.standard.mean, groups, grounds.score)[:, kept])
        content["fields"] = [[name, e] for (name, _), e in zip(fields, effects, strict=False)]
        if len(parts) > 1:
            content["kinds"] = [
                [kind, name, e] for (kind, name, _), e in zip(parts, effects[len(fields) :], strict=True)
            ]
    return content


def _near(grounds: Grounds, item: int, row: Floats) -> list[list[float]]:
    if grounds.standard is None:
        return []
    others = grounds.labeled[grounds.items[grounds.labeled] != item]
    found, cosines = nearest(row, grounds.rows, others, grounds.standard, NEAR)
    return [[i, round(c, DIGITS)] for i, c in zip(grounds.items[found].tolist(), cosines.tolist(), strict=True)]


def _words(grounds: Grounds, item: Item, row: Floats, kept: Sequence[int]) -> list[list[Any]]:
    """Field, start, end and effects of words; places count characters of their field."""
    encoder = grounds.blocks.text
    if encoder is None:
        return []
    text, fields = text_of(grounds.project.fields, item.fields), grounds.project.fields
    read = text[: encoder.read_until(text)]
    words, effects = of_words(read, partial(_read, grounds, row, slice(0, encoder.dim), encoder.encode))
    places = _places(fields, item.fields, words)
    return [[*place, e] for place, e in zip(places, _plain(effects[:, kept]), strict=True)]


def _pictures(store: Store, grounds: Grounds, item: Item, row: Floats, kept: Sequence[int]) -> list[list[Any]]:
    """Field, patches down and across, and their effects."""
    eye, found = grounds.eye, list[list[Any]]()
    if eye is None or grounds.standard is None:
        return found
    for kind, name, part in _kinds(grounds):
        picture = picture_of(store, item.fields.get(name) or "", eye.size) if kind == "image" else None
        if picture is not None:
            read = partial(_read, grounds, row, part, eye.encode)
            found.append([name, GRID, _plain(of_regions(picture, read)[:, kept])])
    return found


def _read(
    grounds: Grounds, row: Floats, part: slice, encode: Callable[[Sequence[T]], Floats], variants: Sequence[T]
) -> Floats:
    """Logits of an item of which one block reads something else, shape (n_variants, n_classes)."""
    encoded = encode(variants)
    rows = np.repeat(row[None], len(encoded), axis=0)
    rows[:, part] = encoded * np.linalg.norm(row[part])  # beside other blocks an encoder's unit rows are shorter
    return grounds.score(rows)


def _kinds(grounds: Grounds) -> list[tuple[str, str, slice]]:
    """Kind, field and columns of each block: the text's, one for each picture, the table's."""
    project, named = grounds.project, []
    if reads_text(project):
        named.append(("text", ""))
    named += [("image", f.name) for f in project.fields if f.encoded and f.kind == "image"]
    if table_fields(project):
        named.append(("table", ""))
    ends = np.cumsum((0, *grounds.blocks.widths)).tolist()
    return [(kind, name, slice(ends[i], ends[i + 1])) for i, (kind, name) in enumerate(named[: len(ends) - 1])]


def _columns(grounds: Grounds, whole: slice) -> Iterator[tuple[str, slice]]:
    """Each column of the table that says anything, with its features; a category has several."""
    assert grounds.blocks.table is not None, "there is a table's block"
    start = whole.start
    for column in grounds.blocks.table.columns:
        if column.width:
            yield column.name, slice(start, start + column.width)
        start += column.width


def _places(
    fields: Sequence[Field], values: Mapping[str, Any], words: Sequence[Span]
) -> Iterator[tuple[str, int, int]]:
    """Where words of the joined text stand in their fields."""
    ends, after = [], 0
    for field in fields:
        if field.encoded and field.kind == "text" and values.get(field.name):
            start, after = after, after + len(str(values[field.name])) + 1
            ends.append((field.name, start, after))
    for word in words:
        name, start = next((name, start) for name, start, end in ends if word.start < end)
        yield name, word.start - start, word.end - start


def _plain(numbers: Floats) -> list[Any]:
    rounded: list[Any] = np.round(np.asarray(numbers, np.float64), DIGITS).tolist()
    return rounded
