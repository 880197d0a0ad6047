"""Delete files of the workspace that nobody needs any more."""

from pathlib import Path

from collab.domain.store import Store

HEADS = 5
"""Refits whose heads are kept: a new worker reads the last one, and who freezes one reads it while others follow."""
UPLOAD_MS = 7 * 24 * 3_600_000
"""How long an upload waits for its import."""


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
