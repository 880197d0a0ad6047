# ruff: noqa: D103  # the Store protocol documents them
"""What the log amounts to: annotations in force, states and decisions of items, and figures counted from them."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from collab.domain.annotation import Annotation, Decision, Settled
from collab.domain.project import Answer, ItemState
from collab.storage import schema as tables
from collab.storage.connection import Database, upsert
from collab.storage.log import EVENTS, read_annotation

SEPARATOR = "\x1f"
"""Between the classes of an answer that names several."""


def current(db: Database, item: int) -> list[Annotation]:
    return [read_annotation(r) for r in db.rows(_CURRENT, {"of": item})]


def set_current(db: Database, item: int, annotator: str, annotation: Annotation | None) -> None:
    if annotation is not None:
        set_all_current(db, [annotation])
    else:
        a = tables.annotation
        db.write(sa.delete(a).where(a.c.item == item, a.c.annotator == annotator))
        db.write(_NO_REPEAT, {"item": item, "annotator": annotator})


def set_all_current(db: Database, annotations: Sequence[Annotation]) -> None:
    """Put annotations of different items or people in force."""
    rows = [
        {
            "item": a.item,
            "annotator": a.annotator,
            "project": a.project,
            "event": a.id,
            "kind": a.kind,
            "at": 0 if a.purpose == "imported" else a.at,  # what came with a file is nobody's work of today
            "first": key_of(a.answer),
        }
        for a in annotations
    ]
    db.write(_IN_FORCE, rows)


def decision(db: Database, item: int) -> Decision | None:
    found = db.row(sa.select(tables.decision).where(tables.decision.c.item == item))
    return None if found is None else read_decision(found)


def annotated(db: Database, project: int) -> list[int]:
    a = tables.annotation
    return [r.item for r in db.rows(sa.select(a.c.item).where(a.c.project == project).distinct().order_by(a.c.item))]


def standing_decision(db: Database, item: int) -> Decision | None:
    return standing_decisions(db, [item]).get(item)


def standing_decisions(db: Database, items: Sequence[int]) -> dict[int, Decision]:
    """What stands of these items while nobody speaks."""
    a = tables.imported_answer
    finished = sa.exists().where(tables.file_import.c.id == a.c.file_import, tables.file_import.c.report.is_not(None))
    query = sa.select(a.c.item, a.c.answer).where(a.c.item.in_(items), a.c.annotator == "", finished)
    machine = {
        r.item: Decision(r.item, tuple(r.answer), "machine", r.confidence, r.certificate)
        for r in db.rows(_SIGNED, {"items": list(items)})
    }
    return machine | {r.item: Decision(r.item, tuple(r.answer), "imported") for r in db.rows(query)}


def settle_item(db: Database, project: int, item: int, state: ItemState, decision: Decision | None, now: int) -> None:
    with db.transaction():
        db.lock_project(project)
        before = db.rows(_BEFORE, {"item": item})[0]
        if before.erased:  # whatever is said of it, there is nothing left of which it could be true
            state, decision = "unusable", None
        if before.state != state:
            db.write(_SET_STATE, {"of": item, "to": state})
        if decision is None and before.source is not None:
            db.write(_UNDECIDE, {"of": item})
        elif decision is not None:
            _write_decisions(db, [_row(project, decision, before.reserved, now)])
        where = "audited" if before.reserved else "checked" if before.drawn else "decided"
        was = _counters(before.source, where)
        becomes = _counters(None if decision is None else decision.source, where)
        if was != becomes:
            count(db, project, was, -1)
            count(db, project, becomes, 1)


def settle_all(db: Database, project: int, settled: Sequence[tuple[int, Settled]], now: int) -> None:
    """Settle items that aren't reserved nor drawn; whoever calls this counts them."""
    db.write(_SET_STATE, [{"of": item, "to": s.state} for item, s in settled])
    _write_decisions(db, [_row(project, s.decision, False, now) for _, s in settled if s.decision is not None])


def count(db: Database, project: int, names: Sequence[str], step: int) -> None:
    """Add `step` to a counter for each time that it is named."""
    changed = {name: step * n for name, n in Counter(names).items()}
    if changed:
        db.write(_counting(tuple(changed)), {"project": project, **changed})


@cache
def _counting(names: tuple[str, ...]) -> sa.TextClause:
    changes = ", ".join(f"{name} = {name} + :{name}" for name in names)
    return sa.text(f"UPDATE counter SET {changes} WHERE project = :project")


def reset_projections(db: Database, project: int) -> None:
    with db.transaction():
        db.lock_project(project)
        for statement in _RESET:
            db.write(statement, {"project": project})
        recount(db, project)


def recount(db: Database, project: int) -> None:
    """Count items and decisions anew: for acts that touch many rows at once."""
    db.write(_RECOUNT, {"project": project})


def class_counts(db: Database, project: int) -> dict[str, int]:
    found = Counter[str]()
    for r in db.rows(_CLASSES, {"project": project}):
        found.update(dict.fromkeys(answer_of(r.first), r.n))
    return dict(found)


def answers_since(db: Database, project: int, since: int, annotator: str = "") -> int:
    one = {"annotator": annotator} if annotator else {}
    return int(db.scalar(_SINCE[bool(annotator)], {"project": project, "since": since, **one}))


def overlaps(db: Database, project: int) -> list[tuple[Answer, Answer, int]]:
    return [(answer_of(r.low), answer_of(r.high), r.n) for r in db.rows(_OVERLAPS, {"project": project})]


def answers_by_annotator(db: Database, project: int) -> list[tuple[str, int]]:
    return [(r.annotator, r.n) for r in db.rows(_ANSWERS_BY, {"project": project})]


def read_decision(row: sa.Row[Any]) -> Decision:
    """Read a row of the decision table."""
    return Decision(row.item, tuple(row.answer), row.source, row.confidence, row.certificate)


def _counters(source: str | None, where: str) -> tuple[str, ...]:
    if source is None:
        return ()
    return ("machine",) if source == "machine" else (where,)


def key_of(answer: Answer) -> str:
    """Write a whole answer as one word that an index finds: the id of its class, or of all of them in their order."""
    return SEPARATOR.join(answer)


def answer_of(key: str) -> Answer:
    """Read what `key_of` wrote."""
    return tuple(key.split(SEPARATOR)) if key else ()


def naming(column: sa.ColumnElement[str], class_id: str, *, many: bool) -> sa.ColumnElement[bool]:
    """Whether an answer, kept as its key, names a class; an index serves it where answers are of one class."""
    if not many:
        return column == class_id
    return (SEPARATOR + column + SEPARATOR).contains(SEPARATOR + class_id + SEPARATOR, autoescape=True)


def _row(project: int, decision: Decision, reserved: bool, now: int) -> dict[str, Any]:
    return {
        "item": decision.item, "project": project, "answer": list(decision.answer), "first": key_of(decision.answer),
        "reserved": reserved, "source": decision.source, "confidence": decision.confidence, "at": now,
        "certificate": decision.certificate,
    }  # fmt: skip


def _write_decisions(db: Database, rows: list[dict[str, Any]]) -> None:
    if rows:
        db.write(_DECIDE, rows)


_CURRENT = (
    EVENTS.join(tables.annotation, tables.annotation.c.event == tables.event.c.id)
    .where(tables.annotation.c.item == sa.bindparam("of"))
    .order_by(tables.event.c.number)
)
_IN_FORCE = upsert(tables.annotation, ("item", "annotator"), ("event", "kind", "at", "first"))
_DECIDE = upsert(tables.decision, ("item",), ("answer", "first", "source", "confidence", "at", "certificate"))
_SET_STATE = sa.update(tables.item).values(state=sa.bindparam("to")).where(tables.item.c.id == sa.bindparam("of"))
_UNDECIDE = sa.delete(tables.decision).where(tables.decision.c.item == sa.bindparam("of"))
# Where there is no batch, no event is looked at: a person's number of today is told with every answer.
SINGLE = (
    "(NOT EXISTS (SELECT 1 FROM batch b WHERE b.project = :project) OR NOT EXISTS "
    "(SELECT 1 FROM event e JOIN batch b ON b.id = e.batch WHERE e.id = n.event))"
)
"""An answer `n` that was given for its item alone, not for many at once."""
_SINCE = {
    one: sa.text(
        "SELECT (SELECT count(*) FROM annotation n WHERE project = :project AND at >= :since "
        f"AND kind IN ('answer', 'unsure') {mine} AND {SINGLE}) + "
        f"(SELECT count(*) FROM repeated WHERE project = :project AND at >= :since {mine})"
    )
    for one, mine in ((False, ""), (True, "AND annotator = :annotator"))
}
# Its first answer is gone: another one would follow too soon.
_NO_REPEAT = sa.text(
    "DELETE FROM ask WHERE item = :item AND annotator = :annotator AND lane = 'repeat' AND NOT done AND lease_until = 0"
)
_BEFORE = sa.text(
    "SELECT i.reserved, i.drawn, i.erased, i.state, d.source FROM item i LEFT JOIN decision d ON d.item = i.id "
    "WHERE i.id = :item"
).columns(
    tables.item.c.reserved, tables.item.c.drawn, tables.item.c.erased, tables.item.c.state, tables.decision.c.source
)
# In this order: else SQLite goes through all labels of the project.
_SIGNED = (
    sa.text(
        "SELECT m.item, m.answer, m.confidence, m.certificate FROM item i CROSS JOIN certificate c "
        "CROSS JOIN machine_label m WHERE i.id IN :items AND c.project = i.project AND c.status = 'signed' "
        "AND m.project = c.project AND m.certificate = c.number AND m.item = i.id"
    )
    .bindparams(sa.bindparam("items", expanding=True))
    .columns(tables.machine_label.c.item, tables.machine_label.c.answer)
)
_RESET = [
    sa.text(statement)
    for statement in (
        "DELETE FROM annotation WHERE project = :project",
        "DELETE FROM repeated WHERE project = :project",
        "DELETE FROM aggregated WHERE project = :project",
        "DELETE FROM remark WHERE project = :project",
        "DELETE FROM normed WHERE project = :project",
        "DELETE FROM norming_item WHERE project = :project",
        "DELETE FROM norming WHERE project = :project",
        "DELETE FROM adjudication WHERE project = :project",
        "DELETE FROM second_look WHERE project = :project",
        # Nothing was signed before the first event.
        "UPDATE certificate SET status = 'auditing' WHERE project = :project",
        "DELETE FROM decision WHERE project = :project",
        "DELETE FROM put_off WHERE item IN (SELECT id FROM item WHERE project = :project)",
        "UPDATE item SET state = 'open' WHERE project = :project AND state <> 'open' AND NOT erased",
        "INSERT INTO decision (item, project, answer, first, reserved, source, at) "
        "SELECT a.item, a.project, a.answer, a.first, i.reserved, 'imported', f.at "
        "FROM imported_answer a JOIN item i ON i.id = a.item JOIN file_import f ON f.id = a.file_import "
        "WHERE a.project = :project AND a.annotator = '' AND (f.report IS NOT NULL OR i.file_import = f.id)",
        "UPDATE item SET state = 'decided' WHERE id IN (SELECT item FROM decision WHERE project = :project)",
    )
]
_NOT_DRAWN = (
    "d.source <> 'machine' AND d.item NOT IN (SELECT w.item FROM drawn w WHERE w.project = :project AND w.queued)"
)
_RECOUNT = sa.text(
    "UPDATE counter SET "
    "items = (SELECT count(*) FROM item i WHERE i.project = :project AND i.id <= counter.visible), "
    "reserved = (SELECT count(*) FROM item i WHERE i.project = :project AND i.reserved), "
    "decided = (SELECT count(*) FROM decision d "
    f"WHERE d.project = :project AND d.reserved = false AND {_NOT_DRAWN} AND d.item <= counter.visible), "
    "audited = (SELECT count(*) FROM decision d WHERE d.project = :project AND d.reserved = true "
    "AND d.source <> 'machine'), "
    "checked = (SELECT count(*) FROM drawn w JOIN decision d ON d.item = w.item AND d.source <> 'machine' "
    "WHERE w.project = :project AND w.queued), "
    "machine = (SELECT count(*) FROM decision d WHERE d.project = :project AND d.source = 'machine') "
    "WHERE project = :project"
)
_CLASSES = sa.text(
    "SELECT d.first, count(*) AS n FROM decision d JOIN counter c ON c.project = d.project AND d.item <= c.visible "
    f"WHERE d.project = :project AND d.reserved = false AND {_NOT_DRAWN} GROUP BY d.first ORDER BY d.first"
)
_OVERLAPS = sa.text(
    "SELECT low, high, count(*) AS n FROM (SELECT min(first) AS low, max(first) AS high FROM annotation "
    "WHERE project = :project AND kind = 'answer' GROUP BY item HAVING count(*) > 1) AS answered "
    "GROUP BY low, high ORDER BY low, high"
)
_ANSWERS_BY = sa.text(
    "SELECT annotator, count(*) AS n FROM annotation n WHERE project = :project AND kind IN ('answer', 'unsure') "
    f"AND at > 0 AND {SINGLE} GROUP BY annotator ORDER BY n DESC, annotator"
)
