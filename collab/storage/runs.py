# ruff: noqa: D103  # the Store protocol documents them
"""What machines do: model versions, rounds, figures, and jobs with their leases."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import sqlalchemy as sa

from collab.domain.plain import typed
from collab.domain.run import Job, JobStatus, Round
from collab.domain.version import ModelVersion, VersionRecord
from collab.errors import JobLost, UnknownName
from collab.storage import schema as tables
from collab.storage.connection import Database

ATTEMPTS = 3
"""A job that was lost so often fails."""


def add_model(db: Database, model: ModelVersion) -> ModelVersion:
    with db.transaction():
        db.lock_project(model.project)
        if model.status == "champion":
            _retire(db, model.project)
        made = db.scalar(sa.insert(tables.model).values(**_row(model)).returning(tables.model.c.id))
    return replace(model, id=made)


def save_model(db: Database, model: ModelVersion) -> None:
    m = tables.model
    with db.transaction():
        db.lock_project(model.project)
        if model.status == "champion":
            _retire(db, model.project)
        if not db.write(sa.update(m).values(**_row(model)).where(m.c.id == model.id, m.c.project == model.project)):
            raise UnknownName("model version", model.id)


def models(db: Database, project: int) -> tuple[ModelVersion, ...]:
    m = tables.model
    rows = db.rows(sa.select(m).where(m.c.project == project).order_by(m.c.id.desc()))
    return tuple(
        ModelVersion(r.id, r.project, r.encoder, r.head, r.status, r.parent, typed(VersionRecord, r.metrics), r.at)
        for r in rows
    )


def add_round(db: Database, done: Round) -> None:
    c = tables.counter
    with db.transaction():
        db.lock_project(done.project)
        db.write(
            sa.insert(tables.training_round).values(project=done.project, revision=done.revision, content=asdict(done))
        )
        db.write(sa.update(c).values(revision=done.revision).where(c.c.project == done.project))


def rounds(db: Database, project: int) -> tuple[Round, ...]:
    r = tables.training_round
    query = sa.select(r.c.content).where(r.c.project == project).order_by(r.c.revision)
    return tuple(typed(Round, _bare(row.content)) for row in db.rows(query))


def last_round(db: Database, project: int) -> Round | None:
    r = tables.training_round
    query = sa.select(r.c.content).where(r.c.project == project).order_by(r.c.revision.desc()).limit(1)
    found = db.row(query)
    return None if found is None else typed(Round, found.content)


def put_figures(db: Database, project: int, name: str, content: Mapping[str, Any], now: int) -> None:
    written = {"content": dict(content), "at": now}
    row = db.insert(tables.figure).values(project=project, name=name, **written)
    with db.transaction(durable=False):
        db.write(row.on_conflict_do_update(index_elements=["project", "name"], set_=written))


def figures(db: Database, project: int, name: str) -> Mapping[str, Any] | None:
    f = tables.figure
    found = db.row(sa.select(f.c.content).where(f.c.project == project, f.c.name == name))
    return None if found is None else found.content


def submit_job(db: Database, kind: str, project: int | None, payload: Mapping[str, Any], by: str, now: int) -> Job:
    j, live = tables.job, f"{kind} {project or ''}"
    row = {
        "kind": kind,
        "project": project,
        "live": live,
        "payload": dict(payload),
        "requested_by": by,
        "created_at": now,
    }
    with db.transaction():
        made = db.row(db.insert(j).values(**row).on_conflict_do_nothing().returning(j))
        return _job(made or db.rows(sa.select(j).where(j.c.live == live))[0])


def claim_job(db: Database, kinds: Sequence[str], now: int, lease_until: int, *, alone: bool = False) -> Job | None:
    j = tables.job
    under_way = sa.select(j.c.id).where(j.c.kind.in_(kinds), j.c.status == "running", j.c.lease_until > now)
    lost = sa.and_(j.c.status == "running", j.c.lease_until <= now)
    query = (
        sa.select(j)
        .where(j.c.live.is_not(None), j.c.kind.in_(kinds), sa.or_(j.c.status == "queued", lost))
        .order_by(j.c.id)
        .limit(1)
    )
    if db.scalar(sa.select(query.exists())) is not True:  # an idle worker asks often; it needn't take the writers' gate
        return None
    if alone and db.row(under_way) is not None:
        return None
    with db.transaction():
        if alone:
            db.lock_name(f"jobs: {', '.join(kinds)}")
            if db.row(under_way) is not None:
                return None
        while (found := db.row(query.with_for_update(skip_locked=True))) is not None:
            if found.cancel_requested:
                _end(db, found.id, "cancelled", found.message, now)
            elif found.attempt >= ATTEMPTS:
                _end(
                    db,
                    found.id,
                    "failed",
                    f"It stopped {ATTEMPTS} times without a word; the last one was: {found.message}",
                    now,
                )
            else:
                values = {"status": "running", "attempt": found.attempt + 1, "lease_until": lease_until}
                return _job(db.returning(sa.update(j).values(**values).where(j.c.id == found.id).returning(j))[0])
    return None


def beat_job(db: Database, job: int, attempt: int, lease_until: int, progress: float, message: str) -> bool:
    j = tables.job
    values = {"lease_until": lease_until, "progress": progress, "message": message}
    with db.transaction(durable=False):
        beaten = db.returning(sa.update(j).values(**values).where(*_mine(job, attempt)).returning(j.c.cancel_requested))
    if not beaten:
        raise JobLost(f"Job {job} is no longer this worker's; what it did is thrown away.")
    return bool(beaten[0].cancel_requested)


def end_job(
    db: Database, job: int, attempt: int, status: JobStatus, message: str, result: Mapping[str, Any], now: int
) -> None:
    j = tables.job
    values: dict[str, Any] = {
        "status": status,
        "live": None,
        "message": message,
        "result": dict(result),
        "finished_at": now,
    }
    if status == "done":
        values["progress"] = 1.0
    if not db.write(sa.update(j).values(**values).where(*_mine(job, attempt))):
        raise JobLost(f"Job {job} is no longer this worker's; what it did is thrown away.")


def give_back_job(db: Database, job: int, attempt: int) -> None:
    values = {"status": "queued", "attempt": attempt - 1, "lease_until": 0}
    db.write(sa.update(tables.job).values(**values).where(*_mine(job, attempt)))


def end_jobs(db: Database, message: str, now: int) -> int:
    values = {"status": "cancelled", "live": None, "message": message, "finished_at": now}
    return db.write(sa.update(tables.job).values(**values).where(tables.job.c.live.is_not(None)))


def cancel_job(db: Database, job: int) -> None:
    j = tables.job
    with db.transaction():
        if not db.write(
            sa.update(j)
            .values(status="cancelled", live=None, cancel_requested=True)
            .where(j.c.id == job, j.c.status == "queued")
        ):
            db.write(sa.update(j).values(cancel_requested=True).where(j.c.id == job, j.c.live.is_not(None)))


def job(db: Database, job: int) -> Job:
    found = db.row(sa.select(tables.job).where(tables.job.c.id == job))
    if found is None:
        raise UnknownName("job", job)
    return _job(found)


def jobs(db: Database, project: int | None = None, limit: int = 20) -> list[Job]:
    j = tables.job
    query = sa.select(j).order_by(j.c.id.desc()).limit(limit)
    return [_job(r) for r in db.rows(query if project is None else query.where(j.c.project == project))]


def live_jobs(db: Database) -> list[Job]:
    j = tables.job
    return [_job(r) for r in db.rows(sa.select(j).where(j.c.live.is_not(None)).order_by(j.c.id))]


def _retire(db: Database, project: int) -> None:
    m = tables.model
    db.write(sa.update(m).values(status="retired").where(m.c.project == project, m.c.status == "champion"))


def _row(model: ModelVersion) -> dict[str, Any]:
    names = ("project", "encoder", "head", "status", "parent", "at")
    return {name: getattr(model, name) for name in names} | {"metrics": asdict(model.record)}


def _mine(job: int, attempt: int) -> tuple[sa.ColumnElement[bool], ...]:
    return tables.job.c.id == job, tables.job.c.attempt == attempt, tables.job.c.status == "running"


def _end(db: Database, job: int, status: JobStatus, message: str, now: int) -> None:
    values = {"status": status, "live": None, "message": message, "finished_at": now}
    db.write(sa.update(tables.job).values(**values).where(tables.job.c.id == job))


def _bare(content: dict[str, Any]) -> dict[str, Any]:
    """What the curve needs of a round: the rest would take most of the time to read."""
    return content | {"checks": None, "strata": [s | {"classes": {}} for s in content.get("strata", ())]}


def _job(row: sa.Row[Any]) -> Job:
    return Job(**{name: row._mapping[name] for name in Job.__dataclass_fields__})
