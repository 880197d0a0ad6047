"""Oversee: who saw, changed or took away what, and how long what is kept is kept."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from collab.domain.access import AccessEntry, AccessFilter, Retention
from collab.domain.store import Deleted, Store
from collab.errors import UnknownName
from collab.loop.permitting import needs
from collab.loop.sweeping import DAY_MS
from collab.loop.writing import csv_bytes

COLUMNS = ("number", "at", "person", "act", "what", "project", "items", "detail")
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Due:
    """What goes by itself, and when."""

    retention: Retention
    entries: int
    """Of the access log, that go with the next sweep, within the hour."""
    deleted: tuple[tuple[Deleted, int | None], ...]
    """Deleted projects, each with the moment at which its content goes; None: it is kept."""


@needs("administer")
def accesses(
    store: Store, project: int | None, wanted: AccessFilter, before: int | None = None, limit: int = 100
) -> list[tuple[int, AccessEntry]]:
    """Entries of the access log with their numbers, newest first; of one project, or, for administrators of the
    workspace, of all."""
    return store.accesses(project, wanted, before=before, limit=limit)


@needs("administer", own="by")
def keep_accesses(store: Store, project: int | None, wanted: AccessFilter, by: str, now: int) -> str:
    """Write all of these entries as CSV, to be fetched; returns the file's name."""
    moment = f"{datetime.fromtimestamp(now / 1000, UTC):%Y%m%d-%H%M%S}"
    name = f"exports/{project or 'all'}-access-log-{moment}.csv"
    store.write_file(name, rows_of(store, project, wanted))
    store.note(AccessEntry(now, by, "export", "access log", project))
    return name


def rows_of(store: Store, project: int | None, wanted: AccessFilter) -> Iterator[bytes]:
    """These entries as lines of CSV, newest first, heads before."""
    yield csv_bytes(COLUMNS)
    before: int | None = None
    while page := store.accesses(project, wanted, before=before, limit=_PAGE):
        for number, e in page:
            at = datetime.fromtimestamp(e.at / 1000, UTC).isoformat(timespec="milliseconds")
            items, detail = " ".join(map(str, e.items)), json.dumps(e.detail, ensure_ascii=False) if e.detail else ""
            yield csv_bytes(
                (number, at, e.person, e.act, e.what, "" if e.project is None else e.project, items, detail)
            )
        before = page[-1][0]


@needs("administer", workspace=True)
def names(store: Store) -> tuple[str, ...]:
    """Everybody who was ever here and isn't erased."""
    return store.annotators()


@needs("administer", workspace=True)
def due(store: Store, now: int, retention: Retention | None = None) -> Due:
    """Say what goes when, as it is set, or would be under another retention."""
    kept = retention or store.retention()
    after = kept.deleted * DAY_MS
    deleted = tuple((each, each.at + after if after else None) for each in store.deleted_projects())
    return Due(kept, store.old_accesses(now - kept.access_log * DAY_MS) if kept.access_log else 0, deleted)


@needs("administer", own="by", workspace=True)
def keep_for(store: Store, retention: Retention, by: str, now: int) -> None:
    """Say how long what is kept is kept; what is over by then goes with the next sweep."""
    with store.transaction():
        before = store.retention()
        detail = {"before": [before.access_log, before.deleted], "after": [retention.access_log, retention.deleted]}
        store.set_retention(retention)
        store.note(AccessEntry(now, by, "change", "retention", detail=detail))


@needs("administer", own="by", workspace=True)
def restore_project(store: Store, number: int, by: str, now: int) -> None:
    """Have a deleted project back. Raises `UnknownName` where it isn't one, `Conflict` where its name is taken."""
    with store.transaction():
        store.restore_project(number)
        store.note(AccessEntry(now, by, "change", "restore project", number))


def deleted_named(store: Store, name: str) -> Deleted:
    """The project of that name that was deleted last. Raises `UnknownName`."""
    found = [each for each in store.deleted_projects() if each.name == name]
    if not found:
        raise UnknownName("deleted project", name, tuple(each.name for each in store.deleted_projects()))
    return found[-1]
