# ruff: noqa: D103  # the Store protocol documents them
"""What two states of the projections differ in: one is set aside in tables of its own, in a copy of the database."""

import sqlalchemy as sa

from collab.domain.store import Differing
from collab.storage.connection import Database

_COUNTERS = ("items", "reserved", "decided", "audited", "checked", "machine")
COMPARED = {
    "annotation": ("item", "item, annotator, event, kind, at, first"),
    # Not when: a decision that is settled anew has another time, and nothing follows from it.
    "decision": ("item", "item, first, reserved, source, confidence, certificate"),
    "item": ("id", "id, state"),
    "aggregated": ("item", "item, first, confidence"),
    "normed": ("item", "number, item, annotator, after, event, first"),
    "norming_item": ("item", "item, number"),
    "repeated": ("item", "item, annotator, first, again"),
    "adjudication": ("item", "item, event, verdict, answer, before"),
    "second_look": ("item", "item, annotator, event"),
    "certificate": ("number", "number, status"),
    "counter": ("project", f"project, {', '.join(_COUNTERS)}"),
}
"""Key and columns of each table that follows from the log."""


def keep_projections(db: Database, project: int) -> None:
    with db.transaction(durable=False):
        for table, (_, columns) in COMPARED.items():
            db.write(sa.text(f"DROP TABLE IF EXISTS kept_{table}"))
            db.write(sa.text(f"CREATE TABLE kept_{table} AS SELECT {columns} FROM {table} WHERE project = {project:d}"))


def differing(db: Database, project: int) -> Differing:
    found = {table: _keys(db, table, project) for table in COMPARED if table != "counter"}
    items = set().union(*(keys for table, keys in found.items() if table != "certificate"))
    columns = ", ".join(f"now.{name} <> kept.{name} AS {name}" for name in _COUNTERS)
    counted = db.rows(
        sa.text(f"SELECT {columns} FROM counter now JOIN kept_counter kept ON kept.project = now.project")
    )
    wrong = tuple(name for name in _COUNTERS for row in counted if row._mapping[name])
    return Differing(tuple(sorted(items)), tuple(sorted(found["certificate"])), wrong)


def _keys(db: Database, table: str, project: int) -> set[int]:
    key, columns = COMPARED[table]
    today, kept = f"SELECT {columns} FROM {table} WHERE project = {project:d}", f"SELECT * FROM kept_{table}"
    pairs = ((today, kept), (kept, today))
    return {row[0] for a, b in pairs for row in db.rows(sa.text(f"SELECT {key} FROM ({a} EXCEPT {b}) AS other"))}
