# ruff: noqa: D103  # the Store protocol documents them
"""What differing answers come to, as it was concluded last; and who answered what where several did."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from collab.domain.annotation import Decision
from collab.domain.store import SharedAnswer
from collab.storage import schema as tables
from collab.storage.connection import Database
from collab.storage.projections import answer_of, key_of


def set_aggregated(db: Database, project: int, decisions: Sequence[Decision]) -> None:
    table = tables.aggregated
    with db.transaction():
        if decisions:
            db.write(sa.delete(table).where(table.c.item == sa.bindparam("of")), [{"of": d.item} for d in decisions])
        rows = [
            {
                "item": d.item, "project": project, "answer": list(d.answer), "first": key_of(d.answer),
                "confidence": d.confidence,
            }
            for d in decisions
            if d.answer
        ]  # fmt: skip
        if rows:
            db.write(sa.insert(table), rows)


def aggregated(db: Database, project: int) -> dict[int, Decision]:
    table = tables.aggregated
    return {r.item: _decision(r) for r in db.rows(sa.select(table).where(table.c.project == project))}


def concluded(db: Database, items: Sequence[int]) -> dict[int, Decision]:
    """What was concluded of these items."""
    table = tables.aggregated
    return {r.item: _decision(r) for r in db.rows(sa.select(table).where(table.c.item.in_(items)))}


def shared_answers(db: Database, project: int, least: int = 2) -> list[SharedAnswer]:
    rows = db.rows(_SHARED_ANSWERS, {"project": project, "least": least})
    return [
        SharedAnswer(
            r.item, r.annotator, answer_of(r.first), r.purpose or "", bool(r.reserved or r.drawn),
            not r.batch or r.batch.startswith("import "),
        )
        for r in rows
    ]  # fmt: skip


def _decision(row: sa.Row[Any]) -> Decision:
    return Decision(row.item, tuple(row.answer), "aggregated", row.confidence)


_SHARED_ANSWERS = sa.text(
    "SELECT n.item, n.annotator, n.first, a.purpose, i.reserved, i.drawn, e.batch FROM annotation n "
    "JOIN item i ON i.id = n.item JOIN event e ON e.id = n.event LEFT JOIN ask a ON a.id = e.ask "
    "WHERE n.project = :project AND n.kind = 'answer' AND n.item IN (SELECT o.item FROM annotation o "
    "WHERE o.project = :project AND o.kind = 'answer' GROUP BY o.item HAVING count(*) >= :least) "
    "ORDER BY n.item, e.number"
)
