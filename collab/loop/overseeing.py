"""Oversee: who saw, changed or took away what, and how long what is kept is kept."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import merge
from itertools import islice
from typing import Any, get_args

from collab.domain.access import AccessEntry, AccessFilter, Retention
from collab.domain.annotation import ANNOTATION_KINDS, Event, EventKind
from collab.domain.store import Deleted, Store
from collab.errors import UnknownName
from collab.loop.permitting import needs
from collab.loop.sweeping import DAY_MS
from collab.loop.writing import csv_bytes

COLUMNS = ("number", "at", "person", "act", "what", "project", "items", "detail", "log")
CHANGES: tuple[EventKind, ...] = ("restore", *(k for k in get_args(EventKind) if k not in ANNOTATION_KINDS))
"""Events that change more than one's own answer."""
_PAGE = 1000
_ACCESS = 0
"""Stands for the access log where places in all logs are told by project."""
_UNTOLD = frozenset({"note", "text", "reason", "look", "previous"})
"""What of an event isn't told here: what people write freely, and ids."""

Places = Mapping[int, int]
"""How far back each log was read: the number of its entry read last, by project."""


@dataclass(frozen=True, slots=True)
class Overseen:
    """An entry of the access log, or a change that stands in a project's own log."""

    number: int
    """In its log."""
    entry: AccessEntry
    event: bool = False
    """Whether it stands in the project's own log."""


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
    store: Store, project: int | None, wanted: AccessFilter, before: Places | None = None, limit: int = 100
) -> list[Overseen]:
    """Entries of the access log and changes of projects, newest first; of one project, or, for administrators of the
    workspace, of all."""
    before = before or {}
    logs = [[Overseen(n, e) for n, e in store.accesses(project, wanted, before=before.get(_ACCESS), limit=limit)]]
    if wanted.act in ("", "change"):
        for one in store.every_project() if project is None else (project,):
            found = store.latest(one, CHANGES, wanted, before=before.get(one), limit=limit)
            logs.append([Overseen(n, _as_entry(event), event=True) for n, event in found])
    return list(islice(merge(*logs, key=lambda each: -each.entry.at), limit))


def read_to(found: Sequence[Overseen], before: Places | None = None) -> Places:
    """Where the page after this one begins."""
    return {**(before or {}), **{(e.entry.project or _ACCESS) if e.event else _ACCESS: e.number for e in found}}


@needs("administer")
def called(store: Store, project: int | None, items: Sequence[int]) -> dict[int, str]:
    """What items are called in their files."""
    found = store.items(list(items))
    return {item: each.ref for item, each in found.items() if project is None or each.project == project}


def _as_entry(event: Event) -> AccessEntry:
    """A change as the access log would tell it, without what people wrote freely."""
    items = event.payload.get("items", ()) if event.item is None else (event.item,)
    told: dict[str, Any] = {
        k: v for k, v in event.payload.items() if k not in _UNTOLD and isinstance(v, str | int | float) and v != ""
    }
    if event.kind == "fields":
        told["personal"] = event.payload.get("personal", {}).get("after", [])
    if event.kind == "policy" and event.payload:
        before, after = event.payload["before"], event.payload["after"]
        told |= {k: f"{before.get(k)} → {v}" for k, v in after.items() if before.get(k) != v}
    if event.kind == "certificate" and event.payload:
        told["certificate"] = event.payload["certificate"]["number"]
    return AccessEntry(event.at, event.actor, "change", event.kind, event.project, tuple(items), told)


@needs("administer", own="by")
def keep_accesses(store: Store, project: int | None, wanted: AccessFilter, by: str, now: int) -> str:
    """Write all of these entries as CSV, to be fetched; returns the file's name."""
    moment = f"{datetime.fromtimestamp(now / 1000, UTC):%Y%m%d-%H%M%S}"
    name = f"exports/{project or 'all'}-access-log-{moment}.csv"
    store.write_file(name, rows_of(store, project, wanted))
    store.note(AccessEntry(now, by, "export", "access log", project))
    return name


def rows_of(store: Store, project: int | None, wanted: AccessFilter) -> Iterator[bytes]:
    """These entries and changes as lines of CSV, newest first, heads before."""
    yield csv_bytes(COLUMNS)
    before: Places = {}
    while page := accesses(store, project, wanted, before, _PAGE):
        for each in page:
            number, e, log = each.number, each.entry, "project" if each.event else "access"
            at = datetime.fromtimestamp(e.at / 1000, UTC).isoformat(timespec="milliseconds")
            items, detail = " ".join(map(str, e.items)), json.dumps(e.detail, ensure_ascii=False) if e.detail else ""
            yield csv_bytes(
                (number, at, e.person, e.act, e.what, "" if e.project is None else e.project, items, detail, log)
            )
        before = read_to(page, before)


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
