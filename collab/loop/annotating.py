"""Submit, put off, flag, take back: every act of an annotator becomes an event, and the projections follow it."""

import uuid
from dataclasses import replace
from typing import Literal

from collab.domain.annotation import ANNOTATION_KINDS, Annotation, settle
from collab.domain.project import Project
from collab.domain.store import Store
from collab.domain.task import task_of
from collab.errors import InvalidAnswer, UnknownName

LATER_MS = 30 * 60_000
"""How long an item that was put off, flagged or given back stays away from the same person."""

MAX_SECONDS = 120.0
MAX_NOTE = 500


def submit(store: Store, annotation: Annotation, token: str, now: int) -> Literal["stored", "known"]:
    """Keep one annotation for good, in one transaction; a resend of the same id changes nothing.

    What the ask says (purpose, coin, hidden suggestion) is read from the store, never taken from the caller.

    Args:
        annotation: What the annotator did; `at`, `purpose`, `blind`, `hidden` and `lease_valid` are filled in here.
        token: The lease under which the item was held. An answer whose lease was lost is kept all the same.
        now: Milliseconds since 1970.

    Raises:
        InvalidAnswer: The task doesn't allow the answer.
        UnknownName: The item isn't part of the project, or a target isn't an annotation of this person on it.
    """
    project = store.project(annotation.project)
    item = store.items([annotation.item]).get(annotation.item)
    if item is None or item.project != project.id:
        raise UnknownName("item", annotation.item)
    if annotation.kind == "answer":
        annotation = replace(annotation, answer=task_of(project.schema).check(annotation.answer, project.schema))
    elif annotation.answer:
        raise InvalidAnswer(annotation.answer, ())
    with store.transaction():
        if store.event(annotation.id) is not None:
            return "known"
        annotation = _completed(store, project, annotation, token, now)
        store.append(annotation.event())
        apply(store, project, annotation)
        return "stored"


def take_back(store: Store, project: int, target: str, annotator: str, event_id: str, now: int) -> None:
    """Undo one's own annotation: the item returns to the queue, after a while also to the same person.

    Raises:
        UnknownName: There is no such annotation of this person in force.
    """
    event = store.event(target)
    if event is None or event.project != project or event.actor != annotator or event.item is None:
        raise UnknownName("annotation", target)
    undo = Annotation(event_id, project, event.item, annotator, "undo", now, ask=event.ask, target=target)
    submit(store, undo, "", now)


def restore_item(store: Store, project: int, item: int, annotator: str, event_id: str, now: int) -> None:
    """Bring an unusable item back into the pool."""
    submit(store, Annotation(event_id, project, item, annotator, "restore", now), "", now)


def apply(store: Store, project: Project, annotation: Annotation) -> None:
    """Bring the projections up to one annotation of the log; `rebuild` replays the same function."""
    if annotation.kind == "restore":
        for each in store.current(annotation.item):
            if each.kind == "unusable":
                store.set_current(annotation.item, each.annotator, None)
    elif annotation.kind == "undo":
        store.set_current(annotation.item, annotation.annotator, None)
    else:
        store.set_current(annotation.item, annotation.annotator, annotation)
    _settle(store, project, annotation.item, annotation.at)


def rebuild(store: Store, project_id: int) -> None:
    """Make states, decisions and annotations in force anew from the log alone."""
    project = store.project(project_id)
    with store.transaction():
        store.reset_projections(project_id)
        after = 0
        while events := store.log(project_id, after):
            for after, event in events:  # noqa: B007  # the last number is where the next page starts
                if event.kind in ANNOTATION_KINDS:
                    apply(store, project, Annotation.from_event(event))
                elif event.payload.get("ends_audits"):
                    store.forget_audits(project_id)


def settle_again(store: Store, project: Project, items: list[int], now: int) -> None:
    """Settle items anew after classes were merged or apart again."""
    with store.transaction():
        for item in items:
            _settle(store, project, item, now)


def new_id() -> str:
    """An id for an act that starts on the server."""
    return str(uuid.uuid4())


def _completed(store: Store, project: Project, annotation: Annotation, token: str, now: int) -> Annotation:
    """Fill in what only the server knows, and move the ask on."""
    ask = store.ask(annotation.ask) if annotation.ask is not None else None
    if ask is not None and (ask.item != annotation.item or ask.project != project.id):
        raise UnknownName("ask", annotation.ask)
    if annotation.target is not None:
        earlier = store.event(annotation.target)
        if earlier is None or earlier.item != annotation.item or earlier.actor != annotation.annotator:
            raise UnknownName("annotation", annotation.target)
    in_force = store.current(annotation.item)
    if annotation.kind == "undo" and annotation.target not in [a.id for a in in_force]:
        raise UnknownName("annotation in force", annotation.target)
    if annotation.kind == "restore":
        for each in in_force:
            if each.kind == "unusable" and each.ask is not None:
                store.reopen_ask(each.ask)
    lease_valid = True
    if ask is not None:
        if annotation.kind in ("later", "flag", "undo"):
            # Reopened, only one's own slot: the row is free for others, and for this person after a while.
            lease_valid = annotation.kind == "undo" or (ask.token == token and ask.lease_until > now)
            if ask.annotator == annotation.annotator:
                store.reopen_ask(ask.id)
        else:
            lease_valid = store.close_ask(ask.id, token, now) or annotation.target is not None
    if annotation.kind in ("later", "flag", "undo"):
        store.put_off(annotation.item, annotation.annotator, now + LATER_MS)
    blind = ask.blind if ask is not None else annotation.shown is None
    return replace(
        annotation,
        at=now,
        ask=ask.id if ask is not None else None,
        purpose=ask.purpose if ask is not None else "chosen",
        blind=blind,
        shown=None if blind else annotation.shown,
        hidden=ask.suggestion if ask is not None and blind else None,
        seconds=None if annotation.seconds is None else min(max(annotation.seconds, 0.0), MAX_SECONDS),
        note=annotation.note[:MAX_NOTE],
        schema_version=project.schema.version,
        lease_valid=lease_valid,
    )


def _settle(store: Store, project: Project, item: int, now: int) -> None:
    settled = settle(
        store.current(item), project.policy.annotations_per_item, project.schema, store.imported_decision(item)
    )
    store.settle_item(project.id, item, settled.state, settled.decision, now)
