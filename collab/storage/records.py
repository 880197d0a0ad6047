# ruff: noqa: D103  # the Store protocol documents them
"""Projects, their questions, policies and counters."""

import secrets
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from collab.domain.project import Field, LabelClass, LabelSchema, LoopPolicy, Project
from collab.domain.run import Progress
from collab.domain.store import Deleted
from collab.errors import Conflict, UnknownName
from collab.storage import schema as tables
from collab.storage import search
from collab.storage.connection import Database

_BATCH = 5000
"""Items that go through the index of words together."""


def create_project(
    db: Database,
    name: str,
    fields: Sequence[Field],
    schema: LabelSchema,
    policy: LoopPolicy,
    now: int,
    demo: bool = False,
) -> Project:
    table = tables.project
    row = {
        "name": name, "fields": [asdict(f) for f in fields], "policy": policy.as_dict(), "version": schema.version,
        "demo": demo, "salt": secrets.token_hex(16), "at": now,
    }  # fmt: skip
    with db.transaction():
        made = db.scalar(db.insert(table).values(**row).on_conflict_do_nothing().returning(table.c.id))
        if made is None:
            raise Conflict(f"There is a project called {name!r} already; choose another name.")
        db.write(sa.insert(tables.label_schema).values(project=made, version=schema.version, definition=asdict(schema)))
        db.write(sa.insert(tables.counter).values(project=made))
    return Project(made, name, tuple(fields), schema, policy, demo, str(row["salt"]))


def projects(db: Database) -> tuple[Project, ...]:
    query = _PROJECTS.where(tables.project.c.deleted_at.is_(None)).order_by(tables.project.c.id.desc())
    return tuple(_project(r) for r in db.rows(query))


def every_project(db: Database) -> tuple[int, ...]:
    return tuple(r.id for r in db.rows(sa.select(tables.project.c.id).order_by(tables.project.c.id)))


def project(db: Database, project: int) -> Project:
    found = db.row(_PROJECT, {"id": project})
    if found is None:
        raise UnknownName("project", project)
    return _project(found)


def save_schema(db: Database, project: int, schema: LabelSchema) -> None:
    row = {"project": project, "version": schema.version, "definition": asdict(schema)}
    with db.transaction():
        raised = sa.update(tables.project).values(version=schema.version).where(
            tables.project.c.id == project, tables.project.c.version == schema.version - 1
        )  # fmt: skip
        if not db.write(raised):
            raise Conflict("Somebody else changed the classes meanwhile; load them again.")
        db.write(sa.insert(tables.label_schema).values(**row))


def schema_versions(db: Database, project: int) -> tuple[LabelSchema, ...]:
    table = tables.label_schema
    query = sa.select(table.c.definition).where(table.c.project == project).order_by(table.c.version)
    return tuple(_schema(r.definition) for r in db.rows(query))


def save_policy(db: Database, project: int, policy: LoopPolicy) -> None:
    db.write(sa.update(tables.project).values(policy=policy.as_dict()).where(tables.project.c.id == project))


def save_fields(db: Database, project: int, fields: Sequence[Field]) -> None:
    p, i = tables.project, tables.item
    with db.transaction():
        db.lock_project(project)
        before = {f["name"] for f in db.scalar(sa.select(p.c.fields).where(p.c.id == project)) if f.get("personal")}
        changed = before ^ {f.name for f in fields if f.personal}
        indexed = any(f.name in changed and f.kind != "image" and (f.shown or f.encoded) for f in fields)
        ids = [r.id for r in db.rows(sa.select(i.c.id).where(i.c.project == project))] if indexed else []
        parts = [ids[at : at + _BATCH] for at in range(0, len(ids), _BATCH)]
        for part in parts:
            search.forget(db, part)
        db.write(sa.update(p).where(p.c.id == project).values(fields=[asdict(f) for f in fields]))
        for part in parts:
            search.remember(db, part)


def delete_project(db: Database, project: int, now: int) -> None:
    p = tables.project  # that the column is filled hides the project and frees its name
    db.write(sa.update(p).values(deleted_at=now).where(p.c.id == project, p.c.deleted_at.is_(None)))


def deleted_projects(db: Database) -> tuple[Deleted, ...]:
    p, c = tables.project, tables.counter
    query = sa.select(p.c.id, p.c.name, p.c.deleted_at, c.c["items"]).join(c, c.c.project == p.c.id)
    hidden = query.where(p.c.deleted_at.is_not(None), p.c.purged_at == 0).order_by(p.c.deleted_at, p.c.id)
    return tuple(Deleted(r.id, r.name, r.deleted_at, r._mapping["items"]) for r in db.rows(hidden))


def restore_project(db: Database, project: int) -> None:
    p = tables.project
    with db.transaction():
        found = next((each for each in deleted_projects(db) if each.id == project), None)
        if found is None:
            raise UnknownName("deleted project", project)
        if any(each.name == found.name for each in projects(db)):
            raise Conflict(f"There is a project called {found.name!r} by now; rename that one first.")
        db.write(sa.update(p).values(deleted_at=None).where(p.c.id == project))


def progress(db: Database, project: int) -> Progress:
    found = db.row(_PROGRESS, {"project": project})
    if found is None:
        raise UnknownName("project", project)
    return Progress(**found._mapping)


def count_asks(db: Database, project: int, asks: int) -> None:
    with db.transaction(durable=False):
        db.write(_COUNT_ASKS, {"project": project, "more": asks})


def set_worker(db: Database, project: int, doing: str, now: int, reading: float | None = None) -> None:
    values: dict[str, Any] = {"worker": doing, "worker_at": now}
    if reading is not None:
        values["reading"] = reading
    with db.transaction(durable=False):
        db.write(sa.update(tables.counter).values(**values).where(tables.counter.c.project == project))


_PROJECTS = sa.select(tables.project, tables.label_schema.c.definition).join(
    tables.label_schema,
    sa.and_(
        tables.label_schema.c.project == tables.project.c.id, tables.label_schema.c.version == tables.project.c.version
    ),
)
_PROJECT = _PROJECTS.where(tables.project.c.id == sa.bindparam("id"), tables.project.c.deleted_at.is_(None))
_COUNT_ASKS = sa.text("UPDATE counter SET asks = asks + :more WHERE project = :project")
_PROGRESS = sa.select(
    *(tables.counter.c[name] for name in Progress.__dataclass_fields__)
).where(tables.counter.c.project == sa.bindparam("project"))  # fmt: skip


def _project(row: sa.Row[Any]) -> Project:
    fields = tuple(Field(**f) for f in row.fields)
    policy = LoopPolicy.from_dict(row.policy)
    return Project(row.id, row.name, fields, _schema(row.definition), policy, row.demo, row.salt)


def _schema(written: dict[str, Any]) -> LabelSchema:
    return LabelSchema(**{**written, "classes": tuple(LabelClass(**c) for c in written["classes"])})
