# ruff: noqa: D103  # the Store protocol documents them
"""The audit reserve: which items it holds, what they stand for, and what became of those that were asked."""

from dataclasses import replace

import sqlalchemy as sa

from collab.domain.run import Stratum
from collab.domain.store import Audit
from collab.storage import schema as tables
from collab.storage.connection import Database


def set_reserve(db: Database, project: int, stratum: int, mark: float) -> None:
    """Reserve what lies below the mark of a stratum and was not touched yet; count what was drawn from."""
    for statement in (_RESERVE, _UNRESERVE, _DRAWABLE, _MARK):
        db.write(statement, {"project": project, "stratum": stratum, "mark": mark})


def strata(db: Database, project: int) -> tuple[Stratum, ...]:
    found: dict[int, Stratum] = {}
    for row in db.rows(_STRATA, {"project": project}):
        known = found.get(row.stratum, Stratum(row.stratum, (), 0))
        found[row.stratum] = replace(known, imports=(*known.imports, row.id), items=known.items + row.drawable)
    return tuple(found.values())


def audit_answers(db: Database, project: int, now: int) -> list[Audit]:
    return [
        Audit(r.id, r.stratum, None if r.answer is None else tuple(r.answer), bool(r.asked), bool(r.held))
        for r in db.rows(_AUDITED, {"project": project, "now": now})
    ]


_UNTOUCHED = (
    "state = 'open' AND NOT EXISTS (SELECT 1 FROM ask a WHERE a.item = item.id) "
    "AND NOT EXISTS (SELECT 1 FROM annotation n WHERE n.item = item.id) "
    "AND NOT EXISTS (SELECT 1 FROM imported_answer m WHERE m.item = item.id) "
    "AND NOT EXISTS (SELECT 1 FROM norming_item x WHERE x.item = item.id)"
)
_OF_STRATUM = (
    "project = :project "
    "AND file_import IN (SELECT id FROM file_import WHERE project = :project AND stratum = :stratum) "
)
_RESERVE = sa.text(
    f"UPDATE item SET reserved = true WHERE reserved = false AND audit_rank < :mark AND {_OF_STRATUM} AND {_UNTOUCHED}"
)
# A stratum that grew has a lower mark; what lies above it and was never asked goes back to the pool.
_UNRESERVE = sa.text(
    f"UPDATE item SET reserved = false WHERE reserved = true AND audit_rank >= :mark AND {_OF_STRATUM} AND {_UNTOUCHED}"
)
# Counted before anything is asked; anew only where the mark rose, for then the reserve was drawn from what was left.
_DRAWABLE = sa.text(
    "UPDATE file_import SET drawable = "
    f"(SELECT count(*) FROM item WHERE file_import = file_import.id AND (reserved OR {_UNTOUCHED})) "
    "WHERE project = :project AND stratum = :stratum AND (drawable = 0 OR mark < :mark)"
)
_MARK = sa.text("UPDATE file_import SET mark = :mark WHERE project = :project AND stratum = :stratum")
_STRATA = sa.text(
    "SELECT id, stratum, drawable FROM file_import "
    "WHERE project = :project AND report IS NOT NULL AND drawable > 0 ORDER BY id"
)
# Of an item that was adjudicated: people's answers are too few by now.
STILL_ASKED = (
    "j.item IS NOT NULL AND j.before IS NULL AND EXISTS "
    f"(SELECT 1 FROM ask o WHERE o.item = i.id AND o.{tables.SHARED} AND NOT o.done)"
)
# What was asked before a mark was lowered, and lies above it, would count an early import more than a late one.
_AUDITED = sa.text(
    "WITH asked AS (SELECT a.item, max(CASE WHEN NOT a.done AND a.lease_until > :now THEN 1 ELSE 0 END) AS live, "
    "max(CASE WHEN NOT a.done AND a.lease_until BETWEEN 1 AND :now THEN 1 ELSE 0 END) AS lapsed "
    "FROM ask a WHERE a.project = :project AND a.lane = 'audit' AND a.leased_at > 0 GROUP BY a.item) "
    # An adjudicator changes what is exported, never what an audit said first.
    "SELECT i.id, f.stratum, CASE WHEN j.item IS NULL THEN d.answer ELSE j.before END AS answer, "
    "a.item IS NOT NULL AS asked, "
    f"a.live = 1 OR a.lapsed = 0 AND (i.state = 'open' OR {STILL_ASKED}) "
    "AND NOT EXISTS (SELECT 1 FROM put_off p WHERE p.item = i.id) AS held "
    "FROM item i JOIN file_import f ON f.id = i.file_import AND i.audit_rank < f.mark "
    "LEFT JOIN asked a ON a.item = i.id LEFT JOIN decision d ON d.item = i.id "
    "LEFT JOIN adjudication j ON j.item = i.id "
    "WHERE i.project = :project AND i.reserved "
    "AND i.audit_rank <= (SELECT max(j.audit_rank) FROM asked b JOIN item j ON j.id = b.item) "
    "ORDER BY i.audit_rank, i.id"
).columns(tables.item.c.id, tables.file_import.c.stratum, tables.decision.c.answer)
