"""Say how good the model is on parts of the data: by the values of a column, and on groups that it has not seen."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np

from collab.domain.project import Project
from collab.domain.run import SHOWN_FROM, Round, Stratum
from collab.domain.store import Store
from collab.engine.arrays import Ints
from collab.engine.assurance import Estimate, clustered
from collab.engine.certifying import Bools, Doubles
from collab.engine.weighing import weighted_share
from collab.loop.judging import Audits

PARTS, GROUP = "parts", "group"

MOST_VALUES = 12
"""A column with more of them is no category."""
FEW_NUMBERS = 5
"""A column with more numbers than these is told in thirds."""
LONGEST = 100
"""Characters of a cell that are kept; what is longer is no category."""
ITEMS_A_LOOK = 3_000
"""More would keep the next round waiting; what is left is read at the next looks."""
UNREAD, NO_GROUP = -2, -1


@dataclass(frozen=True, slots=True)
class Part:
    """Audits that have the same value in a column."""

    value: str
    """"": the column is empty there."""
    right: int
    n: int
    """Answered ones."""
    unresolved: int = 0
    """Asked, but without an answer that counts; the interval allows for either outcome."""
    share: Estimate | None = None
    """Of agreement, imports counted by their size; None: under ten answers."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the data by whose values accuracy is told."""

    name: str
    parts: tuple[Part, ...]
    """Most audits first."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Accuracy by all columns with two to twelve values among the audits, one of which has enough; many numbers count
    by thirds. Each interval is on its own: among many parts some look bad or good by chance."""

    labels: int
    """Decisions that the judged model was fitted on."""
    answered: int
    """Audit answers of the checked strata, which are divided."""
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Groups:
    """Agreement on groups, such as patients, of which nothing was labeled, beside that on those it learned from."""

    column: str
    labels: int
    """Decisions that the judged model was fitted on."""
    unseen: int
    """Audit answers of groups of which nothing was labeled."""
    unseen_right: int
    unseen_groups: int
    learned: int
    """Audit answers of groups of which something was labeled, the model having learned from it."""
    learned_right: int
    learned_groups: int
    unresolved: int = 0
    """Asked, but without an answer that counts; the intervals allow for either outcome."""
    unseen_share: Estimate | None = None
    """Its interval takes audits of one group for as alike as they are; None: under ten answers or two groups."""
    learned_share: Estimate | None = None


@final
class Cells:
    """What the columns say of the pool's items, read once and kept in memory by row."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._cells: dict[int, dict[str, str]] = {}
        self._column = ""
        self._names: dict[str, int] = {}
        self._groups: Ints = np.empty(0, np.int64)

    def of(self, project: Project, rows: Ints, items: Ints) -> list[dict[str, str]]:
        """Read the category-like columns of some rows.

        Args:
            project: Its text fields and ids are left out.
            rows: Whose cells are wanted, shape (n,).
            items: Of the whole pool.
        """
        text = {f.name for f in project.fields if f.role == "id" or f.kind == "image" or (f.kind == "text" and f.shown)}
        unread = [row for row in rows.tolist() if row not in self._cells]
        found = self._store.items(items[unread].tolist())
        for row, item in zip(unread, items[unread].tolist(), strict=True):
            cells = {**found[item].meta, **found[item].fields} if item in found else {}
            self._cells[row] = {name: _word(value) for name, value in cells.items() if name not in text}
        return [self._cells[row] for row in rows.tolist()]

    def groups(self, column: str, rows: Ints, items: Ints, limit: int = ITEMS_A_LOOK) -> tuple[Ints, bool]:
        """Number the groups of some rows: -1 where the column is empty, -2 where it wasn't read yet.

        Args:
            column: That says which items belong together.
            rows: Whose groups are wanted, shape (n,); the first ones are read first.
            items: Of the whole pool.
            limit: Most items to read now.
        Returns:
            The numbers, shape (n,), and whether all are read.
        """
        if column != self._column:
            self._column, self._names, self._groups = column, {}, np.empty(0, np.int64)
        self._groups = np.concatenate([self._groups, np.full(len(items) - len(self._groups), UNREAD)])
        unread = rows[self._groups[rows] == UNREAD][:limit]
        found = self._store.items(items[unread].tolist())
        for row, item in zip(unread.tolist(), items[unread].tolist(), strict=True):
            cells = {**found[item].meta, **found[item].fields} if item in found else {}
            name = _word(cells.get(column))
            self._groups[row] = self._names.setdefault(name, len(self._names)) if name else NO_GROUP
        return self._groups[rows], bool((self._groups[rows] != UNREAD).all())

    def numbered(self, project: Project, rows: Ints, items: Ints) -> Ints | None:
        """Number the groups of some rows, what has none as one of its own; None where the policy names no column."""
        if not project.policy.group:
            return None
        found, _ = self.groups(project.policy.group, rows, items, len(rows))
        return np.where(found >= 0, found, found.max(initial=0) + 1 + np.arange(len(found)))


def parts_of(done: Round, audits: Audits, best: Ints, cells: Sequence[dict[str, str]]) -> Parts:
    """Divide the audits of the checked strata by each column with a few values.

    Args:
        done: The round, judged.
        audits: That judged it.
        best: The model's class of each, shape (n_audits,).
        cells: Of each.
    """
    strata, stratum = _checked(done, audits)
    inside = stratum >= 0
    right, told = best == audits.truth, audits.truth >= 0
    names = dict.fromkeys(name for row in cells for name in row)
    columns = []
    for name in names:
        values = np.array(_ranged([row.get(name, "") for row in cells], inside))
        kinds = Counter(values[inside].tolist())
        if not any(told[inside & (values == v)].sum() >= SHOWN_FROM for v in kinds):
            continue
        if not 2 <= len(kinds) <= min(MOST_VALUES, inside.sum() // 2):
            continue
        parts = [_part(v, strata, stratum, inside & (values == v), right, told) for v, _ in kinds.most_common()]
        columns.append(Column(name, tuple(parts)))
    return Parts(done.labels, int((inside & told).sum()), tuple(columns))


def _ranged(values: Sequence[str], inside: Bools) -> list[str]:
    """Put numbers into thirds of the audits, where they have too many values to stand one by one; others stay.

    >>> _ranged(["1", "2", "3", "4", "5", "60", ""], np.ones(7, np.bool_))
    ['≤ 2', '≤ 2', '≤ 4', '≤ 4', '> 4', '> 4', '']
    """
    numbers = {v: _number(v) for v in set(values) if v}
    known = [numbers[v] for v, here in zip(values, inside, strict=True) if v and here]
    if len(set(known)) <= FEW_NUMBERS or not np.isfinite(list(numbers.values())).all():
        return list(values)
    marks = np.unique(np.quantile(known, (1 / 3, 2 / 3), method="inverted_cdf"))
    names = [*(f"≤ {mark:g}" for mark in marks), f"> {marks[-1]:g}"]
    return [names[int(np.searchsorted(marks, numbers[v]))] if v else v for v in values]


def _number(value: str) -> float:
    """What a cell counts; nan where it isn't a number."""
    try:
        return float(value)
    except ValueError:
        return float("nan")


def groups_of(column: str, done: Round, audits: Audits, best: Ints, group: Ints, learned: Ints) -> Groups:
    """Tell the audits of groups that the model learned from and those of others apart; items without a group are left
    out.

    Args:
        column: Whose values are the groups.
        done: The round, judged.
        audits: That judged it.
        best: The model's class of each, shape (n_audits,).
        group: Number of the group of each, -1 where it has none, shape (n_audits,).
        learned: Groups of what it was trained on.
    """
    strata, stratum = _checked(done, audits)
    inside, right, told = (stratum >= 0) & (group >= 0), best == audits.truth, audits.truth >= 0
    known = np.isin(group, learned)
    weight = np.array([s.items / (s.answered + s.unresolved) for s in strata] or [1.0])[stratum]

    def share(part: Bools) -> tuple[int, int, int, Estimate | None]:
        answered = part & told
        n, groups = int(answered.sum()), len(np.unique(group[answered]))
        estimate = None
        if n >= SHOWN_FROM and groups > 1:
            value = clustered(right[answered], group[answered], weight[answered])
            worst = clustered(right[part], group[part], weight[part])
            best_case = clustered((right | ~told)[part], group[part], weight[part])
            estimate = replace(value, low=min(value.low, worst.low), high=max(value.high, best_case.high))
        return n, int(right[answered].sum()), groups, estimate

    new, old = share(inside & ~known), share(inside & known)
    return Groups(column, done.labels, *new[:3], *old[:3], int((inside & ~told).sum()), new[3], old[3])


def allowing(hits: Ints, n: Ints, worst: Ints, best: Ints, told: Doubles, asked: Doubles) -> Estimate:
    """Estimate a share whose bounds allow for audits that are not resolved yet.

    Args:
        hits: Answers for it, shape (n_strata,).
        n: Answers, same shape.
        worst: What `n` may grow by where people resolve against it, same shape.
        best: What both may grow by where they resolve for it, same shape.
        told: For how many items an answer stands, same shape.
        asked: For how many an audit does, answered or not, same shape.
    """
    low = weighted_share(hits, n + worst, asked).low
    return replace(weighted_share(hits, n, told), low=low, high=weighted_share(hits + best, n + best, asked).high)


def _part(value: str, strata: Sequence[Stratum], stratum: Ints, inside: Bools, right: Bools, told: Bools) -> Part:
    n, hits, silent = (
        np.bincount(stratum[inside & each], minlength=len(strata)) for each in (told, right & told, ~told)
    )
    part = Part(value, int(hits.sum()), int(n.sum()), int(silent.sum()))
    if part.n < SHOWN_FROM:
        return part
    weights = [
        np.array([s.items / count for s, count in zip(strata, counts, strict=True)]) for counts in _counts(strata)
    ]
    return replace(part, share=allowing(hits, n, silent, silent, *weights))


def _counts(strata: Sequence[Stratum]) -> tuple[list[int], list[int]]:
    return [s.answered for s in strata], [s.answered + s.unresolved for s in strata]


def _checked(done: Round, audits: Audits) -> tuple[list[Stratum], Ints]:
    """The strata that have enough audits, and which of them each audit belongs to; -1: to none."""
    strata = [s for s in done.strata if s.answered >= SHOWN_FROM]
    place = {s.number: i for i, s in enumerate(strata)}
    return strata, np.array([place.get(a.stratum, -1) for a in audits.found], np.int64)


def _word(value: Any) -> str:  # whatever a file's cell holds
    return "" if value is None else str(value).strip()[:LONGEST]
