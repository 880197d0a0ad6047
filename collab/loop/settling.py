"""Bring the projections up to an event: what is in force, and the state and the decision of its item.

Refuses to know whether an event may be: that was checked before it was logged. A rebuild calls the same functions.
"""

from collections.abc import Sequence

from collab.domain.annotation import Annotation, Decision, Event, Settled, answers_wanted, settle
from collab.domain.batch import act_of
from collab.domain.norming import Norming
from collab.domain.project import Answer, Item, ItemState, Project, keyed
from collab.domain.store import ItemFilter, Store
from collab.domain.suspect import Adjudication, decided_by_people
from collab.loop.enforcing import enforce
from collab.loop.replaying import replay_norming

PUT_BACK = ("later", "flag", "undo")
"""Acts after which the item is free for others, and for the same person after a while."""

ALL_VERDICTS = 1_000_000


def apply(store: Store, project: Project, annotation: Annotation) -> None:
    """Bring the projections up to one annotation of the log; `rebuild` replays the same function."""
    apply_to(store, project, store.items([annotation.item])[annotation.item], annotation)


def apply_to(store: Store, project: Project, item: Item, annotation: Annotation) -> tuple[ItemState, int] | None:
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
    elif not (outdated(store, project, item, annotation) or _overtaken(store, annotation)):
        store.set_current(annotation.item, annotation.annotator, annotation)
    if _doubt(store, project, item.id, before):
        concluded = None
    return settle_one(store, project, annotation.item, annotation.at, (verdict, concluded))


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
    elif annotation.kind in ("answer", "unsure") and not outdated(store, project, item, annotation):
        store.set_repeat(annotation.item, annotation.annotator, annotation)


def _apply_look(store: Store, project: Project, item: Item, annotation: Annotation) -> None:
    """Keep what was said blind at a second look beside what is in force: it settles nothing."""
    if annotation.kind == "undo":
        store.set_second_look(annotation.item, annotation.annotator, None)
    elif annotation.kind in ("answer", "unsure", "unusable") and not outdated(store, project, item, annotation):
        store.set_second_look(annotation.item, annotation.annotator, annotation)


def _apply_norming(store: Store, project: Project, item: Item, annotation: Annotation, norming: Norming) -> None:
    """Keep an answer of the round under way for itself: nobody sees it, and nothing is settled, until that is due."""
    who, after = annotation.annotator, norming.stage != "blind"
    if annotation.kind == "undo":
        store.set_normed(norming, item.id, who, after, None)
    elif annotation.kind in ("answer", "unsure", "unusable") and not outdated(store, project, item, annotation):
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
    settle_one(store, project, event.item, event.at)


def _leave_undone(store: Store, item: int, now: int) -> None:
    """Put answers of batches that were undone out of force again, which a discard that is withdrawn brought back."""
    for said in store.current(item):
        event = store.event(said.id) if said.purpose == "bulk" else None
        if event is None or not event.batch:
            continue
        undo = store.event(act_of(event.batch, item, "undo"))
        if undo is not None and undo.at <= now:  # a rebuild finds later ones too
            store.set_current(item, said.annotator, None)


def follow_classes(store: Store, project: Project, touched: Sequence[str], now: int, *, reopen: bool = True) -> None:
    """Settle items anew after the classes changed, and put audits out of force that could not have been answered so.

    Args:
        touched: Classes that were merged, or are apart again.
        reopen: Whether those audits are to be asked again.
    """
    reserved = [row.item for row in store.pool_rows(project.id, store.annotated(project.id)) if row.reserved]
    items = store.items(reserved)
    audits = [said for item in reserved for said in store.current(item) if outdated(store, project, items[item], said)]
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
            settle_one(store, project, item, now)


def ask_on(store: Store, project: Project, item: int) -> None:
    """Queue the further answers that an item needs: as the policy wants of it, and one more where they differ so far.

    What is queued follows from nothing but the answers in force; a rebuild leaves the queue as it is.
    """
    spoken = sum(a.kind in ("answer", "unsure") for a in store.current(item))
    ask_further(store, project, item, store.items([item])[item].state, spoken)


def ask_further(store: Store, project: Project, item: int, state: ItemState, spoken: int) -> None:
    """Do that where it is known what became of the item, and how many have answered it."""
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


def outdated(store: Store, project: Project, item: Item, annotation: Annotation) -> bool:
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


def settle_one(
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
