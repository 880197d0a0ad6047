"""Clean a table for training: rows without a label go, columns become numbers or categories, and what was done is kept.

Looks at one column at a time, and never at how a column and the label go together.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from collab.domain.table import Rejected, Table
from collab.errors import NothingToLearn, TooLarge, UnknownName
from collab.loop import reading
from collab.loop.guessing import named_like_an_id
from collab.loop.planning import Comma

MISSING = frozenset({"", "na", "n/a", "nan", "null", "?", "-", "<na>", "#n/a"})
"""Words for an empty cell, in small letters. "none" isn't one: it is often an answer."""
MOST_CELLS = 20_000_000
MOSTLY = 0.95
"""Share of the filled cells that make a column one of numbers or dates; the others count as missing."""
MOST_NAMES = 20
"""Columns or classes that a sentence names."""
ID_FROM = 20
"""Rows from which on whole numbers that are all different are a count of the rows, if they lie as close as one."""


@dataclass(frozen=True, slots=True)
class Column:
    """What is learned from: one value for each row, None where it is missing."""

    name: str
    kind: Literal["number", "date", "category"]
    values: tuple[float | str | None, ...]
    """Numbers; days since 1970; or names."""
    odd: int = 0
    """Cells of a number or date column that hold something else, and count as missing."""

    @property
    def missing(self) -> int:
        """How many cells have no value."""
        return sum(value is None for value in self.values)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A column that isn't learned from."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What is left of a table, and what was done to it."""

    name: str
    label: str
    columns: tuple[Column, ...]
    answers: tuple[str, ...]
    """What stands in the label column, one for each row."""
    read: int
    """Rows of the file, the rejected ones among them."""
    rejected: int
    unlabeled: int
    empty: int
    """Rows with a label, and with no value in any column that is learned from."""
    left_out: tuple[LeftOut, ...]
    first_rejected: str = ""
    """Where the first of them is, and why."""

    def sentences(self) -> tuple[str, ...]:
        """Say what was done."""
        kinds = dict.fromkeys(column.kind for column in self.columns)
        return (self._rows(), *map(self._kind, kinds), *self._left())

    def _rows(self) -> str:
        gone = {
            f"{{}} can't be read ({self.first_rejected})": self.rejected,
            f"{{}} without {self.label}": self.unlabeled,
            "{} without any value to learn from": self.empty,
        }
        why = ", ".join(what.format(f"{count:,}") for what, count in gone.items() if count)
        return f"{len(self.answers):,} of {self.read:,} rows are used" + (f"; left out: {why}." if why else ".")

    def _kind(self, kind: str) -> str:
        columns = [column for column in self.columns if column.kind == kind]
        missing, odd = sum(column.missing for column in columns), sum(column.odd for column in columns)
        plural = {"number": "Numbers", "date": "Dates", "category": "Categories"}[kind]
        how = "are a category of their own" if kind == "category" else "take the median and a flag"
        which = f"{missing:,}, {odd:,} of them hold no {kind}" if odd else f"{missing:,}"
        told = f" Missing cells ({which}) {how}." if missing else ""
        return f"{plural}: {listed([column.name for column in columns])}.{told}"

    def _left(self) -> list[str]:
        reasons = dict.fromkeys(left.why for left in self.left_out)
        named = {why: listed([left.name for left in self.left_out if left.why == why]) for why in reasons}
        return [f"Left out, for {why}: {names}." for why, names in named.items()]


def listed(names: Sequence[str]) -> str:
    """Name them, the first ones where they are many.

    >>> listed(["bill", "wing"])
    'bill, wing'
    """
    more = f", … ({len(names):,} in all)" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def clean(path: Path, label: str, chosen: tuple[str, ...] = (), comma: Comma = "") -> Cleaned:
    """Read a table and make its columns numbers and categories.

    Args:
        path: In any format that `reading` knows.
        label: Column to learn.
        chosen: Columns to learn from; none: all that tell something. A chosen one stays even if it looks like an id.
        comma: What a comma in a number means.

    Raises:
        UnknownName: There is no such column.
        NothingToLearn: Nothing is left, or a column writes its numbers with a comma and `comma` doesn't say why.
        TooLarge: It has too many cells.
    """
    table = reading.sniff(path)
    for name in (label, *chosen):
        if name not in table.columns:
            many = len(table.columns) > MOST_NAMES
            raise UnknownName("column", name, tuple(get_close_matches(name, table.columns)) if many else table.columns)
    names = [name for name in dict.fromkeys(chosen or table.columns) if name != label]
    if not names:
        raise NothingToLearn(path.name, f"it has no column beside {label!r}. Add some, or choose another label.")
    answers, cells, rejected, unlabeled = _read(table, label, names)
    if not answers:
        raise NothingToLearn(
            path.name, f"none of its rows has a value in {label!r}. Choose another label, or fill some in."
        )
    made = [_column(path.name, name, values, name in chosen, comma) for name, values in zip(names, cells, strict=True)]
    columns, left = [c for c in made if isinstance(c, Column)], tuple(c for c in made if isinstance(c, LeftOut))
    if not columns:
        why = "; ".join(f"{each.name} is left out for {each.why}" for each in left[:5])
        raise NothingToLearn(path.name, f"no column is left ({why}). Name some to learn from, or add some.")
    full = [any(row) for row in zip(*([v is not None for v in c.values] for c in columns), strict=True)]
    return Cleaned(
        path.name, label, tuple(Column(c.name, c.kind, _at(full, c.values), c.odd) for c in columns),
        _at(full, answers), len(answers) + len(rejected) + unlabeled, len(rejected), unlabeled, full.count(False),
        left, rejected[0] if rejected else "",
    )  # fmt: skip


def number_of(word: str) -> float | None:
    """Read a number; None where it is none.

    >>> number_of("-1.5e3"), number_of("1_000"), number_of("inf")
    (-1500.0, None, None)
    """
    try:
        value = float(word) if "_" not in word else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def numbers_in(file: str, name: str, words: Sequence[str | None], comma: Comma) -> Column | None:
    """Read a column as numbers; None where it holds others, or codes such as 007.

    Raises:
        NothingToLearn: It writes them with a comma, and `comma` doesn't say why.
    """
    filled = [word for word in words if word is not None]
    few = (1 - MOSTLY) * len(filled)
    if any(re.fullmatch(r"0\d+", word) for word in filled):
        return None
    plain = [None if word is None else number_of(word) for word in words]
    if (odd := len(filled) - _known(plain)) <= few:
        return Column(name, "number", tuple(plain), odd)
    pointed = any("." in word and "," in word for word in filled)  # then the points part thousands
    bare = [word.replace(".", "") if pointed and word else word for word in words]
    readings: dict[Comma, list[float | None]] = {
        "point": [None if word is None else number_of(word.replace(",", ".")) for word in bare],
        "thousands": [None if word is None else number_of(word.replace(",", "")) for word in words],
    }
    fitting = {how: values for how, values in readings.items() if len(filled) - _known(values) <= few}
    if fitting and not comma:
        one = next(word for word in filled if "," in word)
        raise NothingToLearn(
            file,
            f"its column {name!r} writes numbers with a comma, such as {one}. Say what the comma means: "
            "--comma point or --comma thousands.",
        )
    read = fitting.get(comma)
    return None if read is None else Column(name, "number", tuple(read), len(filled) - _known(read))


def _read(table: Table, label: str, names: list[str]) -> tuple[list[str], list[list[str | None]], list[str], int]:
    """The labels of rows that have one, the cells of these by column, the rejected rows, and how many have no label."""
    answers: list[str] = []
    cells: list[list[str | None]] = [[] for _ in names]
    rejected: list[str] = []
    unlabeled = 0
    for row in reading.rows(table):
        if isinstance(row, Rejected):
            rejected.append(f"line {row.line} {row.reason}")
            continue
        answer = _word(row[1].get(label))
        if answer is None:
            unlabeled += 1
            continue
        answers.append(answer)
        for name, column in zip(names, cells, strict=True):
            column.append(_word(row[1].get(name)))
        if len(answers) * len(names) > MOST_CELLS:
            raise TooLarge(
                "a training", f"{MOST_CELLS:,} cells", "Take a part of the rows, or name the columns to learn from."
            )
    return answers, cells, rejected, unlabeled


def _word(value: Any) -> str | None:
    """A cell as a word; None where it is empty."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    word = "" if value is None else str(value).strip()
    return None if word.casefold() in MISSING else word


def _column(file: str, name: str, words: Sequence[str | None], chosen: bool, comma: Comma) -> Column | LeftOut:
    filled = [word for word in words if word is not None]
    different = len(set(filled))
    if not filled:
        return LeftOut(name, "being empty")
    if different == 1 and len(filled) == len(words):
        return LeftOut(name, "being the same in every row")
    found = numbers_in(file, name, words, comma)
    if found is not None:
        if not chosen and _counts_rows(name, found.values):
            return LeftOut(name, "numbering the rows")
        return found
    days = [None if word is None else _day(word) for word in words]
    if (odd := len(filled) - _known(days)) <= (1 - MOSTLY) * len(filled):
        return Column(name, "date", tuple(days), odd)
    if not chosen and 2 * different > len(filled):
        return LeftOut(name, "holding an id or a text, different in most rows")
    return Column(name, "category", tuple(words))


def _counts_rows(name: str, values: Sequence[float | str | None]) -> bool:
    numbers = {value for value in values if isinstance(value, float) and value.is_integer()}
    if len(numbers) < len(values) or len(numbers) < ID_FROM:
        return False
    return named_like_an_id(name) or max(numbers) - min(numbers) < 2 * len(numbers)


def _day(word: str) -> float | None:
    try:
        at = datetime.fromisoformat(word)
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() / 86_400


def _known(values: Sequence[float | None]) -> int:
    return sum(value is not None for value in values)


def _at(keep: list[bool], values: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(value for value, kept in zip(values, keep, strict=True) if kept)
