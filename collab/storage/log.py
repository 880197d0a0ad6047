# ruff: noqa: D103  # the Store protocol documents them
"""The append-only log and its chain: one for each project, every event hashed together with the one before.

The chain covers a code for who acted and a salted digest of what was said. The words themselves stand beside it and can
be erased, or told anew without what had to go; the chain then still proves that the act took place, and when. Which
contents were erased, and what stands in their place, is said by an event of the kind "erase" in the same chain.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from collab.domain.access import AccessFilter
from collab.domain.annotation import ANNOTATION_KINDS, Annotation, Event, EventKind
from collab.errors import StoreCorrupt, UnknownName
from collab.storage import schema as tables
from collab.storage.connection import Database
from collab.storage.json_text import dumps


def append(db: Database, event: Event) -> bool:
    with db.transaction():
        db.lock_project(event.project)
        head = db.row(_HEAD_FOR_ONE, {"project": event.project, "id": event.id, "name": event.actor})
        if head is None:
            raise UnknownName("project", event.project)
        if head.known:
            return False
        code = head.code or _codes(db, event.project, {event.actor})[event.actor]
        return bool(_add(db, event.project, head, [event], {event.actor: code}))


def append_all(db: Database, project: int, events: Sequence[Event]) -> int:
    """Append events of one project in their order; returns how many weren't there already."""
    with db.transaction():
        db.lock_project(project)
        known = {r.id for r in db.rows(_KNOWN, {"ids": [e.id for e in events]})}
        head = db.row(_HEAD, {"project": project})
        if head is None:
            raise UnknownName("project", project)
        fresh = {e.id: e for e in reversed(events) if e.id not in known}  # of two with one id the first
        codes = _codes(db, project, {e.actor for e in events})
        return _add(db, project, head, [e for e in events if fresh.get(e.id) is e], codes)


def _add(db: Database, project: int, head: sa.Row[Any], events: Sequence[Event], codes: Mapping[str, str]) -> int:
    number, last = head.events, head.head
    rows, contents = [], []
    for event in events:
        number += 1
        salt, content = secrets.token_hex(16), _content(event)
        row = {
            "project": project, "number": number, "id": event.id, "kind": event.kind,
            "actor": codes[event.actor], "at": event.at, "item": event.item, "ask": event.ask,
            "target": event.target, "batch": event.batch, "schema_version": event.schema_version,
            "content": _digest(salt, content),
        }  # fmt: skip
        last = _chained(last, row)
        rows.append({**row, "hash": last})
        contents.append({"event": event.id, "salt": salt, "content": content})
    if len(rows) == 1 and not db.is_sqlite:  # which it can be told at once: one wait instead of three
        db.write(_ADD_ONE, {**rows[0], "salt": contents[0]["salt"], "words": contents[0]["content"]})
    elif rows:
        db.write(_ADD, rows)
        db.write(_ADD_CONTENT, contents)
        db.write(_RAISE, {"number": number, "last": last, "project": project})
    return len(rows)


def log(db: Database, project: int, after: int = 0, limit: int = 1000) -> list[tuple[int, Event]]:
    e = tables.event
    query = EVENTS.where(e.c.project == project, e.c.number > after).order_by(e.c.number).limit(limit)
    return [(r.number, read_event(r)) for r in db.rows(query)]


def latest(
    db: Database, project: int, kinds: Sequence[EventKind], wanted: AccessFilter, *, before: int | None = None,
    limit: int = 100,
) -> list[tuple[int, Event]]:  # fmt: skip
    e = tables.event
    query = EVENTS.where(e.c.project == project, e.c.kind.in_(kinds)).order_by(e.c.number.desc()).limit(limit)
    if wanted.person:
        query = query.where(e.c.actor == _actor(db, project, wanted.person))
    if wanted.since:
        query = query.where(e.c.at >= wanted.since)
    if wanted.until:
        query = query.where(e.c.at < wanted.until)
    if before is not None:
        query = query.where(e.c.number < before)
    return [(r.number, read_event(r)) for r in db.rows(query)]


def event(db: Database, event_id: str) -> Event | None:
    found = db.row(_EVENT, {"id": event_id})
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
    actors = {r.name: r.code for r in db.rows(_ACTORS, {"project": project})}
    odd: dict[int, str] = {}
    told: dict[int, str] = {}
    gone = 0
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
            if row.number != number or row.hash != last:
                raise StoreCorrupt(db.url, f"event {number} of project {project} was changed")
            found = "" if row.salt is None else _digest(row.salt, row.words)
            if found != row.content or row.actor != actors.get(row.words["actor"]):
                odd[number] = found
            if row.kind == "erase" and row.words is not None:
                said = {int(of): digest for of, digest in row.words["payload"].get("told", {}).items()}
                up_to = row.words["payload"].get("up_to", 0)
                if max(up_to, *said, 0) >= number:  # else one that is written today would excuse what is changed later
                    raise StoreCorrupt(db.url, f"event {number} of project {project} erases what came after it")
                told |= said
                gone = max(gone, up_to)
    if last != head.head:
        raise StoreCorrupt(db.url, f"the log of project {project} ends at the wrong event")
    told |= dict.fromkeys(range(1, gone + 1), "")
    for of in sorted(odd.keys() | told.keys()):
        if of not in told:
            if odd[of]:
                raise StoreCorrupt(db.url, f"event {of} of project {project} was changed")
            raise StoreCorrupt(db.url, f"event {of} of project {project} has lost what it said, and nobody erased it")
        if odd.get(of) != told[of]:
            raise StoreCorrupt(db.url, f"event {of} of project {project} isn't what its erasure has left")
    return number


def naming(db: Database, project: int, name: str) -> list[tuple[int, Event]]:
    e, c = tables.event, tables.event_content
    written = sa.type_coerce(c.c.content, sa.Text).contains(dumps(name), autoescape=True)
    query = EVENTS.where(e.c.project == project, sa.or_(e.c.actor == _actor(db, project, name), written))
    return [(r.number, read_event(r)) for r in db.rows(query.order_by(e.c.number)) if r.words is not None]


def mentions(db: Database, project: int, name: str) -> int:
    e, c = tables.event, tables.event_content
    query = sa.select(sa.func.count()).select_from(e.join(c, c.c.event == e.c.id)).where(e.c.project == project)
    return int(
        db.scalar(query.where(sa.type_coerce(c.c.content, sa.Text).contains(dumps(name)[1:-1], autoescape=True)))
    )


def of_item(db: Database, project: int, item: int) -> list[tuple[int, Event]]:
    e = tables.event
    query = EVENTS.where(e.c.project == project, e.c.item == item).order_by(e.c.number)
    return [(r.number, read_event(r)) for r in db.rows(query) if r.words is not None]


def retell(db: Database, project: int, events: Sequence[tuple[int, Event]]) -> dict[int, str]:
    told: dict[int, str] = {}
    rows = []
    for number, event in events:
        salt, content = secrets.token_hex(16), _content(event)
        told[number] = _digest(salt, content)
        rows.append({"of": event.id, "salt": salt, "content": content})
    if rows:
        c = tables.event_content
        new: dict[str, Any] = {"salt": sa.bindparam("salt"), "content": sa.bindparam("content")}
        db.write(sa.update(c).where(c.c.event == sa.bindparam("of")).values(new), rows)
    return told


def forget_contents(db: Database, project: int) -> None:
    """Erase what all events of a project say."""
    db.write(_FORGET, {"project": project})


def rename_actor(db: Database, name: str, alias: str) -> None:
    """Let a person's code in every log stand for another name."""
    a = tables.actor
    db.write(sa.update(a).where(a.c.name == name).values(name=alias))


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
        e.c.project == project,
        e.c.kind.in_(("answer", "unsure")),
        e.c.actor == _actor(db, project, annotator),
        e.c.batch.is_(None),  # many at once take no time of anybody's, and would fill the limit
    )
    spent = [read_event(r).payload.get("seconds") for r in db.rows(query.order_by(e.c.number.desc()).limit(limit))]
    return [s for s in spent if s is not None]


def read_annotation(row: sa.Row[Any]) -> Annotation:
    """Read an annotation from a row of `EVENTS`."""
    return Annotation.from_event(read_event(row))


def _actor(db: Database, project: int, name: str) -> str:
    """The code under which a person acts in a log; "" where they never did."""
    return db.scalar(_CODE, {"project": project, "name": name}) or ""


def _codes(db: Database, project: int, names: set[str]) -> dict[str, str]:
    """The code of each person, random and thus nothing from which a name could be guessed; made at their first act."""
    codes = {name: _actor(db, project, name) for name in names}
    for name in [name for name, code in codes.items() if not code]:
        codes[name] = secrets.token_hex(16)
        db.write(sa.insert(tables.actor).values(project=project, name=name, code=codes[name]))
    return codes


def _content(event: Event) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(dumps({"actor": event.actor, "payload": dict(event.payload)}))
    return content


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
_EVENT = EVENTS.where(tables.event.c.id == sa.bindparam("id"))
_ADD, _ADD_CONTENT = sa.insert(tables.event), sa.insert(tables.event_content)
_COLUMNS = [column.name for column in tables.event.c]
_ADD_ONE = sa.text(
    f"WITH added AS (INSERT INTO event ({', '.join(_COLUMNS)}) VALUES ({', '.join(f':{name}' for name in _COLUMNS)})), "
    "worded AS (INSERT INTO event_content (event, salt, content) VALUES (:id, :salt, :words)) "
    "UPDATE counter SET events = :number, head = :hash WHERE project = :project"
).bindparams(
    *(sa.bindparam(column.name, type_=column.type) for column in tables.event.c),
    sa.bindparam("words", type_=tables.event_content.c.content.type),
)
_KNOWN = sa.select(tables.event.c.id).where(tables.event.c.id.in_(sa.bindparam("ids", expanding=True)))
_HEAD = sa.text("SELECT events, head FROM counter WHERE project = :project")
_HEAD_FOR_ONE = sa.text(
    "SELECT c.events, c.head, EXISTS (SELECT 1 FROM event e WHERE e.id = :id) AS known, "
    "(SELECT a.code FROM actor a WHERE a.project = c.project AND a.name = :name) AS code "
    "FROM counter c WHERE c.project = :project"
)
_CODE = sa.text("SELECT code FROM actor WHERE project = :project AND name = :name")
_ACTORS = sa.text("SELECT name, code FROM actor WHERE project = :project")
_FORGET = sa.text("DELETE FROM event_content WHERE event IN (SELECT id FROM event WHERE project = :project)")
_RAISE = sa.text("UPDATE counter SET events = :number, head = :last WHERE project = :project")
