# ruff: noqa: D103  # the Store protocol documents them
"""Batches: one answer for many items, and how far each has come."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import sqlalchemy as sa

from collab.domain.batch import Batch
from collab.storage import schema as tables
from collab.storage.connection import Database
from collab.storage.listing import given

_MOVING = ("status", "at", "until", "answered", "taken_back", "undone_at")


def save_batch(db: Database, batch: Batch) -> None:
    values = {**asdict(batch), "answer": list(batch.answer), "items": list(batch.items), "seen": list(batch.seen)}
    b, moving = tables.batch, _MOVING if batch.seen else (*_MOVING, "seen")  # it is long, and only ever emptied
    if not db.write(sa.update(b).where(b.c.id == batch.id).values({name: values[name] for name in moving})):
        db.write(sa.insert(b), [values])


def batch(db: Database, project: int, number: str) -> Batch | None:
    b = tables.batch
    found = db.row(sa.select(b).where(b.c.project == project, b.c.id == number))
    return None if found is None else _read(found)


def batches(db: Database, project: int, limit: int) -> tuple[Batch, ...]:
    b = tables.batch
    query = sa.select(b).where(b.c.project == project).order_by(b.c.made_at.desc(), b.c.id).limit(limit)
    return tuple(map(_read, db.rows(query)))


def spoken(db: Database, items: Sequence[int]) -> list[tuple[int, str, str]]:
    a, these = tables.annotation, given(db, np.array(items, np.int64))
    query = sa.select(a.c.item, a.c.annotator, a.c.kind).where(a.c.item.in_(sa.select(these.c.value)))
    return [(r.item, r.annotator, r.kind) for r in db.rows(query)]


def _read(row: sa.Row[Any]) -> Batch:
    values = dict(row._mapping)
    return Batch(
        **{**values, "answer": tuple(values["answer"]), "items": tuple(values["items"]), "seen": tuple(values["seen"])}
    )
