# ruff: noqa: D103  # the Store protocol documents them
"""Files of the workspace: written beside, synced, then renamed; and its signing key."""

import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from collab.errors import UnknownName
from collab.storage import schema as tables
from collab.storage.connection import Database
from collab.storage.failures import disk_errors


def write_file(db: Database, name: str, chunks: Iterator[bytes], *, durable: bool = True) -> Path:
    path = _inside(db, name)
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    return replace_file(path, chunks, durable=durable)


def sync_files(db: Database) -> None:
    if hasattr(os, "sync"):  # elsewhere the system writes when it likes
        os.sync()


def file(db: Database, name: str) -> Path:
    path = _inside(db, name)
    if not path.is_file():
        raise UnknownName("file", name)
    return path


def folder(db: Database, name: str) -> Path:
    path = _inside(db, name)
    with disk_errors(path):
        path.mkdir(parents=True, exist_ok=True)
    return path


def delete_files(db: Database, name: str) -> None:
    path = _inside(db, name)
    with disk_errors(path):
        if path.is_dir():
            # Out of the way first: who is killed in the middle leaves no half of it under its name.
            away = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
            path.rename(away)
            shutil.rmtree(away)
        else:
            path.unlink(missing_ok=True)


def secret(db: Database) -> bytes:
    table = tables.setting
    query = sa.select(table.c.value).where(table.c.name == "secret")
    if (found := db.scalar(query)) is None:
        with db.transaction():
            db.write(db.insert(table).values(name="secret", value=secrets.token_bytes(32)).on_conflict_do_nothing())
            found = db.scalar(query)
    return bytes(found)


def replace_file(path: Path, chunks: Iterator[bytes], *, durable: bool = True) -> Path:
    """Write a file that is there whole or not at all; where it is durable, also after a power cut."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with disk_errors(path):
        try:
            with beside.open("wb") as out:
                for chunk in chunks:
                    out.write(chunk)
                if durable:
                    out.flush()
                    os.fsync(out.fileno())
            beside.replace(path)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        if durable:
            sync_folder(path.parent)
    return path


def sync_folder(folder: Path) -> None:
    """Make new names in a folder survive a power cut."""
    if os.name == "posix":  # elsewhere a folder can't be opened
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _inside(db: Database, name: str) -> Path:
    root = (db.workspace / "files").resolve()
    path = root if "\0" in name else (root / name).resolve()
    if path == root or not path.is_relative_to(root):
        raise UnknownName("file", name)
    return path
