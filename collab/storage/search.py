"""Full text: FTS5 on SQLite, tsvector on PostgreSQL, in a table beside the items that `index_text` brings up to date.

Items up to the project's `indexed` mark are found by words, the rest by looking through their text. Languages without
spaces between words, and very short queries, always go the second way.

Nobody finds an item by what is personal: it is in no index and isn't looked through. Who may not see it could else ask
for it letter by letter; and one index for all stays one.
"""

import json
import unicodedata
from collections.abc import Sequence

import sqlalchemy as sa

from collab.domain.media import is_media_name, media_name
from collab.storage import schema as tables
from collab.storage.connection import Database

_MEDIA = media_name(32 * "_", ".%")
"""Names of stored images as a pattern: they are no text."""

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
        query = sa.select(i.c.id, i.c.fields).where(i.c.project == project, i.c.id > start, i.c.id <= marks.visible)
        rows = db.rows(query.order_by(i.c.id).limit(limit))
        if not rows:
            return 0
        _add(db, [{"item": r.id, "words": _text(r.fields, hidden)} for r in rows])
        last = int(rows[-1].id)
        db.write(sa.update(c).values(indexed=last).where(c.c.project == project))
    return last


def forget(db: Database, items: Sequence[int], *, for_good: bool = False) -> None:
    """Take items out of the index, before their text changes; `for_good`: their words too, at once."""
    if not (rows := _indexed(db, items)):
        return
    if for_good and db.is_sqlite:  # else what is deleted is only marked so until parts of the index are merged
        db.write(sa.text("INSERT INTO item_search (item_search, rank) VALUES ('secure-delete', 1)"))
    if db.is_sqlite:  # a table without content must be told what it holds
        db.write(sa.text("INSERT INTO item_search (item_search, rowid, words) VALUES ('delete', :item, :words)"), rows)
    else:
        db.write(sa.text("DELETE FROM item_search WHERE item = :item"), rows)


def remember(db: Database, items: Sequence[int]) -> None:
    """Bring items back into the index, after their text changed."""
    if rows := _indexed(db, items):
        _add(db, rows)


def matching(db: Database, project: int, text: str, pictures: Sequence[str] = ()) -> Condition:
    """The condition that an item is called `text`, or that its text or the name of a picture's file holds it.

    Args:
        db: Where to look.
        project: Whose items.
        text: What a person typed.
        pictures: Fields of pictures that people see.
    """
    hidden = personal(db, project)
    seen = [name for name in pictures if name not in hidden]
    worded = _worded(db, project, text, hidden)
    return sa.or_(worded, _file_named(db, text, seen)) if seen else worded


def personal(db: Database, project: int) -> frozenset[str]:
    """Names of a project's personal columns; "" stands for the items' own names, where the column of these is one."""
    fields = db.scalar(sa.select(tables.project.c.fields).where(tables.project.c.id == project)) or ()
    found = {f["name"] for f in fields if f.get("personal")}
    return frozenset(found | {"" for f in fields if f.get("personal") and f["role"] == "id"})


def _worded(db: Database, project: int, text: str, hidden: frozenset[str]) -> Condition:
    i, c = tables.item, tables.counter
    name = "" if "" in hidden else text  # no item is called ""
    looked_through = sa.or_(_contains(db, text, hidden), i.c.ref == name)
    words = [w for w in text.split() if any(map(str.isalnum, w))]
    if len(text) < 3 or not words or any(unicodedata.category(letter) == "Lo" for letter in text):
        return looked_through
    marks = db.row(sa.select(c.c.indexed, c.c.visible).where(c.c.project == project))
    if marks is None or not marks.indexed:
        return looked_through
    if db.is_sqlite:
        query = " ".join('"{}"*'.format(w.replace('"', '""')) for w in words)
        inside = "SELECT rowid FROM item_search WHERE item_search MATCH :words"
    else:
        query = " & ".join("'{}':*".format(w.replace("\\", "\\\\").replace("'", "''")) for w in words)
        inside = "SELECT s.item FROM item_search s WHERE s.words @@ to_tsquery('simple', :words)"
    called = "SELECT r.id FROM item r WHERE r.project = :of AND r.ref = :ref"  # in one: an OR would look at every item
    found = _condition(f"item.id IN ({inside} UNION {called})", words=query, of=project, ref=name)
    return found if marks.indexed >= marks.visible else sa.or_(found, sa.and_(i.c.id > marks.indexed, looked_through))


def _add(db: Database, rows: list[dict[str, object]]) -> None:
    if db.is_sqlite:
        db.write(sa.text("INSERT INTO item_search (rowid, words) VALUES (:item, :words)"), rows)
    else:
        db.write(sa.text("INSERT INTO item_search (item, words) VALUES (:item, to_tsvector('simple', :words))"), rows)


def _indexed(db: Database, items: Sequence[int]) -> list[dict[str, object]]:
    i, c = tables.item, tables.counter
    joined = sa.and_(c.c.project == i.c.project, i.c.id <= c.c.indexed)
    query = sa.select(i.c.id, i.c.project, i.c.fields).join(c, joined).where(i.c.id.in_(items))
    rows = db.rows(query)
    hidden = {project: personal(db, project) for project in {r.project for r in rows}}
    return [{"item": r.id, "words": _text(r.fields, hidden[r.project])} for r in rows]


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
    return condition.bindparams(sa.bindparam("hidden", sorted(hidden), expanding=True), written=written, plain=plain)


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


def _text(fields: dict[str, object], hidden: frozenset[str]) -> str:
    given = [value for name, value in fields.items() if name not in hidden]
    return "\n".join(str(value) for value in given if value is not None and not is_media_name(value))
