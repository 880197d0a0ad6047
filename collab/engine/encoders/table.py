"""Numbers and categories to features: measured on a pool, robust to outliers, with what is missing said.

Knows columns by name and values as files hold them; refuses to know text that means something. Numpy alone, so that
pages may read what was measured.
"""

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import blake2b, sha256
from typing import Any, Literal, Self, final

import numpy as np
import numpy.typing as npt

from collab.domain.plain import typed
from collab.engine.arrays import Floats

Doubles = npt.NDArray[np.float64]

CLIP = 5.0
"""Spreads from the median beyond which a number counts as no further off."""
QUARTILES = 1.349
"""Distance of the quartiles of a normal distribution, in standard deviations."""
MOST_OWN, HASHED = 32, 32
"""Values of a category that get a column of their own, the most frequent first, and columns that all others share."""
EACH_ITS_OWN = 0.5
"""Different values for each filled cell from which on a category of many values says nothing: it names rows."""
FARTHEST = 1e150
"""Numbers are cut off here, so that differences of any two are numbers, too."""


@dataclass(frozen=True, slots=True)
class Column:
    """What was measured of a column."""

    name: str
    kind: Literal["number", "date", "category"]
    missing: float = 0.0
    """Share of empty cells; where there are any, a flag says so."""
    median: float = 0.0
    spread: float = 0.0
    """Distance of the quartiles as a standard deviation; 0: all numbers are one."""
    values: tuple[str, ...] = ()
    """Of a category, with a column each, the most frequent first."""
    shares: tuple[float, ...] = ()
    """Of filled cells, value by value; only shown, as `quantiles` are."""
    quantiles: tuple[float, ...] = ()
    """Of a number: what 0, 1, ... 100 % of the filled cells are at most; only shown, so that features don't hang on it.
    """
    hashed: int = 0
    """Columns that the other values share; 0: there are none, or each row has a value of its own."""

    @property
    def width(self) -> int:
        """Columns of the features."""
        return (len(self.values) + self.hashed if self.kind == "category" else 1) + (self.missing > 0)

    def standing(self, cell: Any) -> float | None:  # a cell of JSON
        """The share of numbers that a cell is above, or of a category the share that its value has; None: not measured.

        Empty cells count for neither.

        Of equal numbers half count as below, so that what all have stands in the middle.
        """
        if self.kind == "category":
            return dict(zip(self.values, self.shares, strict=True)).get(_word(cell))
        number = _number(cell)
        if not self.quantiles or math.isnan(number):
            return None
        low, high = np.searchsorted(self.quantiles, number, "left"), np.searchsorted(self.quantiles, number, "right")
        if low == high:  # between two of them, or beyond all
            return float(np.interp(number, self.quantiles, np.arange(len(self.quantiles)))) / (len(self.quantiles) - 1)
        return float(low + high - 1) / 2 / (len(self.quantiles) - 1)

    def moved(self, now: Self) -> bool:
        """Whether a later measurement is another world: features made by this one would say too little of it."""
        if self.kind != now.kind or (self.missing == 0 and now.missing > 0.01):
            return True
        if self.kind == "category":
            unseen = sum(s for v, s in zip(now.values, now.shares, strict=True) if v not in self.values)
            return (self.hashed == 0 and unseen > 0.05) or (not self.width and now.width > 0)
        least, most = sorted((self.spread, now.spread))
        return most > 1.5 * least or abs(now.median - self.median) > most / 2


@final
@dataclass(frozen=True)
class Table:
    """Columns as they were measured on a pool; turns rows into features whose mean squared norm there is 1."""

    columns: tuple[Column, ...]
    shift: tuple[float, ...]
    factor: tuple[float, ...]

    @classmethod
    def fit(cls, fields: Sequence[tuple[str, str]], rows: Sequence[Mapping[str, Any]]) -> Self:
        """Measure a pool.

        A number is told from the median in spreads, a flag and a value of a category (one-hot) in half the distance
        between yes and no, whatever their shares: a rare flag that is divided by its own small deviation would drown
        everything else. Dates count as numbers, days.

        Args:
            fields: Name and kind of each column, "number" or "category".
            rows: Cells by name: numbers, text, None.
        """
        columns = tuple(_measured(name, kind, [row.get(name) for row in rows]) for name, kind in fields)
        raw = _raw(columns, rows)
        mean = raw.mean(axis=0, dtype=np.float64) if len(raw) else np.zeros(raw.shape[1])
        size = 1 / np.concatenate([np.empty(0), *(_sizes(column) for column in columns)])
        norm = math.sqrt((np.square((raw - mean) * size)).sum(axis=1).mean()) if len(raw) else 0.0
        return cls(columns, tuple(mean.tolist()), tuple((size / (norm or 1.0)).tolist()))

    @property
    def dim(self) -> int:
        """Columns of the features; 0 where no column says anything."""
        return len(self.shift)

    @cached_property
    def digest(self) -> str:
        """Names all that features hang on."""
        found = dataclasses.asdict(self)
        for column in found["columns"]:
            del column["quantiles"], column["shares"]
        return f"table-{sha256(_json(found)).hexdigest()[:16]}"

    def placing(self, now: Self) -> Self:
        """The same, with the quantiles and shares of a later measurement: what is only shown."""
        columns = zip(self.columns, now.columns, strict=True)
        return dataclasses.replace(self, columns=tuple(_placed(old, new) for old, new in columns))

    def bare(self, names: Collection[str]) -> Self:
        """The same, without what is only shown of these columns: quantiles are numbers of single rows."""
        columns = (dataclasses.replace(c, quantiles=(), shares=()) if c.name in names else c for c in self.columns)
        return dataclasses.replace(self, columns=tuple(columns))

    def encode(self, rows: Sequence[Mapping[str, Any]]) -> Floats:
        """Encode rows, shape (n_rows, dim), in their order.

        What is missing counts as the median, beside its flag; a value that the pool didn't have as none.
        """
        shift, factor = np.array(self.shift), np.array(self.factor)
        features: Floats = ((_raw(self.columns, rows) - shift) * factor).astype(np.float32)
        return features

    def moved(self, now: Self) -> bool:
        """Whether a later measurement of the same columns is another world for any of them."""
        return any(old.moved(new) for old, new in zip(self.columns, now.columns, strict=True))

    def to_json(self) -> bytes:
        """Write it down; `from_json` reads it back, to the same digest."""
        return _json(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, written: bytes) -> Self:
        """Read what `to_json` wrote."""
        found = json.loads(written)
        columns = (typed(Column, column) for column in found["columns"])
        return cls(tuple(columns), tuple(found["shift"]), tuple(found["factor"]))


def names_rows(cells: Sequence[Any]) -> bool:
    """Whether a category has so many values that it names rows, and no other row could learn from one.

    >>> names_rows([f"A-{n}" for n in range(100)]), names_rows(["red", "green"] * 50)
    (True, False)
    """
    filled = [word for cell in cells if (word := _word(cell))]
    different = len(set(filled))
    return different > MOST_OWN and different > EACH_ITS_OWN * len(filled) and not _are_dates(set(filled))


def _placed(old: Column, new: Column) -> Column:
    share = dict(zip(new.values, new.shares, strict=True))
    shares = tuple(share.get(value, 0.0) for value in old.values)
    return dataclasses.replace(old, quantiles=new.quantiles, shares=shares)


def _json(found: Mapping[str, Any]) -> bytes:
    return json.dumps(found, ensure_ascii=True, sort_keys=True).encode()


def _measured(name: str, kind: str, cells: Sequence[Any]) -> Column:
    if kind == "category":
        counts = Counter(word for cell in cells if (word := _word(cell)))
        if not _are_dates(counts):
            return _category(name, counts, len(cells))
        kind, numbers = "date", np.array([_day(cell) for cell in cells], np.float64)
    else:
        numbers = np.array([_number(cell) for cell in cells], np.float64)
    known = numbers[~np.isnan(numbers)]
    missing = 1 - len(known) / max(1, len(numbers))
    if not len(known):
        return Column(name, "number", missing)
    quantiles = tuple(np.quantile(known, np.linspace(0, 1, 101)).tolist())
    low, median, high = np.quantile(known, [0.25, 0.5, 0.75]).tolist()
    # where half of all are one number, the quartiles say nothing of the others
    spread = (high - low) / QUARTILES or float(known.std())
    if spread <= 1e-12 * max(abs(median), 1):
        spread = 0.0
    return Column(name, "date" if kind == "date" else "number", missing, median, spread, quantiles=quantiles)


def _category(name: str, counts: Counter[str], cells: int) -> Column:
    filled = counts.total()
    missing = 1 - filled / max(1, cells)
    if len(counts) > MOST_OWN and len(counts) > EACH_ITS_OWN * filled:
        return Column(name, "category", missing)
    own = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[:MOST_OWN]
    values, shares = tuple(v for v, _ in own), tuple(n / filled for _, n in own)
    return Column(name, "category", missing, values=values, shares=shares, hashed=HASHED * (len(counts) > MOST_OWN))


def _sizes(column: Column) -> Doubles:
    """What one step of each of its features is: of a number a spread, of a flag half the way from no to yes."""
    sizes = np.full(column.width, 0.5)
    if column.kind != "category":
        sizes[0] = 1.0
    return sizes


def _raw(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> Doubles:
    out = np.zeros((len(rows), sum(column.width for column in columns)))
    start = 0
    for column in columns:
        part = out[:, start : start + column.width]
        cells = [row.get(column.name) for row in rows]
        (_place_categories if column.kind == "category" else _place_numbers)(part, column, cells)
        start += column.width
    return out


def _place_numbers(part: Doubles, column: Column, cells: Sequence[Any]) -> None:
    read = _day if column.kind == "date" else _number
    numbers = np.array([read(cell) for cell in cells], np.float64)
    empty = np.isnan(numbers)
    if column.spread:
        away = np.where(empty, 0.0, numbers - column.median)
        # what is too far to divide by a small spread is cut off before, which comes to the same
        part[:, 0] = np.clip(away, -CLIP * column.spread, CLIP * column.spread) / column.spread
    if column.missing:
        part[:, -1] = empty


def _place_categories(part: Doubles, column: Column, cells: Sequence[Any]) -> None:
    own, places = {value: at for at, value in enumerate(column.values)}, dict[str, int | None]()
    for row, cell in enumerate(cells):
        word = _word(cell)
        if not word:
            if column.missing:
                part[row, -1] = 1
            continue
        if word not in places:
            places[word] = own.get(word, len(own) + _bucket(word, column.hashed) if column.hashed else None)
        if (at := places[word]) is not None:
            part[row, at] = 1


def _bucket(word: str, buckets: int) -> int:
    """Where a value goes that has no column of its own.

    Source: Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009.
    """
    return int.from_bytes(blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()) % buckets


def _number(cell: Any) -> float:
    """A cell as a number; NaN where it holds none."""
    try:
        number = float(cell)
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return max(-FARTHEST, min(FARTHEST, number)) if math.isfinite(number) else math.nan


def _day(cell: Any) -> float:
    """A date as days since the year 1; NaN where it holds none."""
    word = _word(cell)
    try:
        moment = datetime.fromisoformat(word)
    except ValueError:
        return math.nan
    seconds = 3600 * moment.hour + 60 * moment.minute + moment.second
    return moment.toordinal() + seconds / 86_400 if "-" in word else math.nan


def _are_dates(values: Mapping[str, int] | set[str]) -> bool:
    """Whether nearly all values are dates as ISO 8601 writes them."""
    dates = sum(not math.isnan(_day(value)) for value in values)
    return dates > 1 and dates >= 0.95 * len(values)


def _word(cell: Any) -> str:
    return "" if cell is None else str(cell).strip()
