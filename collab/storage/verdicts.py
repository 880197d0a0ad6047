# ruff: noqa: D103  # the Store protocol documents them
"""What adjudicators said, and what people said blind at a second look: projections of the log."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from collab.domain.annotation import Annotation, Decision
from collab.domain.project import Answer
from collab.domain.suspect import Adjudicated, Adjudication
from collab.storage import schema as tables
from collab.storage.connection import Database
from collab.storage.log import EVENTS, read_annotation, read_event


def adjudication(db: Database, item: int) -> Adjudication | None:
    return adjudications_of(db, [item]).get(item)


def adjudications_of(db: Database, items: Sequence[int]) -> dict[int, Adjudication]:
    """What stands of these items."""
    return {r.item: _read(r) for r in db.rows(_OF, {"items": list(items)})}


def beside(db: Database, item: int) -> tuple[Adjudication | None, Decision | None]:
    found = db.rows(_BESIDE, {"of": item})[0]
    said = None if found.event is None else _read(found)
    if found.aggregated is None:
        return said, None
    return said, Decision(item, tuple(found.aggregated), "aggregated", found.confidence)


def set_adjudication(db: Database, project: int, item: int, said: Adjudication | None, at: int = 0) -> None:
    j = tables.adjudication
    if said is None:
        db.write(sa.delete(j).where(j.c.item == item))
        return
    values = {
        "event": said.event, "verdict": said.verdict, "answer": list(said.answer), "at": at,
        "before": None if said.before is None else list(said.before),
    }  # fmt: skip
    row = db.insert(j).values(item=item, project=project, **values)
    db.write(row.on_conflict_do_update(index_elements=["item"], set_=values))


def set_before(db: Database, item: int, answer: Answer | None) -> None:
    j, before = tables.adjudication, None if answer is None else list(answer)
    db.write(sa.update(j).where(j.c.item == item).values(before=before))


def adjudications(db: Database, project: int, limit: int = 100, before: int | None = None) -> list[Adjudicated]:
    j, e = tables.adjudication, tables.event
    joined = EVENTS.join(j, j.c.event == e.c.id).where(j.c.project == project)
    query = joined.add_columns(j.c.verdict, j.c.answer, j.c.before).order_by(e.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(e.c.number < before)
    found = []
    for row in db.rows(query):
        event = read_event(row)
        assert event.item is not None, "an adjudication names its item"
        said = Adjudication(event.item, event.id, row.verdict, tuple(row.answer), _answer(row.before))
        p = event.payload
        found.append(Adjudicated(row.number, said, event.actor, event.at, p.get("kind", "error"), p.get("note", "")))
    return found


def set_second_look(db: Database, item: int, annotator: str, said: Annotation | None) -> None:
    t = tables.second_look
    if said is None:
        db.write(sa.delete(t).where(t.c.item == item, t.c.annotator == annotator))
        return
    row = db.insert(t).values(item=item, annotator=annotator, project=said.project, event=said.id)
    db.write(row.on_conflict_do_update(index_elements=["item", "annotator"], set_={"event": said.id}))


def second_looks(db: Database, item: int) -> list[Annotation]:
    t = tables.second_look
    query = EVENTS.join(t, t.c.event == tables.event.c.id).where(t.c.item == item).order_by(tables.event.c.number)
    return [read_annotation(r) for r in db.rows(query)]


def _read(row: sa.Row[Any]) -> Adjudication:
    return Adjudication(row.item, row.event, row.verdict, tuple(row.answer), _answer(row.before))


def _answer(written: list[str] | None) -> tuple[str, ...] | None:
    return None if written is None else tuple(written)


_OF = sa.select(tables.adjudication).where(tables.adjudication.c.item.in_(sa.bindparam("items", expanding=True)))
_BESIDE = (
    sa.select(
        tables.item.c.id.label("item"),
        *(tables.adjudication.c[name] for name in ("event", "verdict", "answer", "before")),
        tables.aggregated.c.answer.label("aggregated"),
        tables.aggregated.c.confidence,
    )
    .select_from(
        tables.item.outerjoin(tables.adjudication, tables.adjudication.c.item == tables.item.c.id).outerjoin(
            tables.aggregated, tables.aggregated.c.item == tables.item.c.id
        )
    )
    .where(tables.item.c.id == sa.bindparam("of"))
)
