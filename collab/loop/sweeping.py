"""Delete files of the workspace that nobody needs any more."""

from contextlib import suppress
from pathlib import Path

from collab.domain.access import AccessEntry
from collab.domain.store import Store
from collab.errors import Conflict
from collab.loop.clearing import clear, cut_off
from collab.loop.erasing import purge_project
from collab.loop.escalating import JOB
from collab.loop.measuring import tuned_folder
from collab.loop.promoting import tuned_names
from collab.loop.versions import VERSIONS, judged

HEADS = 5
"""Refits whose heads are kept: a new worker reads the last one, and who freezes one reads it while others follow."""
DAY_MS = 24 * 3_600_000
UPLOAD_MS = 7 * DAY_MS
"""How long an upload waits for its import."""
ERASING_MS = 10 * 60_000
"""After which an erasure that isn't over was cut off."""


def sweep_heads(store: Store, project: int) -> None:
    """Delete the heads of all refits but the latest; a certificate has a copy of its own."""
    heads = [path for path in store.folder(f"heads/{project}").glob("*.safetensors") if path.stem.isdecimal()]
    for path in sorted(heads, key=lambda path: int(path.stem))[:-HEADS]:
        store.delete_files(f"heads/{project}/{path.name}")


def sweep_uploads(store: Store, now: int) -> None:
    """Delete uploads that were never imported, also those that broke off; not while a job may still read them."""
    uploads = store.folder("uploads")
    old = {path.resolve() for path in uploads.iterdir() if path.stat().st_mtime * 1000 < now - UPLOAD_MS}
    for path in old - {Path(job.payload.get("path", "")).resolve() for job in store.live_jobs()}:
        store.delete_files(f"uploads/{path.name}")


def sweep_retention(store: Store, now: int) -> None:
    """Delete what the retention says is over: entries of the access log, and the content of deleted projects."""
    kept = store.retention()
    if kept.access_log and (limit := now - kept.access_log * DAY_MS) and store.old_accesses(limit):
        with store.transaction():
            entries = store.shorten_access_log(limit)
            detail = {"entries": entries, "days": kept.access_log}
            store.note(AccessEntry(now, "", "change", "shorten access log", detail=detail))
    for each in store.deleted_projects() if kept.deleted else ():
        if each.at < now - kept.deleted * DAY_MS:
            with suppress(Conflict):  # its last job is under way: the next sweep finds it over
                purge_project(store, each.id, "", now)


def sweep_erasures(store: Store, now: int) -> None:
    """Go on with erasures that were cut off; not with one that may still be under way."""
    for name, left in cut_off(store).items():
        if left.at < now - ERASING_MS:
            clear(store, name, left)


def sweep_models(store: Store, project: int) -> None:
    """Delete weights that no version needs any more: who deleted them was cut off, or died before there was a version.

    Not while a fine-tuning is under way or to be gone on with: its weights are there before the version is.
    """
    folder = store.folder(f"models/{project}")
    there = [path.name for path in folder.iterdir() if path.is_dir() and path.name != VERSIONS]
    # In this order: a job that is over has written its version by now.
    if not there or any(job.kind == JOB and job.project == project for job in store.live_jobs()):
        return
    models, policy = store.models(project), store.project(project).policy
    names = {policy.encoder, policy.image_encoder}
    names.update(name for model in models if not model.record.deleted_by for name in tuned_names(model))
    needed = {tuned_folder(project, name) for name in names}
    for path in there:
        if f"models/{project}/{path}" not in needed:
            store.delete_files(f"models/{project}/{path}")
    for model in models:
        if model.record.deleted_by and (kept := judged(store, project, model.id)) is not None and kept.features[1]:
            store.delete_features(project, *kept.features)
