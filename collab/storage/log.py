# ruff: noqa: D103  # the Store protocol documents them
"""The append-only log and its chain: one for each project, every event hashed together with the one before.

The chain covers salted digests of who acted and what was said. The words themselves stand beside it and can be erased;
the chain then still proves that the act took place, and when.
"""

import hashlib
import json
import secrets
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from collab.domain.annotation import ANNOTATION_KINDS, Annotation, Event
from collab.errors import StoreCorrupt, UnknownName
from collab.storage import schema as tables
from collab.storage.connection import Database
from collab.storage.json_text import dumps


def append(db: Database, event: Event) -> bool:
    with db.transaction():
        return bool(append_all(db, event.project, [event]))


def append_all(db: Database, project: int, events: Sequence[Event]) -> int:
    """Append events of one project in their order; returns how many weren't there already."""
    with db.transaction():
        db.lock_project(project)
        known = {r.id for r in db.rows(_KNOWN, {"ids": [e.id for e in events]})}
        head = db.row(_HEAD, {"project": project})
        if head is None:
            raise UnknownName("project", project)
        number, last = head.events, head.head
        rows, contents = [], []
        for event in events:
            if event.id in known:
                continue
            known.add(event.id)
            number += 1
            salt, content = (
                secrets.token_hex(16),
                json.loads(dumps({"actor": event.actor, "payload": dict(event.payload)})),
            )
            row = {
                "project": project, "number": number, "id": event.id, "kind": event.kind,
                "actor": actor_digest(head.salt, event.actor), "at": event.at, "item": event.item, "ask": event.ask,
                "target": event.target, "batch": event.batch, "schema_version": event.schema_version,
                "content": _digest(salt, content),
            }  # fmt: skip
            last = _chained(last, row)
            rows.append({**row, "hash": last})
            contents.append({"event": event.id, "salt": salt, "content": content})
        if rows:
            db.write(sa.insert(tables.event), rows)
            db.write(sa.insert(tables.event_content), contents)
            db.write(_RAISE, {"number": number, "last": last, "project": project})
    return len(rows)


def log(db: Database, project: int, after: int = 0, limit: int = 1000) -> list[tuple[int, Event]]:
    e = tables.event
    query = EVENTS.where(e.c.project == project, e.c.number > after).order_by(e.c.number).limit(limit)
    return [(r.number, read_event(r)) for r in db.rows(query)]


def event(db: Database, event_id: str) -> Event | None:
    found = db.row(EVENTS.where(tables.event.c.id == event_id))
    return None if found is None else read_event(found)


def chain_head(db: Database, project: int) -> str:
    found = db.row(_HEAD, {"project": project})
    if found is None:
        raise UnknownName("project", project)
    return str(found.head)


def heads(db: Database) -> dict[int, tuple[int, str]]:
    c = tables.counter
    query = sa.select(c.c.project, c.c.events, c.c.head).order_by(c.c.project)
    return {r.project: (r.events, r.head) for r in db.rows(query)}


def check_chain(db: Database, project: int) -> int:
    head = db.row(_HEAD, {"project": project})
    if head is None:
        raise UnknownName("project", project)
    number, last, e = 0, "", tables.event
    while number < head.events:
        query = EVENTS.where(e.c.project == project, e.c.number > number, e.c.number <= head.events).order_by(
            e.c.number
        )
        rows = db.rows(query.limit(5000))
        if not rows:
            raise StoreCorrupt(db.url, f"event {number + 1} of project {project} is missing")
        for row in rows:
            number += 1
            last = _chained(last, row._mapping)
            said = row.salt is None or row.content == _digest(row.salt, row.words)
            known = row.salt is None or row.actor == actor_digest(head.salt, row.words["actor"])
            if row.number != number or row.hash != last or not said or not known:
                raise StoreCorrupt(db.url, f"event {number} of project {project} was changed")
    if last != head.head:
        raise StoreCorrupt(db.url, f"the log of project {project} ends at the wrong event")
    return number


def annotations(
    db: Database, project: int, annotator: str = "", limit: int = 100, before: int | None = None
) -> list[tuple[int, Annotation]]:
    e = tables.event
    query = (
        EVENTS.where(e.c.project == project, e.c.kind.in_(ANNOTATION_KINDS)).order_by(e.c.number.desc()).limit(limit)
    )
    if annotator:
        query = query.where(e.c.actor == _actor(db, project, annotator))
    if before is not None:
        query = query.where(e.c.number < before)
    return [(r.number, Annotation.from_event(read_event(r))) for r in db.rows(query)]


def seconds(db: Database, project: int, annotator: str, limit: int = 200) -> list[float]:
    e = tables.event
    query = EVENTS.where(
        e.c.project == project, e.c.kind.in_(("answer", "unsure")), e.c.actor == _actor(db, project, annotator)
    )
    spent = [read_event(r).payload.get("seconds") for r in db.rows(query.order_by(e.c.number.desc()).limit(limit))]
    return [s for s in spent if s is not None]


def actor_digest(salt: str, name: str) -> str:
    """Digest of a person's name under the project's salt."""
    return hashlib.sha256(f"{salt}{name}".encode()).hexdigest()[:32]


def read_annotation(row: sa.Row[Any]) -> Annotation:
    """Read an annotation from a row of `EVENTS`."""
    return Annotation.from_event(read_event(row))


def _actor(db: Database, project: int, name: str) -> str:
    salt = db.scalar(sa.select(tables.project.c.salt).where(tables.project.c.id == project))
    return actor_digest(salt or "", name)


def _digest(salt: str, content: dict[str, Any]) -> str:
    return hashlib.sha256((salt + json.dumps(content, sort_keys=True, separators=(",", ":"))).encode()).hexdigest()


def _chained(last: str, row: Any) -> str:
    chained = [last, *(row[name] for name in _HASHED)]
    return hashlib.sha256(json.dumps(chained, separators=(",", ":")).encode()).hexdigest()


def read_event(row: sa.Row[Any]) -> Event:
    """Read an event from a row of `EVENTS`."""
    words = row.words or {"actor": "", "payload": {}}
    return Event(
        row.id, row.project, row.kind, words["actor"], row.at, row.item, row.ask, row.target, row.batch,
        row.schema_version, words["payload"],
    )  # fmt: skip


_HASHED = (
    "id",
    "project",
    "number",
    "kind",
    "actor",
    "at",
    "item",
    "ask",
    "target",
    "batch",
    "schema_version",
    "content",
)
EVENTS = sa.select(tables.event, tables.event_content.c.salt, tables.event_content.c.content.label("words")).outerjoin(
    tables.event_content, tables.event_content.c.event == tables.event.c.id
)
_KNOWN = sa.select(tables.event.c.id).where(tables.event.c.id.in_(sa.bindparam("ids", expanding=True)))
_HEAD = sa.text(
    "SELECT c.events, c.head, p.salt FROM counter c JOIN project p ON p.id = c.project WHERE c.project = :project"
)
_RAISE = sa.text("UPDATE counter SET events = :number, head = :last WHERE project = :project")
