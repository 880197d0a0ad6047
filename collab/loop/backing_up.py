"""Write a whole workspace, as it is now, into a folder, a .zip or a .tar, while people go on; then read it back.

Features are a cache and stay behind, and so does what is under way: uploads, and the work of jobs that run.
"""

import json
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

from collab.domain.store import Store
from collab.errors import Conflict, StoreCorrupt, StoreFull, UserError
from collab.loop.packing import Packer, Stored, packer, place, remove, take_out, unpacked
from collab.loop.rehearsing import DATABASE, OpenStore
from collab.loop.surveying import PASSING, REMADE, absent, files_of, named
from collab.storage.failures import disk_errors

FORMAT = 1
MANIFEST = "manifest.json"
FILES = "files/"
_PACKED = "packed"
SPARE = 256 << 20
"""Bytes that must stay free: a full disk would keep people from answering."""

Tell = Callable[[float, str], None]
"""Told the share done and what is done now."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where the log of a project ends."""

    project: int
    events: int
    hash: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds."""

    format: int
    made_at: int
    collab: str
    schema: str
    """The last migration of the database."""
    database: str
    """What it was kept in; in the backup it is SQLite."""
    heads: tuple[Head, ...]
    files: Mapping[str, Stored]
    """By name; the database among them."""
    left_out: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """What the database names, and the workspace itself had lost."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What was written, and how long it took."""

    path: Path
    projects: int
    events: int
    files: int
    """Beside the database."""
    content: int
    """Bytes of database and files."""
    size: int
    """Bytes of the backup."""
    seconds: float
    """To write it and to read it back."""
    left_out: tuple[str, ...]
    heads: tuple[Head, ...] = field(default=())
    missing: tuple[str, ...] = ()
    """Files that the workspace itself has lost."""


def back_up(
    store: Store, to: Path, open_store: OpenStore, *, now: int, exports: bool = False, tell: Tell = lambda *_: None
) -> Backup:
    """Write a backup beside its place, read all of it back, and only then give it its name.

    Args:
        store: The workspace; people may be at work in it.
        to: A folder that isn't there yet, or a new file that ends with .zip or .tar.
        open_store: Opens the copy of the database, to check it.
        now: Milliseconds since 1970.
        exports: Whether what people have exported comes along.
        tell: Called now and then.

    Raises:
        Conflict: Something is there already; or files were deleted all the while.
        UserError: It would lie among the files that it is made of, or of a kind that isn't written.
        StoreFull: The disk has too little space; nothing was written.
        StoreCorrupt: The database is damaged, or a chain is broken.
    """
    started, to = time.monotonic(), to.resolve()
    if to.exists():
        raise Conflict(f"{to} is there already; name another place for the backup.")
    if to.is_relative_to((store.workspace / "files").resolve()):
        raise UserError(f"{to} lies among the files of the workspace; name a place outside of them.")
    left_out = ("features", *PASSING, *(() if exports else REMADE))
    beside = to.with_name(f".{to.name}.{secrets.token_hex(4)}")
    with disk_errors(to.parent):
        to.parent.mkdir(parents=True, exist_ok=True)
        _refuse_too_large(store, to, left_out)
    try:
        with disk_errors(to):
            manifest = _written(store, to, beside, open_store, left_out, now, tell)
            if manifest is None:
                remove(beside)
                manifest = _written(store, to, beside, open_store, left_out, now, tell)
            if manifest is None:
                raise Conflict("Files were deleted while the backup was made, twice. Make it once more.")
            heads, stored = manifest.heads, manifest.files
            with unpacked(beside / _PACKED) as packed:
                for number, (name, wanted) in enumerate(stored.items(), 1):
                    take_out(packed, name, wanted)
                    tell(0.7 + 0.3 * number / len(stored), "Reading it back")
            (beside / _PACKED).chmod(0o700 if (beside / _PACKED).is_dir() else 0o600)  # the signing key is in it
            place(beside / _PACKED, to)
            size = sum(path.stat().st_size for path in (to.rglob("*") if to.is_dir() else (to,)) if path.is_file())
    finally:
        remove(beside)
    return Backup(
        to, len(heads), sum(h.events for h in heads), len(stored) - 1, sum(s.size for s in stored.values()), size,
        time.monotonic() - started, left_out, heads, manifest.missing,
    )  # fmt: skip


def _written(
    store: Store, to: Path, beside: Path, open_store: OpenStore, left_out: tuple[str, ...], now: int, tell: Tell
) -> Manifest | None:
    """Copy the database and pack it with its files; None where one that the copy names was deleted meanwhile."""
    beside.mkdir(0o700)  # the signing key comes into it
    tell(0.0, "Copying the database")
    # The database first: what it names is there before it, and stays but for what somebody deletes.
    store.copy_database(beside / DATABASE)
    schema, heads, names = _checked(store, beside, open_store)
    with closing(packer(beside / _PACKED, to)) as pack:
        stored = _pack(store, pack, beside / DATABASE, left_out, tell)
        there = (name.removeprefix(FILES) for name in stored)
        missing = absent((name for name in names if name.partition("/")[0] not in left_out), there)
        if not set(missing) <= set(named(store)):
            return None
        manifest = Manifest(FORMAT, now, version("collab"), schema, store.product(), heads, stored, left_out, missing)
        (beside / MANIFEST).write_text(json.dumps(asdict(manifest)), encoding="utf-8")
        pack.add(MANIFEST, beside / MANIFEST, squeeze=True)
    return manifest


def _checked(store: Store, folder: Path, open_store: OpenStore) -> tuple[str, tuple[Head, ...], tuple[str, ...]]:
    """Check the copied database, as a whole and every chain; returns its schema, ends of logs, and names of files."""
    with closing(open_store(folder)) as copy:
        try:
            copy.check(deep=True)
        except StoreCorrupt as error:
            raise StoreCorrupt(store.url, error.reason) from error
        return copy.revision(), tuple(Head(project, *head) for project, head in copy.heads().items()), named(copy)


def _pack(store: Store, pack: Packer, database: Path, left_out: tuple[str, ...], tell: Tell) -> dict[str, Stored]:
    """Put the database and the files in; the copy of the database is gone afterwards."""
    stored = {DATABASE: pack.add(DATABASE, database, squeeze=True)}
    database.unlink()
    chosen = list(_chosen(store.workspace, left_out))
    done, total = 0, sum(size for *_, size in chosen) or 1
    for name, path, _ in chosen:
        with suppress(FileNotFoundError):  # deleted meanwhile: a model version that somebody let go
            stored[FILES + name] = pack.add(FILES + name, path)
            done += stored[FILES + name].size
            tell(0.7 * min(1.0, done / total), f"{len(stored):,} files")
    return stored


def _chosen(workspace: Path, left_out: tuple[str, ...]) -> Iterator[tuple[str, Path, int]]:
    """Files that belong into a backup; those that are being written, beside their place, do not."""
    for name, path, size in files_of(workspace):
        if name.partition("/")[0] not in left_out and not path.name.startswith("."):
            yield name, path, size


def _refuse_too_large(store: Store, to: Path, left_out: tuple[str, ...]) -> None:
    files = sum(size for *_, size in _chosen(store.workspace, left_out))
    # The database twice: as a copy, and in the backup.
    if shutil.disk_usage(to.parent).free < files + 2 * store.database_bytes() + SPARE:
        raise StoreFull(str(to))
