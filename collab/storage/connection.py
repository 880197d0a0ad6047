"""Connections and transactions on SQLite or PostgreSQL, and what a driver's errors mean to a person."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import ExceptionContext

from collab.errors import StorageError
from collab.storage.failures import postgres_error, sqlite_error
from collab.storage.gate import Gate

_PLANNED_ONCE = "SELECT set_config('plan_cache_mode', 'force_generic_plan', true)"
"""Else PostgreSQL may plan the picking of an ask anew each time, which takes it ten times as long as to do it."""
_RELAXED = ", set_config('synchronous_commit', 'off', true)"

Params = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None


class Database:
    """An engine, with one connection for each thread that is in a transaction."""

    def __init__(self, workspace: Path, url: sa.URL, patience: float) -> None:
        self.workspace = workspace
        self.url = url.render_as_string(hide_password=True)
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self._engine = _sqlite_engine(url, patience) if self.is_sqlite else _postgres_engine(url, patience)
        sa.event.listen(self._engine, "handle_error", self._translate)
        self._reader = self._engine if self.is_sqlite else self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._gate = Gate(Path(url.database + ".lock"), patience) if self.is_sqlite and url.database else None
        self._local = threading.local()

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[None]:
        """Open a write transaction, or join the one of this thread; the outermost says whether it is durable."""
        if self._joined is not None:
            yield
            return
        with self._gate.passed() if self._gate else nullcontext(), self._engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.exec_driver_sql(_PLANNED_ONCE if durable else _PLANNED_ONCE + _RELAXED)
            self._local.connection, self._local.locked, self._local.lost = connection, set(), None
            try:
                yield
                self._refuse_lost()
                connection.commit()
            except BaseException:
                # A broken connection can't roll back, and need not: what it began dies with it.
                with suppress(StorageError, sa.exc.DBAPIError):
                    connection.rollback()
                raise
            finally:
                self._local.connection = None

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Inside a transaction: undo what the body wrote where it fails, and nothing else."""
        assert self._joined is not None, "a savepoint is part of a transaction"
        self._refuse_lost()
        connection, locked = self._joined, set(self._local.locked)
        connection.exec_driver_sql("SAVEPOINT piece")
        try:
            yield
        except BaseException as error:
            self._local.locked = locked
            try:
                connection.exec_driver_sql("ROLLBACK TO SAVEPOINT piece")
                connection.exec_driver_sql("RELEASE SAVEPOINT piece")
            except (StorageError, sa.exc.DBAPIError):  # a full disk, for one, ends the whole transaction
                self._local.lost = self._local.lost or error
            raise
        connection.exec_driver_sql("RELEASE SAVEPOINT piece")

    @contextmanager
    def connection(self) -> Iterator[sa.Connection]:
        """The thread's transaction, else a connection that sees the latest commit."""
        if self._joined is not None:
            yield self._joined
        else:
            with self._reader.connect() as connection:
                yield connection

    @contextmanager
    def snapshot(self) -> Iterator[sa.Connection]:
        """A connection that sees PostgreSQL as it is now until its end, whatever is written meanwhile."""
        with self._engine.connect() as connection:
            yield connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    def rows(self, statement: sa.Executable, params: Params = None) -> Sequence[sa.Row[Any]]:
        """All rows of a query."""
        with self.connection() as connection:
            return connection.execute(statement, params).all()

    def row(self, statement: sa.Executable, params: Params = None) -> sa.Row[Any] | None:
        """The first row of a query."""
        with self.connection() as connection:
            return connection.execute(statement, params).first()

    def scalar(self, statement: sa.Executable, params: Params = None) -> Any:
        """The first value of a query; None where there is no row."""
        found = self.row(statement, params)
        return None if found is None else found[0]

    def write(self, statement: sa.Executable, params: Params = None) -> int:
        """Run a statement in the thread's transaction; returns how many rows it touched."""
        if isinstance(params, list) and len(params) == 1:
            (params,) = params  # the drivers' way for many rows costs more
        with self.transaction(), self.connection() as connection:
            return connection.execute(statement, params).rowcount

    def returning(self, statement: sa.Executable, params: Params = None) -> Sequence[sa.Row[Any]]:
        """Run a statement in the thread's transaction; returns its rows."""
        with self.transaction():
            return self.rows(statement, params)

    def write_raw(self, statement: str, params: Any) -> int:
        """Run driver SQL in the thread's transaction: for batches, where Core's own work would cost the most."""
        with self.transaction(), self.connection() as connection:
            return connection.exec_driver_sql(statement, params).rowcount

    def insert(self, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
        """An insert that can say what to do on a conflict."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    def lock_project(self, project: int) -> None:
        """Let no other transaction change this project's counters and log until this one ends."""
        if self.is_sqlite:  # it has one writer at a time anyway
            return
        locked = self._local.locked if self._joined is not None else set()
        if project not in locked:
            locked.add(project)
            self.rows(sa.text("SELECT 1 FROM counter WHERE project = :project FOR UPDATE"), {"project": project})

    @property
    def holds_lock(self) -> bool:
        """Whether this thread's transaction has locked a project; it then touches no other one."""
        return self._joined is not None and bool(self._local.locked)

    def lock_name(self, name: str) -> None:
        """Let no other transaction that locks this name go on until this one ends."""
        if not self.is_sqlite:
            self.rows(sa.text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": name})

    def take_stock(self, table: str, *, wait: bool = True) -> None:
        """Let PostgreSQL know how large a table has become in this transaction: else it walks through it as if it were
        empty, and joins what was just written row by row.

        Args:
            table: Its name.
            wait: Whether for whoever tidies it up just now; else it is left.
        """
        if not self.is_sqlite:
            self.write(sa.text(f"ANALYZE {'' if wait else '(SKIP_LOCKED) '}{table}"))

    def compact(self) -> bool:
        """Write an SQLite database anew without its free pages, and empty what was written ahead of it.

        Nobody writes meanwhile. False where somebody who reads keeps the older pages in use.
        """
        with self._gate.passed() if self._gate else nullcontext(), self._engine.connect() as connection:
            connection.exec_driver_sql("VACUUM")
            return not connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]

    def outside(self, statements: Sequence[str]) -> None:
        """Run statements of PostgreSQL that no transaction may hold."""
        with self._engine.connect() as connection:
            alone = connection.execution_options(isolation_level="AUTOCOMMIT")
            for statement in statements:
                alone.exec_driver_sql(statement)

    def close(self) -> None:
        """Release connections and locks."""
        self._engine.dispose()
        if self._gate is not None:
            self._gate.close()

    def _refuse_lost(self) -> None:
        if self._local.lost is not None:
            raise self._local.lost

    @property
    def _joined(self) -> sa.Connection | None:
        return getattr(self._local, "connection", None)

    def _translate(self, context: ExceptionContext) -> None:
        error = context.original_exception
        meant = sqlite_error(error, self.url) if self.is_sqlite else postgres_error(error, self.url)
        if meant is not None:
            raise meant from error


def upsert(table: sa.Table, key: Sequence[str], replaced: Sequence[str]) -> sa.TextClause:
    """Write the insert of a whole row that replaces some columns where its key is there; one for both databases."""
    names = ", ".join(column.name for column in table.c)
    values = ", ".join(f":{column.name}" for column in table.c)
    changes = ", ".join(f"{name} = excluded.{name}" for name in replaced)
    statement = sa.text(
        f"INSERT INTO {table.name} ({names}) VALUES ({values}) ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"
    )
    return statement.bindparams(*(sa.bindparam(column.name, type_=column.type) for column in table.c))


# Parameters are hidden: they are content, and an error's text may come into a log.
def _sqlite_engine(url: sa.URL, patience: float) -> sa.Engine:
    try:  # the standard library's SQLite may be one that can corrupt a WAL database (before 3.51.3)
        import pysqlite3.dbapi2 as driver
    except ImportError:
        import sqlite3 as driver
    engine = sa.create_engine(
        url, module=driver, poolclass=sa.QueuePool, max_overflow=-1,
        connect_args={"timeout": patience, "check_same_thread": False}, hide_parameters=True,
    )  # fmt: skip

    @sa.event.listens_for(engine, "connect")
    def prepare(connection: Any, record: object) -> None:
        connection.isolation_level = None  # BEGIN is ours alone
        for pragma in ("foreign_keys=ON", "recursive_triggers=ON", "cache_size=-65536", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")

    return engine


def _postgres_engine(url: sa.URL, patience: float) -> sa.Engine:
    return sa.create_engine(
        url.set(drivername="postgresql+psycopg"), isolation_level="READ COMMITTED", max_overflow=-1, pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"options": f"-c lock_timeout={int(patience * 1000)}", "connect_timeout": max(1, int(patience))},
    )  # fmt: skip
