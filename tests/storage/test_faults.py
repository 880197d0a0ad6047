"""What a disk can do to a workspace: a clear message, nothing lost, and all works again when it is mended."""

import os
import stat
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
import sqlalchemy as sa

from collab.errors import StorageError, StoreBusy, StoreCorrupt, StoreFull
from collab.storage.database import SqlStore, open_store


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return tmp_path / "workspace"


@pytest.fixture
def store(workspace: Path) -> Iterator[SqlStore]:
    opened = open_store(workspace, patience=0.2)
    opened.add_annotator("mia")
    yield opened
    opened.close()


def test_a_database_locked_by_another_program_is_busy_until_it_lets_go(store: SqlStore, workspace: Path) -> None:
    other = open_store(workspace)
    with other.connection() as past_the_gate:
        past_the_gate.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match=r"collab\.db"):
            store.add_annotator("tom")
        assert store.annotators() == ("mia",)

    other.close()
    store.add_annotator("tom")
    assert store.annotators() == ("mia", "tom")


def test_a_gate_held_by_another_process_is_busy(store: SqlStore, workspace: Path) -> None:
    other = open_store(workspace, patience=0.2)
    with other.transaction(), pytest.raises(StoreBusy):
        store.add_annotator("tom")
    store.add_annotator("tom")
    other.close()

    assert store.annotators() == ("mia", "tom")


def test_a_full_disk_stores_nothing_and_loses_nothing(store: SqlStore) -> None:
    _limit_pages(store, 1)

    with pytest.raises(StoreFull), store.transaction():
        store.write_raw("INSERT INTO annotator (name) VALUES (?)", [("x" * 5000 + str(n),) for n in range(100)])
    assert store.annotators() == ("mia",)

    _limit_pages(store, 10**6)
    store.add_annotator("tom")
    assert store.annotators() == ("mia", "tom")
    store.check(deep=True)


def test_a_file_that_is_no_database_is_called_damaged_and_left_alone(workspace: Path) -> None:
    workspace.mkdir()
    (workspace / "collab.db").write_bytes(b"no database " * 1000)

    with pytest.raises(StoreCorrupt, match="backup"):
        open_store(workspace)

    assert (workspace / "collab.db").read_bytes() == b"no database " * 1000


def test_damaged_pages_are_found(store: SqlStore, workspace: Path) -> None:
    store.rows(sa.text("PRAGMA wal_checkpoint(TRUNCATE)"))
    store.close()
    database = workspace / "collab.db"
    whole = database.read_bytes()
    database.write_bytes(whole[:8192] + b"\x5a" * (len(whole) - 8192))

    with pytest.raises(StorageError):
        open_store(workspace).check(deep=True)

    database.write_bytes(whole)
    mended = open_store(workspace)
    mended.check(deep=True)
    assert mended.annotators() == ("mia",)
    mended.close()


def test_a_server_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="can't be reached") as refused:
        open_store(tmp_path, "postgresql://ann:s3cret@127.0.0.1:1/nothing", patience=1)

    assert "s3cret" not in str(refused.value)


def test_a_read_only_database_says_so_and_works_again_when_mended() -> None:
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        opened = open_store(workspace)
        opened.add_annotator("mia")
        opened.close()
        _allow(workspace, writing=False)
        assert _as_nobody(workspace) == "StoreReadOnly"
        _allow(workspace, writing=True)
        assert _as_nobody(workspace) == "('mia', 'tom')"


def _limit_pages(store: SqlStore, pages: int) -> None:
    """Stands for a full disk: SQLite raises the same error where it may not grow its file."""
    store.rows(sa.text(f"PRAGMA max_page_count={pages}"))


def _allow(workspace: Path, *, writing: bool) -> None:
    workspace.chmod(0o777 if writing else 0o555)
    for path in workspace.iterdir():
        path.chmod(0o666 if writing else stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)


def _as_nobody(workspace: Path) -> str:
    """What a process that is not root makes of the workspace; to root nothing is read-only."""
    with ProcessPoolExecutor(1, get_context("fork")) as process:
        return process.submit(_add_tom, workspace).result()


def _add_tom(workspace: Path) -> str:
    if os.geteuid() == 0:
        os.setuid(65534)
    try:
        store = open_store(workspace)
        store.add_annotator("tom")
        return str(store.annotators())
    except StorageError as error:
        return type(error).__name__
