"""Say a word on items: a head's probabilities with what they stand on, or a guess while there is no head yet."""

from collections.abc import Iterable, Sequence
from typing import final

import numpy as np

from collab.domain.annotation import Choices, Footing, Suggestion
from collab.domain.project import LabelSchema
from collab.domain.run import CALIBRATED_FROM
from collab.engine import label_sets
from collab.engine.arrays import Floats, Ints, Labels
from collab.engine.encoders.text import Encoder
from collab.engine.heads import FittedHead, sigmoid, softmax
from collab.engine.numbering import suggested
from collab.engine.zero_shot import MEANINGLESS, guess, tell_apart
from collab.errors import UserError
from collab.loop.guessing import language_of

ENGLISH_ONLY = frozenset({"minilm"})
"""Encoders that were trained on English: of other languages they guess no better than chance."""
READABLE = frozenset({"", "en", "unknown"})
"""What `language_of` says of text that may be English."""

GROWTH = 2.0
"""The guess is made anew once the pool has grown by this factor."""

SURE = 0.9
"""Confidence that the sets of one threshold keep their level over items drawn at random; without it they would keep it
only on the mean over draws of audits. The room that this leaves serves the items that are asked, which are harder. By
`python -m tests.bench.choosing`, with 100 labels, level .9 and 50, 100, 200 audits: sets on the card hold the right
class of .91, .90, .88 of tweets, and of .89, .89, .84 among the hardest (without: .87, .86, .85 and .84, .86, .83); of
digits, .94, .91, .90 and .93, .90, .89. Unfamiliar items get no set: it would hold .67 to .79 of digits."""


@final
class ClassGuess:
    """A guess from the classes' names and descriptions, made once and kept until they change."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._made_of: tuple[tuple[str, ...], frozenset[str]] | None = None
        self._head: FittedHead | None = None
        self._rows = 0

    def proba(self, schema: LabelSchema, languages: Iterable[str], features: Floats, rows: Ints) -> Floats | None:
        """Guess the classes of some rows, shape (n_rows, n_classes), 0 for retired ones; None: better say nothing.

        Args:
            schema: The classes of today.
            languages: In which the items are written, as far as their imports could tell.
            features: Of the whole pool.
            rows: Whose classes are wanted.
        """
        texts = tuple(_text(schema.question, c.name, c.description) for c in schema.live)
        made_of = texts, frozenset({*languages, language_of(texts)})
        if made_of != self._made_of or len(features) > self._rows * GROWTH:
            self._made_of, self._rows = made_of, len(features)
            self._head = self._made(schema, *made_of, features)
        if self._head is None:
            return None
        proba = np.zeros((len(rows), len(schema.classes)), np.float32)
        proba[:, [not c.retired for c in schema.classes]] = self._head.proba(features[rows])
        return proba

    def logits(self, schema: LabelSchema, features: Floats) -> Floats:
        """Score other rows by the latest guess, shape (n, n_classes); all alike where there was none."""
        out = np.zeros((len(features), len(schema.classes)), np.float32)
        live = [not c.retired for c in schema.classes]
        if self._head is not None and self._head.n_classes == sum(live):
            out[:, live] = self._head.logits(features)
        return out

    def _made(
        self, schema: LabelSchema, texts: Sequence[str], languages: frozenset[str], features: Floats
    ) -> FittedHead | None:
        if self._encoder.name in ENGLISH_ONLY and not languages <= READABLE:
            return None
        names, descriptions = [c.name for c in schema.live], [c.description for c in schema.live]
        if self._encoder.name in MEANINGLESS or not tell_apart(names, descriptions):
            return None
        try:
            return guess(features, self._encoder.encode(texts))
        except UserError:  # an encoder that stands for ready features reads no texts
            return None


def among_live(proba: Floats, schema: LabelSchema) -> Floats:
    """Give the share of retired classes to the others, row by row; columns stay.

    Where any number of classes may apply, retired ones don't, and the others keep what they have.
    """
    retired = np.array([c.retired for c in schema.classes])
    if not retired.any():
        return proba
    if schema.many:
        return np.where(retired, np.float32(0), proba)
    shared = proba + np.finfo(np.float32).tiny  # a retired class may have had all
    shared[:, retired] = 0
    total: Floats = shared.sum(axis=1, keepdims=True)
    return shared / total


def proba_of(logits: Floats, temperature: float, schema: LabelSchema) -> Floats:
    """What is said of items by a head's logits, shape (n_items, n_classes)."""
    return among_live((sigmoid if schema.many else softmax)(logits, temperature), schema)


def set_threshold(proba: Floats, answers: Labels, level: float) -> float | None:
    """Find the limit of label sets by the audits of one round; None where the policy wants none or there are too few.

    No set before probabilities are shown as numbers: "9 times in 10" is one.

    Args:
        proba: Of answered audits, as this round shows them, shape (n_audits, n_classes).
        answers: What people say of them.
        level: The policy's.
    """
    if level == 0 or len(answers) < max(CALIBRATED_FROM, label_sets.needed(level, SURE)):
        return None
    return label_sets.calibrate(proba, answers, level, SURE)


def suggestions(
    items: Sequence[int],
    proba: Floats,
    footings: Sequence[Footing],
    model: str,
    threshold: float | None = None,
    level: float = 0.0,
    *,
    many: bool = False,
) -> dict[int, Suggestion]:
    """Words on items, `proba` and `footings` row by row; probabilities are rounded so that they still sum to 1.

    Args:
        items: Their ids.
        proba: Class probabilities, shape (n_items, n_classes).
        footings: What each word stands on.
        model: Version and revision.
        threshold: Of the label sets of this very `proba`; None: there are none.
        level: That the threshold keeps.
        many: Whether any number of classes may apply: then each probability is its own.
    """
    chosen = [None] * len(items) if threshold is None else _choices(proba, footings, threshold, level, many)
    rounded = np.round(proba.astype(np.float64), 4)
    if not many:
        rounded[np.arange(len(rounded)), proba.argmax(axis=1)] += 1 - rounded.sum(axis=1)
    rows = np.round(rounded, 4).tolist()
    return {
        item: Suggestion(tuple(row), model, footing, choices)
        for item, row, footing, choices in zip(items, rows, footings, chosen, strict=True)
    }


def _choices(
    proba: Floats, footings: Sequence[Footing], threshold: float, level: float, many: bool
) -> list[Choices | None]:
    """The sets that help a person and keep their promise; None for the others."""
    sets = label_sets.predict(proba, threshold)
    unfamiliar = np.array([footing == "unfamiliar" for footing in footings], bool)
    if many:
        helps = label_sets.wider(sets, suggested(proba)) & ~unfamiliar
    else:
        helps = (np.array(label_sets.meanings(sets, unfamiliar)) == "choices") & ~unfamiliar
    return [
        Choices(tuple(np.flatnonzero(inside).tolist()), level) if shown else None
        for inside, shown in zip(sets, helps.tolist(), strict=True)
    ]


def _text(question: str, name: str, description: str) -> str:
    """What the encoder reads of a class. The question belongs to it: "negative" alone may be a number or a blood group.

    >>> _text("How does the writer feel?", "negative", "")
    'How does the writer feel? negative'
    """
    return f"{question} {name}: {description}" if description else f"{question} {name}"
