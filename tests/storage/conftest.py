"""Every test of this floor runs on SQLite, and on PostgreSQL where there is a server."""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql

from collab.domain.annotation import Annotation, Decision
from collab.domain.certificate import Certificate, CertificateStatus, Terms
from collab.domain.store import Store
from collab.storage.database import SqlStore, open_store

SERVER = os.environ.get("COLLAB_TEST_POSTGRES", "")
"""A server on which this account may create databases."""

Open = Callable[[], SqlStore]


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Name of a PostgreSQL database with all tables, from which the others are copied."""
    if not SERVER:
        pytest.skip("set COLLAB_TEST_POSTGRES=postgresql://user@host:port/postgres to run this on PostgreSQL")
    with _database("template0") as name:
        open_store(tmp_path_factory.mktemp("template"), _url(name)).close()
        yield name


@pytest.fixture(params=["sqlite", "postgresql"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the same workspace once more, as another process would."""
    stores: list[SqlStore] = []

    def opened(url: str | None) -> SqlStore:
        stores.append(open_store(tmp_path / "workspace", url, patience=2.0))
        return stores[-1]

    if request.param == "sqlite":
        yield lambda: opened(None)
        _close(stores)
    else:
        with _database(request.getfixturevalue("migrated")) as name:
            yield lambda: opened(_url(name))
            _close(stores)


@pytest.fixture
def store(reopen: Open) -> SqlStore:
    return reopen()


def _close(stores: list[SqlStore]) -> None:
    for store in stores:
        store.close()


def _url(name: str) -> str:
    return sa.make_url(SERVER).set(database=name).render_as_string(hide_password=False)


@contextmanager
def _database(template: str) -> Iterator[str]:
    name = f"collab_test_{uuid.uuid4().hex}"
    with psycopg.connect(SERVER, autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        try:
            yield name
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def certificate_of(project: int, number: int = 1, status: CertificateStatus = "signed", **more: Any) -> Certificate:
    """A certificate as it is frozen, or later."""
    values: dict[str, Any] = {"items": 4, "digest": "d", "key": "k", "audits": 1, "by": "ann", "at": 5}
    return Certificate(project, number, status, Terms(), 0.05, "1.1", 1, **values | more)


def answered(store: Store, said: Annotation) -> None:
    """Log an answer, put it in force, and decide its item by it."""
    store.append(said.event())
    store.set_current(said.item, said.annotator, said)
    store.settle_item(said.project, said.item, "decided", Decision(said.item, said.answer, "agreement"), said.at)
