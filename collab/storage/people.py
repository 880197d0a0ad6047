# ruff: noqa: D103  # the Store protocol documents them
"""People, how they sign in, their sessions and roles, and the log of who saw, changed or took away what."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any, get_args

import sqlalchemy as sa

from collab.domain.access import Access, AccessEntry, AccessFilter, Attempts, Person, Retention, Role, SignIn
from collab.domain.plain import typed
from collab.errors import StorageError, UnknownName
from collab.storage import schema as tables
from collab.storage.connection import Database
from collab.storage.json_text import dumps

_ALL = AccessFilter()

SEEN_EVERY = 60_000
"""Milliseconds after which it is written anew that somebody is there: not with each of their requests."""


def add_annotator(db: Database, name: str) -> None:
    if db.scalar(sa.select(tables.annotator.c.id).where(tables.annotator.c.name == name)) is None:
        db.write(db.insert(tables.annotator).values(name=name).on_conflict_do_nothing())


def annotators(db: Database) -> tuple[str, ...]:
    a = tables.annotator
    return tuple(r.name for r in db.rows(sa.select(a.c.name).where(~a.c.erased).order_by(a.c.id)))


def people(db: Database) -> tuple[Person, ...]:
    return tuple(_person(r) for r in db.rows(_PEOPLE.order_by(tables.annotator.c.id)))


def person(db: Database, name: str) -> Person:
    found = db.row(_PEOPLE.where(tables.annotator.c.name == name))
    if found is None:
        raise UnknownName("person", name)
    return _person(found)


def save_person(db: Database, person: Person) -> None:
    table = tables.annotator
    values = {name: getattr(person, name) for name in Person.__dataclass_fields__ if name != "name"}
    with db.transaction():
        if not db.write(sa.update(table).values(**values).where(table.c.name == person.name)):
            db.write(sa.insert(table).values(name=person.name, **values))
        if person.disabled:
            end_sessions(db, person.name)


def set_language(db: Database, name: str, language: str) -> None:
    db.write(sa.update(tables.annotator).where(tables.annotator.c.name == name).values(language=language))


def accounts(db: Database) -> tuple[Person, ...]:
    table = tables.annotator
    query = _PEOPLE.where(sa.or_(table.c.password != "", table.c.issuer != ""))
    return tuple(_person(r) for r in db.rows(query.order_by(table.c.name)))


def password(db: Database, person: str) -> str:
    table = tables.annotator
    return db.scalar(sa.select(table.c.password).where(table.c.name == person)) or ""


def set_password(db: Database, person: str, digest: str, *, stay: bool = False) -> None:
    table = tables.annotator
    with db.transaction():
        if not db.write(sa.update(table).values(password=digest).where(table.c.name == person)):
            raise UnknownName("person", person)
        if not stay:
            end_sessions(db, person)


def known_as(db: Database, issuer: str, subject: str) -> Person | None:
    table = tables.annotator
    found = issuer and db.row(_PEOPLE.where(table.c.issuer == issuer, table.c.subject == subject))
    return _person(found) if found else None


def sign_in_way(db: Database) -> SignIn:
    found = db.scalar(_WAY)
    word = "none" if found is None else bytes(found).decode()
    return next(way for way in get_args(SignIn) if way == word)


def set_sign_in_way(db: Database, way: SignIn) -> None:
    _set(db, "sign in", way)


def access(db: Database, person: str, session: str, now: int) -> Access | None:
    if not session:
        return Access(person, admin=True) if person and sign_in_way(db) == "none" else None
    found = db.rows(_ACCESS, {"person": person, "session": session, "now": now})
    if not found:
        return None
    if now - found[0].seen > SEEN_EVERY:
        with suppress(StorageError), db.transaction(durable=False):  # who only reads need not be able to write
            db.write(sa.update(tables.session).values(seen=now).where(tables.session.c.id == session))
    roles: dict[int, Role] = {row.project: row.role for row in found if row.project is not None}
    return Access(person, bool(found[0].admin), roles)


def start_session(db: Database, session: str, person: str, now: int, until: int, idle: int = 0) -> None:
    with db.transaction():
        db.write(sa.delete(tables.session).where(tables.session.c.until <= now))
        row = {"id": session, "person": person, "at": now, "until": until, "idle": idle, "seen": now}
        db.write(sa.insert(tables.session).values(**row))


def signed_in(db: Database, session: str, now: int) -> str | None:
    return db.scalar(_SIGNED_IN, {"session": session, "now": now}) if session else None


def end_session(db: Database, session: str) -> None:
    db.write(sa.delete(tables.session).where(tables.session.c.id == session))


def end_sessions(db: Database, person: str) -> None:
    db.write(sa.delete(tables.session).where(tables.session.c.person == person))


def count_attempt(db: Database, what: str, now: int) -> Attempts:
    table = tables.attempt
    with db.transaction():
        insert = db.insert(table).values(what=what, failed=0, last=0)
        db.write(insert.on_conflict_do_update(index_elements=["what"], set_={"what": what}))  # the row is locked now
        before = Attempts(*db.rows(sa.select(table.c.failed, table.c.last).where(table.c.what == what))[0])
        db.write(sa.update(table).values(failed=before.failed + 1, last=now).where(table.c.what == what))
    return before


def discount_attempt(db: Database, what: str, before: Attempts) -> None:
    table = tables.attempt
    last = sa.case((table.c.failed == before.failed + 1, before.last), else_=table.c.last)
    with db.transaction():
        db.write(sa.update(table).values(failed=table.c.failed - 1, last=last).where(table.c.what == what))
        db.write(sa.delete(table).where(table.c.what == what, table.c.failed <= 0))


def clear_attempts(db: Database, what: str) -> None:
    db.write(sa.delete(tables.attempt).where(tables.attempt.c.what == what))


def forget_attempts(db: Database, before: int) -> None:
    db.write(sa.delete(tables.attempt).where(tables.attempt.c.last < before))


def set_role(db: Database, project: int, person: str, role: Role | None) -> None:
    table = tables.member
    with db.transaction():
        if role is None:
            db.write(sa.delete(table).where(table.c.project == project, table.c.person == person))
            return
        insert = db.insert(table).values(project=project, person=person, role=role)
        db.write(insert.on_conflict_do_update(index_elements=["project", "person"], set_={"role": role}))


def members(db: Database, project: int) -> dict[str, Role]:
    table = tables.member
    query = sa.select(table.c.person, table.c.role).where(table.c.project == project).order_by(table.c.person)
    return {r.person: r.role for r in db.rows(query)}


def note(db: Database, entry: AccessEntry) -> None:
    row = {name: getattr(entry, name) for name in AccessEntry.__dataclass_fields__}
    with db.transaction(durable=False):
        db.write(_NOTE, row | {"items": list(entry.items), "detail": dict(entry.detail)})


def accesses(
    db: Database, project: int | None = None, wanted: AccessFilter = _ALL, *, before: int | None = None,
    limit: int = 100,
) -> list[tuple[int, AccessEntry]]:  # fmt: skip
    table = tables.access_log
    query = sa.select(table).order_by(table.c.id.desc()).limit(limit)
    if project is not None:
        query = query.where(table.c.project == project)
    if wanted.person:
        query = query.where(table.c.person == wanted.person)
    if wanted.act:
        query = query.where(table.c.act == wanted.act)
    if wanted.since:
        query = query.where(table.c.at >= wanted.since)
    if wanted.until:
        query = query.where(table.c.at < wanted.until)
    if before is not None:
        query = query.where(table.c.id < before)
    return [(r.id, _entry(r)) for r in db.rows(query)]


def retention(db: Database) -> Retention:
    found = db.scalar(sa.select(tables.setting.c.value).where(tables.setting.c.name == "retention"))
    return Retention() if found is None else typed(Retention, json.loads(bytes(found)))


def set_retention(db: Database, retention: Retention) -> None:
    _set(db, "retention", dumps(asdict(retention)))


def old_accesses(db: Database, before: int) -> int:
    return int(db.scalar(sa.select(sa.func.count()).where(tables.access_log.c.at < before)))


def shorten_access_log(db: Database, before: int) -> int:
    with db.transaction():
        _set(db, "access log since", str(before))  # the triggers look there
        return db.write(sa.delete(tables.access_log).where(tables.access_log.c.at < before))


def _set(db: Database, name: str, value: str) -> None:
    insert = db.insert(tables.setting).values(name=name, value=value.encode())
    db.write(insert.on_conflict_do_update(index_elements=["name"], set_={"value": value.encode()}))


def _person(row: sa.Row[Any]) -> Person:
    return Person(**row._mapping)


def _entry(row: sa.Row[Any]) -> AccessEntry:
    return AccessEntry(row.at, row.person, row.act, row.what, row.project, tuple(row.items), row.detail)


def _columns() -> Sequence[sa.Column[Any]]:
    return [tables.annotator.c[name] for name in Person.__dataclass_fields__]


_NOTE = sa.insert(tables.access_log)
_WAY = sa.select(tables.setting.c.value).where(tables.setting.c.name == "sign in")
_PEOPLE = sa.select(*_columns())
_LIVE = (
    "FROM session s JOIN annotator p ON p.name = s.person AND NOT p.disabled {more}"
    "WHERE s.id = :session AND s.until > :now AND (s.idle = 0 OR s.seen + s.idle > :now)"
)
_SIGNED_IN = sa.text("SELECT p.name " + _LIVE.format(more=""))
_ACCESS = sa.text(
    "SELECT p.admin, s.seen, m.project, m.role "
    + _LIVE.format(more="LEFT JOIN member m ON m.person = p.name ")
    + " AND s.person = :person"
)
