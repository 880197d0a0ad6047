"""Look: the simple reads of pages, each with the right that it needs."""

import time
from dataclasses import replace
from pathlib import Path

from collab.domain.access import Access, AccessEntry, Right
from collab.domain.certificate import Certificate
from collab.domain.project import Answer, Item, Project
from collab.domain.run import ImportReport, Progress, Round
from collab.domain.store import Audit, ItemFilter, ItemRow, Store
from collab.domain.version import ModelVersion
from collab.errors import Concealed, UnknownName
from collab.loop.permitting import Desk, needs, note_once, require, signed_in


@signed_in
def projects(store: Store, access: Access) -> tuple[Project, ...]:
    """The projects in which somebody is anything, newest first."""
    return tuple(project for project in store.projects() if access.may("see", project.id))


@signed_in
def project(store: Store, access: Access, project_id: int) -> Project:
    """One of them; to whoever has no part in it, it isn't there. Raises `UnknownName`, or `Concealed`, which is one."""
    found = store.project(project_id)
    if not access.may("see", found.id):
        note_once(store, AccessEntry(_now(), access.person, "refused", "looking.project", found.id))
        raise Concealed("project", project_id)
    return found


@signed_in
def rights(store: Store, access: Access, project_id: int | None = None) -> frozenset[Right]:
    """What somebody may do in a project, or in the workspace, so that a page offers nothing else."""
    return access.rights(project_id)


@needs("see")
def progress(store: Store, project: int) -> Progress:
    """The counters of a project."""
    return store.progress(project)


@needs("see")
def last_round(store: Store, project: int) -> Round | None:
    """The last round of its head."""
    return store.last_round(project)


@needs("see")
def models(store: Store, project: int) -> tuple[ModelVersion, ...]:
    """Its model versions."""
    return tuple(store.models(project))


@needs("see")
def certificates(store: Store, project: int) -> tuple[Certificate, ...]:
    """Its certificates."""
    return tuple(store.certificates(project))


@needs("lead")
def certificate_audits(store: Store, project: int, number: int, now: int) -> list[Audit]:
    """What became of the audits that a certificate drew."""
    return list(store.certificate_audits(project, number, now))


@needs("lead")
def imports(store: Store, project: int) -> tuple[tuple[int, str, int, ImportReport], ...]:
    """Its finished imports, oldest first."""
    return store.imports(project)


@needs("see", alone="only", noted=("see", "list"))
def find(
    store: Store, project: int, wanted: ItemFilter, limit: int = 50, offset: int = 0, *, only: str = ""
) -> tuple[list[ItemRow], int]:
    """A page of items, and how many match in all.

    Args:
        only: Somebody who isn't to learn what others answered: neither from a row, nor from what a filter leaves.
    """
    if not only:
        return store.find(project, wanted, limit, offset)
    rows, total = store.find(project, own_filter(wanted, only), limit, offset)
    return [own_row(store, row, only) for row in rows], total


def own_filter(wanted: ItemFilter, person: str) -> ItemFilter:
    """A filter that asks what one person said themselves, where it asks what was said."""
    own = replace(wanted, state="later" if wanted.state == "later" else "", source="")
    return replace(own, annotator=person) if own.state or own.answer else own


def own_row(store: Store, row: ItemRow, person: str) -> ItemRow:
    """A row with what somebody said themselves, and nothing else that was said of the item."""
    said = next((a for a in store.current(row.item.id) if a.annotator == person), None)
    answered = said is not None and said.kind == "answer"
    return ItemRow(replace(row.item, state="decided" if answered else "open"), None, said)


@needs("see", noted=("see", "items"))
def items(store: Store, project: int, ids: tuple[int, ...]) -> dict[int, Item]:
    """Items of the project by id; others are absent."""
    return {number: item for number, item in store.items(ids).items() if item.project == project}


def file(desk: Desk, project: int | None, name: str, right: Right) -> Path:
    """Where a file of a project, or of the workspace, lies that somebody takes away; the access log has it.

    Raises:
        UnknownName: It isn't there, or belongs to another project.
    """
    store = require(desk, right, project, "looking.file")
    if not _belongs(store, project, name):
        raise UnknownName("file", name)
    path = store.file(name)
    store.note(AccessEntry(_now(), desk.person, "export", "file", project, detail={"file": name}))
    return path


def _belongs(store: Store, project: int | None, name: str) -> bool:
    """Whether a file that is made to be fetched is one of the project; None: of the whole workspace."""
    if ".." in name.split("/"):
        return False
    if project is None:
        return name.startswith("exports/all-")
    if name.startswith("imports/"):
        return any(report.rejected_file == name for *_, report in store.imports(project))
    return name.startswith((f"exports/{project}-", f"models/{project}/"))


@needs("export")
def is_there(store: Store, project: int, name: str) -> bool:
    """Whether a file that was made to be fetched is still there: erasing deletes them."""
    try:
        return name.startswith(f"exports/{project}-") and store.file(name).is_file()
    except UnknownName:
        return False


@needs("see")
def repeats(store: Store, project: int) -> list[tuple[Answer, Answer, int]]:
    """What people answered first, what to the repeat, and how often."""
    return store.repeats(project)


def _now() -> int:
    return time.time_ns() // 1_000_000
