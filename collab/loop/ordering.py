"""Order a job, see how it goes, stop it: who may order which."""

from collections.abc import Mapping
from typing import Any, Literal

from collab.domain.access import AccessEntry
from collab.domain.run import Job
from collab.domain.store import Store
from collab.errors import UnknownName
from collab.loop.permitting import needs

Kind = Literal["import", "train", "tune", "bundle"]


@needs("see")
def jobs(store: Store, project: int, limit: int = 20) -> list[Job]:
    """The jobs of a project, newest first."""
    return store.jobs(project, limit)


@needs("see")
def job(store: Store, project: int, number: int) -> Job:
    """One of them. Raises `UnknownName`."""
    found = store.job(number)
    if found.project != project:
        raise UnknownName("job", number)
    return found


@needs("annotate", own="by")
def retrain(store: Store, project: int, by: str, now: int) -> Job:
    """Have the head fitted anew now."""
    return store.submit_job("retrain", project, {}, by, now)


@needs("export", own="by")
def export(store: Store, project: int, payload: Mapping[str, Any], by: str, now: int) -> Job:
    """Have the data written into a file, without what is personal."""
    return _export(store, project, {**payload, "personal": False}, by, now)


@needs("see personal", own="by")
def export_personal(store: Store, project: int, payload: Mapping[str, Any], by: str, now: int) -> Job:
    """Have the data written into a file, columns that may tell who somebody is among them."""
    return _export(store, project, {**payload, "personal": True}, by, now)


def _export(store: Store, project: int, payload: Mapping[str, Any], by: str, now: int) -> Job:
    with store.transaction():
        store.note(AccessEntry(now, by, "export", "data", project, detail=payload))
        return store.submit_job("export", project, payload, by, now)


@needs("lead", own="by")
def order(store: Store, project: int, kind: Kind, payload: Mapping[str, Any], by: str, now: int) -> Job:
    """Have something done that changes the project or takes long."""
    with store.transaction():
        if kind == "bundle":
            store.note(AccessEntry(now, by, "export", "model", project, detail=payload))
        return store.submit_job(kind, project, payload, by, now)


@needs("lead")
def cancel(store: Store, project: int, number: int) -> None:
    """Ask a job of the project to stop. Raises `UnknownName`."""
    store.cancel_job(job(store, project, number).id)
