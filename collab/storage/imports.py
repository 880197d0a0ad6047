# ruff: noqa: D103  # the Store protocol documents them
"""Importing: rows come in batches, invisible until the import is finished.

Items of a project are published by raising its `visible` mark to the last id: as only one import of a project is under
way, its ids are above all earlier ones.
"""

import uuid
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import sqlalchemy as sa

from collab.domain.annotation import Event
from collab.domain.plain import typed
from collab.domain.project import Item
from collab.domain.run import ImportReport
from collab.domain.store import Added, AnswersAs, NewItem
from collab.errors import Conflict
from collab.storage import answers, columns, log, projections, records, reserve, search
from collab.storage import schema as tables
from collab.storage.answers import by_value
from collab.storage.connection import Database
from collab.storage.json_text import dumps

_BATCH = 5000
"""Replaced items in one statement."""


def begin_import(db: Database, project: int, source: str, answers: AnswersAs, now: int) -> int:
    table = tables.file_import
    row = {"project": project, "source": source, "answers": answers, "at": now}
    with db.transaction():
        made = db.scalar(db.insert(table).values(**row).on_conflict_do_nothing().returning(table.c.id))
    if made is None:
        raise Conflict("Another import of this project is under way; wait for it, or cancel it.")
    return int(made)


def open_import(db: Database, project: int) -> int | None:
    table = tables.file_import
    found = db.scalar(sa.select(table.c.id).where(table.c.project == project, table.c.report.is_(None)))
    return None if found is None else int(found)


def add_items(db: Database, import_id: int, rows: Sequence[NewItem]) -> Added:
    with db.transaction():
        under_way = _open_import(db, import_id)
        project = under_way.project
        there = _items_by_ref(db, project, rows)
        changed = tuple((there[r.ref][0], r) for r in rows if r.ref in there and there[r.ref][1] != r.digest)
        known = {row.ref for _, row in changed}
        fresh = [r for r in rows if r.ref not in known] if known else rows
        last = db.scalar(_LAST, {"project": project}) or 0
        added = _insert(db, project, import_id, fresh)
        contradicted: tuple[tuple[Item, NewItem], ...] = ()
        if under_way.answers != "nothing":
            contradicted = answers.keep_answers(db, under_way, last, [r for r in fresh if r.answer])
        count = tables.file_import.c.added + added
        db.write(sa.update(tables.file_import).values(added=count).where(tables.file_import.c.id == import_id))
    return Added(added, len(fresh) - added, changed, contradicted)


def replace_item(db: Database, import_id: int, item: int, row: NewItem, *, reopen: bool) -> None:
    values = {
        "file_import": import_id,
        "fields": dict(row.fields),
        "meta": dict(row.meta),
        "digest": row.digest,
        "reopen": reopen,
    }
    with db.transaction():
        _open_import(db, import_id)
        insert = db.insert(tables.replacement).values(item=item, **values)
        db.write(insert.on_conflict_do_update(index_elements=["item"], set_=values))


def unjoined(db: Database, project: int, stratum_min: int) -> int:
    return _stratum(db, project, stratum_min)[1]


def finish_import(
    db: Database, import_id: int, report: ImportReport, mark: float, stratum_min: int, now: int
) -> ImportReport:
    table = tables.file_import
    with db.transaction():
        under_way = _open_import(db, import_id)
        project = under_way.project
        db.lock_project(project)
        stratum, _ = _stratum(db, project, stratum_min)
        _replace(db, under_way, now)
        taken = answers.take_answers(db, under_way, now)
        report = replace(report, answers=taken, answers_left=max(0, report.answers - taken))
        closed = {"stratum": stratum, "report": asdict(report), "at": now}
        db.write(sa.update(table).values(**closed).where(table.c.id == import_id))
        visible = db.scalar(_LAST, {"project": project}) or 0
        counter = tables.counter
        db.write(sa.update(counter).values(visible=visible).where(counter.c.project == project))
        reserve.set_reserve(db, project, stratum, mark)
        projections.recount(db, project)
        db.take_stock("item", wait=False)
    return report


def abandon_import(db: Database, import_id: int) -> None:
    with db.transaction():
        _open_import(db, import_id)
        mine = {"import": import_id}
        answers.forget_answers(db, import_id)
        for table in ("hidden_truth", "decision"):
            db.write(
                sa.text(f"DELETE FROM {table} WHERE item IN (SELECT id FROM item WHERE file_import = :import)"), mine
            )
        for statement in ("replacement WHERE file_import", "item WHERE file_import", "file_import WHERE id"):
            db.write(sa.text(f"DELETE FROM {statement} = :import"), mine)


def imports(db: Database, project: int) -> tuple[tuple[int, str, int, ImportReport], ...]:
    table = tables.file_import
    query = sa.select(table).where(table.c.project == project, table.c.report.is_not(None)).order_by(table.c.id)
    return tuple((r.id, r.source, r.at, _report(r.report)) for r in db.rows(query))


def _report(written: dict[str, Any]) -> ImportReport:
    return typed(ImportReport, written)


def _open_import(db: Database, import_id: int) -> sa.Row[Any]:
    table = tables.file_import
    query = sa.select(table.c.id, table.c.project, table.c.answers, table.c.at).where(
        table.c.id == import_id, table.c.report.is_(None)
    )
    found = db.row(query if db.is_sqlite else query.with_for_update())
    if found is None:
        raise Conflict("This import has ended already; begin another one.")
    return found


def _items_by_ref(db: Database, project: int, rows: Sequence[NewItem]) -> dict[str, tuple[int, str]]:
    """Find (id, digest) of the latest visible item with each row's ref."""
    if not records.progress(db, project).items:
        return {}
    params = {"project": project, "values": dumps([r.ref for r in rows])}
    return {r.ref: (r.id, r.digest) for r in db.rows(by_value(db, _BY_REF), params)}


def _insert(db: Database, project: int, import_id: int, rows: Sequence[NewItem]) -> int:
    values = [
        (project, import_id, r.ref, r.digest, dumps(dict(r.fields)), dumps(dict(r.meta)), r.audit_rank) for r in rows
    ]
    if not values:
        return 0
    if db.is_sqlite:
        return db.write_raw(_INSERT_SQLITE, values)
    refs, digests, fields, metas, ranks = (list(column) for column in list(zip(*values, strict=True))[2:])
    return db.write_raw(_INSERT_POSTGRES, (project, import_id, refs, digests, fields, metas, ranks))


def _stratum(db: Database, project: int, stratum_min: int) -> tuple[int, int]:
    """Number of the stratum that the next import belongs to, and how many items it has already."""
    last = db.row(_LAST_STRATUM, {"project": project})
    if last is None:
        return 1, 0
    return (int(last.stratum), int(last.size)) if last.size < stratum_min else (int(last.stratum) + 1, 0)


def _replace(db: Database, under_way: sa.Row[Any], now: int) -> None:
    """Give items their new content; a decision that goes is an event, for the log alone must tell what is in force."""
    project, mine = under_way.project, {"import": under_way.id, "project": under_way.project}
    db.write(_SPARE, mine)
    rows = db.rows(sa.select(tables.replacement).where(tables.replacement.c.file_import == under_way.id))
    version, batch = records.project(db, project).schema.version, f"import {under_way.id}"
    for start in range(0, len(rows), _BATCH):
        some = rows[start : start + _BATCH]
        items = [r.item for r in some]
        search.forget(db, items)
        values = [{"of": r.item, "fields": r.fields, "meta": r.meta, "digest": r.digest} for r in some]
        db.write(sa.update(tables.item).where(tables.item.c.id == sa.bindparam("of")), values)
        search.remember(db, items)
        columns.renew(db, project, [(r.item, r.fields) for r in some])
        reopened = [
            Event(str(uuid.uuid4()), project, "reopen", "", now, r.item, batch=batch, schema_version=version)
            for r in some
            if r.reopen
        ]
        log.append_all(db, project, reopened)
    for statement in (*_REOPEN, _REPLACED) if rows else ():
        db.write(statement, mine)


_LAST = sa.text("SELECT max(id) FROM item WHERE project = :project")
_LAST_STRATUM = sa.text(
    "SELECT stratum, sum(added) AS size FROM file_import WHERE project = :project AND report IS NOT NULL "
    "GROUP BY stratum ORDER BY stratum DESC LIMIT 1"
)
_BY_REF = (
    "SELECT i.id, i.ref, i.digest FROM item i JOIN counter c ON c.project = i.project AND i.id <= c.visible "
    "WHERE i.project = :project AND i.ref IN (SELECT value FROM {}) ORDER BY i.id"
)
# A content that is there already, or comes twice, can't become an item's own a second time.
_SPARE = sa.text(
    "DELETE FROM replacement WHERE file_import = :import AND (EXISTS (SELECT 1 FROM item o "
    "WHERE o.project = :project AND o.digest = replacement.digest) OR item NOT IN "
    "(SELECT min(r.item) FROM replacement r WHERE r.file_import = :import GROUP BY r.digest))"
)
_REPLACED = sa.text("DELETE FROM replacement WHERE file_import = :import")
_REOPENED = "(SELECT r.item FROM replacement r WHERE r.file_import = :import AND r.reopen)"
_REOPEN = [
    sa.text(statement)
    for statement in (
        *(
            f"DELETE FROM {name} WHERE item IN {_REOPENED}"
            for name in (
                "decision",
                "imported_answer",
                "annotation",
                "put_off",
                "adjudication",
                "second_look",
                "suspect",
                "aggregated",
                "normed",
            )
        ),
        f"DELETE FROM machine_label WHERE project = :project AND item IN {_REOPENED}",
        f"DELETE FROM ask WHERE lane = 'repeat' AND NOT done AND item IN {_REOPENED}",
        f"UPDATE item SET state = 'open' WHERE id IN {_REOPENED}",
        "UPDATE ask SET done = false, token = '', annotator = '', lease_until = 0 "
        f"WHERE {tables.SHARED} AND item IN {_REOPENED}",
    )
]
_COLUMNS = "INSERT INTO item (project, file_import, ref, digest, fields, meta, audit_rank)"
_INSERT_SQLITE = f"{_COLUMNS} VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_INSERT_POSTGRES = (
    f"{_COLUMNS} SELECT %s::bigint, %s::bigint, * FROM unnest"
    "(%s::text[], %s::text[], %s::text[], %s::text[], %s::float8[]) ON CONFLICT DO NOTHING"
)
