"""The numbers and categories of a project's items as columns, memory-mapped, so that a million are compared at once.

A cache that can be made anew, and no exact one: who looks here gets all items that fit and perhaps some more. Numbers
are rounded, categories are hashes, and a replaced item keeps its old row beside the new one.
"""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa

from collab.domain.store import FieldFilter
from collab.storage import features
from collab.storage import schema as tables
from collab.storage.connection import Database
from collab.storage.listing import Ids

_NAME = "columns of "
_PAGE = 20_000
_HASHED = 0xFFFFFF
"""Whole numbers up to here are exact in the rows' float32."""


def append(db: Database, project: int, after: int, rows: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
    """Add the items that follow those up to `after`; does nothing where those aren't there."""
    if names := _names(db, project):
        file = _file(db, project, names)
        there = file.ids()
        if after == 0 or (len(there) and int(there.max()) >= after):
            _append(file, names, rows)


def renew(db: Database, project: int, rows: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
    """Add the new content of items that are there."""
    if names := _names(db, project):
        _append(_file(db, project, names), names, rows)


def extend(db: Database, project: int, visible: int) -> None:
    """Add all items that are missing at the end: a cache may be lost."""
    if not (names := _names(db, project)):
        return
    file, i = _file(db, project, names), tables.item
    there = file.ids()
    after = int(there.max()) if len(there) else 0
    query = sa.select(i.c.id, i.c.fields).where(i.c.project == project, i.c.id > sa.bindparam("after"))
    query = query.where(i.c.id <= visible).order_by(i.c.id).limit(_PAGE)
    while after < visible and (rows := db.rows(query, {"after": after})):
        _append(file, names, [(r.id, r.fields) for r in rows])
        after = int(rows[-1].id)


def candidates(db: Database, project: int, wanted: Sequence[FieldFilter], visible: int) -> Ids | None:
    """Items that may fit all of these, in their order; None where that can't be told from the columns."""
    names = _names(db, project)
    told = [each for each in wanted if each.field in names and each.kind != "contains"]
    if not told:
        return None
    file = _file(db, project, names)
    ids = file.ids()
    if not len(ids) or int(ids.max()) < visible:
        return None
    rows, fit = file.rows(), np.ones(len(ids), bool)
    for each in told:
        column = rows[:, names.index(each.field)]
        if each.kind == "equals":
            fit &= column == _hashed(each.text)
        else:
            fit &= (column >= _below(each.low)) & (column <= _above(each.high))
    return np.unique(np.asarray(ids)[fit])


def _names(db: Database, project: int) -> tuple[str, ...]:
    p = tables.project
    fields = db.scalar(sa.select(p.c.fields).where(p.c.id == project)) or ()
    return tuple(f["name"] for f in fields if f["kind"] in ("number", "category") and not f.get("personal"))


def _file(db: Database, project: int, names: Sequence[str]) -> features.FeatureBlock:
    return features.features(db, project, _NAME + "\x1f".join(names), len(names))


def _append(file: features.FeatureBlock, names: Sequence[str], rows: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
    with np.errstate(over="ignore"):  # infinite is large enough
        cells = np.array([[_cell(fields.get(name)) for name in names] for _, fields in rows], np.float32)
    stamps = [zlib.crc32(row.tobytes()) for row in cells]
    file.append([item for item, _ in rows], stamps, cells)


def _cell(value: object) -> float:
    if isinstance(value, int | float):
        return float(value)
    return np.nan if value is None else _hashed(str(value))


def _hashed(text: str) -> float:
    return float(zlib.crc32(text.encode()) & _HASHED)


def _below(low: float | None) -> np.float32:
    return np.float32(-np.inf) if low is None else np.nextafter(np.float32(low), np.float32(-np.inf))


def _above(high: float | None) -> np.float32:
    return np.float32(np.inf) if high is None else np.nextafter(np.float32(high), np.float32(np.inf))
