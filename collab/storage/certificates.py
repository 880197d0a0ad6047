# ruff: noqa: D103  # the Store protocol documents them
"""Certificates, and the machine's labels under them: staged, in force, taken back."""

from collections.abc import Sequence
from dataclasses import asdict

import sqlalchemy as sa

from collab.domain.certificate import Certificate
from collab.domain.norming import Stage
from collab.domain.plain import typed
from collab.domain.project import Answer
from collab.storage import schema as tables
from collab.storage.connection import Database
from collab.storage.json_text import dumps
from collab.storage.projections import key_of


def save_certificate(db: Database, certificate: Certificate) -> None:
    written = {"status": certificate.status, "content": asdict(certificate)}
    row = db.insert(tables.certificate).values(project=certificate.project, number=certificate.number, **written)
    db.write(row.on_conflict_do_update(index_elements=["project", "number"], set_=written))


def certificates(db: Database, project: int) -> tuple[Certificate, ...]:
    return tuple(typed(Certificate, r.content) for r in db.rows(_ALL, {"of": project}))


def schedule(db: Database, project: int) -> tuple[tuple[Certificate, ...], Stage | None]:
    rows = db.rows(_SCHEDULE, {"of": project})
    found = tuple(typed(Certificate, r.content) for r in rows if r.content is not None)
    return found, rows[0].stage if rows else None


def stage_labels(db: Database, project: int, number: int, labels: Sequence[tuple[int, Answer, float]]) -> None:
    values = [(project, number, item, dumps(list(words)), key_of(words), sure) for item, words, sure in labels]
    if not values:
        return
    if db.is_sqlite:
        db.write_raw(_STAGE_SQLITE, values)
    else:
        items, answers, names, confidences = (list(column) for column in list(zip(*values, strict=True))[2:])
        db.write_raw(_STAGE_POSTGRES, (project, number, items, answers, names, confidences))


def apply_labels(db: Database, project: int, number: int, now: int) -> int:
    mine = {"project": project, "number": number, "now": now}
    with db.transaction():
        db.lock_project(project)
        # Only the first time: what was left out then is forgotten, and what stood then is applied again when the
        # projections are made anew, whoever holds or has answered it meanwhile.
        db.take_stock("machine_label")
        if db.write(_FIRST_TIME, mine):
            for statement in _LEAVE_OUT:
                db.write(statement, mine)
        labels = db.write(_DECIDE, mine)
        db.take_stock("decision")
        db.write(_DECIDED, mine)
        db.write(_UNASK, mine)
        _count(db, project, labels)
    return labels


def drop_labels(db: Database, project: int, number: int) -> int:
    mine = {"project": project, "number": number}
    with db.transaction():
        db.lock_project(project)
        db.write(_OPEN_AGAIN, mine)
        labels = db.write(_UNDECIDE, mine)
        db.write(_FORGET, mine)
        _count(db, project, -labels)
    return labels


def _count(db: Database, project: int, step: int) -> None:
    counter = tables.counter
    db.write(sa.update(counter).values(machine=counter.c.machine + step).where(counter.c.project == project))


_ALL = (
    sa.select(tables.certificate.c.content)
    .where(tables.certificate.c.project == sa.bindparam("of"))
    .order_by(tables.certificate.c.number.desc())
)
_SCHEDULE = (
    sa.select(
        tables.certificate.c.content,
        sa.select(tables.norming.c.stage)
        .where(tables.norming.c.project == tables.counter.c.project)
        .order_by(tables.norming.c.number.desc())
        .limit(1)
        .scalar_subquery()
        .label("stage"),
    )
    .select_from(tables.counter.outerjoin(tables.certificate, tables.certificate.c.project == tables.counter.c.project))
    .where(tables.counter.c.project == sa.bindparam("of"))
    .order_by(tables.certificate.c.number.desc())
)
_STAGED = "INSERT INTO machine_label (project, certificate, item, answer, first, confidence)"
_STAGED_AGAIN = (
    "ON CONFLICT (project, certificate, item) DO UPDATE SET "
    "answer = excluded.answer, first = excluded.first, confidence = excluded.confidence"
)
_STAGE_SQLITE = f"{_STAGED} VALUES (?, ?, ?, ?, ?, ?) {_STAGED_AGAIN}"
_STAGE_POSTGRES = (
    f"{_STAGED} SELECT %s::bigint, %s::bigint, * FROM unnest"
    f"(%s::bigint[], %s::text[], %s::text[], %s::float8[]) {_STAGED_AGAIN}"
)
_FIRST_TIME = sa.text(
    "UPDATE certificate SET applied = true WHERE project = :project AND number = :number AND NOT applied"
)
_LABELS = "project = :project AND certificate = :number"
# One condition in each statement: joined by OR, PostgreSQL would try them row by row.
_LEAVE_OUT = [
    sa.text(f"DELETE FROM machine_label WHERE {_LABELS} AND {condition}")
    for condition in (
        "NOT EXISTS (SELECT 1 FROM item i WHERE i.id = machine_label.item AND i.state = 'open' "
        "AND i.reserved = false AND i.drawn = false)",
        "item IN (SELECT a.item FROM ask a WHERE a.project = :project AND a.lease_until > :now AND a.lease_until > 0 "
        "AND NOT a.done)",
        "item IN (SELECT n.item FROM annotation n WHERE n.project = :project)",
    )
]
_DECIDE = sa.text(
    "INSERT INTO decision (item, project, answer, first, reserved, source, confidence, at, certificate) "
    "SELECT m.item, m.project, m.answer, m.first, false, 'machine', m.confidence, :now, m.certificate "
    "FROM machine_label m JOIN item i ON i.id = m.item AND i.state = 'open' "
    "WHERE m.project = :project AND m.certificate = :number"
)
_MACHINE = "project = :project AND source = 'machine' AND certificate = :number"
_DECIDED = sa.text(
    f"UPDATE item SET state = 'decided' WHERE state = 'open' AND id IN (SELECT item FROM decision WHERE {_MACHINE})"
)
_UNASK = sa.text(
    "DELETE FROM ask WHERE project = :project AND lane = 'query' AND NOT done AND leased_at = 0 "
    f"AND item IN (SELECT item FROM decision WHERE {_MACHINE})"
)
_OPEN_AGAIN = sa.text(f"UPDATE item SET state = 'open' WHERE id IN (SELECT item FROM decision WHERE {_MACHINE})")
_UNDECIDE = sa.text(f"DELETE FROM decision WHERE {_MACHINE}")
_FORGET = sa.text(f"DELETE FROM machine_label WHERE {_LABELS}")
