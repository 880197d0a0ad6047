# ruff: noqa: D103  # the Store protocol documents them
"""Items: by id, in their order, and as a person looks for them."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from collab.domain.annotation import Annotation, Decision
from collab.domain.media import is_media_name
from collab.domain.project import Answer, Item
from collab.domain.store import PoolRow
from collab.errors import UnknownName
from collab.storage import schema as tables
from collab.storage.connection import Database
from collab.storage.log import EVENTS, read_annotation
from collab.storage.projections import read_decision

_NAMES = re.compile('"(media/[^"]+)"')
_MANY = 10_000
"""Ids in one query; PostgreSQL and SQLite both stop at some number of parameters."""


def items(db: Database, ids: Sequence[int]) -> dict[int, Item]:
    found: dict[int, Item] = {}
    for start in range(0, len(ids), _MANY):
        rows = db.rows(_BY_ID, {"ids": list(ids[start : start + _MANY])})
        found.update((r.id, read_item(r)) for r in rows)
    return found


def stream_items(db: Database, project: int, after: int = 0, limit: int = 1000) -> list[Item]:
    i = tables.item
    query = VISIBLE.where(i.c.project == project, i.c.id > after).order_by(i.c.id).limit(limit)
    return [read_item(r) for r in db.rows(query)]


def outcomes(
    db: Database, project: int, after: int = 0, limit: int = 1000
) -> list[tuple[Item, Decision | None, tuple[Annotation, ...]]]:
    page = stream_items(db, project, after, limit)
    decisions, said = decisions_of(db, page), annotations_of(db, page)
    return [(item, decisions.get(item.id), tuple(said.get(item.id, ()))) for item in page]


def pictures(db: Database) -> Iterator[str]:
    """Look for names in what is written: to read the JSON of every item would take many times as long."""
    for table, key in ((tables.item, tables.item.c.id), (tables.replacement, tables.replacement.c.item)):
        written, after = sa.cast(table.c.fields, sa.Text), 0
        query = sa.select(key.label("key"), written.label("written")).where(key > sa.bindparam("after"))
        query = query.where(written.like('%"media/%')).order_by(key).limit(_MANY)
        while rows := db.rows(query, {"after": after}):
            for row in rows:
                yield from filter(is_media_name, _NAMES.findall(row.written))
            after = rows[-1].key


def item_called(db: Database, project: int, ref: str) -> int:
    i = tables.item
    query = sa.select(sa.func.max(i.c.id)).select_from(_JOINED).where(i.c.project == project, i.c.ref == ref)
    if (found := db.scalar(query)) is None:
        raise UnknownName("item", ref)
    return int(found)


def set_read_until(db: Database, characters: Mapping[int, int]) -> None:
    if characters:
        item = tables.item
        update = sa.update(item).values(read_until=sa.bindparam("at")).where(item.c.id == sa.bindparam("of"))
        db.write(update, [{"of": of, "at": at} for of, at in characters.items()])


def pool(db: Database, project: int, after: int = 0, limit: int = 50_000) -> list[PoolRow]:
    i = tables.item
    return _pool_rows(db, _POOL.where(i.c.project == project, i.c.id > after).order_by(i.c.id).limit(limit))


def pool_rows(db: Database, project: int, ids: Sequence[int]) -> list[PoolRow]:
    found: list[PoolRow] = []
    query = _POOL.where(tables.item.c.project == project, tables.item.c.id.in_(_these())).order_by(tables.item.c.id)
    for start in range(0, len(ids), _MANY):
        found += _pool_rows(db, query, {"ids": list(ids[start : start + _MANY])})
    return found


def truth(db: Database, project: int) -> dict[int, Answer]:
    t, c = tables.hidden_truth, tables.counter
    query = sa.select(t.c.item, t.c.answer).join(c, sa.and_(c.c.project == t.c.project, t.c.item <= c.c.visible))
    return {r.item: tuple(r.answer) for r in db.rows(query.where(t.c.project == project))}


_PUBLISHED = sa.and_(tables.counter.c.project == tables.item.c.project, tables.item.c.id <= tables.counter.c.visible)
_JOINED = tables.item.join(tables.counter, _PUBLISHED)
VISIBLE = sa.select(tables.item).select_from(_JOINED)
_BY_ID = VISIBLE.where(tables.item.c.id.in_(sa.bindparam("ids", expanding=True)))
_POOL = (
    sa.select(
        tables.item.c.id, tables.item.c.reserved, tables.item.c.state, tables.item.c.audit_rank,
        sa.type_coerce(tables.decision.c.answer, sa.Text).label("answer"), tables.item.c.drawn,
        (tables.decision.c.source == "machine").label("machine"),
    )
    .join(tables.counter, _PUBLISHED)
    .outerjoin(tables.decision, tables.decision.c.item == tables.item.c.id)
)  # fmt: skip


def _these() -> sa.BindParameter[Any]:
    return sa.bindparam("ids", expanding=True)


def decisions_of(db: Database, page: Sequence[Item]) -> dict[int, Decision]:
    d = tables.decision
    rows = db.rows(sa.select(d).where(d.c.item.in_(_these())), {"ids": [item.id for item in page]})
    return {r.item: read_decision(r) for r in rows}


def annotations_of(db: Database, page: Sequence[Item], annotator: str = "") -> dict[int, list[Annotation]]:
    a = tables.annotation
    query = EVENTS.join(a, a.c.event == tables.event.c.id).where(a.c.item.in_(_these())).order_by(tables.event.c.number)
    if annotator:
        query = query.where(a.c.annotator == annotator)
    found: dict[int, list[Annotation]] = {}
    for word in map(read_annotation, db.rows(query, {"ids": [item.id for item in page]})):
        found.setdefault(word.item, []).append(word)
    return found


def read_item(row: sa.Row[Any]) -> Item:
    """An item of its row."""
    return Item(
        row.id, row.project, row.ref, row.fields, row.digest, row.audit_rank, row.meta, row.reserved, row.drawn,
        row.state, row.read_until, row.erased,
    )  # fmt: skip


def _pool_rows(db: Database, query: sa.Select[Any], params: dict[str, Any] | None = None) -> list[PoolRow]:
    answers: dict[str | None, Answer] = {None: ()}  # a million items have few different answers
    found = []
    for item, reserved, state, rank, answer, drawn, machine in map(tuple, db.rows(query, params)):
        if answer not in answers:
            answers[answer] = tuple(json.loads(answer))
        found.append(PoolRow(item, reserved, state, rank, answers[answer], drawn, machine is True))
    return found
