# ruff: noqa: D103  # the Store protocol documents them
"""Copies of the whole database: out of it into an SQLite file, and from such a file into an empty PostgreSQL one.

One form for both databases, so that a copy can be checked by the same code, and moves from the one to the other.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from collab.storage.connection import Database
from collab.storage.failures import disk_errors
from collab.storage.json_text import Json
from collab.storage.schema import metadata

_ROWS = 2000
"""Rows that travel together."""
_PATIENCE = 60.0
_SETTLE_SECONDS = 0.05
_NUMBERED = tuple(
    table.name for table in metadata.sorted_tables if table.dialect_options["sqlite"]["autoincrement"] is True
)
"""Tables whose numbers are never given twice, also not those of rows that are gone."""


def copy_database(db: Database, to: Path) -> None:
    with disk_errors(to):
        to.parent.mkdir(parents=True, exist_ok=True)
    if db.is_sqlite:  # writers go on beside it, and what was deleted isn't copied, also not from free pages
        with _settling(to), db.connection() as connection:
            connection.exec_driver_sql("VACUUM INTO ?", (str(to),))
        return
    with (
        _settling(to),
        closing(_file(to)) as copy,
        db.snapshot() as source,
        copy.transaction(),
        copy.connection() as target,
    ):
        _migrate(target)
        for table in metadata.sorted_tables:
            _pour(source, target, table)
        _nothing_indexed(target)
        for name in _NUMBERED:
            sequence = source.scalar(_SEQUENCE, {"table": name})
            last = source.execute(sa.text(f"SELECT last_value, is_called FROM {sequence}")).one()
            if last.is_called:
                target.execute(_FORGET_LAST, {"table": name})
                target.execute(_SET_LAST, {"table": name, "last": last.last_value})
    to.with_name(to.name + ".lock").unlink(missing_ok=True)


def fill(db: Database, copy: Path) -> None:
    """Fill an empty PostgreSQL database from a copy, inside the caller's transaction."""
    assert not db.is_sqlite, "an SQLite copy is itself the database"
    with closing(_file(copy)) as opened, opened.connection() as source, db.connection() as target:
        _migrate(target)
        for table in metadata.sorted_tables:
            _pour(source, target, table)
        _nothing_indexed(target)
        for name in _NUMBERED:
            last = source.scalar(_LAST, {"table": name})
            if last:
                target.execute(sa.select(sa.func.setval(sa.func.pg_get_serial_sequence(name, "id"), last)))


def tables_of(db: Database) -> list[str]:
    """Names of the tables that are there."""
    with db.connection() as connection:
        return sa.inspect(connection).get_table_names()


def database_bytes(db: Database) -> int:
    if db.is_sqlite:
        return int(db.scalar(_PAGES))
    return int(db.scalar(sa.text("SELECT pg_database_size(current_database())")))


@contextmanager
def _settling(path: Path) -> Iterator[None]:
    """Send a file to the disk bit by bit while it grows: the sync of an answer would wait behind a pile of it.

    That takes SQLite its locks on the file, which nobody needs: it is new, and one connection writes it.
    """
    over = threading.Event()

    def settle() -> None:
        while not over.wait(_SETTLE_SECONDS):
            with suppress(OSError), path.open("rb") as file:  # whoever writes it hears of what is wrong
                os.fsync(file.fileno())

    thread = threading.Thread(target=settle, name="settling", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _file(path: Path) -> Database:
    return Database(path.parent, sa.URL.create("sqlite", database=str(path)), _PATIENCE)


def _migrate(connection: sa.Connection) -> None:
    # Only here: Alembic takes longer to import than a whole start.
    from collab.storage.migrations.running import upgrade

    upgrade(connection)


def _pour(source: sa.Connection, target: sa.Connection, table: sa.Table) -> None:
    """Copy a table's rows; JSON travels as the text that it is."""
    columns = [sa.column(c.name, sa.Text() if isinstance(c.type, Json) else c.type) for c in table.columns]
    plain: sa.TableClause = sa.table(table.name, *columns)
    key = [plain.c[c.name] for c in table.primary_key]  # a model's parent comes before it
    query: sa.Select[Any] = sa.select(plain).order_by(*key)
    for rows in source.execute(query, execution_options={"yield_per": _ROWS}).mappings().partitions():
        target.execute(sa.insert(plain), [dict(row) for row in rows])


def _nothing_indexed(target: sa.Connection) -> None:
    """The index of words differs between the databases and is made anew."""
    target.execute(sa.text("UPDATE counter SET indexed = 0"))


_PAGES = sa.text("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
_SEQUENCE = sa.text("SELECT pg_get_serial_sequence(:table, 'id')")
_LAST = sa.text("SELECT seq FROM sqlite_sequence WHERE name = :table")
_FORGET_LAST = sa.text("DELETE FROM sqlite_sequence WHERE name = :table")
_SET_LAST = sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last)")
