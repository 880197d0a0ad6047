# ruff: noqa: D103  # the Store protocol documents them
"""What is taken out for good: a person's name, an item's content, all of a deleted project; and the bytes behind it.

The log stays: its events are told anew by `log.retell`, or lose what they said.
"""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa

from collab.domain.access import ALIAS
from collab.storage import differences, log, people, projections, search
from collab.storage import schema as tables
from collab.storage.connection import Database
from collab.storage.json_text import Json, dumps

WHO = frozenset({"annotator", "person", "by", "actor", "requested_by", "signed_by"})
"""Columns of this name hold a person's name."""
_APART = frozenset(
    {"access_log", "event", "event_content", "actor", "annotator", "item", "replacement", "label_schema", "project"}
)
"""Tables that `rename_person` leaves to others, or that hold no person's name but by chance."""
_GONE = frozenset({"session", "member", "put_off"})
"""Tables of which a person's rows go."""
_KEPT = frozenset({"event", "ask", "drawn", "access_log"})
"""Tables whose rows about an item stay: they say that it was asked, and hold nothing of it."""
_OF_ITEMS = [table for table in tables.metadata.sorted_tables if "item" in table.c and table.name not in _KEPT]
_SAID = [table for table in _OF_ITEMS if table.name in differences.COMPARED and table.name != "decision"]
"""Tables of what was said of an item, as the log has it."""
_MANY = 5000
_LEFT_OVER = "to clear: "
"""Settings of this name say what an erasure has left to be cleared."""


def next_alias(db: Database) -> str:
    a = tables.annotator
    taken = {r.name for r in db.rows(sa.select(a.c.name).where(a.c.name.like(f"{ALIAS}%")))}
    number = int(db.scalar(sa.select(sa.func.count()).where(a.c.erased))) + 1
    while f"{ALIAS}{number}" in taken:
        number += 1
    return f"{ALIAS}{number}"


def rename_person(db: Database, name: str, alias: str) -> None:
    with db.transaction():
        db.write(_UNTOLD, {"name": name})
        db.write(_LEFT, {"name": name})
        db.write(_FREED, {"name": name})
        for table in tables.metadata.sorted_tables:
            if table.name in _APART:
                continue
            for column in table.columns:
                if isinstance(column.type, Json):
                    _rewrite(db, table, column, name, lambda told: renamed(told, name, alias))
                elif column.name in WHO:
                    mine = column == name
                    db.write(
                        sa.delete(table).where(mine)
                        if table.name in _GONE
                        else sa.update(table).where(mine).values({column.name: alias})
                    )
        _rename_in_access_log(db, name, alias)
        log.rename_actor(db, name, alias)
        people.add_annotator(db, name)  # who never signed in, but is named by a file
        db.write(sa.delete(tables.attempt))  # by digests, which would confirm a guess; whose they are can't be told
        a = tables.annotator
        bare = {"name": alias, "admin": False, "disabled": True, "erased": True}
        nothing = dict.fromkeys(("password", "language", "issuer", "subject"), "")
        db.write(sa.update(a).where(a.c.name == name).values(**bare, **nothing))


def rename_in_rows(db: Database, items: Sequence[int], name: str, alias: str) -> None:
    i = tables.item
    for start in range(0, len(items), _MANY):
        some = i.c.id.in_(items[start : start + _MANY])
        _rewrite(db, i, i.c.meta, name, lambda told: renamed(told, name, alias), some)


def renamed(told: Any, name: str, alias: str) -> Any:  # whatever JSON holds
    """The same with an alias wherever the whole of a text is the name."""
    if isinstance(told, dict):
        return {alias if k == name else k: renamed(v, name, alias) for k, v in told.items()}
    if isinstance(told, list | tuple):
        return [renamed(v, name, alias) for v in told]
    return alias if told == name else told


def empty_item(db: Database, project: int, item: int) -> str:
    digest, i = secrets.token_hex(16), tables.item
    with db.transaction():
        search.forget(db, [item], for_good=True)
        between = db.row(_BETWEEN, {"project": project, "item": item})
        assert between is not None, "the item is there"
        low, high = between.low or 0.0, 1.0 if between.high is None else between.high
        # A hash of what was there would confirm a guess, and the rank is one: it gets another one in the same place.
        rank = low + (high - low) * (1 + secrets.randbelow(998)) / 1000
        values: dict[str, Any] = {
            "fields": {}, "meta": {}, "ref": f"{ALIAS}{item}", "digest": digest, "audit_rank": rank,
            "read_until": None, "erased": True,
        }  # fmt: skip
        db.write(sa.update(i).where(i.c.id == item).values(values))
        forget_answers(db, project, item, 0)
        b = tables.batch
        told = sa.select(b.c.id, b.c["items"].label("over"), b.c.seen).where(
            b.c.project == project, sa.or_(b.c.reason != "", b.c.status == "answering")
        )
        for batch in db.rows(told):
            if item in batch.over:  # what it was found by may be what it held
                seen = ["" if i == item else s for i, s in zip(batch.over, batch.seen, strict=False)]
                db.write(sa.update(b).where(b.c.id == batch.id).values(reason="", seen=seen))
        for table in _OF_ITEMS:
            db.write(sa.delete(table).where(table.c.item == item))
        for statement in _LET_GO:
            db.write(statement, {"item": item})
    return digest


def erased_items(db: Database, project: int) -> int:
    i = tables.item
    return int(db.scalar(sa.select(sa.func.count()).where(i.c.project == project, i.c.erased)))


def forget_answers(db: Database, project: int, item: int, now: int) -> None:
    for table in _SAID:
        db.write(sa.delete(table).where(table.c.item == item))
    projections.settle_item(db, project, item, "unusable", None, now)


def purge_project(db: Database, project: int, now: int) -> None:
    with db.transaction():
        _unindex(db, project)
        log.forget_contents(db, project)
        mine = {"project": project}
        for table in reversed(tables.metadata.sorted_tables):
            if table.name in ("event", "project", "counter", "access_log"):
                continue
            if "project" in table.c:
                db.write(sa.delete(table).where(table.c.project == project))
            elif "item" in table.c:
                db.write(sa.text(f"DELETE FROM {table.name} WHERE item IN ({_ITEMS})"), mine)
        values = {"name": f"{ALIAS}{project}", "fields": [], "policy": {}, "salt": "", "purged_at": now}
        p = tables.project
        db.write(sa.update(p).where(p.c.id == project).values(values))


def note_erasure(db: Database, name: str, left: Mapping[str, Any]) -> None:
    db.write(sa.insert(tables.setting).values(name=_LEFT_OVER + name, value=dumps(dict(left)).encode()))


def erasures_left(db: Database) -> dict[str, Mapping[str, Any]]:
    s = tables.setting
    query = sa.select(s).where(s.c.name.startswith(_LEFT_OVER)).order_by(s.c.name)
    return {r.name.removeprefix(_LEFT_OVER): json.loads(bytes(r.value)) for r in db.rows(query)}


def end_erasure(db: Database, name: str) -> None:
    db.write(sa.delete(tables.setting).where(tables.setting.c.name == _LEFT_OVER + name))


def scrub(db: Database) -> bool:
    if db.is_sqlite:
        return db.compact()
    db.outside([f"VACUUM (FULL) {table.name}" for table in tables.metadata.sorted_tables])
    return True


def _rename_in_access_log(db: Database, name: str, alias: str) -> None:
    """Put the alias into the access log too, whose triggers allow it while it is said that somebody is erased."""
    a, t = tables.annotator, tables.access_log
    subject = db.scalar(sa.select(a.c.subject).where(a.c.name == name)) or ""
    db.write(sa.insert(tables.setting).values(name="erasing", value=alias.encode()))
    for word in filter(None, (name, subject)):
        _rewrite(db, t, t.c.detail, word, partial(renamed, name=word, alias=alias))
    for key in ("address", "subject"):  # from where they came, and what a provider calls them
        _rewrite(db, t, t.c.detail, key, partial(_without, key=key), t.c.person == name)
    db.write(sa.update(t).where(t.c.person == name).values(person=alias))
    db.write(sa.delete(tables.setting).where(tables.setting.c.name == "erasing"))


def _without(told: Any, key: str) -> Any:
    return {k: v for k, v in told.items() if k != key}


def _rewrite(
    db: Database, table: sa.Table, column: sa.Column[Any], name: str, change: Callable[[Any], Any],
    where: sa.ColumnElement[bool] | None = None,
) -> None:  # fmt: skip
    """Change the JSON of a column wherever a name stands in it."""
    key = list(table.primary_key)
    written = sa.type_coerce(column, sa.Text).contains(dumps(name), autoescape=True)
    query = sa.select(*key, column.label("told")).where(written)
    for row in db.rows(query if where is None else query.where(where)):
        mine = sa.and_(*(c == row._mapping[c.name] for c in key))
        db.write(sa.update(table).where(mine).values({column.name: change(row.told)}))


def _unindex(db: Database, project: int) -> None:
    """Take all items of a project out of the index of words."""
    after = 0
    while items := [r.id for r in db.rows(_NEXT, {"project": project, "after": after, "limit": _MANY})]:
        search.forget(db, items, for_good=True)
        after = items[-1]


# How they chose what they answered at once, in words of their own.
_UNTOLD = sa.text("UPDATE batch SET reason = '' WHERE annotator = :name")
# What only this person was to be asked goes; what they held is free again.
_LEFT = sa.text(f"DELETE FROM ask WHERE annotator = :name AND NOT done AND NOT ({tables.SHARED})")
_FREED = sa.text(
    "UPDATE ask SET annotator = CASE WHEN done THEN annotator ELSE '' END, token = '', lease_until = 0 "
    "WHERE annotator = :name"
)
_LET_GO = [
    sa.text(statement)
    for statement in (
        "DELETE FROM figure WHERE name = 'parts' AND project = (SELECT project FROM item WHERE id = :item)",
        "DELETE FROM ask WHERE item = :item AND NOT done AND leased_at = 0",
        "UPDATE ask SET done = true, token = '', lease_until = 0, proba = NULL, choices = NULL WHERE item = :item",
    )
]
_ITEMS = "SELECT id FROM item WHERE project = :project"
_NEXT = sa.text(f"{_ITEMS} AND id > :after ORDER BY id LIMIT :limit")
_BETWEEN = sa.text(
    "SELECT (SELECT max(x) FROM (SELECT max(o.audit_rank) AS x FROM item o WHERE o.project = :project "
    "AND o.audit_rank < i.audit_rank UNION SELECT max(f.mark) FROM file_import f WHERE f.project = :project "
    "AND f.mark <= i.audit_rank) AS below) AS low, "
    "(SELECT min(x) FROM (SELECT min(o.audit_rank) AS x FROM item o WHERE o.project = :project "
    "AND o.audit_rank > i.audit_rank UNION SELECT min(f.mark) FROM file_import f WHERE f.project = :project "
    "AND f.mark > i.audit_rank) AS above) AS high FROM item i WHERE i.id = :item"
)
