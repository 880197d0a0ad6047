# ruff: noqa: D103  # the Store protocol documents them
"""Answers that came with a file: kept until the import is finished, then decisions, or annotations of named people."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from collab.domain.annotation import Annotation, Decision, Settled, answers_wanted, settle
from collab.domain.project import Item, Project
from collab.domain.store import NewItem
from collab.domain.suspect import Adjudication, decided_by_people
from collab.storage import aggregates, log, people, projections, records, verdicts
from collab.storage import schema as tables
from collab.storage.connection import Database
from collab.storage.items import read_item
from collab.storage.json_text import dumps
from collab.storage.log import EVENTS, read_annotation

_BATCH = 500
"""Answers appended in one transaction; whoever answers meanwhile waits no longer than that takes."""


def keep_answers(
    db: Database, under_way: sa.Row[Any], last: int, rows: Sequence[NewItem]
) -> tuple[tuple[Item, NewItem], ...]:
    """Keep the answers that came along until the import is finished; rows that became items have ids above `last`.

    Of items that were there, decisions are settled then; those of new ones are settled here, as nobody sees them yet.
    Returned are the rows whose content an earlier row of this import has with another answer. Neither of the two is
    taken then, for nothing says which is right; of hidden truths the earlier one stays.
    """
    project, kind = under_way.project, under_way.answers
    query = sa.select(tables.item.c.digest, tables.item.c.id)
    ids = {r.digest: r.id for r in db.rows(query.where(tables.item.c.project == project, tables.item.c.id > last))}
    others = [r.digest for r in rows if r.digest not in ids]
    if others:
        params = {"project": project, "values": dumps(others)}
        ids |= {r.digest: r.id for r in db.rows(by_value(db, _BY_DIGEST), params)}
    given: dict[tuple[int, str], NewItem] = {}
    again: list[tuple[int, str, NewItem]] = []
    for row in rows:
        annotator = row.annotator if kind == "annotations" else ""
        if row.digest in ids and (annotator or kind != "annotations"):
            item = ids[row.digest]
            if given.setdefault((item, annotator), row) is not row or item <= last:
                again.append((item, annotator, row))
    if kind == "truth":
        given = {key: row for key, row in given.items() if key[0] > last}
    elif others and kind == "annotations":
        given = _unsaid(db, project, given)
    if given:
        _keep(db, under_way, last, given)
    return _contradicted(db, under_way, again) if again else ()


def take_answers(db: Database, under_way: sa.Row[Any], now: int) -> int:
    """Settle items that were there by the decisions of the file; returns how many of its answers were taken.

    What people did stands: an answer is left out where its item is decided, or this person acted on it, and where the
    item is in the audit reserve or drawn by a certificate, for an answer that was not asked blind is no audit.
    """
    mine = {"import": under_way.id, "project": under_way.project}
    mine["visible"] = db.scalar(_VISIBLE, mine)
    db.write(_LET_GO, mine)
    if under_way.answers == "truth":
        return int(db.scalar(_TRUTHS, mine))
    db.write(_LEAVE_OUT, mine)
    if under_way.answers == "decisions":
        db.write(_DECIDE, {**mine, "now": now})
        db.write(_DECIDED, mine)
    return int(db.scalar(sa.select(sa.func.count()).where(_OF_IMPORT), mine))


def forget_answers(db: Database, import_id: int) -> None:
    """Let go of what an abandoned import brought."""
    db.write(sa.delete(tables.imported_answer).where(_OF_IMPORT), {"import": import_id})


def append_answers(db: Database, project: int, now: int) -> int:
    with db.transaction():
        db.lock_project(project)
        rows = db.rows(_ANSWERS, {"project": project, "limit": _BATCH})
        if not rows:
            return 0
        version = records.project(db, project).schema.version
        items = sorted({r.item for r in rows})
        before, drawn = _current(db, items), _drawn(db, items)
        given, events = [], []
        for r in rows:
            if r.item not in drawn and all(a.annotator != r.annotator for a in before[r.item]):
                event = _event_id(project, r.digest, r.annotator, r.answer)
                answer = Annotation(
                    event, project, r.item, r.annotator, "answer", now, tuple(r.answer), purpose="imported",
                    schema_version=version,
                )  # fmt: skip
                given.append(answer)
                events.append(replace(answer.event(), batch=f"import {r.file_import}"))
        if given:
            log.append_all(db, project, events)
            for name in dict.fromkeys(a.annotator for a in given):
                people.add_annotator(db, name)
            projections.set_all_current(db, given)
            _settle(db, project, [item for item in items if item not in drawn], now)
        # From now on the log holds them.
        answer_of = tables.imported_answer.c
        done = (answer_of.item == sa.bindparam("of")) & (answer_of.annotator == sa.bindparam("by"))
        db.write(sa.delete(tables.imported_answer).where(done), [{"of": r.item, "by": r.annotator} for r in rows])
    return len(rows)


def _keep(db: Database, under_way: sa.Row[Any], last: int, given: Mapping[tuple[int, str], NewItem]) -> None:
    project, kind = under_way.project, under_way.answers
    values = [{"item": item, "project": project, "answer": list(row.answer)} for (item, _), row in given.items()]
    if kind == "truth":
        db.write(sa.insert(tables.hidden_truth), values)
        return
    more = [
        {"first": projections.key_of(row.answer), "annotator": annotator, "file_import": under_way.id}
        for (_, annotator), row in given.items()
    ]
    insert = db.insert(tables.imported_answer).on_conflict_do_nothing()
    db.write(insert, [a | b for a, b in zip(values, more, strict=True)])
    fresh = [
        (item, Settled("decided", Decision(item, row.answer, "imported")))
        for (item, _), row in given.items()
        if item > last
    ]
    if kind == "decisions" and fresh:
        projections.settle_all(db, project, fresh, under_way.at)


def _contradicted(
    db: Database, under_way: sa.Row[Any], again: Sequence[tuple[int, str, NewItem]]
) -> tuple[tuple[Item, NewItem], ...]:
    """Of rows whose item was there, those to which an earlier row of this import gives another answer."""
    mine = {"import": under_way.id, "project": under_way.project, "values": dumps([str(item) for item, _, _ in again])}
    query = by_value(db, _TRUTH_OF if under_way.answers == "truth" else _ANSWER_OF).columns(*_SAID)
    said = {(r.item, r.annotator): tuple(r.answer) for r in db.rows(query, mine)}
    both = [(item, by, row) for item, by, row in again if said.get((item, by), row.answer) != row.answer]
    other = [(item, row) for item, _, row in both]
    if under_way.answers != "truth":
        for of, by in {(item, by): by for item, by, _ in both}:
            db.write(_TAKE_BACK, {**mine, "item": of, "annotator": by})
            db.write(_UNDECIDE, {**mine, "item": of})
            db.write(_REOPEN, {**mine, "item": of})
    i = tables.item
    there = sa.select(i).where(i.c.id.in_([item for item, _ in other]))
    found = {r.id: read_item(r) for r in db.rows(there)} if other else {}
    return tuple((found[item], row) for item, row in other)


def by_value(db: Database, query: str) -> sa.TextClause:
    """Fill in how the database reads a JSON list of values."""
    return sa.text(query.format("json_each(:values)" if db.is_sqlite else "json_array_elements_text(:values) AS value"))


def _unsaid(db: Database, project: int, given: dict[tuple[int, str], NewItem]) -> dict[tuple[int, str], NewItem]:
    """Leave out what the log holds already: the same file again says nothing, even where it was taken back since."""
    ids = {key: _event_id(project, row.digest, key[1], row.answer) for key, row in given.items()}
    known = {r.id for r in db.rows(by_value(db, _BY_EVENT), {"values": dumps(list(ids.values()))})}
    return {key: row for key, row in given.items() if ids[key] not in known}


def _event_id(project: int, digest: str, annotator: str, answer: Sequence[str]) -> str:
    """The id of an imported answer: the same answer of the same person to the same content is the same act."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, dumps([project, digest, annotator, list(answer)])))


def _current(db: Database, items: Sequence[int]) -> dict[int, list[Annotation]]:
    """The annotations in force of each item."""
    a = tables.annotation
    query = EVENTS.join(a, a.c.event == tables.event.c.id).where(a.c.item.in_(items)).order_by(tables.event.c.number)
    said: dict[int, list[Annotation]] = {item: [] for item in items}
    for word in map(read_annotation, db.rows(query)):
        said[word.item].append(word)
    return said


def _drawn(db: Database, items: Sequence[int]) -> set[int]:
    """Those that a certificate has drawn since the import was finished."""
    i = tables.item
    return {r.id for r in db.rows(sa.select(i.c.id).where(i.c.id.in_(items), i.c.drawn))}


def _settled(
    owner: Project,
    item: int,
    said: Sequence[Annotation],
    standing: Decision | None,
    adjudicated: Adjudication | None,
    concluded: Decision | None,
) -> Settled:
    gone = adjudicated is not None and adjudicated.verdict == "discard"
    return settle(
        said, answers_wanted(owner, item), owner.schema, None if gone else standing, by_most=owner.policy.by_most,
        aggregated=concluded,
    )  # fmt: skip


def _adjudicated(db: Database, owner: Project, verdict: Adjudication, settled: Settled) -> Settled:
    """What an adjudicator's word makes of an item; what is decided without it is kept beside it."""
    if (before := decided_by_people(settled)) != verdict.before:
        verdicts.set_before(db, verdict.item, before)
    if verdict.unusable:
        return Settled("unusable")
    return settled if verdict.decision is None else settle((), 0, owner.schema, adjudicated=verdict.decision)


def _settle(db: Database, project: int, items: Sequence[int], now: int) -> None:
    """Settle many items by the ordinary rule, and keep the counters true; none of them is reserved nor drawn."""
    owner, d = records.project(db, project), tables.decision
    standing = projections.standing_decisions(db, items)
    adjudicated = verdicts.adjudications_of(db, items)
    concluded = {} if owner.policy.decide_by == "agreement" else aggregates.concluded(db, items)
    settled = [
        (item, _settled(owner, item, said, standing.get(item), adjudicated.get(item), concluded.get(item)))
        for item, said in _current(db, items).items()
    ]
    settled = [
        (item, _adjudicated(db, owner, adjudicated[item], found) if item in adjudicated else found)
        for item, found in settled
    ]
    gone = db.returning(sa.delete(d).where(d.c.item.in_(items)).returning(d.c.source))
    projections.settle_all(db, project, settled, now)
    made = [s.decision.source for _, s in settled if s.decision is not None]
    for step, sources in ((-1, [r.source for r in gone]), (1, made)):
        projections.count(db, project, ["machine" if s == "machine" else "decided" for s in sources], step)


_BY_DIGEST = "SELECT i.id, i.digest FROM item i WHERE i.project = :project AND i.digest IN (SELECT value FROM {})"
_BY_EVENT = "SELECT id FROM event WHERE id IN (SELECT value FROM {})"
_ANSWER_OF = (
    "SELECT a.item, a.annotator, a.answer FROM imported_answer a WHERE a.file_import = :import "
    "AND a.item IN (SELECT CAST(value AS bigint) FROM {})"
)
_TRUTH_OF = (
    "SELECT t.item, '' AS annotator, t.answer FROM hidden_truth t JOIN counter c ON c.project = t.project "
    "WHERE t.project = :project AND t.item > c.visible AND t.item IN (SELECT CAST(value AS bigint) FROM {})"
)
_SAID = (tables.imported_answer.c.item, tables.imported_answer.c.annotator, tables.imported_answer.c.answer)
_ANSWERS = sa.text(
    "SELECT a.item, a.annotator, a.answer, a.file_import, i.digest FROM imported_answer a "
    "JOIN item i ON i.id = a.item JOIN file_import f ON f.id = a.file_import AND f.report IS NOT NULL "
    "WHERE a.project = :project AND a.annotator <> '' ORDER BY a.item, a.annotator LIMIT :limit"
).columns(
    tables.imported_answer.c.item,
    tables.imported_answer.c.annotator,
    tables.imported_answer.c.answer,
    tables.imported_answer.c.file_import,
    tables.item.c.digest,
)
_VISIBLE = sa.text("SELECT visible FROM counter WHERE project = :project")
_TRUTHS = sa.text("SELECT count(*) FROM hidden_truth WHERE project = :project AND item > :visible")
_THERE = "file_import = :import AND item <= :visible"
_LEAVE_OUT = sa.text(
    f"DELETE FROM imported_answer WHERE {_THERE} AND (EXISTS (SELECT 1 FROM item i WHERE i.id = imported_answer.item "
    "AND (i.reserved = true OR i.drawn = true OR imported_answer.annotator = '' AND i.state <> 'open')) "
    "OR EXISTS (SELECT 1 FROM annotation n WHERE n.item = imported_answer.item AND "
    "(n.annotator = imported_answer.annotator OR imported_answer.annotator = '' AND n.kind IN ('answer', 'unsure'))))"
)
_DECIDE = sa.text(
    "INSERT INTO decision (item, project, answer, first, reserved, source, at) "
    f"SELECT item, project, answer, first, false, 'imported', :now FROM imported_answer WHERE {_THERE}"
)
_DECIDED = sa.text(f"UPDATE item SET state = 'decided' WHERE id IN (SELECT item FROM imported_answer WHERE {_THERE})")
# An answer that another row contradicts is only marked until the import ends: later rows are compared with it.
_TAKE_BACK = sa.text(
    "UPDATE imported_answer SET first = '' WHERE file_import = :import AND item = :item AND annotator = :annotator"
)
_FRESH = "(SELECT c.visible FROM counter c WHERE c.project = :project)"
_UNDECIDE = sa.text(f"DELETE FROM decision WHERE item = :item AND item > {_FRESH}")
_REOPEN = sa.text(f"UPDATE item SET state = 'open' WHERE id = :item AND id > {_FRESH}")
_LET_GO = sa.text("DELETE FROM imported_answer WHERE file_import = :import AND first = ''")
_OF_IMPORT = tables.imported_answer.c.file_import == sa.bindparam("import")
