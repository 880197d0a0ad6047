# ruff: noqa: D103  # the Store protocol documents them
"""Why the model suggests what it does: asked for by people, answered by the worker, forgotten with the next refit."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from collab.storage import schema as tables
from collab.storage.connection import Database

KEPT = 200

_e, _c = tables.explanation, tables.counter
_REVISION = sa.select(_c.c.revision).where(_c.c.project == _e.c.project).scalar_subquery()


def ask_why(db: Database, project: int, item: int, now: int) -> None:
    row = db.insert(_e).values(project=project, item=item, asked_at=now)
    asked = {"content": None, "asked_at": now}
    again = row.on_conflict_do_update(
        index_elements=["project", "item"],
        set_=asked,
        where=sa.and_(_e.c.content.is_not(None), _e.c.revision < _REVISION),
    )
    with db.transaction(durable=False):
        db.write(again)


def asked_why(db: Database, project: int) -> list[int]:
    query = (
        sa.select(_e.c.item).where(_e.c.project == project, _e.c.content.is_(None)).order_by(_e.c.asked_at, _e.c.item)
    )
    return [row.item for row in db.rows(query)]


def put_why(db: Database, project: int, item: int, revision: int, content: Mapping[str, Any], now: int) -> None:
    written = {"content": dict(content), "revision": revision, "asked_at": now}
    row = db.insert(_e).values(project=project, item=item, **written)
    newest = sa.select(_e.c.item).where(_e.c.project == project).order_by(_e.c.asked_at.desc(), _e.c.item).limit(KEPT)
    i = tables.item
    with db.transaction(durable=False):
        if db.scalar(sa.select(i.c.erased).where(i.c.id == item)):  # while its words were being looked at
            return
        db.write(row.on_conflict_do_update(index_elements=["project", "item"], set_=written))
        db.write(sa.delete(_e).where(_e.c.project == project, _e.c.content.is_not(None), _e.c.item.not_in(newest)))


def why(db: Database, project: int, item: int) -> Mapping[str, Any] | None:
    query = sa.select(_e.c.content).where(
        _e.c.project == project, _e.c.item == item, _e.c.content.is_not(None), _e.c.revision == _REVISION
    )
    found = db.row(query)
    return None if found is None else found.content
