"""Submit, put off, flag, take back: every act of an annotator becomes an event, and the projections follow it."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from collab.domain.annotation import (
    ANNOTATION_KINDS,
    LATER_MS,
    PERSONAL,
    Annotation,
    Ask,
    Decision,
    Event,
    Settled,
    answers_wanted,
    set_aside,
    settle,
)
from collab.domain.batch import act_of
from collab.domain.norming import Norming
from collab.domain.project import Answer, Item, ItemState, LabelSchema, Project, keyed
from collab.domain.store import ItemFilter, Store
from collab.domain.suspect import Adjudication, decided_by_people
from collab.domain.task import task_of
from collab.errors import InvalidAnswer, ItemErased, UnknownName, UserError
from collab.loop.enforcing import enforce, forget
from collab.loop.permitting import needs
from collab.loop.replaying import forget_several, replay, replay_norming
from collab.loop.veiling import recorded

PUT_BACK = ("later", "flag", "undo")
"""Acts after which the item is free for others, and for the same person after a while."""

ALL_VERDICTS = 1_000_000
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
    settled = _apply(store, project, item, annotation)
    if project.policy.several and settled is not None:
        _ask_on(store, project, item.id, *settled)
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


def apply(store: Store, project: Project, annotation: Annotation) -> None:
    """Bring the projections up to one annotation of the log; `rebuild` replays the same function."""
    _apply(store, project, store.items([annotation.item])[annotation.item], annotation)


def _apply(store: Store, project: Project, item: Item, annotation: Annotation) -> tuple[ItemState, int] | None:
    """Returns the item's state and how many have answered it; None where what was said stands beside that."""
    if annotation.purpose == "repeat":
        _apply_repeat(store, project, item, annotation)
        return None
    if annotation.purpose == "review":
        _apply_look(store, project, item, annotation)
        return None
    if annotation.purpose == "norming" and (norming := store.norming_of(annotation.item)) is not None:
        _apply_norming(store, project, item, annotation, norming)
        return None
    verdict, concluded = store.beside(item.id)
    before = said_of(store, item.id) if concluded else None
    if annotation.kind == "restore":
        for each in store.current(annotation.item):
            if each.kind == "unusable":
                store.set_current(annotation.item, each.annotator, None)
        if verdict is not None and verdict.unusable:
            store.set_adjudication(project.id, annotation.item, None)
            verdict = None
    elif annotation.kind == "undo":
        if annotation.purpose != "bulk" or annotation.target in [a.id for a in store.current(annotation.item)]:
            store.set_current(annotation.item, annotation.annotator, None)
    elif not (_outdated(store, project, item, annotation) or _overtaken(store, annotation)):
        store.set_current(annotation.item, annotation.annotator, annotation)
    if _doubt(store, project, item.id, before):
        concluded = None
    return _settle(store, project, annotation.item, annotation.at, (verdict, concluded))


def _doubt(store: Store, project: Project, item: int, before: frozenset[tuple[str, Answer]] | None) -> bool:
    """Forget what was concluded from answers that are others now, if that was so: the worker concludes anew.

    Args:
        before: What was said of an item of which something was concluded; None where nothing was.
    """
    if before is None or before == said_of(store, item):
        return False
    store.set_aggregated(project.id, [Decision(item, (), "aggregated")])
    return True


def said_of(store: Store, item: int) -> frozenset[tuple[str, Answer]]:
    """Who answers what, as is in force; () where they can't tell."""
    return frozenset((a.annotator, a.answer) for a in store.current(item) if a.kind in ("answer", "unsure"))


def _apply_repeat(store: Store, project: Project, item: Item, annotation: Annotation) -> None:
    """Keep an answer to a repeat beside the first one, which alone is in force; no other act says anything of it."""
    if annotation.kind == "undo":
        store.set_repeat(annotation.item, annotation.annotator, None)
    elif annotation.kind in ("answer", "unsure") and not _outdated(store, project, item, annotation):
        store.set_repeat(annotation.item, annotation.annotator, annotation)


def _apply_look(store: Store, project: Project, item: Item, annotation: Annotation) -> None:
    """Keep what was said blind at a second look beside what is in force: it settles nothing."""
    if annotation.kind == "undo":
        store.set_second_look(annotation.item, annotation.annotator, None)
    elif annotation.kind in ("answer", "unsure", "unusable") and not _outdated(store, project, item, annotation):
        store.set_second_look(annotation.item, annotation.annotator, annotation)


def _apply_norming(store: Store, project: Project, item: Item, annotation: Annotation, norming: Norming) -> None:
    """Keep an answer of the round under way for itself: nobody sees it, and nothing is settled, until that is due."""
    who, after = annotation.annotator, norming.stage != "blind"
    if annotation.kind == "undo":
        store.set_normed(norming, item.id, who, after, None)
    elif annotation.kind in ("answer", "unsure", "unusable") and not _outdated(store, project, item, annotation):
        if norming.stage == "open":  # nobody is asked now: a first answer was on its way when the round was opened
            said = store.normed(project.id, norming.number)
            after = any((n.item, n.annotator, n.after) == (item.id, who, False) for n in said)
        store.set_normed(norming, item.id, who, after, annotation)


def convene(store: Store, project: Project, event: Event) -> None:
    """Bring the projections up to one act on a norming round; `rebuild` replays the same function."""
    settle_again(store, project, list(replay_norming(store, event)), event.at)


def apply_verdict(store: Store, project: Project, event: Event) -> None:
    """Bring the projections up to one act of an adjudicator; `rebuild` replays the same function."""
    assert event.item is not None, "an adjudication names its item"
    _, concluded = store.beside(event.item)
    before = said_of(store, event.item) if concluded else None
    enforce(store, event)
    if event.kind == "withdraw":
        _leave_undone(store, event.item, event.at)
    _doubt(store, project, event.item, before)
    _settle(store, project, event.item, event.at)


def _leave_undone(store: Store, item: int, now: int) -> None:
    """Put answers of batches that were undone out of force again, which a discard that is withdrawn brought back."""
    for said in store.current(item):
        event = store.event(said.id) if said.purpose == "bulk" else None
        if event is None or not event.batch:
            continue
        undo = store.event(act_of(event.batch, item, "undo"))
        if undo is not None and undo.at <= now:  # a rebuild finds later ones too
            store.set_current(item, said.annotator, None)


def rebuild(store: Store, project_id: int) -> None:
    """Make states, decisions and annotations in force anew from the log alone."""
    versions = {schema.version: schema for schema in store.schema_versions(project_id)}
    project = replace(store.project(project_id), schema=versions[min(versions)])
    with store.transaction():
        store.lock(project_id)
        store.reset_projections(project_id)
        after = 0
        while events := store.log(project_id, after):
            for after, event in events:  # noqa: B007  # the last number is where the next page starts
                if event.kind in ANNOTATION_KINDS:
                    apply(store, project, Annotation.from_event(event))
                elif event.kind == "certificate":
                    replay(store, event)
                elif event.kind == "aggregate":
                    conclude(store, project, event)
                elif event.kind == "norming":
                    convene(store, project, event)
                elif event.kind in ("adjudicate", "withdraw"):
                    apply_verdict(store, project, event)
                elif event.kind == "reopen" and event.item is not None:
                    forget(store, project.id, event.item)
                    forget_several(store, project.id, event.item)
                    for each in store.current(event.item):
                        store.set_current(event.item, each.annotator, None)
                    _settle(store, project, event.item, event.at)
                elif event.kind == "erase" and event.item is not None:
                    store.forget_answers(project_id, event.item, event.at)
                elif event.kind == "schema":
                    project = replace(project, schema=versions[event.schema_version])
                    follow_classes(store, project, event.payload.get("touched", ()), event.at, reopen=False)


def follow_classes(store: Store, project: Project, touched: Sequence[str], now: int, *, reopen: bool = True) -> None:
    """Settle items anew after the classes changed, and put audits out of force that could not have been answered so.

    Args:
        touched: Classes that were merged, or are apart again.
        reopen: Whether those audits are to be asked again.
    """
    reserved = [row.item for row in store.pool_rows(project.id, store.annotated(project.id)) if row.reserved]
    items = store.items(reserved)
    audits = [said for item in reserved for said in store.current(item) if _outdated(store, project, items[item], said)]
    for said in audits:
        store.set_adjudication(project.id, said.item, None)
        store.set_current(said.item, said.annotator, None)
        if reopen and said.ask is not None:
            store.reopen_ask(said.ask)
    settle_again(store, project, [*_items_of(store, project, touched), *(said.item for said in audits)], now)


def settle_again(store: Store, project: Project, items: list[int], now: int) -> None:
    """Settle items anew after classes were merged or apart again."""
    with store.transaction():
        for item in items:
            _settle(store, project, item, now)


def ask_on(store: Store, project: Project, item: int) -> None:
    """Queue the further answers that an item needs: as the policy wants of it, and one more where they differ so far.

    What is queued follows from nothing but the answers in force; a rebuild leaves the queue as it is.
    """
    spoken = sum(a.kind in ("answer", "unsure") for a in store.current(item))
    _ask_on(store, project, item, store.items([item])[item].state, spoken)


def _ask_on(store: Store, project: Project, item: int, state: ItemState, spoken: int) -> None:
    wanted = answers_wanted(project, item)
    if state == "disputed" and wanted <= spoken < project.policy.answers_most:
        wanted = spoken + 1
    if state in ("open", "disputed") and 0 < spoken < wanted:
        store.want_answers(project.id, item, wanted - spoken)


def conclude(store: Store, project: Project, event: Event) -> None:
    """Bring decisions up to one event of the kind "aggregate"."""
    said = event.payload
    decisions = [
        Decision(item, tuple(answer), "aggregated", confidence)
        for item, answer, confidence in zip(said["items"], said["answers"], said["confidences"], strict=True)
    ]
    store.set_aggregated(project.id, decisions)
    settle_again(store, project, said["items"], event.at)


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
    return annotation.kind in PUT_BACK or _outdated(store, project, item, annotation)


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


def _outdated(store: Store, project: Project, item: Item, annotation: Annotation) -> bool:
    """Whether it speaks of content that was replaced, or answers an audit when a class of today could not be chosen."""
    if annotation.seen and annotation.seen not in (item.digest, keyed(item.digest, project.salt)):
        return True
    if annotation.kind not in ("answer", "unsure") or annotation.schema_version == project.schema.version:
        return False
    if not item.reserved:
        return False
    then = next(s for s in store.schema_versions(project.id) if s.version == annotation.schema_version)
    return not {c.id for c in project.schema.live} <= {c.id for c in then.live}


def _items_of(store: Store, project: Project, classes: Sequence[str]) -> list[int]:
    """Items that a merge may settle anew: decided with one of the classes, or disputed between them; and those that an
    adjudicator has settled, for what is decided without one may name them too."""
    if not classes:
        return []
    wanted = [ItemFilter(answer=c, include_reserved=True) for c in classes]
    wanted.append(ItemFilter(state="disputed", include_reserved=True))
    found: dict[int, None] = {}
    for each in wanted:
        found |= dict.fromkeys(store.matching(project.id, each))
    found |= dict.fromkeys(each.adjudication.item for each in store.adjudications(project.id, ALL_VERDICTS))
    return list(found)


def _overtaken(store: Store, annotation: Annotation) -> bool:
    """Whether this person has answered elsewhere since they lost the lease under which they put the item off."""
    if annotation.kind not in PUT_BACK or annotation.lease_valid or annotation.target is not None:
        return False
    mine = next((a for a in store.current(annotation.item) if a.annotator == annotation.annotator), None)
    return mine is not None and mine.kind in ("answer", "unsure")


def _settle(
    store: Store,
    project: Project,
    item: int,
    now: int,
    beside: tuple[Adjudication | None, Decision | None] | None = None,
) -> tuple[ItemState, int]:
    """Returns what became of the item, and how many have answered it.

    Args:
        beside: What stands beside its answers, where that has been read.
    """
    said, concluded = beside or store.beside(item)
    current = store.current(item)
    weighed = len(current) > 1 and project.policy.decide_by != "agreement"
    spoken = sum(a.kind in ("answer", "unsure") for a in current)
    silent = not spoken and not (said is not None and said.verdict == "discard")
    settled = settle(
        current,
        answers_wanted(project, item),
        project.schema,
        store.standing_decision(item) if silent else None,  # which stands only while nobody speaks
        by_most=project.policy.by_most,
        aggregated=concluded if weighed else None,
    )
    if said is not None:
        if (before := decided_by_people(settled)) != said.before:
            store.set_before(item, before)
        if said.unusable:
            settled, spoken = Settled("unusable"), 0
        elif said.decision is not None:
            settled = settle((), 0, project.schema, adjudicated=said.decision)
    store.settle_item(project.id, item, settled.state, settled.decision, now)
    return settled.state, spoken
