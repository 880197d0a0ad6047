"""Full text: FTS5 on SQLite, tsvector on PostgreSQL, in a table beside the items that `index_text` brings up to date.

Items up to the project's `indexed` mark are found by their words, the rest by looking through their text. Both
databases get the words from `tokens`, and split nothing themselves.

Nobody finds an item by what is personal: it is in no index and isn't looked through. Who may not see it could else ask
for it letter by letter; and one index for all stays one.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import sqlalchemy as sa

from collab.domain.media import is_media_name, media_name
from collab.storage import columns
from collab.storage import schema as tables
from collab.storage.connection import Database
from collab.storage.listing import Ids, ids_of
from collab.storage.tokens import phrases, tokens

_MEDIA = media_name(32 * "_", ".%")
"""Names of stored images as a pattern: they are no text."""
_VECTOR_BYTES = 900_000
"""PostgreSQL refuses an index of an item from a megabyte on."""

_ITEM: sa.ColumnClause[int] = sa.column("item", sa.BigInteger)
_SEARCH = sa.table("item_search", _ITEM)

_SECURE = sa.text("INSERT INTO item_search (item_search, rank) VALUES ('secure-delete', :secure)")

Condition = sa.ColumnElement[bool] | sa.TextClause


def index_text(db: Database, project: int, after: int = 0, limit: int = 5000) -> int:
    """Bring the next items into the index; see the Store protocol."""
    i, c = tables.item, tables.counter
    with db.transaction(durable=False):
        marks = db.row(sa.select(c.c.indexed, c.c.visible).where(c.c.project == project))
        if marks is None:
            return 0
        start = max(after, marks.indexed)
        hidden = personal(db, project)
        query = sa.select(i.c.id, i.c.fields, i.c.meta).where(i.c.project == project)
        query = query.where(i.c.id > start, i.c.id <= marks.visible)
        rows = db.rows(query.order_by(i.c.id).limit(limit))
        if rows:
            _add(db, [{"item": r.id, "words": _written(db, r.fields, r.meta, hidden)} for r in rows])
            last = int(rows[-1].id)
            db.write(sa.update(c).values(indexed=last).where(c.c.project == project))
    if not rows:
        columns.extend(db, project, int(marks.visible))
        if start:
            for table in ("item_search", "item", "decision", "annotation"):
                db.take_stock(table)
        return 0
    columns.append(db, project, start, [(r.id, r.fields) for r in rows])
    return last


def unindexed(db: Database, project: int) -> bool:
    """Whether items wait for the index; see the Store protocol."""
    c = tables.counter
    return bool(db.scalar(sa.select(c.c.indexed < c.c.visible).where(c.c.project == project)))


def forget(db: Database, items: Sequence[int], *, for_good: bool = False) -> None:
    """Take items out of the index, before their text changes; `for_good`: their words too, at once."""
    if not (rows := _indexed(db, items)):
        return
    if db.is_sqlite:
        # What is deleted is only marked so until parts of the index are merged: ten times as fast.
        db.write(_SECURE, {"secure": int(for_good)})
        # A table without content must be told what it holds.
        db.write(sa.text("INSERT INTO item_search (item_search, rowid, words) VALUES ('delete', :item, :words)"), rows)
    else:
        db.write(sa.text("DELETE FROM item_search WHERE item = :item"), rows)


def remember(db: Database, items: Sequence[int]) -> None:
    """Bring items back into the index, after their text changed."""
    if rows := _indexed(db, items):
        _add(db, rows)


def query_of(db: Database, text: str) -> str:
    """What the index is asked for this text, in the database's own language; "" where it holds no word."""
    if db.is_sqlite:
        return " ".join(f'"{" ".join(p.words)}"{"*" * p.prefix}' for p in phrases(text))
    return " & ".join(f"({' <-> '.join(map(_quoted, p.words))}{':*' * p.prefix})" for p in phrases(text))


def listed(db: Database, query: str, last: int, limit: int) -> Ids | None:
    """Items up to `last` whose words fit, of any project, in their order; None where there are more than `limit`.

    SQLite lists a million as fast as ten thousand, and goes on.
    """
    if db.is_sqlite:
        inside = _ids("SELECT rowid AS id FROM item_search WHERE item_search MATCH :words AND rowid <= :last")
        return ids_of(db, inside, {"words": query, "last": last})
    found = ids_of(db, driver(query)[0].limit(limit + 1))
    return None if len(found) > limit else np.sort(found[found <= last])


def ranked(db: Database, query: str) -> Ids:
    """The same items, those that fit best first."""
    if db.is_sqlite:
        inside = "SELECT rowid AS id FROM item_search WHERE item_search MATCH :words ORDER BY rank, rowid"
    else:
        inside = (
            "SELECT item AS id FROM item_search WHERE words @@ CAST(:words AS tsquery) "
            "ORDER BY ts_rank(words, CAST(:words AS tsquery), 1) DESC, item"
        )
    return ids_of(db, _ids(inside), {"words": query})


def driver(query: str) -> tuple[sa.Select[Any], sa.ColumnClause[Any]]:
    """A query of the items whose words fit, on PostgreSQL, and the column of their ids."""
    found = sa.text("words @@ CAST(:words AS tsquery)").bindparams(words=query)
    return sa.select(_ITEM.label("id")).select_from(_SEARCH).where(found), _ITEM


def fits(query: str) -> Condition:
    """The condition that an item's words fit, on PostgreSQL."""
    return _condition(
        "EXISTS (SELECT 1 FROM item_search s WHERE s.item = item.id AND s.words @@ CAST(:words AS tsquery))",
        words=query,
    )  # fmt: skip


def looked_through(db: Database, project: int, text: str, pictures: Sequence[str] = ()) -> Condition:
    """The condition that an item's text holds `text`, or the name of a picture's file does, whatever is indexed.

    Args:
        db: Where to look.
        project: Whose items.
        text: What a person typed.
        pictures: Fields of pictures that people see.
    """
    hidden = personal(db, project)
    seen = [name for name in pictures if name not in hidden]
    return sa.or_(_contains(db, text, hidden), *([_file_named(db, text, seen)] if seen else []))


def personal(db: Database, project: int) -> frozenset[str]:
    """Names of a project's personal columns; "" stands for the items' own names, where the column of these is one."""
    fields = db.scalar(sa.select(tables.project.c.fields).where(tables.project.c.id == project)) or ()
    found = {f["name"] for f in fields if f.get("personal")}
    return frozenset(found | {"" for f in fields if f.get("personal") and f["role"] == "id"})


def _add(db: Database, rows: list[dict[str, object]]) -> None:
    if db.is_sqlite:
        db.write(sa.text("INSERT INTO item_search (rowid, words) VALUES (:item, :words)"), rows)
    else:
        db.write(sa.text("INSERT INTO item_search (item, words) VALUES (:item, CAST(:words AS tsvector))"), rows)


def _indexed(db: Database, items: Sequence[int]) -> list[dict[str, object]]:
    i, c = tables.item, tables.counter
    query = sa.select(i.c.id, i.c.project, i.c.fields, i.c.meta)
    query = query.join(c, sa.and_(c.c.project == i.c.project, i.c.id <= c.c.indexed))
    query = query.where(i.c.id.in_(items), ~i.c.erased)
    rows = db.rows(query)
    hidden = {project: personal(db, project) for project in {r.project for r in rows}}
    return [{"item": r.id, "words": _written(db, r.fields, r.meta, hidden[r.project])} for r in rows]


def _contains(db: Database, text: str, hidden: frozenset[str]) -> Condition:
    """The condition that a field's value contains `text`; the written JSON is asked first, as that is cheap."""
    each = "json_each(item.fields)" if db.is_sqlite else "json_each_text(item.fields::json)"
    like = "LIKE" if db.is_sqlite else "ILIKE"
    written, plain = _like(json.dumps(text, ensure_ascii=False)[1:-1]), _like(text)
    condition = sa.text(
        f"(item.fields {like} :written ESCAPE '~' "
        f"AND EXISTS (SELECT 1 FROM {each} AS one WHERE one.value {like} :plain ESCAPE '~' "
        f"AND one.value NOT LIKE '{_MEDIA}' AND one.key NOT IN :hidden))"
    )
    return condition.bindparams(
        sa.bindparam("hidden", sorted(hidden), sa.Text, expanding=True), written=written, plain=plain
    )


def _file_named(db: Database, text: str, pictures: Sequence[str]) -> Condition:
    """The condition that a picture's file is named so; its folders are not looked at, they may tell the answer."""
    each = "json_each(item.meta)" if db.is_sqlite else "json_each_text(item.meta::json)"
    like = "LIKE" if db.is_sqlite else "ILIKE"
    path = "replace(one.value, '\\', '/')"
    name = f"substr({path}, length(rtrim({path}, replace({path}, '/', ''))) + 1)"
    return sa.text(
        f"EXISTS (SELECT 1 FROM {each} AS one WHERE one.key IN :pictures AND {name} {like} :name ESCAPE '~')"
    ).bindparams(sa.bindparam("pictures", list(pictures), expanding=True), name=_like(text))


def _condition(sql: str, **params: object) -> Condition:
    return sa.text(sql).bindparams(**params)


def _like(text: str) -> str:
    for special in "~%_":
        text = text.replace(special, "~" + special)
    return f"%{text}%"


def _written(db: Database, fields: Mapping[str, object], meta: Mapping[str, object], hidden: frozenset[str]) -> str:
    """The words of an item as its database takes them in: of its texts, and of the names of its pictures' files."""
    texts = []
    for name, value in fields.items():
        if name in hidden:
            continue
        if is_media_name(value):  # its folders are left out: they may tell the answer
            texts.append(PurePosixPath(str(meta.get(name) or "").replace("\\", "/")).name)
        elif value is not None:
            texts.append(str(value))
    words = tokens("\n".join(texts))
    return " ".join(words) if db.is_sqlite else _vector(words)


def _ids(query: str) -> sa.TextualSelect:
    return sa.text(query).columns(sa.column("id", sa.BigInteger))


def _vector(words: Sequence[str]) -> str:
    """Words as PostgreSQL writes down a vector of them, as many as it can hold."""
    places: dict[str, list[str]] = {}
    size = 0
    for place, found in enumerate(words, 1):
        if found not in places:
            size += len(found.encode()) + 8
            if size > _VECTOR_BYTES:
                break
        places.setdefault(found, []).append(str(place))
    return " ".join(f"{_quoted(found)}:{','.join(at[:255])}" for found, at in places.items())


def _quoted(found: str) -> str:
    return f"'{found}'"  # a token is made of letters, digits and signs of vowels alone
