"""Erase on request what is known of a person or what an item holds; the log stays whole, and says so.

Names and texts go from the database, its log included, and from the files that collab has made. Copies elsewhere stay
what they are: backups made before, files that were fetched, and what a model has learned until it is trained anew.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from collab.domain.access import AccessEntry
from collab.domain.annotation import Event
from collab.domain.media import is_media_name, thumb_of, view_of
from collab.domain.project import Item, Project, keyed
from collab.domain.store import Store
from collab.errors import Conflict, UnknownName
from collab.loop.admitting import spare_the_last
from collab.loop.annotating import new_id
from collab.loop.measuring import remeasured
from collab.loop.permitting import needs
from collab.loop.rejecting import FILES, ROWS
from collab.loop.writing import csv_bytes

FREE = frozenset({"note", "text", "reason"})
"""Keys of what people write freely into an event."""
TOLD_AT_ONCE = 1000
"""Contents whose digests stand in one event."""
ERASED = "(erased)"
NOTHING = 32 * "0"
"""Stands for the digest of content that an item had before it was replaced."""
_LEAST, _MOST = 8, 40
"""Letters by which a value is looked for in a list; a shorter one may stand anywhere."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What was taken out, and what couldn't be."""

    name: str
    """What stands in the place of the person, or of the item's own name."""
    events: int
    """Whose content was told anew."""
    files: tuple[str, ...] = ()
    """Deleted, or written anew without it."""
    mentions: int = 0
    """Notes of others in which the name may stand among other words; they were left as they are."""
    clean: bool = True
    """Whether the bytes are gone from the database's file; else they go with the next erasure."""


@needs("administer", own="by", workspace=True)
def erase_person(store: Store, name: str, by: str, now: int) -> Erased:
    """Put an alias in the place of a person, everywhere; their answers stay as the alias's, their notes go.

    Args:
        store: The workspace; nobody else writes while it goes on.
        name: As they signed in, or as a file named them.
        by: Who says so.
        now: Milliseconds since 1970.

    Raises:
        UnknownName: Nobody is called so.
        Conflict: They are the last administrator.
    """
    mentions = 0
    with store.transaction():
        known, alias = name in store.annotators(), store.next_alias()
        if known and store.sign_in_way() != "none":
            spare_the_last(store, store.person(name))
        told: dict[int, dict[int, str]] = {}
        for project in store.every_project():
            store.lock(project)
            if found := store.events_naming(project, name):
                rows = [e.item for _, e in found if e.actor == name and e.payload.get("purpose") == "imported"]
                store.rename_in_rows([item for item in rows if item is not None], name, alias)
                told[project] = store.retell(project, [(n, _renamed(event, name, alias)) for n, event in found])
                mentions += store.mentions(project, name)
        if not (known or told):
            raise UnknownName("person", name)
        store.rename_person(name, alias)
        teller = alias if by == name else by
        store.note(AccessEntry(now, teller, "change", "erase person", detail={"as": alias}))
        for project, digests in told.items():
            _log(store, project, teller, now, digests, {"what": "person", "as": alias})
    return Erased(alias, sum(map(len, told.values())), mentions=mentions, clean=store.scrub())


@needs("administer", own="by")
def erase_item(store: Store, project: Project, item: int, by: str, now: int) -> Erased:
    """Erase what an item holds and all that was made of it; it is unusable from then on, and nobody's answer counts.

    Raises:
        UnknownName: There is no such item, or it was erased before.
        Conflict: An import is under way, which may bring it in once more.
    """
    found = store.items([item]).get(item)
    if found is None or found.project != project.id or found.erased:
        raise UnknownName("item", item)
    if store.open_import(project.id) is not None:
        raise Conflict("An import of this project is under way. Wait for its end, then erase.")
    before = (found.digest, keyed(found.digest, project.salt))
    with store.transaction():
        store.lock(project.id)
        digest = store.empty_item(project.id, item)
        events = store.events_of_item(project.id, item)
        told = store.retell(project.id, [(n, _unsaid(event, before, digest)) for n, event in events])
        _log(store, project.id, by, now, told, {"what": "item"}, item)
    store.erase_features(project.id, [item])
    files = [*_media(store, found), *_exports(store, project), *_rejects(store, project, found)]
    store.delete_files(f"scores/{project.id}")
    if any(store.folder(f"maps/{project.id}").iterdir()):
        store.delete_files(f"maps/{project.id}")
        store.submit_job("map", project.id, {}, by, now)
    if remeasured(store, project, found.fields):
        files.append(f"tables/{project.id}.json")
        store.submit_job("encode", project.id, {}, by, now)
    return Erased(store.items([item])[item].ref, len(told), tuple(files), clean=store.scrub())


@needs("administer")
def item_called(store: Store, project: Project, name: str) -> int:
    """The number of the item that people call so, "#17" by its number, else by its own id. Raises `UnknownName`."""
    if name.startswith("#") and name[1:].isdecimal():
        found = store.items([int(name[1:])]).get(int(name[1:]))
        if found is not None and found.project == project.id and not found.erased:
            return found.id
        raise UnknownName("item", name)
    return store.item_called(project.id, name)


@needs("administer", own="by")
def purge_project(store: Store, project: int, by: str, now: int) -> None:
    """Erase all that a deleted project holds, its files too; what is left of its log tells how many events there were.

    Raises:
        UnknownName: It isn't a deleted one.
    """
    if project not in {each.id for each in store.deleted_projects()}:
        raise UnknownName("deleted project", project)
    names = {path.name for path in store.folder("imports").iterdir()}
    listed = [f"{number}-rejected.csv" for number, *_ in store.imports(project)]
    with store.transaction():
        store.lock(project)
        events = store.heads()[project][0]
        store.purge_project(project, now)
        store.append(Event(new_id(), project, "erase", by, now, payload={"what": "project", "up_to": events}))
    for name in names & set(listed):
        store.delete_files(f"imports/{name}")
    for folder in ("heads", "models", "certificates", "bundles", "scores", "maps"):
        store.delete_files(f"{folder}/{project}")
    store.delete_files(f"tables/{project}.json")
    for path in store.folder("exports").glob(f"{project}-*"):
        store.delete_files(f"exports/{path.name}")
    store.delete_all_features(project)
    named = set(store.pictures())
    for path in store.folder("media").glob("*/*"):
        if is_media_name(name := f"media/{path.parent.name}/{path.name}") and name not in named:
            _delete_picture(store, name)
    store.scrub()


def _log(
    store: Store, project: int, by: str, now: int, told: Mapping[int, str], payload: Mapping[str, Any],
    item: int | None = None,
) -> None:  # fmt: skip
    """Say in the log what was erased; where it is much, in several events of one batch."""
    batch = new_id()
    all_of_it = sorted(told.items())
    parts = [all_of_it[at : at + TOLD_AT_ONCE] for at in range(0, len(all_of_it), TOLD_AT_ONCE)] or [[]]
    for part in parts:
        digests = {str(number): digest for number, digest in part}
        store.append(
            Event(
                new_id(), project, "erase", by, now, item, batch=batch if len(parts) > 1 else None,
                payload={**payload, "told": digests},
            )
        )  # fmt: skip


def _renamed(event: Event, name: str, alias: str) -> Event:
    """An event as it is told without a person: who wrote something freely there no longer did."""
    payload = {k: _alias(v, name, alias) for k, v in event.payload.items()}
    if event.actor == name:
        payload = {k: "" if k in FREE and isinstance(v, str) else v for k, v in payload.items()}
    return replace(event, actor=alias if event.actor == name else event.actor, payload=payload)


def _alias(value: Any, name: str, alias: str) -> Any:  # whatever JSON holds
    if isinstance(value, Mapping):
        return {alias if k == name else k: _alias(v, name, alias) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_alias(v, name, alias) for v in value]
    return alias if value == name else value


def _unsaid(event: Event, before: tuple[str, ...], after: str) -> Event:
    """An event as it is told without an item: notes may quote it, and digests would confirm a guess."""
    payload = {k: "" if k in FREE and isinstance(v, str) else v for k, v in event.payload.items()}
    if payload.get("seen"):
        payload["seen"] = after if payload["seen"] in before else NOTHING
    return replace(event, payload=payload)


def _media(store: Store, item: Item) -> list[str]:
    """Delete the pictures of an item that no other item holds."""
    mine = {name for name in item.fields.values() if is_media_name(name)}
    gone = sorted(mine - set(store.pictures())) if mine else []
    for name in gone:
        _delete_picture(store, name)
    return gone


def _delete_picture(store: Store, name: str) -> None:
    for each in (name, view_of(name), thumb_of(name)):
        store.delete_files(each)


def _exports(store: Store, project: Project) -> list[str]:
    """Delete what was made to be fetched: rows of an export hold it, and nobody can take one out of a Parquet file."""
    start = f"{project.id}-"
    names = [f"exports/{path.name}" for path in store.folder("exports").iterdir() if path.name.startswith(start)]
    for name in names:
        store.delete_files(name)
    return sorted(names)


def _rejects(store: Store, project: Project, item: Item) -> list[str]:
    """Empty the rows in lists of what imports couldn't take, where one may have come with the item's content."""
    written = []
    values = [str(v) for v in (*item.fields.values(), *item.meta.values()) if v is not None and not is_media_name(v)]
    for *_, report in store.imports(project.id):
        try:
            text = store.file(report.rejected_file).read_text(encoding="utf-8-sig") if report.rejected_file else ""
        except UnknownName:
            continue
        if text and _may_hold(text, values):
            store.write_file(report.rejected_file, _emptied(text))
            written.append(report.rejected_file)
    return written


def _may_hold(text: str, values: Sequence[str]) -> bool:
    """Whether a row with these values may stand in a list; one of short values alone may anywhere."""
    plain, wanted = _letters(text), [_letters(value) for value in values]
    telling = [value[:_MOST] for value in wanted if len(value) >= _LEAST]
    return not telling or any(value in plain for value in telling)


def _letters(text: str) -> str:
    return re.sub(r"\W+", "", text.replace("\\n", "").replace("\\t", ""))


def _emptied(text: str) -> Iterator[bytes]:
    rows = csv.DictReader(text.splitlines(keepends=True))
    heads = FILES if "file" in (rows.fieldnames or ()) else ROWS
    yield csv_bytes(heads)
    for row in rows:
        yield csv_bytes([ERASED if name in ("row", "file") else row.get(name, "") for name in heads])
