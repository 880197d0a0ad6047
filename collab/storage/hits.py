# ruff: noqa: D103  # the Store protocol documents them
"""What a search finds: a page of items and how many there are, quickly, however many fit and whatever is combined.

A database plans badly where a frequent word meets a rare state, or the other way round. So each condition that can
name its items is asked for a list of them; a short list settles the matter, and the rest is checked on its items alone.
Where all lists are long the items are gone through in their order, until there are enough.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa

from collab.domain.project import Item
from collab.domain.store import MOST_COUNTED, FieldFilter, Found, ItemFilter, ItemRow
from collab.storage import columns, items, records
from collab.storage import schema as tables
from collab.storage import search as words
from collab.storage.connection import Database
from collab.storage.listing import NOTHING, Ids, given, ids_of
from collab.storage.listing import among as among_ids
from collab.storage.projections import naming
from collab.storage.tokens import phrases, tokens

_SHORT = 10_000
"""A list that is no longer settles the matter."""
_FIRST, _GROWTH, _LAST = 250, 4, 40_000
"""Items that are checked together: few at first, for most pages are full after these."""
_PEOPLE = ("adjudicated", "aggregated", "agreement", "imported")
_FOREVER = float("inf")


def find(db: Database, project: int, wanted: ItemFilter, limit: int = 50, offset: int = 0) -> tuple[list[ItemRow], int]:
    if wanted in _COUNTED:  # the first page of a million items
        total = int(db.scalar(_COUNTED[wanted], {"project": project}))
        i = tables.item
        query = items.VISIBLE.where(i.c.project == project, *_conditions(wanted, many=False))
        page = [items.read_item(r) for r in db.rows(query.order_by(i.c.id).limit(limit).offset(offset))]
        return _rows(db, page), total
    found = _Search(db, project, wanted).hits(_FOREVER, _FOREVER, _FOREVER).ids
    return _page(db, found[offset : offset + limit], wanted.annotator), len(found)


def matching(db: Database, project: int, wanted: ItemFilter) -> list[int]:
    found: list[int] = _Search(db, project, wanted).hits(_FOREVER, _FOREVER, _FOREVER).ids.tolist()
    return found


def search(
    db: Database, project: int, wanted: ItemFilter, limit: int = 50, offset: int = 0, *, among: Any = None,
    ordered: bool = False, seconds: float = 0.1,
) -> Found:  # fmt: skip
    found = _Search(db, project, wanted, among, ordered).hits(offset + limit, MOST_COUNTED, seconds)
    page = _page(db, found.ids[offset : offset + limit], wanted.annotator)
    return Found(tuple(page), found.ids, found.exact, found.ranked)


@dataclass(frozen=True, slots=True)
class _Hits:
    ids: Ids
    exact: bool
    ranked: bool


class _Search:
    """One search: the lists that its conditions gave, and what must still be checked on each item."""

    def __init__(
        self, db: Database, project: int, wanted: ItemFilter, among: Any = None, ordered: bool = False
    ) -> None:
        self._db, self._project, self._wanted = db, project, wanted
        self._owner = records.project(db, project)
        c = tables.counter
        marks = db.row(sa.select(c.c.indexed, c.c.visible).where(c.c.project == project))
        self._indexed, self._visible = (0, 0) if marks is None else (int(marks.indexed), int(marks.visible))
        self._checks: list[words.Condition] = [
            tables.item.c.project == project, tables.item.c.id <= self._visible,
            *_conditions(wanted, many=self._owner.schema.many),
        ]  # fmt: skip
        self._hidden = words.personal(db, project)
        self._list: Ids | None = among
        self._ordered, self._ranked = ordered, False
        self._also = NOTHING
        """Items that fit, though the index of words doesn't know it."""
        self._driver, self._long = self._drivers(), False
        if (fit := columns.candidates(db, project, wanted.fields, self._visible)) is not None:
            self._narrow(fit)
        contained = [each.text for each in wanted.fields if each.kind == "contains"]
        if wanted.text.strip() or contained:
            self._take_text(wanted.text.strip(), contained)

    def hits(self, enough: float, most: float, seconds: float) -> _Hits:
        """At least `enough` hits, and up to `most` of them within the time."""
        began, found, count, gone_through = time.perf_counter(), [NOTHING], 0, 0
        until = began + seconds
        for page in self._pages():
            fit = self._checked(page)
            found.append(fit)
            count += len(fit)
            gone_through += len(page)
            left = _FOREVER if self._list is None else len(self._list) - gone_through
            now = time.perf_counter()
            next_one, began = min(_GROWTH, left / max(1, len(page))) * (now - began), now
            if count > most or (count >= enough and now + next_one > until):
                ids = np.concatenate(found)
                return _Hits(ids[: int(min(most, count))], False, self._ranked)
        return _Hits(np.concatenate(found), True, self._ranked)

    def _narrow(self, fit: Ids) -> None:
        self._list = fit if self._list is None else among_ids(self._list, fit)

    def _take_text(self, typed: str, contained: list[str]) -> None:
        """List the items whose words fit; have that checked where they are too many, or no words can be asked for."""
        db, i = self._db, tables.item
        pictures = [f.name for f in self._owner.fields if f.shown and f.kind == "image"]
        unread = words.looked_through(db, self._project, typed, pictures) if typed else sa.true()
        named = i.c.ref == (typed if "" not in self._hidden else "")  # no item is called ""
        query, rest = words.query_of(db, " ".join([typed, *contained])), NOTHING
        if (readable := bool(query and self._indexed and (not typed or words.query_of(db, typed)))) and self._behind:
            rest = ids_of(db, self._after(self._indexed).where(unread).order_by(i.c.id).limit(_SHORT + 1))
            readable = len(rest) <= _SHORT
        if not readable:
            self._checks.append(sa.or_(unread, named))
            return
        called = ids_of(db, sa.select(i.c.id).where(i.c.project == self._project, named)) if typed else NOTHING
        fit = words.listed(db, query, self._indexed, _SHORT)
        if fit is None:
            self._also = _joined([called, rest])
            self._checks.append(sa.or_(words.fits(query), named, sa.and_(i.c.id > self._indexed, unread)))
            if self._driver is None:
                self._driver, self._long = words.driver(query), True
        elif len(fit) <= _SHORT and not self._ordered:
            if len(fit) > 1:
                fit = among_ids(words.ranked(db, query), fit)
            ranked = _once(np.concatenate([called, fit, rest]))
            self._list = ranked if self._list is None else among_ids(ranked, self._list)
            self._ordered = self._ranked = True
        else:
            self._narrow(_joined([called, fit, rest]))

    @property
    def _behind(self) -> bool:
        """Whether there are items that the index of words doesn't hold yet."""
        return self._indexed < self._visible

    def _after(self, after: int) -> sa.Select[Any]:
        i = tables.item
        return sa.select(i.c.id).where(i.c.project == self._project, i.c.id > after)

    def _pages(self) -> Iterator[Ids]:
        """The items that may fit, in their order."""
        size, long = _FIRST, self._list is None or len(self._list) > 2 * _SHORT
        if self._driver is not None and long and not self._long:
            short = ids_of(self._db, self._driver[0].limit(_SHORT + 1))
            if len(short) <= _SHORT:
                self._narrow(_joined([short, self._also]))
                long = False
        if self._list is not None and (self._ordered or self._driver is None or not long):
            listed = self._list if self._ordered else np.sort(self._list)
            start = 0
            while start < len(listed):
                yield listed[start : start + size]
                start, size = start + size, min(size * _GROWTH, _LAST)
            return
        if len(self._also):
            yield self._also
        query, key = self._driver or (self._after(0), tables.item.c.id)
        after, size = 0, size if self._list is None else _LAST
        while len(page := ids_of(self._db, query.where(key > after).order_by(key).limit(size))):
            after, size = int(page[-1]), min(size * _GROWTH, _LAST)
            page = page if self._list is None else among_ids(page, self._list)
            yield page[~np.isin(page, self._also)] if len(self._also) else page

    def _drivers(self) -> tuple[sa.Select[Any], Any] | None:
        """A query that lists the items of which something was said, and the column of their ids."""
        i, d, a, wanted = tables.item, tables.decision, tables.annotation, self._wanted
        many = self._owner.schema.many
        if wanted.annotator:
            query = sa.select(a.c.item.label("id")).where(
                a.c.project == self._project, a.c.annotator == wanted.annotator
            )
            if wanted.state == "later":
                query = query.where(a.c.kind == "later")
            if wanted.answer:
                query = query.where(naming(a.c.first, wanted.answer, many=many))
            return query, a.c.item
        if wanted.state == "open":
            return sa.select(i.c.id).where(i.c.project == self._project, _OPEN, i.c.reserved == sa.false()), i.c.id
        if wanted.state and wanted.state not in ("labeled", "machine", "later", "decided"):
            return sa.select(i.c.id).where(i.c.project == self._project, i.c.state == wanted.state, _ACTED), i.c.id
        sources = _sources(wanted)
        if sources is None:
            return None
        query = sa.select(d.c.item.label("id")).where(d.c.project == self._project, d.c.source.in_(sources))
        if wanted.answer:
            query = query.where(naming(d.c.first, wanted.answer, many=many))
        return query, d.c.item

    def _checked(self, page: Ids) -> Ids:
        """Those of a page that fit."""
        if not len(page):
            return page
        i, these = tables.item, given(self._db, page)
        looks = self._wanted.fields
        read = [i.c.id, i.c.fields] if looks else [i.c.id]
        query = sa.select(*read).where(i.c.id.in_(sa.select(these.c.value)), *self._checks)
        if not looks:
            return among_ids(page, ids_of(self._db, query))
        fit = [
            r.id
            for r in self._db.rows(query)
            if all(each.field not in self._hidden and _holds(r.fields.get(each.field), each) for each in looks)
        ]
        return among_ids(page, np.array(fit, np.int64))


def _holds(value: object, wanted: FieldFilter) -> bool:
    if value is None:
        return False
    if wanted.kind == "contains":
        return _says(str(value), wanted.text)
    if wanted.kind == "equals":
        return str(value) == wanted.text
    low = -_FOREVER if wanted.low is None else wanted.low
    high = _FOREVER if wanted.high is None else wanted.high
    return isinstance(value, int | float) and low <= value <= high


def _says(text: str, typed: str) -> bool:
    """Whether a text holds all that was typed, as the index of words would say."""
    said = tokens(text)
    for phrase in phrases(typed):
        last, size = phrase.words[-1], len(phrase.words)
        if not any(
            tuple(said[at : at + size - 1]) == phrase.words[:-1]
            and (said[at + size - 1].startswith(last) if phrase.prefix else said[at + size - 1] == last)
            for at in range(len(said) - size + 1)
        ):
            return False
    return True


def _sources(wanted: ItemFilter) -> tuple[str, ...] | None:
    """Sources of the decisions in question; None: an item need have no decision."""
    if wanted.source:
        return (wanted.source,)
    if wanted.state == "labeled":
        return _PEOPLE
    if wanted.state == "machine":
        return ("machine",)
    return (*_PEOPLE, "machine") if wanted.answer or wanted.state == "decided" else None


def _conditions(wanted: ItemFilter, *, many: bool) -> list[sa.ColumnElement[bool]]:
    i, d, a = tables.item, tables.decision, tables.annotation
    conditions: list[sa.ColumnElement[bool]] = []
    if not wanted.include_reserved:
        conditions += [i.c.reserved == sa.false(), i.c.drawn == sa.false()]
    said = sa.select(a.c.item).where(a.c.item == i.c.id)
    if wanted.annotator:
        said = said.where(a.c.annotator == wanted.annotator)
        conditions.append(said.exists())
    if wanted.state == "later":
        conditions.append(said.where(a.c.kind == "later").exists())
    elif wanted.state in ("labeled", "machine"):
        source = d.c.source == "machine" if wanted.state == "machine" else d.c.source != "machine"
        conditions.append(sa.exists().where(d.c.item == i.c.id, source))
    elif wanted.state:
        conditions.append(i.c.state == wanted.state)
    if wanted.source:
        conditions.append(sa.exists().where(d.c.item == i.c.id, d.c.source == wanted.source))
    if wanted.answer and wanted.annotator:
        conditions.append(said.where(naming(a.c.first, wanted.answer, many=many)).exists())
    elif wanted.answer:
        conditions.append(sa.exists().where(d.c.item == i.c.id, naming(d.c.first, wanted.answer, many=many)))
    return conditions


def _page(db: Database, ids: Ids, annotator: str) -> list[ItemRow]:
    there = items.items(db, ids.tolist())
    return _rows(db, [there[item] for item in ids.tolist()], annotator)


def _rows(db: Database, page: Sequence[Item], annotator: str = "") -> list[ItemRow]:
    decisions, said = items.decisions_of(db, page), items.annotations_of(db, page, annotator)
    latest = {item: max(spoken, key=lambda a: a.at) for item, spoken in said.items()}
    return [ItemRow(item, decisions.get(item.id), latest.get(item.id)) for item in page]


def _joined(lists: Sequence[Ids]) -> Ids:
    """Lists as one, in the order of the ids."""
    return np.unique(np.concatenate(lists)) if sum(map(bool, map(len, lists))) > 1 else np.sort(np.concatenate(lists))


def _once(ids: Ids) -> Ids:
    """Each id where it comes first."""
    return ids[np.sort(np.unique(ids, return_index=True)[1])]


_OPEN, _ACTED = sa.text("item.state = 'open'"), sa.text("item.state <> 'open'")
"""To the letter as in the indexes."""
_DRAWN = "SELECT count(*) FROM drawn w WHERE w.project = :project AND w.queued"
_CHECKS = f"{_DRAWN} AND EXISTS (SELECT 1 FROM decision d WHERE d.item = w.item AND d.source = 'machine')"
_COUNTED = {
    wanted: sa.text(f"SELECT {count} FROM counter WHERE project = :project")
    for wanted, count in (
        (ItemFilter(), f"items - reserved - ({_DRAWN})"),
        (ItemFilter(state="labeled"), "decided"),
        (ItemFilter(state="machine"), f"machine - ({_CHECKS})"),
    )
}
"""What the counters say already."""
