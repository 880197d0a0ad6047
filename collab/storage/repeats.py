# ruff: noqa: D103  # the Store protocol documents them
"""Repeats: a person's own audit answers, asked once more."""

import sqlalchemy as sa

from collab.domain.annotation import Annotation, coin
from collab.domain.project import Answer
from collab.storage import projections, records
from collab.storage import schema as tables
from collab.storage.connection import Database


def add_repeat(db: Database, project: int, annotator: str, answers_between: int, reason: str) -> bool:
    mine = {"project": project, "annotator": annotator, "behind": max(answers_between, 1) - 1}
    with db.transaction():
        db.lock_project(project)
        before = db.scalar(_BEFORE, mine)
        found = [] if before is None else [r.item for r in db.rows(_CANDIDATES, {**mine, "before": before})]
        if not found:
            return False
        owner = records.project(db, project)
        row = {
            "project": project, "item": min(found, key=lambda item: coin(owner, item)), "slot": 0, "purpose": "repeat",
            "lane": "repeat", "score": 0.0, "blind": True, "reason": reason, "annotator": annotator,
        }  # fmt: skip
        db.write(sa.insert(tables.ask).values(**row))
    return True


def set_repeat(db: Database, item: int, annotator: str, again: Annotation | None) -> None:
    table = tables.repeated
    with db.transaction():
        db.write(sa.delete(table).where(table.c.item == item, table.c.annotator == annotator))
        first = next((a for a in projections.current(db, item) if a.annotator == annotator), None)
        if again is not None and first is not None and _says(first) and _says(again):
            row = {
                "item": item, "annotator": annotator, "project": again.project, "at": again.at,
                "first": list(first.answer), "again": list(again.answer),
            }  # fmt: skip
            db.write(sa.insert(table).values(**row))


def repeats(db: Database, project: int, annotator: str = "") -> list[tuple[Answer, Answer, int]]:
    r = tables.repeated
    query = sa.select(r.c.first, r.c.again, sa.func.count().label("n")).where(r.c.project == project)
    query = query.where(r.c.annotator == annotator) if annotator else query
    rows = db.rows(query.group_by(r.c.first, r.c.again).order_by(r.c.first, r.c.again))
    return [(tuple(row.first), tuple(row.again), row.n) for row in rows]


def _says(annotation: Annotation) -> bool:
    return annotation.kind in ("answer", "unsure")


_SAID = "n.project = :project AND n.annotator = :annotator AND n.kind IN ('answer', 'unsure') AND n.at > 0"
_BEFORE = sa.text(
    f"SELECT n.at FROM annotation n WHERE {_SAID} AND {projections.SINGLE} ORDER BY n.at DESC LIMIT 1 OFFSET :behind"
)
_CANDIDATES = sa.text(
    f"SELECT n.item FROM annotation n JOIN item i ON i.id = n.item AND (i.reserved OR i.drawn) WHERE {_SAID} "
    "AND n.at < :before AND NOT EXISTS "
    "(SELECT 1 FROM ask a WHERE a.item = n.item AND a.annotator = :annotator AND a.lane = 'repeat') "
    # At a second look they have seen what others said.
    "AND NOT EXISTS (SELECT 1 FROM second_look l WHERE l.item = n.item AND l.annotator = :annotator)"
)
