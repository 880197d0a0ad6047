"""Make a cleaned table ready for training: rows to learn from and rows held out, columns as inputs, labels as targets.

All that is measured of columns (medians, spreads, categories) is measured on the rows to learn from.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.random import Generator

from collab.engine.arrays import Floats, Ints
from collab.engine.evaluation import Exact
from collab.engine.recipe import Loss, Optimizer, Recipe
from collab.errors import InvalidPolicy, NothingToLearn, TooLarge
from collab.loop.cleaning import Cleaned, Column, clean, listed, number_of, numbers_in
from collab.loop.planning import Comma

LEAST_ROWS = 10
MOST_LAYERS, MOST_UNITS = 10, 4_096
MOST_INPUTS = 100_000_000
"""Rows by columns of what the network sees."""
MOST_OUTPUTS = 100_000_000
"""Rows by classes of what it says."""
MOST_NUMBERED = 10
"""Different whole numbers, each twice or more on average, that count as numbered classes; more are an amount."""
FEW_EACH = 10
"""Rows for each of many numbers under which they are an amount, not classes."""
MOST_CATEGORIES = 50
"""Of one column; rarer ones share one input."""
FAR = 5.0
"""Numbers further than so many spreads from the median count as that far: one typing error must not drown the rest."""
NORMAL_QUARTILES = 1.349
"""Distance between the quartiles of a normal distribution, in standard deviations."""


@dataclass(frozen=True, slots=True)
class Training:
    """What to train on what."""

    file: Path
    label: str
    columns: tuple[str, ...] = ()
    """To learn from; none: all that tell something."""
    recipe: Recipe = field(default_factory=Recipe)
    held_out: float = 0.25
    comma: Comma = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that are learned from, or held out."""

    features: Floats
    """Shape (n, n_inputs)."""
    targets: Ints | Floats
    """Class columns, shape (n,); or standardised numbers, shape (n, 1)."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A table ready for training."""

    training: Training
    cleaned: Cleaned
    learned: Part
    held_out: Part
    classes: tuple[str, ...]
    """Empty where numbers are estimated."""
    centre: float
    """Of such numbers among the rows to learn from, in their own unit; as `scale`, their standard deviation."""
    scale: float
    notes: tuple[str, ...]
    """What was done to the labels, and what to beware of."""

    def sentences(self) -> tuple[str, ...]:
        """Say what was done to the table."""
        learned, held = len(self.learned.targets), len(self.held_out.targets)
        sizes = f"{learned:,} rows to learn from, {held:,} held out; {self.learned.features.shape[1]} inputs."
        return (*self.cleaned.sentences(), *self.notes, sizes)


@dataclass(frozen=True, slots=True)
class _Aim:
    """What is to be learned."""

    values: Ints | Exact
    """Class column or number of each row that can be used, shape (n,)."""
    rows: Ints
    """Which rows these are."""
    classes: tuple[str, ...]
    """Empty where numbers are estimated."""
    notes: tuple[str, ...]


def prepare(training: Training) -> Prepared:
    """Read and clean the table, split it, and make its columns inputs.

    The split keeps the shares of the classes; each class has a row on either side.

    Raises:
        InvalidPolicy: A setting is out of its range.
        NothingToLearn: The label, or what is left of the table, can't be learned.
        UnknownName, TooLarge, UnreadableFile: As in `clean`.
    """
    check(training.recipe, training.held_out)
    cleaned = clean(training.file, training.label, training.columns, training.comma)
    aim = _squared(cleaned, training.comma) if training.recipe.loss == "mse" else _named(cleaned, training.comma)
    estimates = not aim.classes
    if len(aim.rows) < LEAST_ROWS:
        raise NothingToLearn(cleaned.name, f"{len(aim.rows)} rows can be used; {LEAST_ROWS} are the least. Add rows.")
    if len(aim.rows) * len(aim.classes) > MOST_OUTPUTS:
        raise TooLarge(
            "a training", f"{MOST_OUTPUTS:,} rows by classes", "Take a part of the rows, or a label of fewer classes."
        )
    groups = np.zeros(len(aim.rows), np.int64) if estimates else aim.values.astype(np.int64)
    learn, held = split(groups, training.held_out, np.random.default_rng(training.recipe.seed))
    features = _inputs(cleaned.columns, aim.rows, learn)
    targets: Ints | Floats
    centre, scale, targets = 0.0, 1.0, groups
    if estimates:
        centre, scale = float(aim.values[learn].mean()), float(aim.values[learn].std()) or 1.0
        targets = ((aim.values - centre) / scale).astype(np.float32)[:, None]
    twins = _twins(features[learn], features[held])
    warned = f"Rows held out that equal one learned from in every input, which flatters the figures: {twins:,}."
    return Prepared(
        training, cleaned, Part(features[learn], targets[learn]), Part(features[held], targets[held]), aim.classes,
        centre, scale, (*aim.notes, warned) if twins else aim.notes,
    )  # fmt: skip


def split(groups: Ints, share: float, rng: Generator) -> tuple[Ints, Ints]:
    """Split rows at random so that each group gives its share; of two rows or more one is on either side.

    Args:
        groups: Number of each row's group, shape (n,).
        share: To hold out, in (0, 1).
        rng: Where chance comes from.
    Returns:
        Rows to learn from, and rows to hold out, both rising.
    """
    held = []
    for group in np.unique(groups):
        rows = rng.permutation(np.flatnonzero(groups == group))
        held.append(rows[: min(max(round(share * len(rows)), 1), len(rows) - 1)])
    out = np.sort(np.concatenate(held))
    return np.setdiff1d(np.arange(len(groups)), out), out


def _squared(cleaned: Cleaned, comma: Comma) -> _Aim:
    """Estimate a label of many numbers; anything else is classes, a few whole numbers among them."""
    found = numbers_in(cleaned.name, cleaned.label, cleaned.answers, comma)
    if found is not None and not _numbered(found):
        return _numbers(cleaned, found)
    one = next((word for word in cleaned.answers if number_of(word) is None), cleaned.answers[0])
    aim = _classes(cleaned, f"It is no number to estimate either, for cells such as {one!r}. Choose another label.")
    why = f"{cleaned.label} holds few whole numbers, and" if found else cleaned.label
    told = f"{why} is taken for {len(aim.classes):,} classes: 1 for the class of a row, 0 for each other one."
    return replace(aim, notes=(*aim.notes, told))


def _named(cleaned: Cleaned, comma: Comma) -> _Aim:
    """Take labels for classes, but refuse an amount: many different numbers, with few rows of each."""
    aim = _classes(cleaned)
    found = numbers_in(cleaned.name, cleaned.label, cleaned.answers, comma or "point")
    numbers = [value for value in found.values if isinstance(value, float)] if found else []
    different = len(set(numbers))
    if different <= MOST_NUMBERED:
        return aim
    told = f"{cleaned.label!r} holds {different:,} different numbers"
    if different * FEW_EACH > len(numbers):
        raise NothingToLearn(cleaned.name, f"its column {told}; for a number use the loss mse (--loss mse).")
    return replace(aim, notes=(*aim.notes, f"{told}, taken for classes; for a number use the loss mse (--loss mse)."))


def _numbered(found: Column) -> bool:
    numbers = [value for value in found.values if isinstance(value, float)]
    different = len(set(numbers))
    return different <= min(MOST_NUMBERED, len(numbers) / 2) and all(number.is_integer() for number in numbers)


def _classes(
    cleaned: Cleaned, hint: str = "If it is a number to estimate, use the loss mse; else choose another label."
) -> _Aim:
    """Take spellings that differ by upper and lower case alone for one class; leave out classes of a single row."""
    spelled = Counter(cleaned.answers)
    best: dict[str, str] = {}
    for name, _ in spelled.most_common():
        best.setdefault(_folded(name), name)
    answers = [best[_folded(name)] for name in cleaned.answers]
    counts, where = Counter(answers), f"its column {cleaned.label!r}"
    if 2 * len(counts) > len(answers):
        raise NothingToLearn(
            cleaned.name, f"{where} holds {len(counts):,} classes in {len(answers):,} rows, too few of each. {hint}"
        )
    rare = sorted(name for name, count in counts.items() if count == 1)
    classes = tuple(sorted(set(counts) - set(rare)))
    if len(classes) < 2:
        only = f"one class ({classes[0]})" + (f", and {len(rare):,} of a single row" if rare else "")
        raise NothingToLearn(
            cleaned.name, f"{where} holds {only}; two are the least. Add rows of others, or choose another label."
        )
    merged, notes = sum(a != b for a, b in zip(answers, cleaned.answers, strict=True)), []
    if merged:
        notes.append(f"Labels taken for a class that is spelled alike but for upper and lower case: {merged:,}.")
    if rare:
        notes.append(f"Left out, for being the only row of its class: {listed(rare)}.")
    at = {name: column for column, name in enumerate(classes)}
    rows = np.array([row for row, name in enumerate(answers) if name in at])
    return _Aim(np.array([at[answers[row]] for row in rows]), rows, classes, tuple(notes))


def _numbers(cleaned: Cleaned, found: Column) -> _Aim:
    rows = np.array([row for row, value in enumerate(found.values) if value is not None], np.int64)
    values = np.array([found.values[row] for row in rows], np.float64)
    if len(set(values)) < 2:
        raise NothingToLearn(
            cleaned.name, f"its column {cleaned.label!r} holds one number ({values[0]:g}). Choose another label."
        )
    odd = (f"Left out, for a {cleaned.label} that is no number: {found.odd:,}.",) if found.odd else ()
    told = f"{cleaned.label} is taken for a number to estimate; the loss is in squared standard deviations of it."
    return _Aim(values, rows, (), (*odd, told))


def _inputs(columns: tuple[Column, ...], rows: Ints, learn: Ints) -> Floats:
    """The blocks of all columns side by side, for `rows` of the table, of which `learn` are measured."""
    blocks: list[Floats] = []
    for column in columns:
        values = [column.values[row] for row in rows]
        blocks.append(_one_hot(values, learn) if column.kind == "category" else _scaled(values, learn))
        if len(rows) * sum(block.shape[1] for block in blocks) > MOST_INPUTS:
            raise TooLarge(
                "a training", f"{MOST_INPUTS:,} inputs", "Take a part of the rows, or name the columns to learn from."
            )
    return np.concatenate(blocks, axis=1)


def _scaled(values: list[float | str | None], learn: Ints) -> Floats:
    """Numbers by median and quartiles, missing ones as the median, and a flag for these where there are any."""
    numbers = np.array([np.nan if value is None else value for value in values], np.float64)
    seen = numbers[learn][~np.isnan(numbers[learn])]
    low, middle, high = np.quantile(seen, [0.25, 0.5, 0.75]) if len(seen) else (0.0, 0.0, 0.0)
    spread = (high - low) / NORMAL_QUARTILES or (float(seen.std()) if len(seen) else 0.0) or np.inf
    missing = np.isnan(numbers)
    units = np.clip((np.where(missing, middle, numbers) - middle) / spread, -FAR, FAR)
    block = np.column_stack([units, missing] if missing[learn].any() else [units])
    return block.astype(np.float32)


def _one_hot(values: list[float | str | None], learn: Ints) -> Floats:
    """One input for each category that occurs among `learn`, missing ones among them, and one for the rarest together.

    A category that only rows held out have falls to the rarest; where there are none of these it is no category.
    """
    names = ["" if value is None else str(value) for value in values]
    counts = Counter(names[row] for row in learn)
    kept = {name: at for at, (name, _) in enumerate(counts.most_common(MOST_CATEGORIES))}
    width = len(kept) + (len(counts) > len(kept))
    at = np.array([kept.get(name, len(kept)) for name in names])
    block = np.zeros((len(names), width), np.float32)
    known = np.flatnonzero(at < width)
    block[known, at[known]] = 1
    return block


def _twins(learned: Floats, held: Floats) -> int:
    seen = {row.tobytes() for row in learned}
    return sum(row.tobytes() in seen for row in held)


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


def check(recipe: Recipe, held_out: float) -> None:
    """Refuse what can't be trained by.

    Raises:
        InvalidPolicy: A setting lies outside its range.
    """
    units = ", ".join(map(str, recipe.hidden))
    checks = (
        ("held out", held_out, 0 < held_out < 1, "a share between 0 and 1"),
        ("hidden", units, len(recipe.hidden) <= MOST_LAYERS, f"at most {MOST_LAYERS} layers"),
        ("hidden", units, all(1 <= n <= MOST_UNITS for n in recipe.hidden), f"layers of 1 to {MOST_UNITS:,} units"),
        ("optimizer", recipe.optimizer, recipe.optimizer in get_args(Optimizer), ", ".join(get_args(Optimizer))),
        ("loss", recipe.loss, recipe.loss in get_args(Loss), ", ".join(get_args(Loss))),
        ("epochs", recipe.epochs, recipe.epochs >= 1, "at least 1"),
        ("batch", recipe.batch, recipe.batch >= 1, "at least 1"),
        ("learning rate", recipe.rate, 0 < recipe.step < float("inf"), "greater than 0"),
        ("seed", recipe.seed, recipe.seed >= 0, "0 or more"),
    )
    for setting, value, fine, wanted in checks:
        if not fine:
            raise InvalidPolicy(setting, value, wanted)
