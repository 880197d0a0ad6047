"""Say what a head's word on an item stands on: the nearest labeled rows, and what in the item it would not be without.

Each part of an item (words, columns, patches of a picture) is taken away in turn; how far the logits fall is its
effect. Knows texts, rows and pixels, not who asks.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from collab.engine.arrays import Floats, Ints
from collab.engine.heads import Standard

MOST_READ, FEWEST = 640, 24
"""Words that are read over all masks of a text, about, for somebody waits; and masks of even the longest one."""
GRID = 6
"""Patches of a picture, down and across."""
CHUNK = 8_192

_CJK = r"\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af"
_WORD = re.compile(
    r"[:;=8xX][-^'o]?[)(\]\[DPp/\\|]+(?!\w)"  # emoticons first: their signs are no words by themselves
    rf"|[{_CJK}]{{1,2}}"
    rf"|[@#]?[^\W_{_CJK}]+(?:['’._-][^\W_{_CJK}]+)*%?"
    r"|[^\w\s.,;:\"'“”‘’«»()\[\]{}/\\|<>–—_-]+"
)

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text, in characters."""

    start: int
    end: int


def nearest(row: Floats, rows: Floats, among: Ints, standard: Standard, most: int) -> tuple[Ints, Floats]:
    """Find the rows that are nearest to one, by the cosine between them as the head sees them.

    Args:
        row: Shape (dim,).
        rows: Of the pool, shape (n_rows, dim).
        among: Those that may be found.
        standard: Centre and spread of the pool; what is alike to all of it makes nobody near.
        most: How many are wanted.

    Returns:
        Rows, nearest first, and cosines in [-1, 1].
    """
    here = _direction(row[None], standard)[0]
    near = np.empty(len(among), np.float32)
    for start in range(0, len(among), CHUNK):  # labels that came with a file may be many
        near[start : start + CHUNK] = _direction(rows[among[start : start + CHUNK]], standard) @ here
    order = np.argsort(-near, kind="stable")[:most]
    return among[order], near[order]


def of_columns(row: Floats, mean: Floats, parts: Sequence[slice], score: Callable[[Floats], Floats]) -> Floats:
    """Effects of groups of columns, each put at the pool's mean in turn, shape (n_parts, n_classes).

    For a linear head they are exact: weight times distance from the mean, summed over the columns of each group; those
    of all columns add up to the distance of the item's logits from those of a mean item.

    Args:
        row: Features of the item, shape (dim,).
        mean: Of the pool, shape (dim,).
        parts: Columns of each group.
        score: Feature rows to logits.

    Source: Strumbelj and Kononenko, "Explaining prediction models and individual predictions with feature
    contributions", Knowledge and Information Systems 2014.
    """
    rows = np.repeat(row[None], len(parts) + 1, axis=0)
    for at, part in enumerate(parts, 1):
        rows[at, part] = mean[part]
    return _falls(score(rows))


def words_of(text: str) -> list[Span]:
    """The words of a text, with signs that say something; of scripts without spaces, pairs of characters.

    >>> [("so good :)"[w.start : w.end]) for w in words_of("so good :)")]
    ['so', 'good', ':)']
    """
    return [Span(*found.span()) for found in _WORD.finditer(text)]


def of_words(text: str, read: Callable[[Sequence[str]], Floats]) -> tuple[list[Span], Floats]:
    """Effects of words, each left out in turn; of a text with too many, those of the pieces that count most.

    Args:
        text: What was read of it.
        read: Texts to logits, shape (n_texts, n_classes).

    Returns:
        Words in their order, and their effects, shape (n_words, n_classes).

    Source: Li, Monroe and Jurafsky, "Understanding Neural Networks through Representation Erasure", 2016.
    """
    words = words_of(text)
    masks = max(FEWEST, MOST_READ // max(1, len(words)))
    whole = None
    while len(words) > masks:
        pieces = [words[g[0] : g[-1] + 1] for g in np.array_split(np.arange(len(words)), masks // 2)]
        effects, whole = _without(text, [Span(piece[0].start, piece[-1].end) for piece in pieces], read, whole)
        words = _strongest(pieces, effects, masks // 2)
    return words, _without(text, words, read, whole)[0]


def of_regions(picture: Pixels, read: Callable[[Sequence[Pixels]], Floats], grid: int = GRID) -> Floats:
    """Effects of the patches of a picture, each painted in the picture's mean colour in turn.

    Args:
        picture: Shape (height, width, 3).
        read: Pictures to logits, shape (n_pictures, n_classes).
        grid: Patches down and across.

    Returns:
        Shape (grid * grid, n_classes), row by row from the top left.

    Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014.
    """
    high, wide = (np.linspace(0, side, grid + 1).astype(int) for side in picture.shape[:2])
    plain = picture.mean(axis=(0, 1)).astype(np.uint8)
    masked = [picture]
    for down in range(grid):
        for across in range(grid):
            masked.append(picture.copy())
            masked[-1][high[down] : high[down + 1], wide[across] : wide[across + 1]] = plain
    return _falls(read(masked))


def _falls(logits: Floats) -> Floats:
    """How far the logits fall from the first row, the whole, to each other one."""
    falls: Floats = logits[0] - logits[1:]
    return falls


def _direction(rows: Floats, standard: Standard) -> Floats:
    away: Floats = (np.asarray(rows, np.float32) - standard.mean) / standard.scale
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-12)
    return away


def _without(
    text: str, spans: Sequence[Span], read: Callable[[Sequence[str]], Floats], whole: Floats | None = None
) -> tuple[Floats, Floats]:
    """Effects of spans, and the logits of the whole text, which are read where they aren't known yet."""
    masked = [text[: span.start] + text[span.end :] for span in spans]
    logits = read([text, *masked] if whole is None else masked)
    if whole is not None:
        logits = np.concatenate([whole[None], logits])
    return _falls(logits), logits[0]


def _strongest(pieces: Sequence[list[Span]], effects: Floats, most: int) -> list[Span]:
    """Words, in their order, of the piece that moved any class most, and of the next ones while there is room."""
    first, *others = np.argsort(-np.abs(effects).max(axis=1), kind="stable").tolist()
    words = list(pieces[first])
    for at in others:
        if len(words) + len(pieces[at]) > most:
            break
        words += pieces[at]
    return sorted(words, key=lambda word: word.start)
