# ruff: noqa: D103  # the Store protocol documents them
"""What certificates draw: audits before they are signed, checks among the machine's labels afterwards."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from collab.domain.annotation import answers_wanted
from collab.domain.store import Audit
from collab.storage import records
from collab.storage import schema as tables
from collab.storage.connection import Database
from collab.storage.reserve import STILL_ASKED


def remaining(db: Database, project: int, after: int = 0, limit: int = 50_000) -> list[tuple[int, str]]:
    rows = db.rows(_REMAINING, {"project": project, "after": after, "limit": limit})
    return [(r.id, r.digest) for r in rows]


def draw_audits(db: Database, project: int, number: int, items: Sequence[int], overlap: int, reason: str) -> None:
    with db.transaction():
        db.lock_project(project)
        _keep(db, project, number, items, checks=False)
        _queue(db, project, [(item, place) for place, item in enumerate(items)], overlap, reason)


def keep_for_checks(db: Database, project: int, number: int, items: Sequence[int]) -> None:
    with db.transaction():
        _keep(db, project, number, items, checks=True)


def queue_checks(db: Database, project: int, size: int, overlap: int, reason: str) -> int:
    """Draw and queue the next of the machine's labels; returns how many rows it tried to add."""
    with db.transaction():
        db.lock_project(project)
        found = db.rows(_NEXT_CHECKS, {"project": project, "size": size})
        _queue(db, project, [(r.item, r.place) for r in found], overlap, reason)
    return len(found) * overlap


def certificate_audits(db: Database, project: int, number: int, now: int, *, checks: bool = False) -> list[Audit]:
    rows = db.rows(_AUDITED, {"project": project, "number": number, "now": now, "checks": checks})
    return [
        Audit(r.item, 0, None if r.answer is None else tuple(r.answer), r.asked > 0, r.asked > 0 and r.held > 0)
        for r in rows
    ]


def release_audits(db: Database, project: int, number: int) -> None:
    mine = {"project": project, "number": number}
    with db.transaction():
        db.lock_project(project)
        free = [{"of": r.item} for r in db.rows(_UNANSWERED, mine)]
        if free:
            for statement in _RELEASE:
                db.write(statement, free)
        # All rows of the lane: an answer that is taken back later has to be asked for by somebody.
        db.write(_LEAVE_LANE, mine)


def _keep(db: Database, project: int, number: int, items: Sequence[int], *, checks: bool) -> None:
    rows = [
        {"item": item, "project": project, "certificate": number, "place": place, "checks": checks}
        for place, item in enumerate(items)
    ]
    if rows:
        insert = db.insert(tables.drawn)
        changed = {name: insert.excluded[name] for name in ("certificate", "place", "checks")}
        db.write(
            insert.on_conflict_do_update(index_elements=["item"], set_=changed, where=~tables.drawn.c.queued), rows
        )


def _queue(db: Database, project: int, places: Sequence[tuple[int, int]], overlap: int, reason: str) -> None:
    """Have items asked blind, by their place; rows that wait for them already become these."""
    if not places:
        return
    owner = records.project(db, project)
    drawn = [{"of": item, "overlap": max(overlap, answers_wanted(owner, item))} for item, _ in places]
    for statement in _SET_APART:
        db.write(statement, drawn)
    rows: list[dict[str, Any]] = [
        {
            "project": project, "item": item, "slot": slot, "purpose": "certificate", "lane": "certificate",
            "score": -float(place), "blind": True, "reason": reason, "ranking": 0,
        }
        for item, place in places
        for slot in range(max(overlap, answers_wanted(owner, item)))
    ]  # fmt: skip
    insert = db.insert(tables.ask)
    changed = {name: insert.excluded[name] for name in ("purpose", "lane", "score", "blind", "reason", "ranking")}
    slot: dict[str, Any] = {
        "index_elements": ["item", "slot"],
        "index_where": sa.text(tables.SHARED),
    }
    db.write(insert.on_conflict_do_update(**slot, set_=changed), rows)


_REMAINING = sa.text(
    "SELECT i.id, i.digest FROM item i JOIN counter c ON c.project = i.project AND i.id <= c.visible "
    "WHERE i.project = :project AND i.id > :after AND i.state = 'open' AND i.reserved = false AND i.drawn = false "
    "AND NOT EXISTS (SELECT 1 FROM annotation n WHERE n.item = i.id) "
    "AND NOT EXISTS (SELECT 1 FROM ask a WHERE a.item = i.id AND a.leased_at > 0) "
    # Answers of named people that an import brought, and the log doesn't hold yet.
    "AND NOT EXISTS (SELECT 1 FROM imported_answer m WHERE m.item = i.id) "
    # What is discussed is no audit.
    "AND NOT EXISTS (SELECT 1 FROM norming_item x WHERE x.item = i.id) "
    "ORDER BY i.id LIMIT :limit"
)
_SET_APART = [
    sa.text(statement)
    for statement in (
        "UPDATE drawn SET queued = true WHERE item = :of",
        "UPDATE item SET drawn = true WHERE id = :of",
        # Who picked it would see the suggestion; more rows than answers are wanted are of no use.
        "DELETE FROM ask WHERE item = :of AND NOT done AND leased_at = 0 "
        "AND (lane = 'chosen' OR lane = 'query' AND slot >= :overlap)",
    )
]
# Not what lies, or has lain, before somebody: they know the suggestion, so their answer isn't blind.
_NEXT_CHECKS = sa.text(
    "SELECT w.item, w.place FROM drawn w "
    "JOIN certificate c ON c.project = w.project AND c.number = w.certificate AND c.status = 'signed' "
    "JOIN decision d ON d.item = w.item AND d.source = 'machine' AND d.certificate = w.certificate "
    "WHERE w.project = :project AND w.checks AND NOT w.queued AND NOT EXISTS "
    "(SELECT 1 FROM ask a WHERE a.item = w.item AND a.leased_at > 0) "
    "AND NOT EXISTS (SELECT 1 FROM norming_item x WHERE x.item = w.item) "
    "ORDER BY w.place, w.certificate LIMIT :size"
)
# A lease that ran out, or an item that somebody put off, waits for the next one as long as nothing is said of it.
_AUDITED = sa.text(
    "SELECT w.item, CASE WHEN j.item IS NOT NULL THEN j.before WHEN d.source <> 'machine' THEN d.answer END AS answer, "
    "count(a.id) AS asked, "
    "max(CASE WHEN NOT a.done AND a.lease_until > :now OR i.state = 'open' OR d.source = 'machine' "
    f"OR {STILL_ASKED} THEN 1 ELSE 0 END) "
    "AS held FROM drawn w JOIN item i ON i.id = w.item LEFT JOIN decision d ON d.item = w.item "
    "LEFT JOIN adjudication j ON j.item = w.item "
    f"LEFT JOIN ask a ON a.item = w.item AND a.{tables.SHARED} AND a.leased_at > 0 "
    "WHERE w.project = :project AND w.certificate = :number AND w.checks = :checks AND w.queued "
    "GROUP BY w.item, w.place, d.answer, d.source, j.item, j.before ORDER BY w.place"
).columns(tables.drawn.c.item, tables.decision.c.answer)
_UNANSWERED = sa.text(
    "SELECT w.item FROM drawn w JOIN item i ON i.id = w.item LEFT JOIN decision d ON d.item = w.item "
    "WHERE w.project = :project AND w.certificate = :number "
    "AND (NOT w.queued OR i.state IN ('open', 'flagged', 'unusable') OR d.source = 'machine')"
)
_RELEASE = [
    sa.text(statement)
    for statement in (
        "DELETE FROM ask WHERE item = :of AND lane = 'certificate' AND NOT done AND leased_at = 0",
        "UPDATE ask SET lane = 'query' WHERE item = :of AND lane = 'certificate'",
        "UPDATE item SET drawn = false WHERE id = :of",
        "DELETE FROM drawn WHERE item = :of",
    )
]
_LEAVE_LANE = sa.text(
    "UPDATE ask SET lane = 'query' WHERE lane = 'certificate' AND item IN "
    "(SELECT item FROM drawn WHERE project = :project AND certificate = :number)"
)
