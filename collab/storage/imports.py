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

from collab.domain.annotation import Annotation, Decision, Settled, settle
from collab.domain.run import ImportReport
from collab.domain.store import Added, AnswersAs, NewItem
from collab.errors import Conflict
from collab.storage import log, projections, records, search
from collab.storage import schema as tables
from collab.storage.connection import Database
from collab.storage.schema import dumps

_BATCH = 5000
"""Answers turned into annotations at a time."""


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
        project, answers = under_way.project, under_way.answers
        there = _items_by_ref(db, project, rows)
        changed = tuple((there[r.ref][0], r) for r in rows if r.ref in there and there[r.ref][1] != r.digest)
        known = {row.ref for _, row in changed}
        fresh = [r for r in rows if r.ref not in known] if known else rows
        last = db.scalar(_LAST, {"project": project}) or 0
        added = _insert(db, project, import_id, fresh)
        if answers != "nothing":
            _insert_answers(db, under_way, last, [r for r in fresh if r.answer])
        count = tables.file_import.c.added + added
        db.write(sa.update(tables.file_import).values(added=count).where(tables.file_import.c.id == import_id))
    return Added(added, len(fresh) - added, changed)


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


def finish_import(db: Database, import_id: int, report: ImportReport, mark: float, stratum_min: int, now: int) -> None:
    table = tables.file_import
    with db.transaction():
        under_way = _open_import(db, import_id)
        project = under_way.project
        db.lock_project(project)
        stratum = _stratum(db, project, stratum_min)
        closed = {"stratum": stratum, "report": asdict(report), "at": now}
        db.write(sa.update(table).values(**closed).where(table.c.id == import_id))
        _replace(db, import_id)
        if under_way.answers == "annotations":
            _append_answers(db, project, import_id, now)
        visible = db.scalar(_LAST, {"project": project}) or 0
        counter = tables.counter
        db.write(sa.update(counter).values(visible=visible).where(counter.c.project == project))
        for statement in (_RESERVE, _UNRESERVE):
            db.write(statement, {"project": project, "stratum": stratum, "mark": mark})
        projections.recount(db, project)


def abandon_import(db: Database, import_id: int) -> None:
    with db.transaction():
        _open_import(db, import_id)
        mine = {"import": import_id}
        db.write(sa.delete(tables.imported_answer).where(_OF_IMPORT), mine)
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
    return ImportReport(**{**written, "columns": tuple(written.get("columns", ()))})


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
    return {r.ref: (r.id, r.digest) for r in db.rows(_by_value(db, _BY_REF), params)}


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


def _insert_answers(db: Database, under_way: sa.Row[Any], last: int, rows: Sequence[NewItem]) -> None:
    """Keep the answers that came along: of rows that became items, which have ids above `last`; those of named people
    also where the item was there already, for a file may hold a row for each of its annotators."""
    project, named = under_way.project, under_way.answers == "annotations"
    query = sa.select(tables.item.c.digest, tables.item.c.id).where(tables.item.c.project == project)
    if named:
        ids = {
            r.digest: r.id for r in db.rows(_by_value(db, _BY_DIGEST), {"project": project, "values": _values(rows)})
        }
        found = [(ids[r.digest], r) for r in rows if r.annotator and r.digest in ids]
    else:
        ids = {r.digest: r.id for r in db.rows(query.where(tables.item.c.id > last))}
        found = [(item, r) for r in rows if (item := ids.pop(r.digest, None)) is not None]
    if not found:
        return
    values = [{"item": item, "project": project, "answer": list(row.answer)} for item, row in found]
    if under_way.answers == "truth":
        db.write(sa.insert(tables.hidden_truth), values)
        return
    more = [
        {"first": row.answer[0], "annotator": row.annotator if named else "", "file_import": under_way.id}
        for _, row in found
    ]
    insert = db.insert(tables.imported_answer).on_conflict_do_nothing()
    db.write(insert, [a | b for a, b in zip(values, more, strict=True)])
    if not named:
        settled = [(item, Settled("decided", Decision(item, row.answer, "imported"))) for item, row in found]
        projections.settle_all(db, project, settled, under_way.at)


def _stratum(db: Database, project: int, stratum_min: int) -> int:
    """Number of the stratum that the next import belongs to."""
    last = db.row(_LAST_STRATUM, {"project": project})
    if last is None:
        return 1
    return int(last.stratum) if last.size < stratum_min else int(last.stratum) + 1


def _replace(db: Database, import_id: int) -> None:
    table = tables.replacement
    for row in db.rows(sa.select(table).where(table.c.file_import == import_id)):
        item, other = tables.item, tables.item.alias("other")
        search.forget(db, row.item)
        taken = sa.exists().where(other.c.digest == row.digest, other.c.project == item.c.project)
        values = {"fields": row.fields, "meta": row.meta, "digest": row.digest}
        replaced = db.write(sa.update(item).values(**values).where(item.c.id == row.item, ~taken))
        search.remember(db, row.item)
        if replaced and row.reopen:
            for forgotten in (tables.decision, tables.imported_answer, tables.annotation, tables.put_off):
                db.write(sa.delete(forgotten).where(forgotten.c.item == row.item))
            db.write(sa.update(item).values(state="open").where(item.c.id == row.item))
            freed = {"done": False, "token": "", "annotator": "", "lease_until": 0}
            db.write(
                sa.update(tables.ask)
                .values(**freed)
                .where(tables.ask.c.item == row.item, tables.ask.c.lane != "chosen")
            )
    db.write(sa.delete(table).where(table.c.file_import == import_id))


def _append_answers(db: Database, project: int, import_id: int, now: int) -> None:
    """Turn answers of named people into ordinary events, and settle their items by the ordinary rule.

    Items of the audit reserve are left out: an answer that was not asked blind is no audit.
    """
    current = records.project(db, project)
    wanted, schema = current.policy.annotations_per_item, current.schema
    after = 0
    while rows := db.rows(_ANSWERS, {"import": import_id, "after": after, "limit": _BATCH}):
        after = rows[-1].item
        given = [
            Annotation(
                str(uuid.uuid4()), project, r.item, r.annotator, "answer", now, tuple(r.answer),
                schema_version=schema.version,
            )
            for r in rows
        ]  # fmt: skip
        log.append_all(db, project, [replace(a.event(), batch=f"import {import_id}") for a in given])
        for name in dict.fromkeys(a.annotator for a in given):
            records.add_annotator(db, name)
        projections.set_all_current(db, given)
        for item in {r.item for r in rows if not r.fresh}:
            settled = settle(projections.current(db, item), wanted, schema, projections.imported_decision(db, item))
            projections.settle_item(db, project, item, settled.state, settled.decision, now)
        of_item: dict[int, list[Annotation]] = {r.item: [] for r in rows if r.fresh}
        for a in given:
            if a.item in of_item:
                of_item[a.item].append(a)
        if of_item:
            fresh = [(item, settle(said, wanted, schema)) for item, said in of_item.items()]
            projections.settle_all(db, project, fresh, now)
    # From now on the log holds them.
    db.write(sa.delete(tables.imported_answer).where(_OF_IMPORT), {"import": import_id})


def _values(rows: Sequence[NewItem]) -> str:
    return dumps([r.digest for r in rows])


def _by_value(db: Database, query: str) -> sa.TextClause:
    """Fill in how the database reads a JSON list of values."""
    return sa.text(query.format("json_each(:values)" if db.is_sqlite else "json_array_elements_text(:values) AS value"))


_LAST = sa.text("SELECT max(id) FROM item WHERE project = :project")
_LAST_STRATUM = sa.text(
    "SELECT stratum, sum(added) AS size FROM file_import WHERE project = :project AND report IS NOT NULL "
    "GROUP BY stratum ORDER BY stratum DESC LIMIT 1"
)
_BY_REF = (
    "SELECT i.id, i.ref, i.digest FROM item i JOIN counter c ON c.project = i.project AND i.id <= c.visible "
    "WHERE i.project = :project AND i.ref IN (SELECT value FROM {}) ORDER BY i.id"
)
_BY_DIGEST = "SELECT i.id, i.digest FROM item i WHERE i.project = :project AND i.digest IN (SELECT value FROM {})"
_COLUMNS = "INSERT INTO item (project, file_import, ref, digest, fields, meta, audit_rank)"
_INSERT_SQLITE = f"{_COLUMNS} VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
_INSERT_POSTGRES = (
    f"{_COLUMNS} SELECT %s::bigint, %s::bigint, * FROM unnest"
    "(%s::text[], %s::text[], %s::text[], %s::text[], %s::float8[]) ON CONFLICT DO NOTHING"
)
_ANSWERS = sa.text(
    "SELECT a.item, a.annotator, a.answer, i.file_import = :import AS fresh "
    "FROM imported_answer a JOIN item i ON i.id = a.item WHERE a.file_import = :import AND i.reserved = false "
    "AND a.item IN (SELECT item FROM imported_answer WHERE file_import = :import AND item > :after "
    "GROUP BY item ORDER BY item LIMIT :limit) ORDER BY a.item, a.annotator"
).columns(
    tables.imported_answer.c.item,
    tables.imported_answer.c.annotator,
    tables.imported_answer.c.answer,
    sa.Column("fresh", sa.Boolean),
)
_OF_IMPORT = tables.imported_answer.c.file_import == sa.bindparam("import")
_OF_STRATUM = (
    "project = :project AND state = 'open' "
    "AND file_import IN (SELECT id FROM file_import WHERE project = :project AND stratum = :stratum) "
    "AND NOT EXISTS (SELECT 1 FROM ask a WHERE a.item = item.id) "
    "AND NOT EXISTS (SELECT 1 FROM annotation n WHERE n.item = item.id)"
)
_RESERVE = sa.text(f"UPDATE item SET reserved = true WHERE reserved = false AND audit_rank < :mark AND {_OF_STRATUM}")
# A stratum that grew has a lower mark; what lies above it and was never asked goes back to the pool.
_UNRESERVE = sa.text(
    f"UPDATE item SET reserved = false WHERE reserved = true AND audit_rank >= :mark AND {_OF_STRATUM}"
)
