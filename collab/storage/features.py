"""The feature cache: rows of float32 and the ids of their items, memory-mapped, append-only.

A cache that can be made anew; it knows no encoder, only its name and its number of columns.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from collab.storage.connection import Database
from collab.storage.failures import disk_errors
from collab.storage.files import replace_file
from collab.storage.gate import Gate

Int64s = np.ndarray[Any, np.dtype[np.int64]]
Floats = np.ndarray[Any, np.dtype[np.float32]]

PATIENCE = 60.0
"""Seconds to wait for another writer."""


def features(db: Database, project: int, encoder: str, dim: int) -> "FeatureBlock":  # noqa: D103  # the Store protocol documents it
    return FeatureBlock(_folder(db, project, encoder, dim), encoder, dim)


def delete_features(db: Database, project: int, encoder: str, dim: int) -> None:  # noqa: D103  # as above
    if (folder := _folder(db, project, encoder, dim)).exists():
        with disk_errors(folder):
            (folder / "manifest.json").unlink(missing_ok=True)  # first: without it no row counts
            shutil.rmtree(folder)


def erase_features(db: Database, project: int, items: Sequence[int]) -> None:  # noqa: D103  # as above
    for manifest in (db.workspace / "features" / str(project)).glob("*/manifest.json"):
        with disk_errors(manifest):
            found = json.loads(manifest.read_text(encoding="utf-8"))
        FeatureBlock(manifest.parent, found["encoder"], found["dim"]).blank(items)


def delete_all_features(db: Database, project: int) -> None:  # noqa: D103  # as above
    if (folder := db.workspace / "features" / str(project)).exists():
        with disk_errors(folder):
            shutil.rmtree(folder)


@dataclass(frozen=True, slots=True)
class _Mapped:
    ids: Int64s
    stamps: Int64s
    rows: Floats


def _folder(db: Database, project: int, encoder: str, dim: int) -> Path:
    digest = hashlib.sha256(f"{encoder}\n{dim}".encode()).hexdigest()[:32]
    return db.workspace / "features" / str(project) / digest


@final
class FeatureBlock:
    """Ids, stamps and rows in three files, and a manifest that says how many of them count."""

    def __init__(self, folder: Path, encoder: str, dim: int) -> None:
        self._folder, self._encoder, self._dim = folder, encoder, dim
        self._mapped: _Mapped | None = None
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def dim(self) -> int:
        """Columns."""
        return self._dim

    def __len__(self) -> int:
        with disk_errors(self._manifest):
            if not self._manifest.exists():
                return 0
            return int(json.loads(self._manifest.read_text(encoding="utf-8"))["n_rows"])

    def ids(self) -> Any:
        """Item ids, read-only."""
        return self._map().ids

    def stamps(self) -> Any:
        """What each row was made from, read-only."""
        return self._map().stamps

    def rows(self) -> Any:
        """Features, read-only."""
        return self._map().rows

    def append(self, ids: Any, stamps: Any, rows: Any) -> None:
        """Add rows, but for those that are there; what a crash left behind the last complete row is cut off first."""
        new_ids, new_stamps = np.asarray(ids, "<i8"), np.asarray(stamps, "<i8")
        new_rows = np.asarray(rows, "<f4")
        assert new_rows.shape == (len(new_ids), self._dim), "one row of features for each id"
        assert len(new_stamps) == len(new_ids), "one stamp for each id"
        with disk_errors(self._folder), closing(Gate(self._folder / "lock", PATIENCE)) as gate, gate.passed():
            there = self._map()
            known = np.isin(there.ids, new_ids)  # an encoding that was given up may still be writing
            latest = dict(zip(there.ids[known].tolist(), there.stamps[known].tolist(), strict=True))
            fresh = [latest.get(i) != s for i, s in zip(new_ids.tolist(), new_stamps.tolist(), strict=True)]
            complete, more = len(there.ids), sum(fresh)
            self._extend("ids.i64", complete * 8, new_ids[fresh])
            self._extend("stamps.i64", complete * 8, new_stamps[fresh])
            self._extend("rows.f32", complete * 4 * self._dim, new_rows[fresh])
            self._count(complete + more)

    def blank(self, items: Sequence[int]) -> None:
        """Write zeros over all rows of these items, in place: whoever has them mapped sees it."""
        with disk_errors(self._folder), closing(Gate(self._folder / "lock", PATIENCE)) as gate, gate.passed():
            rows = np.flatnonzero(np.isin(self._map().ids, items))
            for name, size in (("stamps.i64", 8), ("rows.f32", 4 * self._dim)):
                if len(rows):
                    with (self._folder / name).open("r+b") as out:
                        for row in rows.tolist():
                            out.seek(row * size)
                            out.write(bytes(size))
                        out.flush()
                        os.fsync(out.fileno())

    @property
    def _manifest(self) -> Path:
        return self._folder / "manifest.json"

    def _map(self) -> "_Mapped":
        complete = len(self)
        if self._mapped is None or len(self._mapped.ids) != complete:
            if complete == 0:  # an empty file can't be mapped
                ids = stamps = np.empty(0, np.int64)
                rows = np.empty((0, self._dim), np.float32)
            else:
                with disk_errors(self._folder):
                    ids = np.memmap(self._folder / "ids.i64", "<i8", "r", shape=(complete,))
                    stamps = np.memmap(self._folder / "stamps.i64", "<i8", "r", shape=(complete,))
                    rows = np.memmap(self._folder / "rows.f32", "<f4", "r", shape=(complete, self._dim))
            self._mapped = _Mapped(ids, stamps, rows)
        return self._mapped

    def _extend(self, name: str, size: int, values: np.ndarray[Any, Any]) -> None:
        path = self._folder / name
        path.touch()
        with path.open("r+b") as out:
            out.truncate(size)
            out.seek(size)
            out.write(values.data)
            out.flush()
            os.fsync(out.fileno())

    def _count(self, complete: int) -> None:
        manifest = {"encoder": self._encoder, "dim": self._dim, "n_rows": complete}
        replace_file(self._manifest, iter([json.dumps(manifest).encode()]))
