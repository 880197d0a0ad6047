"""Bring a workspace back from a backup, into an empty place: all of it, checked, or nothing."""

import json
import os
import secrets
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

from collab.domain.plain import typed
from collab.domain.store import Differing, Store
from collab.errors import Conflict, StoreCorrupt, StoreFull, StoreNewer, UnreadableFile, UserError
from collab.loop import rebuilding
from collab.loop.backing_up import FILES, FORMAT, MANIFEST, SPARE, Manifest, Tell
from collab.loop.packing import Packed, place, read, remove, take_out, unpacked
from collab.loop.rehearsing import DATABASE, OpenStore, rehearse
from collab.loop.surveying import absent, named
from collab.storage.failures import disk_errors

NOT_A_BACKUP = ("head.safetensors",)
"""What a bundle of `collab export model` holds at its top."""
MANIFEST_BYTES = 64 << 20
ENDED = "The workspace was restored from a backup; start this once more."

Filled = Callable[[Path, Path], AbstractContextManager[Store]]
"""Opens an empty database of a server for a workspace, filled from a file; what is checked inside must hold."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What is there again."""

    made_at: int
    projects: int
    events: int
    files: int
    jobs_ended: int
    """Jobs that were queued or running when the backup was made."""


def restore(
    backup: Path, workspace: Path, open_store: OpenStore, *, filled: Filled | None = None, rebuild: bool = False,
    now: int, tell: Tell = lambda *_: None,
) -> Restored:  # fmt: skip
    """Take a backup out beside the workspace's place, check all of it, and only then put it there.

    Args:
        backup: What `back_up` wrote.
        workspace: A folder that isn't there yet, or is empty.
        open_store: Opens a workspace in a folder; one of an older version is migrated.
        filled: Where the database is to lie on a server.
        rebuild: Make states and decisions anew from the log, instead of refusing a backup in which they differ from it.
        now: Milliseconds since 1970.
        tell: Called now and then.

    Raises:
        Conflict: Something is there already.
        UnreadableFile: It is no backup, damaged, its chains are broken, or it holds what could do harm.
        StoreNewer: A newer version wrote it.
        UserError: States and decisions aren't what the log gives.
    """
    workspace = workspace.resolve()
    if workspace.exists() and (not workspace.is_dir() or any(workspace.iterdir())):
        raise Conflict(f"{workspace} isn't empty; name a folder that isn't there yet.")
    beside = workspace.with_name(f".{workspace.name}.{secrets.token_hex(4)}")
    with unpacked(backup) as packed, disk_errors(workspace):
        manifest = _manifest(backup, packed)
        workspace.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(workspace.parent).free < sum(packed.sizes.values()) + SPARE:
            raise StoreFull(str(workspace))
        try:
            beside.mkdir()
            ended = _database(backup, packed, manifest, beside, open_store, rebuild=rebuild, now=now, tell=tell)
            for number, (name, wanted) in enumerate(manifest.files.items(), 1):
                if name != DATABASE:
                    take_out(packed, name, wanted, beside / name)
                    tell(0.3 + 0.7 * number / len(manifest.files), f"{number:,} files")
            _put_in_place(backup, manifest, beside, workspace, filled)
        finally:
            remove(beside)
    events = sum(head.events for head in manifest.heads)
    return Restored(manifest.made_at, len(manifest.heads), events, len(manifest.files) - 1, ended)


def _manifest(backup: Path, packed: Packed) -> Manifest:
    """Read what the backup says of itself; it must name all that is there, and nothing else."""
    size = packed.sizes.get(MANIFEST)
    if any(name in packed.sizes for name in NOT_A_BACKUP):
        raise UnreadableFile(backup.name, "it is a model that was taken away, not a backup. `collab predict` reads it.")
    if size is None or size > MANIFEST_BYTES:
        raise UnreadableFile(backup.name, "it has no manifest.json, as every backup of collab has.")
    written = read(packed, MANIFEST)
    try:
        found = typed(Manifest, json.loads(written))
        names = {name for name in found.files if name == DATABASE or name.startswith(FILES)}
        known = found.format <= FORMAT
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UnreadableFile(backup.name, f"its manifest.json is damaged ({error}). Use another backup.") from error
    if not known:
        raise StoreNewer(backup.name, f"backup {found.format}", f"backup {FORMAT}")
    others = packed.sizes.keys() - names - {MANIFEST}
    if others or DATABASE not in names or len(names) < len(found.files):
        odd = min(others | (found.files.keys() - names), default=DATABASE)
        raise UnreadableFile(backup.name, f"its manifest and what it holds differ at {odd!r}. Use another backup.")
    if missing := found.files.keys() - packed.sizes.keys():
        raise UnreadableFile(backup.name, f"{min(missing)!r} is missing in it. Use another backup.")
    return found


def _database(
    backup: Path, packed: Packed, manifest: Manifest, folder: Path, open_store: OpenStore, *, rebuild: bool, now: int,
    tell: Tell,
) -> int:  # fmt: skip
    """Take the database out, migrate and check it; returns how many jobs were under way."""
    tell(0.0, "Checking the database")
    take_out(packed, DATABASE, manifest.files[DATABASE], folder / DATABASE)
    try:
        opened = open_store(folder)
    except StoreNewer as error:
        raise StoreNewer(backup.name, error.found, error.known) from None
    with closing(opened) as store:
        _checked(backup, manifest, store)
        if rebuild:
            for project in store.projects():
                rebuilding.rebuild(store, project.id)
        else:
            for project, differing in rehearse(store, open_store):
                if differing != Differing():
                    raise UserError(
                        f"{backup.name}: states and decisions of {project.name} aren't what its log gives. Restore it "
                        "with --rebuild, and they are made anew from the log."
                    )
        _whole(backup, manifest, store)
        _index(store)
        return store.end_jobs(ENDED, now)


def _checked(backup: Path, manifest: Manifest, store: Store) -> None:
    """Check the database as a whole, every chain, and that the logs end where they did when the backup was made."""
    try:
        store.check(deep=True)
    except StoreCorrupt as error:
        raise UnreadableFile(backup.name, f"its database is damaged: {error.reason}. Use another backup.") from error
    if {head.project: (head.events, head.hash) for head in manifest.heads} != dict(store.heads()):
        raise UnreadableFile(backup.name, "its logs end at other events than its manifest says. Use another backup.")


def _whole(backup: Path, manifest: Manifest, store: Store) -> None:
    """Refuse a backup without a file that its database names, unless the workspace had lost it before."""
    there = (name.removeprefix(FILES) for name in manifest.files)
    names = (name for name in named(store) if name.partition("/")[0] not in manifest.left_out)
    if lost := sorted(set(absent(names, there)) - set(manifest.missing)):
        raise UnreadableFile(backup.name, f"{lost[0]}, which its database names, isn't in it. Use another backup.")


def _put_in_place(backup: Path, manifest: Manifest, beside: Path, workspace: Path, filled: Filled | None) -> None:
    """Have all of it on the disk, then give the folder its name; with a server, in one step with its database."""
    moved = False
    try:
        with nullcontext() if filled is None else filled(beside, beside / DATABASE) as server:
            if server is not None:
                _checked(backup, manifest, server)
                _index(server)
                (beside / DATABASE).unlink()
            for left in beside.glob(f"{DATABASE}?*"):  # locks of who opened it
                left.unlink()
            if hasattr(os, "sync"):  # elsewhere the system writes when it likes
                os.sync()
            place(beside, workspace)
            moved = True
    except BaseException:
        if moved:
            remove(workspace)
        raise


def _index(store: Store) -> None:
    """Make the index of words anew, where the copy came without it."""
    for project in store.projects():
        last = 0
        while (done := store.index_text(project.id, last)) > last:
            last = done
