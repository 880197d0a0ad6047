# ruff: noqa: D103  # the Store protocol documents them
"""Norming rounds: which items, how far they are, and what people answered in them."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from collab.domain.annotation import Annotation
from collab.domain.norming import Normed, Norming, Remark
from collab.domain.project import Answer
from collab.storage import log
from collab.storage import schema as tables
from collab.storage.connection import Database
from collab.storage.projections import SEPARATOR, answer_of, key_of

_UNUSABLE = SEPARATOR
"""Stands for "unusable"; no key of an answer is it either."""
_NOT_TOLD = "?"
"""Stands for "can't tell", which is an answer here; no key of an answer is it, for no class may have this id alone."""


def save_norming(db: Database, norming: Norming) -> None:
    table, mine = tables.norming, {"project": norming.project, "number": norming.number}
    row = {**mine, "stage": norming.stage, "items": list(norming.items), "actor": norming.by, "at": norming.at}
    with db.transaction():
        insert = db.insert(table).values(**row)
        db.write(insert.on_conflict_do_update(index_elements=list(mine), set_={"stage": norming.stage}))
        under_way = tables.norming_item
        db.write(sa.delete(under_way).where(under_way.c.project == norming.project))
        left = _left(db, norming.items)
        if norming.stage != "closed" and left:
            db.write(sa.insert(under_way), [{**mine, "item": item} for item in left])


def normings(db: Database, project: int) -> tuple[Norming, ...]:
    return tuple(_norming(db, r) for r in db.rows(_ALL, {"of": project}))


def norming_of(db: Database, item: int) -> Norming | None:
    table, under_way = tables.norming, tables.norming_item
    query = sa.select(table).join(
        under_way, (under_way.c.project == table.c.project) & (under_way.c.number == table.c.number)
    )
    r = db.row(query.where(under_way.c.item == item))
    return None if r is None else _norming(db, r)


def add_norming(db: Database, project: int, annotator: str, reason: str) -> bool:
    with db.transaction():
        db.lock_project(project)
        found = db.rows(_NOT_ASKED, {"project": project, "annotator": annotator})
        rows = [
            {
                "project": project, "item": r.item, "slot": 0, "purpose": "norming", "lane": "norming",
                "score": -float(place), "blind": True, "reason": reason, "annotator": annotator,
            }
            for place, r in enumerate(found)
        ]  # fmt: skip
        if rows:
            db.write(sa.insert(tables.ask), rows)
    return bool(rows)


def ask_norming_again(db: Database, project: int) -> None:
    with db.transaction():
        db.lock_project(project)
        db.write(_AGAIN, {"project": project})


def end_norming_asks(db: Database, project: int) -> None:
    db.write(_END, {"project": project})


def set_normed(db: Database, norming: Norming, item: int, annotator: str, after: bool, said: Annotation | None) -> None:
    table = tables.normed
    mine = {"project": norming.project, "number": norming.number, "item": item, "annotator": annotator, "after": after}
    with db.transaction():
        db.write(sa.delete(table).where(*(table.c[name] == value for name, value in mine.items())))
        if said is not None:
            silent = _UNUSABLE if said.kind == "unusable" else _NOT_TOLD
            first = key_of(said.answer) if said.answer else silent
            db.write(sa.insert(table).values(**mine, event=said.id, first=first))


def normed(db: Database, project: int, number: int) -> list[Normed]:
    table = tables.normed
    query = sa.select(table).where(table.c.project == project, table.c.number == number)
    rows = db.rows(query.order_by(table.c.item, table.c.annotator, table.c.after))
    return [
        Normed(r.item, r.annotator, bool(r.after), _answer(r.first), r.event, unusable=r.first == _UNUSABLE)
        for r in rows
    ]


def keep_remark(db: Database, project: int, number: int, item: int, event: str) -> None:
    db.write(sa.insert(tables.remark).values(project=project, number=number, item=item, event=event))


def remarks(db: Database, project: int, number: int) -> list[Remark]:
    table = tables.remark
    query = sa.select(table.c.event, table.c.item).where(table.c.project == project, table.c.number == number)
    found = ((r.item, log.event(db, r.event)) for r in db.rows(query))
    told = [Remark(item, e.actor, str(e.payload.get("text", "")), e.at) for item, e in found if e is not None]
    return sorted((remark for remark in told if remark.text), key=lambda remark: remark.at)


def _norming(db: Database, row: sa.Row[Any]) -> Norming:
    return Norming(row.project, row.number, row.stage, _left(db, row.items), row.actor, row.at)


def _left(db: Database, items: Sequence[int]) -> tuple[int, ...]:
    """Items of a round without those that were erased since: nobody is asked them, and nobody waits for them."""
    i = tables.item
    gone = {r.id for r in db.rows(sa.select(i.c.id).where(i.c.id.in_(items), i.c.erased))}
    return tuple(item for item in items if item not in gone)


def _answer(key: str) -> Answer:
    return () if key in (_NOT_TOLD, _UNUSABLE) else answer_of(key)


_NOT_ASKED = sa.text(
    "SELECT x.item FROM norming_item x JOIN norming r ON r.project = x.project AND r.number = x.number "
    "AND r.stage = 'blind' JOIN item i ON i.id = x.item AND NOT i.erased WHERE x.project = :project AND NOT EXISTS "
    "(SELECT 1 FROM ask a WHERE a.item = x.item AND a.annotator = :annotator AND a.lane = 'norming') ORDER BY x.item"
)
_AGAIN = sa.text(
    "UPDATE ask SET done = false, lease_until = 0, token = '' WHERE project = :project AND lane = 'norming' AND done "
    "AND item IN (SELECT x.item FROM norming_item x JOIN item i ON i.id = x.item AND NOT i.erased "
    "WHERE x.project = :project)"
)
_END = sa.text("UPDATE ask SET done = true WHERE project = :project AND lane = 'norming' AND NOT done")
_ALL = (
    sa.select(tables.norming)
    .where(tables.norming.c.project == sa.bindparam("of"))
    .order_by(tables.norming.c.number.desc())
)
