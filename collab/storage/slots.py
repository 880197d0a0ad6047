# ruff: noqa: D103  # the Store protocol documents them
"""Rows of the queue for further answers to items that somebody has answered."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from collab.domain.annotation import ALWAYS_BLIND, Ask, Purpose, answers_wanted, coin
from collab.storage import records
from collab.storage import schema as tables
from collab.storage.connection import Database

SEVERAL = "overlap"
"""Why a further answer is asked: the same sentence for all, whatever others have said."""


def want_answers(db: Database, project: int, item: int, more: int) -> None:
    with db.transaction():
        db.lock_project(project)
        rows = db.rows(_ROWS_OF, {"item": item})
        db.write(_SET_APART, {"item": item})
        missing = more - sum(not r.done for r in rows)
        if missing <= 0:
            return
        owner, of = records.project(db, project), db.rows(_ITEM, {"item": item})[0]
        first = max((r.slot for r in rows), default=-1) + 1
        usual = (
            ("audit", "audit") if of.reserved else ("certificate", "certificate") if of.drawn else ("more", "overlap")
        )
        added: list[dict[str, Any]] = [
            {
                "project": project, "item": item, "slot": slot, "purpose": usual[0], "lane": usual[1], "score": 0.0,
                "blind": usual[0] in ALWAYS_BLIND or coin(owner, item, slot) < owner.policy.blind_share,
                "reason": SEVERAL,
            }
            for slot in range(first, first + missing)
        ]  # fmt: skip
        db.write(sa.insert(tables.ask), added)


def spare_answers(db: Database, ask: int) -> None:
    """Take rows for further answers away that nobody was handed, where another row of their item is open again: else
    more would answer than are wanted. The slots that every item has stay."""
    of = db.row(_ITEM_OF, {"ask": ask})
    owner = None if of is None else records.project(db, of.project)
    if of is None or owner is None or not owner.policy.answers_most:
        return
    wanted = answers_wanted(owner, of.item)
    surplus = sum(not r.done for r in db.rows(_ROWS_OF, {"item": of.item})) - max(0, wanted - of.spoken)
    if surplus > 0:
        db.write(_SPARE, {"item": of.item, "wanted": wanted, "reason": SEVERAL, "surplus": surplus})


def begun_items(db: Database, project: int) -> list[int]:
    return [r.item for r in db.rows(_BEGUN, {"project": project})]


def put_relabels(db: Database, project: int, asks: Sequence[Ask]) -> None:
    purpose: Purpose = "relabel"
    with db.transaction():
        db.lock_project(project)
        db.write(_FORGET_RELABELS, {"project": project})
        owner = records.project(db, project)
        for ask in asks:
            rows = db.rows(_ROWS_OF, {"item": ask.item})
            if any(not r.done for r in rows):
                continue
            slot = max((r.slot for r in rows), default=-1) + 1
            row = {
                "project": project, "item": ask.item, "slot": slot, "purpose": purpose, "lane": "relabel",
                "score": ask.score, "blind": coin(owner, ask.item, slot) < owner.policy.blind_share,
                "reason": ask.reason,
            }  # fmt: skip
            db.write(sa.insert(tables.ask).values(**row))


def further_slots(db: Database, project: int) -> list[tuple[int, int]]:
    """Items of the queue and how many rows each is to have, where the project's coin picks them for several answers."""
    owner = records.project(db, project)
    usual = owner.policy.annotations_per_item
    wanted = ((r.item, answers_wanted(owner, r.item)) for r in db.rows(_QUEUED, {"project": project}))
    return [(item, n) for item, n in wanted if n > usual]


_ROWS_OF = sa.text(f"SELECT slot, done FROM ask WHERE item = :item AND {tables.SHARED}")
_SET_APART = sa.text("UPDATE ask SET lane = 'overlap' WHERE item = :item AND lane = 'query' AND NOT done")
_ITEM_OF = sa.text(
    "SELECT a.project, a.item, (SELECT count(*) FROM annotation n WHERE n.item = a.item AND "
    "n.kind IN ('answer', 'unsure')) AS spoken FROM ask a WHERE a.id = :ask"
)
_SPARE = sa.text(
    f"DELETE FROM ask WHERE id IN (SELECT id FROM ask WHERE item = :item AND {tables.SHARED} AND NOT done "
    "AND leased_at = 0 AND slot >= :wanted AND reason = :reason ORDER BY slot DESC LIMIT :surplus)"
)
_ITEM = sa.text("SELECT reserved, drawn FROM item WHERE id = :item").columns(
    tables.item.c.reserved, tables.item.c.drawn
)
_BEGUN = sa.text(
    "SELECT DISTINCT a.item FROM ask a WHERE a.project = :project AND a.lane = 'overlap' AND NOT a.done "
    "AND EXISTS (SELECT 1 FROM annotation n WHERE n.item = a.item) ORDER BY a.item"
)
_FORGET_RELABELS = sa.text(
    "DELETE FROM ask WHERE project = :project AND lane = 'relabel' AND NOT done AND leased_at = 0"
)
_QUEUED = sa.text(f"SELECT item FROM ask WHERE project = :project AND slot = 0 AND {tables.SHARED} ORDER BY item")
