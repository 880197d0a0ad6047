"""Erase on request what is known of a person or what an item holds; the log stays whole, and says so.

Names and texts go from the database, its log included, and from the files that collab has made. Copies elsewhere stay
what they are: backups made before, files that were fetched, and what a model has learned until it is trained anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from collab.domain.access import AccessEntry
from collab.domain.annotation import Event
from collab.domain.media import is_media_name
from collab.domain.project import Project, keyed
from collab.domain.store import Store
from collab.errors import UnknownName
from collab.loop.admitting import spare_the_last
from collab.loop.annotating import new_id
from collab.loop.clearing import Left, clear, cut_off, keep, lists_with, name_of, refuse_writers
from collab.loop.permitting import needs

FREE = frozenset({"note", "text", "reason"})
"""Keys of what people write freely into an event."""
TOLD_AT_ONCE = 1000
"""Contents whose digests stand in one event."""
NOTHING = 32 * "0"
"""Stands for the digest of content that an item had before it was replaced."""


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
        Conflict: They are the last administrator, or a job is under way that writes what it has read.
    """
    mentions = 0
    for kept, rest in cut_off(store).items():
        if rest.what == "person" and name not in store.annotators():  # it may be theirs: nobody knows any more
            clear(store, kept, rest)
    with store.transaction():
        known, alias = name in store.annotators(), store.next_alias()
        kept = name_of("person", alias)
        if known and store.sign_in_way() != "none":
            spare_the_last(store, store.person(name))
        told: dict[int, dict[int, str]] = {}
        for project in store.every_project():
            store.lock(project)
            if found := store.events_naming(project, name):
                rows = [e.item for _, e in found if e.actor == name and e.payload.get("purpose") == "imported"]
                refuse_writers(store, project)
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
        left = Left("person", now, tuple(told))
        keep(store, kept, left)
    files, clean = clear(store, kept, left)
    return Erased(alias, sum(map(len, told.values())), files, mentions, clean)


@needs("administer", own="by")
def erase_item(store: Store, project: Project, item: int, by: str, now: int) -> Erased:
    """Erase what an item holds and all that was made of it; it is unusable from then on, and nobody's answer counts.

    Raises:
        UnknownName: There is no such item, or it was erased before, to the end.
        Conflict: A job is under way that writes what it has read, or may bring it in once more.
    """
    found, name = store.items([item]).get(item), name_of("item", item)
    if found is None or found.project != project.id:
        raise UnknownName("item", item)
    if found.erased:
        if (rest := cut_off(store).get(name)) is None:
            raise UnknownName("item", item)
        files, clean = clear(store, name, rest)
        return Erased(found.ref, 0, files, clean=clean)
    before = (found.digest, keyed(found.digest, project.salt))
    pictures = tuple(sorted({value for value in found.fields.values() if is_media_name(value)}))
    with store.transaction():
        store.lock(project.id)
        refuse_writers(store, project.id)
        if store.items([item])[item].erased:  # by somebody else, just now
            raise UnknownName("item", item)
        left = Left("item", now, (project.id,), item, pictures, lists_with(store, project.id, found))
        keep(store, name, left)
        digest = store.empty_item(project.id, item)
        events = store.events_of_item(project.id, item)
        told = store.retell(project.id, [(n, _unsaid(event, before, digest)) for n, event in events])
        _log(store, project.id, by, now, told, {"what": "item"}, item)
    files, clean = clear(store, name, left, found.fields)
    return Erased(store.items([item])[item].ref, len(told), files, clean=clean)


@needs("administer")
def item_called(store: Store, project: Project, name: str) -> int:
    """The number of the item that people call so, "#17" by its number, else by its own id. Raises `UnknownName`."""
    if name.startswith("#") and name[1:].isdecimal():
        found = store.items([int(name[1:])]).get(int(name[1:]))
        there = found is not None and (not found.erased or name_of("item", found.id) in cut_off(store))
        if found is not None and there and found.project == project.id:
            return found.id
        raise UnknownName("item", name)
    return store.item_called(project.id, name)


@needs("administer", own="by")
def purge_project(store: Store, project: int, by: str, now: int) -> None:
    """Erase all that a deleted project holds, its files too; what is left of its log tells how many events there were.

    Raises:
        UnknownName: It isn't a deleted one.
        Conflict: A job is under way that writes what it has read.
    """
    name = name_of("project", project)
    if (rest := cut_off(store).get(name)) is not None:
        clear(store, name, rest)
        return
    if project not in {each.id for each in store.deleted_projects()}:
        raise UnknownName("deleted project", project)
    names = {path.name for path in store.folder("imports").iterdir()}
    listed = (f"{number}-rejected.csv" for number, *_ in store.imports(project))
    left = Left("project", now, (project,), lists=tuple(f"imports/{each}" for each in listed if each in names))
    with store.transaction():
        store.lock(project)
        refuse_writers(store, project)
        events = store.heads()[project][0]
        keep(store, name, left)
        store.purge_project(project, now)
        store.append(Event(new_id(), project, "erase", by, now, payload={"what": "project", "up_to": events}))
    clear(store, name, left)


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
