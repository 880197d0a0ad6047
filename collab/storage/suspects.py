# ruff: noqa: D103  # the Store protocol documents them
"""What should be looked at again, and the queue of second looks that comes of it."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from collab.domain.access import RIGHTS
from collab.domain.annotation import LATER_MS, Ask
from collab.domain.suspect import KINDS, Sent, Suspect, SuspectKind
from collab.storage import people, queue
from collab.storage import schema as tables
from collab.storage.connection import Database
from collab.storage.log import EVENTS, read_event
from collab.storage.projections import answer_of, key_of

SENT, LIVE = 3.0, 2.0
"""Scores of what somebody wants this person's word on, and of what has no decision: before all that is only likely."""


def put_suspects(
    db: Database, project: int, kinds: Sequence[SuspectKind], suspects: Sequence[Suspect], now: int
) -> None:
    s = tables.suspect
    rows = [
        {
            "project": project, "kind": each.kind, "item": each.item, "score": each.score, "detail": dict(each.detail),
            "first": None if each.answer is None else key_of(each.answer), "at": now,
        }
        for each in suspects
    ]  # fmt: skip
    with db.transaction():
        db.write(sa.delete(s).where(s.c.project == project, s.c.kind.in_(kinds)))
        if rows:
            db.write(sa.insert(s), rows)


def suspects_of(db: Database, item: int) -> tuple[Suspect, ...]:
    query = sa.select(tables.suspect).where(tables.suspect.c.item == item).order_by(tables.suspect.c.score.desc())
    return tuple(
        Suspect(r.item, r.kind, r.score, r.detail, None if r.first is None else answer_of(r.first))
        for r in db.rows(query)
    )


def looks_left(db: Database, project: int, annotator: str, now: int) -> dict[str, int]:
    mine = {"project": project, "annotator": annotator, "now": now, "kind": "", "anybody": _anybody(db)}
    rows = db.rows(_LEFT, mine)
    counts = {r.kind: r.n for r in rows}
    return {**{kind: counts.get(kind, 0) for kind in KINDS}, "": counts.get("", 0)}


def due_looks(
    db: Database, project: int, annotator: str, kind: str, size: int, now: int, token: str = ""
) -> list[tuple[int, float]]:
    mine = {
        "project": project, "annotator": annotator, "now": now, "kind": kind, "size": size, "token": token,
        "anybody": _anybody(db),
    }  # fmt: skip
    return [(r.item, r.score) for r in db.rows(_NEXT, mine)]


def take_looks(
    db: Database, project: int, annotator: str, kind: str, size: int, token: str, now: int, until: int
) -> list[Ask]:
    if size <= 0:
        return []
    with db.transaction(durable=False):
        db.lock_project(project)
        return [
            _ask(db, project, item, annotator, kind, score, token=token, lease_until=until, leased_at=now)
            for item, score in due_looks(db, project, annotator, kind, size, now, token)
        ]


def send_look(db: Database, project: int, item: int, annotator: str) -> None:
    with db.transaction():
        db.lock_project(project)
        _ask(db, project, item, annotator, "sent", SENT, token="", lease_until=0, leased_at=0)
        # Who held it has passed it on.
        db.write(_PASSED_ON, {"item": item, "annotator": annotator})


def close_look(db: Database, item: int, annotator: str) -> None:
    db.write(_CLOSE_ONE, {"item": item, "annotator": annotator})


def close_looks(db: Database, item: int) -> None:
    db.write(_CLOSE, {"item": item})


def sends(db: Database, project: int) -> list[Sent]:
    e, a = tables.event, tables.ask
    waits = sa.and_(a.c.item == e.c.item, a.c.lane == "review", a.c.reason == "sent", ~a.c.done)
    query = EVENTS.join(a, waits).where(a.c.project == project, e.c.kind == "adjudicate")
    found: dict[tuple[int, str], Sent] = {}
    for row in db.rows(query.add_columns(a.c.annotator.label("waits_for")).order_by(e.c.number)):
        event, to = read_event(row), row.waits_for
        assert event.item is not None, "what is sent is an item"
        if event.payload.get("verdict") == "send" and event.payload.get("to") == to:
            note = event.payload.get("note", "")
            found[event.item, to] = Sent(event.item, event.id, event.actor, to, event.at, note)
    return sorted(found.values(), key=lambda sent: -sent.at)


def _anybody(db: Database) -> bool:
    """Whether everybody may review: nobody signs in."""
    return people.sign_in_way(db) == "none"


def _ask(db: Database, project: int, item: int, annotator: str, reason: str, score: float, **lease: Any) -> Ask:
    """The row of a second look by one person; where there is one already it is asked anew, and stays sent."""
    a = tables.ask
    row = {
        "project": project, "item": item, "slot": 0, "purpose": "review", "lane": "review", "score": score,
        "blind": True, "reason": reason, "annotator": annotator, "done": False, **lease,
    }  # fmt: skip
    insert = db.insert(a).values(row)
    again = {name: insert.excluded[name] for name in ("score", "token", "lease_until", "leased_at")}
    reason_now = sa.case((sa.and_(~a.c.done, a.c.reason == "sent"), "sent"), else_=insert.excluded.reason)
    mine: dict[str, Any] = {"index_elements": ["item", "annotator"], "index_where": sa.text("lane = 'review'")}
    anew = {**again, "reason": reason_now, "done": sa.false()}
    (made,) = db.returning(insert.on_conflict_do_update(**mine, set_=anew).returning(*a.c))
    return queue.read_ask(made)


# Who is gone, or may not review any more, keeps no item from the others.
_MAY_TAKE = (
    "NOT EXISTS (SELECT 1 FROM annotator p WHERE p.name = o.annotator AND (p.disabled OR p.erased)) AND (:anybody "
    "OR EXISTS (SELECT 1 FROM annotator p WHERE p.name = o.annotator AND p.admin) "
    "OR EXISTS (SELECT 1 FROM member m WHERE m.project = :project AND m.person = o.annotator "
    f"AND m.role IN ({', '.join(repr(role) for role, rights in RIGHTS.items() if 'review' in rights)})))"
)
# Audits are looked at again where somebody ordered all of them or a random part, never for what a model says.
_DUE = (
    "due AS ("
    "SELECT s.item, s.kind, s.score FROM suspect s JOIN item i ON i.id = s.item "
    "LEFT JOIN decision d ON d.item = s.item WHERE s.project = :project AND (s.first IS NULL OR s.first = d.first) "
    "AND (s.kind = 'audit' AND i.state IN ('decided', 'unsure', 'unusable') "
    "OR s.kind <> 'audit' AND i.reserved = false AND i.drawn = false) "
    "AND (s.kind <> 'flip' OR i.state = 'open') AND (s.kind <> 'machine' OR d.source = 'machine') "
    f"UNION ALL SELECT i.id, i.state, {LIVE} FROM item i WHERE i.project = :project "
    "AND i.state IN ('disputed', 'flagged') AND i.reserved = false AND i.drawn = false "
    f"UNION ALL SELECT a.item, 'sent', {SENT} FROM ask a WHERE a.project = :project AND a.lane = 'review' "
    "AND a.annotator = :annotator AND a.reason = 'sent' AND NOT a.done), "
    "free AS (SELECT due.item, due.kind, due.score FROM due WHERE (:kind = '' OR due.kind = :kind) "
    "AND NOT EXISTS (SELECT 1 FROM adjudication j WHERE j.item = due.item AND j.verdict <> 'discard') "
    "AND NOT EXISTS (SELECT 1 FROM put_off p WHERE p.item = due.item AND p.annotator = :annotator AND p.until > :now "
    # Who flags an item has it put off as a question, not as a second look: alone, nobody else could take it.
    "AND NOT EXISTS (SELECT 1 FROM annotation f WHERE f.item = p.item AND f.annotator = p.annotator "
    f"AND f.kind = 'flag' AND p.until <= f.at + {LATER_MS})) "
    "AND NOT EXISTS (SELECT 1 FROM ask o WHERE o.item = due.item AND o.lane = 'review' AND NOT o.done "
    f"AND o.annotator <> :annotator AND (o.lease_until > :now OR o.reason = 'sent' AND {_MAY_TAKE})))"
)
_LEFT = sa.text(
    f"WITH {_DUE} SELECT kind, count(*) AS n FROM free GROUP BY kind "
    "UNION ALL SELECT '', count(DISTINCT item) FROM free"
)
# One's own answers last: others see more in them.
_NEXT = sa.text(
    f"WITH {_DUE} SELECT free.item, max(free.score) AS score FROM free "
    "WHERE NOT EXISTS (SELECT 1 FROM ask m WHERE m.item = free.item AND m.lane = 'review' "
    "AND m.annotator = :annotator AND NOT m.done AND m.lease_until > :now AND m.token = :token) GROUP BY free.item "
    f"ORDER BY max(free.score) < {SENT} AND EXISTS "
    "(SELECT 1 FROM annotation n WHERE n.item = free.item AND n.annotator = :annotator), "
    "max(free.score) DESC, free.item LIMIT :size"
)
_PASSED_ON = sa.text(
    "UPDATE ask SET done = true WHERE item = :item AND lane = 'review' AND annotator <> :annotator AND NOT done"
)
_CLOSE_ONE = sa.text(
    "UPDATE ask SET done = true WHERE item = :item AND lane = 'review' AND annotator = :annotator AND NOT done"
)
_CLOSE = sa.text("UPDATE ask SET done = true WHERE item = :item AND lane = 'review' AND NOT done")
