# ruff: noqa: D103  # the Store protocol documents them
"""The queue: rankings go in, leases come out. The lease stands in the row, so that taking and checking are one act."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from collab.domain.annotation import (
    ALWAYS_BLIND,
    PERSONAL,
    Ask,
    Choices,
    Lane,
    Suggestion,
    answers_wanted,
    coin,
    set_aside,
)
from collab.storage import draws, records, slots
from collab.storage import schema as tables
from collab.storage.connection import Database
from collab.storage.json_text import dumps


def put_asks(db: Database, project: int, asks: Sequence[Ask], ranking: int, *, whole: bool, overlap: int) -> None:
    owner = records.project(db, project)
    below = owner.policy.blind_share
    rows = [
        (
            project, a.item, slot, a.purpose, a.lane, a.score, coin(owner, a.item, slot) < below if slot else a.blind,
            a.reason, *_suggestion(a.suggestion), ranking,
        )
        for a in asks
        for slot in range(max(overlap, answers_wanted(owner, a.item)))
    ]  # fmt: skip
    with db.transaction():
        db.lock_project(project)
        if rows:
            db.write_raw(_PUT if db.is_sqlite else _PUT.replace("?", "%s"), rows)
        if whole:
            db.write(_DROP, {"project": project, "ranking": ranking})
        counter = tables.counter
        db.write(sa.update(counter).values(ranking=ranking).where(counter.c.project == project))


def extend_lane(
    db: Database, project: int, lane: Lane, size: int, overlap: int, blind_below: float, reason: str
) -> int:
    if lane == "certificate":
        return draws.queue_checks(db, project, size, overlap, reason)
    audit = lane == "audit"
    with db.transaction():
        db.lock_project(project)
        owner = records.project(db, project)
        found = db.rows(_NEXT_BY_RANK, {"project": project, "reserved": audit, "size": size})
        purpose = "audit" if audit else "random"
        rows = [
            {
                "project": project, "item": r.id, "slot": slot, "purpose": purpose, "lane": lane,
                "score": 1 - r.audit_rank, "blind": audit or coin(owner, r.id, slot) < blind_below, "reason": reason,
            }
            for r in found
            for slot in range(max(overlap, answers_wanted(owner, r.id)))
        ]  # fmt: skip
        if rows:
            db.write(db.insert(tables.ask).on_conflict_do_nothing(), rows)
    return len(rows)


def lease(
    db: Database, project: int, annotator: str, lane: Lane, size: int, token: str, now: int, until: int
) -> list[Ask]:
    params = {
        "project": project, "annotator": annotator, "lane": lane, "size": size, "token": token, "now": now,
        "until": until,
    }  # fmt: skip
    with db.transaction(durable=False):
        db.lock_project(project)
        taken = db.rows(_TAKE[lane], params)
    return [read_ask(r) for r in sorted(taken, key=lambda r: (-r.ranking, -r.score, r.id))]


def lease_one(
    db: Database, project: int, annotator: str, lanes: Sequence[Lane], token: str, now: int, until: int
) -> Ask | None:
    params = {"project": project, "annotator": annotator, "token": token, "now": now, "until": until}
    with db.transaction(durable=False):
        db.lock_project(project)
        taken = db.row(_take_one(tuple(lanes)), params)
    return None if taken is None else read_ask(taken)


def held(db: Database, project: int, annotator: str, token: str, now: int) -> list[Ask]:
    mine = {"project": project, "annotator": annotator, "tokens": [token, set_aside(token)], "now": now}
    return [read_ask(r) for r in db.rows(_HELD, mine)]


def hold(db: Database, asks: Sequence[int], annotator: str, token: str, until: int) -> None:
    with db.transaction(durable=False):
        _lock_projects_of(db, asks)
        db.write(_HOLD, {"asks": list(asks), "annotator": annotator, "token": token, "until": until})


def renew(db: Database, asks: Sequence[int], token: str, until: int) -> None:
    with db.transaction(durable=False):
        _lock_projects_of(db, asks)
        db.write(_RENEW, {"asks": list(asks), "token": token, "until": until})


def release(db: Database, asks: Sequence[int], token: str) -> None:
    a = tables.ask
    with db.transaction(durable=False):
        _lock_projects_of(db, asks)
        db.write(sa.update(a).values(**_FREE).where(a.c.id.in_(asks), a.c.token == token, ~a.c.done))


def choose_items(db: Database, project: int, annotator: str, items: Sequence[int], reason: str) -> int:
    a, i = tables.ask, tables.item
    with db.transaction():
        db.lock_project(project)
        query = sa.select(i.c.id).where(i.c.project == project, i.c.id.in_(items), ~i.c.erased)
        query = query.where(i.c.id.not_in(sa.select(tables.norming_item.c.item)))
        free = {r.id for r in db.rows(query.where(i.c.reserved == sa.false(), i.c.drawn == sa.false()))}
        chosen = [item for item in dict.fromkeys(items) if item in free]
        if not chosen:
            return 0
        # A later pick stands behind an earlier one, each in the order of its list.
        waiting = sa.select(sa.func.count()).where(
            a.c.project == project, a.c.lane == "chosen", a.c.annotator == annotator
        )
        first = int(db.scalar(waiting))
        rows = [
            {
                "project": project, "item": item, "slot": 0, "purpose": "chosen", "lane": "chosen",
                "score": -float(first + n), "blind": False, "reason": reason, "annotator": annotator, "done": False,
                "lease_until": 0, "token": "",
            }
            for n, item in enumerate(chosen)
        ]  # fmt: skip
        again = db.insert(a)
        anew = {name: again.excluded[name] for name in ("done", "lease_until", "token", "score", "reason")}
        mine: dict[str, Any] = {"index_elements": ["item", "annotator"], "index_where": sa.text("lane = 'chosen'")}
        db.write(again.on_conflict_do_update(**mine, set_=anew), rows)
    return len(chosen)


def ask(db: Database, ask: int) -> Ask | None:
    found = db.row(_ASK, {"of": ask})
    return None if found is None else read_ask(found)


def close_ask(db: Database, ask: int, annotator: str, token: str, now: int) -> None:
    with db.transaction():
        _lock_projects_of(db, [ask])
        # Somebody else's live lease stays; a late answer then counts as overlap.
        db.write(_CLOSE, {"of": ask, "annotator": annotator, "tokens": [token, set_aside(token)], "now": now})


def reopen_ask(db: Database, ask: int) -> None:
    a = tables.ask
    with db.transaction():
        _lock_projects_of(db, [ask])
        db.write(sa.update(a).values(done=False, **_FREE).where(a.c.id == ask))
        slots.spare_answers(db, ask)


def put_off(db: Database, item: int, annotator: str, until: int) -> None:
    row = db.insert(tables.put_off).values(item=item, annotator=annotator, until=until)
    db.write(row.on_conflict_do_update(index_elements=["item", "annotator"], set_={"until": until}))


def add_slots(db: Database, project: int, overlap: int) -> None:
    a = tables.ask
    with db.transaction():
        db.lock_project(project)
        owner = records.project(db, project)
        for slot in range(1, overlap):
            mine = {"project": project, "slot": slot}
            added = db.returning(_ADD_SLOT, mine)
            tossed = [
                {"of": r.id, "blind": coin(owner, r.item, slot) < owner.policy.blind_share}
                for r in added
                if r.purpose not in ALWAYS_BLIND
            ]
            if tossed:
                db.write(sa.update(a).values(blind=sa.bindparam("blind")).where(a.c.id == sa.bindparam("of")), tossed)
        further = [
            {"item": item, "slot": slot, "blind": coin(owner, item, slot) < owner.policy.blind_share}
            for item, wanted in slots.further_slots(db, project)
            for slot in range(overlap, wanted)
        ]
        if further:
            db.write(_ADD_SLOT_OF, further)


def suggest(db: Database, project: int, words: Mapping[int, Suggestion]) -> None:
    if not words:
        return
    rows = [(*_suggestion(word), project, item) for item, word in words.items()]
    with db.transaction(durable=False):
        db.lock_project(project)
        db.write_raw(_SUGGEST if db.is_sqlite else _SUGGEST.replace("?", "%s"), rows)


def live_items(db: Database, project: int, now: int) -> list[int]:
    return [r.item for r in db.rows(_LIVE, {"project": project, "now": now})]


def live_annotators(db: Database, project: int, since: int) -> int:
    return int(db.scalar(_LIVE_PEOPLE, {"project": project, "since": since}))


def _lock_projects_of(db: Database, asks: Sequence[int]) -> None:
    if not db.is_sqlite and not db.holds_lock:
        db.rows(_LOCK_OF, {"asks": list(asks)})


def _suggestion(word: Suggestion | None) -> tuple[str, str | None, str, str | None]:
    if word is None:
        return "", None, "", None
    choices = None if word.choices is None else dumps(word.choices.as_dict())
    return word.model, dumps(list(word.proba)), word.footing, choices


def _read(row: sa.Row[Any]) -> Suggestion | None:
    if row.proba is None:
        return None
    return Suggestion(tuple(row.proba), row.model, row.footing, Choices.from_dict(row.choices))


def read_ask(row: sa.Row[Any]) -> Ask:
    """Read a row of the queue."""
    return Ask(
        row.id, row.project, row.item, row.slot, row.purpose, row.lane, row.score, row.blind, row.reason, _read(row),
        row.annotator, row.token, row.lease_until, row.done,
    )  # fmt: skip


_FREE: Mapping[str, Any] = {
    "lease_until": 0, "token": "",
    "annotator": sa.case((tables.ask.c.lane.in_(PERSONAL), tables.ask.c.annotator), else_=""),
}  # fmt: skip

_PUT = (
    "INSERT INTO ask "
    "(project, item, slot, purpose, lane, score, blind, reason, model, proba, footing, choices, ranking) "
    f"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (item, slot) WHERE {tables.SHARED} DO UPDATE SET "
    "score = excluded.score, reason = excluded.reason, model = excluded.model, proba = excluded.proba, "
    "footing = excluded.footing, choices = excluded.choices, ranking = excluded.ranking, "
    "purpose = CASE WHEN ask.leased_at > 0 THEN ask.purpose ELSE excluded.purpose END, "
    "blind = CASE WHEN ask.leased_at > 0 THEN ask.blind ELSE excluded.blind END "
    # A row that a certificate has drawn since the ranking was made stays its own.
    "WHERE NOT ask.done AND ask.lane = excluded.lane"
)
_ASK = sa.select(tables.ask).where(tables.ask.c.id == sa.bindparam("of"))
_RENEW = sa.text("UPDATE ask SET lease_until = :until WHERE id IN :asks AND token = :token AND NOT done").bindparams(
    sa.bindparam("asks", expanding=True)
)
_CLOSE = sa.text(
    "UPDATE ask SET done = true, annotator = :annotator "
    "WHERE id = :of AND NOT done AND (token IN :tokens OR lease_until <= :now)"
).bindparams(sa.bindparam("tokens", expanding=True))
_HOLD = sa.text(
    "UPDATE ask SET annotator = :annotator, token = :token, lease_until = :until "
    "WHERE id IN :asks AND NOT done AND lease_until = 0"
).bindparams(sa.bindparam("asks", expanding=True))
_LOCK_OF = sa.text(
    "SELECT 1 FROM counter WHERE project IN (SELECT project FROM ask WHERE id IN :asks) ORDER BY project FOR UPDATE"
).bindparams(sa.bindparam("asks", expanding=True))
_DROP = sa.text(
    "DELETE FROM ask WHERE project = :project AND lane = 'query' AND NOT done AND leased_at = 0 AND ranking <> :ranking"
)
# The plus keeps SQLite from walking the whole queue of the project instead of the rows of the item.
_SUGGEST = "UPDATE ask SET model = ?, proba = ?, footing = ?, choices = ? WHERE +project = ? AND item = ? AND NOT done"

_ADD_SLOT = sa.text(
    "INSERT INTO ask "
    "(project, item, slot, purpose, lane, score, blind, reason, model, proba, footing, choices, ranking) "
    "SELECT a.project, a.item, :slot, a.purpose, a.lane, a.score, a.blind, a.reason, a.model, a.proba, a.footing, "
    "a.choices, a.ranking "
    f"FROM ask a WHERE a.project = :project AND a.{tables.SHARED} AND a.slot = 0 "
    f"AND NOT EXISTS (SELECT 1 FROM ask o WHERE o.item = a.item AND o.{tables.SHARED} AND o.slot = :slot) "
    "RETURNING id, item, purpose"
)
_ADD_SLOT_OF = sa.text(
    "INSERT INTO ask "
    "(project, item, slot, purpose, lane, score, blind, reason, model, proba, footing, choices, ranking) "
    "SELECT a.project, a.item, :slot, a.purpose, a.lane, a.score, "
    "CASE WHEN a.purpose IN ('audit', 'certificate') THEN a.blind ELSE :blind END, a.reason, a.model, a.proba, "
    "a.footing, a.choices, a.ranking "
    f"FROM ask a WHERE a.item = :item AND a.{tables.SHARED} AND a.slot = 0 "
    f"AND NOT EXISTS (SELECT 1 FROM ask o WHERE o.item = a.item AND o.{tables.SHARED} AND o.slot = :slot)"
).bindparams(sa.bindparam("blind", type_=sa.Boolean))
_NEXT_BY_RANK = sa.text(
    "SELECT i.id, i.audit_rank, i.digest FROM item i JOIN counter c ON c.project = i.project AND i.id <= c.visible "
    "WHERE i.project = :project AND i.reserved = :reserved AND i.drawn = false AND i.state = 'open' "
    f"AND NOT EXISTS (SELECT 1 FROM ask a WHERE a.item = i.id AND a.{tables.SHARED}) "
    "ORDER BY i.audit_rank, i.id LIMIT :size"
)

# Who has looked at it again knows what others said. Answers that were discarded are no more, and it is asked of all
# until it is looked at again; but audits never.
_NOT_LOOKED_AT = (
    "AND NOT EXISTS (SELECT 1 FROM second_look l WHERE l.item = a.item AND l.annotator = :annotator AND NOT "
    "(a.lane NOT IN ('audit', 'certificate') "
    "AND EXISTS (SELECT 1 FROM adjudication j WHERE j.item = a.item AND j.verdict = 'discard') AND NOT EXISTS "
    "(SELECT 1 FROM ask r WHERE r.item = a.item AND r.annotator = :annotator AND r.lane = 'review' AND NOT r.done))) "
)
# Everybody answers it in a round of its own.
_IN_NO_ROUND = "AND NOT EXISTS (SELECT 1 FROM norming_item x WHERE x.item = a.item)"
# An item of which this person holds, or could take, a lower slot is passed over: nobody gets it twice.
_NOT_MINE = (
    "AND NOT EXISTS (SELECT 1 FROM annotation n WHERE n.item = a.item AND n.annotator = :annotator "
    "AND n.kind IN ('answer', 'unsure', 'flag', 'unusable')) "
    "AND NOT EXISTS (SELECT 1 FROM put_off p WHERE p.item = a.item AND p.annotator = :annotator AND p.until > :now) "
    "AND NOT EXISTS (SELECT 1 FROM ask o WHERE o.item = a.item AND o.id <> a.id AND NOT o.done AND "
    "(o.lease_until > :now AND (o.annotator = :annotator OR o.lane = 'chosen') "
    f"OR o.lease_until <= :now AND o.{tables.SHARED} AND o.slot < a.slot)) {_NOT_LOOKED_AT}" + _IN_NO_ROUND
)
_UNDECIDED = (
    f"AND EXISTS (SELECT 1 FROM item i WHERE i.id = a.item AND i.state NOT IN ('decided', 'unusable')) {_NOT_MINE}"
)
# What the figures count of an audit is what people say without an adjudicator, so it is asked until that is settled.
_UNSETTLED = (
    "i.state NOT IN ('decided', 'unusable') OR EXISTS "
    "(SELECT 1 FROM adjudication j WHERE j.item = i.id AND j.verdict <> 'discard' AND j.before IS NULL)"
)
_UNDECIDED_AUDIT = f"AND EXISTS (SELECT 1 FROM item i WHERE i.id = a.item AND ({_UNSETTLED})) {_NOT_MINE}"
# Among the machine's labels an audit is asked although its item is decided.
_UNDECIDED_BY_PEOPLE = (
    "AND EXISTS (SELECT 1 FROM item i LEFT JOIN decision d ON d.item = i.id WHERE i.id = a.item "
    f"AND ({_UNSETTLED} OR d.source = 'machine')) {_NOT_MINE}"
)
# What an adjudicator has settled stands whatever anybody says, and a machine's label has checks of its own.
_DECIDED_BY_ANSWERS = (
    "AND EXISTS (SELECT 1 FROM item i JOIN decision d ON d.item = i.id WHERE i.id = a.item AND i.state = 'decided' "
    f"AND NOT i.reserved AND NOT i.drawn AND d.source IN ('agreement', 'aggregated')) {_NOT_MINE}"
)
_MINE = (
    "AND a.annotator = :annotator "
    "AND NOT EXISTS (SELECT 1 FROM put_off p WHERE p.item = a.item AND p.annotator = :annotator AND p.until > :now)"
)
_MINE_AGAIN = (
    f"{_MINE} AND EXISTS (SELECT 1 FROM annotation n WHERE n.item = a.item AND n.annotator = :annotator "
    f"AND n.kind IN ('answer', 'unsure')) {_NOT_LOOKED_AT}"
)
_WHICH: Mapping[Lane, str] = {
    "query": _UNDECIDED, "audit": _UNDECIDED_AUDIT, "certificate": _UNDECIDED_BY_PEOPLE,
    "chosen": f"{_MINE} {_IN_NO_ROUND}",
    "repeat": _MINE_AGAIN, "review": _MINE, "norming": _MINE,
    "overlap": _UNDECIDED, "relabel": _DECIDED_BY_ANSWERS,
}  # fmt: skip


def _best(lane: Lane, size: str) -> str:
    return (
        f"SELECT a.id FROM ask a WHERE a.project = :project AND a.lane = '{lane}' AND NOT a.done "
        f"AND a.lease_until <= :now {_WHICH[lane]} ORDER BY a.ranking DESC, a.score DESC, a.id LIMIT {size}"
    )


_LEASE = "UPDATE ask SET annotator = :annotator, token = :token, lease_until = :until, leased_at = :now WHERE id"


@cache
def _take_one(lanes: tuple[Lane, ...]) -> sa.TextualSelect:
    """The best row of the first lane that has one; the others aren't looked at."""
    best = ", ".join(f"({_best(lane, '1')})" for lane in lanes)
    return sa.text(f"{_LEASE} = COALESCE({best}, -1) RETURNING *").columns(*tables.ask.c)


# The plan of PostgreSQL must not do the picking more than once.
_TAKE = {
    lane: sa.text(
        f"WITH picked AS MATERIALIZED ({_best(lane, ':size')}) {_LEASE} IN (SELECT id FROM picked) RETURNING *"
    ).columns(*tables.ask.c)
    for lane in _WHICH
}
# The plus as above: a tab holds few rows, the queue thousands.
_HELD = (
    sa.text(
        "SELECT * FROM ask WHERE +project = :project AND annotator = :annotator AND token IN :tokens AND token <> '' "
        "AND lease_until > :now AND NOT done ORDER BY leased_at, ranking DESC, score DESC, id"
    )
    .bindparams(sa.bindparam("tokens", expanding=True))
    .columns(*tables.ask.c)
)
_LIVE = sa.text(
    "SELECT DISTINCT item FROM ask "
    "WHERE project = :project AND lease_until > :now AND lease_until > 0 AND NOT done ORDER BY item"
)
_LIVE_PEOPLE = sa.text(
    "SELECT count(*) FROM (SELECT annotator FROM ask WHERE project = :project AND lease_until > 0 AND NOT done "
    "AND leased_at >= :since "
    "UNION SELECT annotator FROM annotation WHERE project = :project AND at >= :since) AS people"
)
