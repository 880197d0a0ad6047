"""Submit, put off, flag, take back: every act of an annotator becomes an event, and the projections follow it."""

import uuid
from dataclasses import replace
from typing import Literal

from collab.domain.annotation import LATER_MS, PERSONAL, Annotation, Ask, set_aside
from collab.domain.project import Item, LabelSchema, Project
from collab.domain.store import Store
from collab.domain.task import task_of
from collab.errors import InvalidAnswer, ItemErased, UnknownName, UserError
from collab.loop.permitting import needs
from collab.loop.settling import PUT_BACK, apply_to, ask_further, outdated
from collab.loop.veiling import recorded

MAX_SECONDS = 120.0
MAX_NOTE = 500


@needs("annotate", own="annotation", alone="only")
def submit(
    store: Store, annotation: Annotation, token: str, now: int, *, reveal: bool = True, only: str = ""
) -> Literal["stored", "known"]:
    """Keep one annotation for good, in one transaction; a resend of the same id changes nothing.

    What the ask says (purpose, coin, hidden suggestion) is read from the store, never taken from the caller.

    Args:
        annotation: What the annotator did; `at`, `purpose`, `blind`, `hidden`, `revealed`, `by_coin` and `lease_valid`
            are filled in here.
        token: The lease under which the item was held. An answer whose lease was lost is kept all the same.
        now: Milliseconds since 1970.
        reveal: Whether the annotator waits to be shown the hidden word, where the project's mode has it so.
        only: Somebody whom second looks are not for, not even those that they were asked once.

    Raises:
        InvalidAnswer: The task doesn't allow the answer.
        UnknownName: The item isn't part of the project, a target isn't an annotation of this person on it, or the ask
            is of another item or for somebody else.
    """
    with store.transaction():
        store.lock(annotation.project)  # a resend that overtakes its original waits here
        project = store.project(annotation.project)
        return enter(store, project, annotation, token, now, reveal=reveal, only=only)


def enter(
    store: Store, project: Project, annotation: Annotation, token: str, now: int, *, reveal: bool, only: str
) -> Literal["stored", "known"]:
    """Submit in the transaction of whoever calls, who has locked the project before they read it.

    What is refused is refused before anything is written.
    """
    try:
        item, ask, annotation = _completed(store, project, annotation, token, now, reveal, only)
    except UserError:
        if store.event(annotation.id) is not None:  # it was right when it came first
            return "known"
        raise
    if not store.append(annotation.event()):
        return "known"
    _move_on(store, project, item, ask, annotation, token, now)
    settled = apply_to(store, project, item, annotation)
    if project.policy.several and settled is not None:
        ask_further(store, project, item.id, *settled)
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


@needs("review", own="annotator")
def restore_item(store: Store, project: int, item: int, annotator: str, event_id: str, now: int) -> None:
    """Bring an unusable item back into the pool."""
    submit(store, Annotation(event_id, project, item, annotator, "restore", now), "", now)


def new_id() -> str:
    """An id for an act that starts on the server."""
    return str(uuid.uuid4())


def _checked(annotation: Annotation, schema: LabelSchema) -> Annotation:
    """The annotation with a valid answer, and with the version of the classes that were on screen."""
    version = min(annotation.schema_version or schema.version, schema.version)
    answer = annotation.answer
    if annotation.kind == "answer":
        answer = task_of(schema).check(answer, schema, retired=version < schema.version)
    elif answer:
        raise InvalidAnswer(answer, ())
    return replace(annotation, answer=answer, schema_version=version)


def _completed(
    store: Store, project: Project, annotation: Annotation, token: str, now: int, reveal: bool, only: str
) -> tuple[Item, Ask | None, Annotation]:
    """Check it, and fill in what only the server knows; returns its item and its ask as well."""
    item = store.items([annotation.item]).get(annotation.item)
    if item is None or item.project != project.id:
        raise UnknownName("item", annotation.item)
    if item.erased:
        raise ItemErased
    annotation = _checked(annotation, project.schema)
    first = _target_of(store, annotation)
    asked = annotation.ask if first is None else first.ask  # who changes their mind answers the same ask
    ask = store.ask(asked) if asked is not None else None
    if ask is not None and not _is_for(ask, annotation, only):
        raise UnknownName("ask", asked)
    completed = replace(
        recorded(project, annotation, ask, first, reveal),
        at=now,
        ask=ask.id if ask is not None else None,
        purpose=ask.purpose if ask is not None else "chosen",
        seconds=None if annotation.seconds is None else min(max(annotation.seconds, 0.0), MAX_SECONDS),
        note=annotation.note[:MAX_NOTE],
        lease_valid=ask is None or _may_move(store, project, item, ask, annotation, token, now),
    )
    return item, ask, completed


def _is_for(ask: Ask, annotation: Annotation, only: str) -> bool:
    """Whether this may answer it: some asks belong to one person, and no other's answer ends them."""
    if ask.lane in PERSONAL and (ask.annotator != annotation.annotator or (only and ask.lane == "review")):
        return False
    return (ask.item, ask.project) == (annotation.item, annotation.project)


def _target_of(store: Store, annotation: Annotation) -> Annotation | None:
    """What is replaced or taken back; it must be this person's own, and for an undo still in force."""
    earlier = None
    if annotation.target is not None:
        event = store.event(annotation.target)
        if event is None or event.item != annotation.item or event.actor != annotation.annotator:
            raise UnknownName("annotation", annotation.target)
        earlier = Annotation.from_event(event)
    if annotation.kind != "undo" or (earlier is not None and earlier.purpose in ("repeat", "review")):
        return earlier  # these stand beside what is in force
    if earlier is not None and earlier.purpose == "norming" and store.norming_of(annotation.item) is not None:
        return earlier  # so does this, until its round is closed
    if annotation.target not in [a.id for a in store.current(annotation.item)]:
        raise UnknownName("annotation in force", annotation.target)
    return earlier


def _may_move(
    store: Store, project: Project, item: Item, ask: Ask, annotation: Annotation, token: str, now: int
) -> bool:
    """Whether the lease of the ask is held, or none is needed to change one's mind."""
    held = ask.token in (token, set_aside(token)) and ask.lease_until > now
    if ask.lane == "review" and annotation.kind != "later":
        return held
    if annotation.target is not None:
        return True
    return held and (not ask.done or _puts_back(store, project, item, annotation))


def _puts_back(store: Store, project: Project, item: Item, annotation: Annotation) -> bool:
    return annotation.kind in PUT_BACK or outdated(store, project, item, annotation)


def _move_on(
    store: Store, project: Project, item: Item, ask: Ask | None, annotation: Annotation, token: str, now: int
) -> None:
    """Close the ask, or free it for others."""
    if ask is None or (ask.lane == "review" and annotation.kind != "later"):
        pass  # a look ends with a verdict, not with the blind answer
    elif not _puts_back(store, project, item, annotation):
        store.close_ask(ask.id, annotation.annotator, token, now)
    elif ask.annotator == annotation.annotator and annotation.lease_valid:
        store.reopen_ask(ask.id)
    if annotation.kind == "restore":
        for each in store.current(annotation.item):
            if each.kind == "unusable" and each.ask is not None:
                store.reopen_ask(each.ask)
    if annotation.kind in PUT_BACK:
        store.put_off(annotation.item, annotation.annotator, now + LATER_MS)
