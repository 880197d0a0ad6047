"""Answer for many items at once, as one batch that can be undone as one.

A batch is ordinary answers of one person, each an event of its own that names the batch and says that it was one
("bulk"): no figure on time, repeats or the suggestion's influence counts it. It is carried out in short steps, so that
whoever labels meanwhile waits for none of them; what was cut off in the middle can be gone on with, or taken back.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from collab.domain.access import AccessEntry
from collab.domain.annotation import Annotation
from collab.domain.batch import Batch, act_of
from collab.domain.project import Answer, Item, Project
from collab.domain.store import MOST_COUNTED, Store
from collab.domain.task import task_of
from collab.errors import AuditsAmong, Conflict, TooLarge, UnknownName
from collab.loop.permitting import needs
from collab.loop.settling import apply

MOST = MOST_COUNTED
"""Items of one batch."""
STEP_SECONDS = 0.06
"""How long one step may keep others from writing."""
MOST_REASON = 500
SEEN = 16
"""Digits of a digest that tell whether a content changed."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What a batch would come to."""

    free: tuple[int, ...]
    """Items that it would answer."""
    mine: int = 0
    """Items left out, for this person has answered them."""
    others: int = 0
    """Items left out, for somebody else has, or their answer came with the file."""
    unusable: int = 0
    """Items left out, for they can't be answered."""
    norming: int = 0
    """Items left out, for everybody answers them in a norming round."""
    aside: int = 0
    """Items left out, for this person flagged them or put them off: undone, a batch would not bring that back."""


@needs("lead", own="by")
def reach(store: Store, project: Project, items: Sequence[int], by: str) -> Reach:
    """Say what a batch over these items would come to; see `begin` for what it raises."""
    _check(store, project, items)
    said: dict[int, list[tuple[str, str]]] = {}
    for item, annotator, kind in store.spoken(items):
        said.setdefault(item, []).append((annotator, kind))
    people = {row.item for row in store.pool_rows(project.id, items) if row.answer and not row.machine}
    under_way = {item for each in store.normings(project.id) if each.stage != "closed" for item in each.items}
    why = [
        "norming" if item in under_way else _why_not(said.get(item, []), item in people, by)
        for item in dict.fromkeys(items)
    ]
    free = tuple(item for item, reason in zip(dict.fromkeys(items), why, strict=True) if not reason)
    return Reach(free, *(why.count(reason) for reason in ("mine", "others", "unusable", "norming", "aside")))


@needs("lead", own="by")
def begin(
    store: Store, project: Project, items: Sequence[int], answer: Answer, by: str, batch: str, reason: str, now: int
) -> Batch:
    """Keep what is to be answered; `step` does it. The same batch once more is the one that is there.

    Args:
        batch: Its id, a UUID that is made before the act.
        reason: How the items were chosen, in words that a person reads later.

    Raises:
        InvalidAnswer: The task doesn't allow the answer.
        UnknownName: An item isn't part of the project.
        AuditsAmong: An item is in the audit reserve, or was drawn as an audit; nothing is answered then.
        TooLarge: There are too many.
    """
    with store.transaction():
        store.lock(project.id)
        there = store.batch(project.id, batch)
        if there is not None:
            return there
        found = _check(store, project, items)
        checked = task_of(project.schema).check(answer, project.schema)
        made = Batch(
            batch,
            project.id,
            by,
            checked,
            tuple(dict.fromkeys(items)),
            reason[:MOST_REASON],
            now,
            project.schema.version,
            seen=tuple(found[item].digest[:SEEN] for item in dict.fromkeys(items)),
        )
        store.save_batch(made)
        return made


@needs("lead", own="by")
def step(store: Store, project: Project, batch: str, by: str, now: int, most: int = MOST) -> Batch:
    """Go on with a batch for a moment: with its answers, or with taking them back. It is over where it is not `busy`.

    Any lead may, whoever began it; the answers are of who did.

    Args:
        most: Items at a time, however short the moment was.

    Raises:
        UnknownName: There is no such batch.
    """
    with store.transaction():
        store.lock(project.id)
        made, today = _found(store, project.id, batch), store.project(project.id)
        until = time.perf_counter() + STEP_SECONDS
        first, last = made.at, made.at + most
        while made.busy and made.at < last and time.perf_counter() < until:
            item = made.items[made.at]
            acted = (
                _answer(store, today, made, item, now)
                if made.status == "answering"
                else _undo(store, today, made, item, now)
            )
            made = made.moved(acted)
        if made.at != first and not made.busy:
            _note(store, made, by, "finish batch", now)
        store.save_batch(made)
        return made


@needs("lead", own="by")
def take_back(store: Store, project: Project, batch: str, by: str, now: int) -> Batch:
    """Have `step` undo every answer of a batch that is still in force, also where it was cut off in the middle.

    Any lead may, whoever began it.

    Raises:
        UnknownName: There is no such batch.
        Conflict: It was taken back already.
    """
    with store.transaction():
        store.lock(project.id)
        made = _found(store, project.id, batch)
        if made.status in ("undoing", "undone"):
            raise Conflict("This batch was taken back already.")
        made = replace(made, status="undoing" if made.at else "undone", at=0, until=made.at, undone_at=now, seen=())
        store.save_batch(made)
        _note(store, made, by, "take back batch", now)
        return made


@needs("lead")
def batches(store: Store, project: Project, limit: int = 50) -> tuple[Batch, ...]:
    """The batches of a project, newest first."""
    return store.batches(project.id, limit)


@needs("lead")
def waiting(store: Store, project: Project, made: Batch) -> int:
    """How many items that a batch answered are open all the same, for others must answer them too."""
    if not project.policy.several or made.status != "done":
        return 0
    answered = {
        item for item, by, kind in store.spoken(made.items) if by == made.annotator and kind == "answer"
    }  # fmt: skip
    return sum(row.state == "open" for row in store.pool_rows(project.id, sorted(answered)))


def whole(store: Store, project: Project, batch: str, by: str, now: int) -> Iterator[Batch]:
    """Step after step to the end of a batch."""
    made = step(store, project, batch, by, now)
    yield made
    while made.busy:
        made = step(store, project, batch, by, now)
        yield made


def _answer(store: Store, project: Project, batch: Batch, item: int, now: int) -> bool:
    """Answer one item, unless somebody did, it holds something else now, or is an audit or of a norming round."""
    found = store.items([item]).get(item)
    seen = batch.seen[batch.at] if batch.seen else ""
    if found is None or found.reserved or found.drawn or found.erased or _left_out(store, item, batch.annotator):
        return False
    if not found.digest.startswith(seen):
        return False
    said = Annotation(
        act_of(batch.id, item, "answer"), project.id, item, batch.annotator, "answer", now, batch.answer,
        purpose="bulk", seen=found.digest, schema_version=batch.schema_version,
    )  # fmt: skip
    if store.append(replace(said.event(), batch=batch.id)):
        apply(store, project, said)
        return True
    return False


def _undo(store: Store, project: Project, batch: Batch, item: int, now: int) -> bool:
    """Take one answer back, unless this person has changed it since.

    One that a reviewer discarded is taken back in the log, lest it be in force again when they withdraw that.
    """
    target = act_of(batch.id, item, "answer")
    stands = any(a.id == target for a in store.current(item))
    if not stands and (store.adjudication(item) is None or store.event(target) is None):
        return False
    undo = Annotation(
        act_of(batch.id, item, "undo"), project.id, item, batch.annotator, "undo", now, purpose="bulk", target=target,
        schema_version=project.schema.version,
    )  # fmt: skip
    store.append(replace(undo.event(), batch=batch.id))
    apply(store, project, undo)
    return stands


def _left_out(store: Store, item: int, by: str) -> str:
    if store.norming_of(item) is not None:
        return "norming"
    decision = store.decision(item)
    people = decision is not None and decision.source != "machine"
    return _why_not([(a.annotator, a.kind) for a in store.current(item)], people, by)


def _why_not(said: Sequence[tuple[str, str]], people: bool, by: str) -> str:
    """Why a batch leaves an item alone; "" where it answers it.

    Args:
        said: Who said what kind of thing of it, as is in force.
        people: Whether people decided it, or the file that it came in.
        by: Whose batch.
    """
    if any(kind == "unusable" for _, kind in said):
        return "unusable"
    if any(annotator == by and kind in ("answer", "unsure") for annotator, kind in said):
        return "mine"
    if people or any(kind in ("answer", "unsure") for _, kind in said):
        return "others"
    return "aside" if any(annotator == by for annotator, _ in said) else ""


def _check(store: Store, project: Project, items: Sequence[int]) -> Mapping[int, Item]:
    if len(items) > MOST:
        raise TooLarge("a batch", f"{MOST:,} items", "Narrow the search.")
    found = store.items(list(items))
    for number in items:
        if number not in found or found[number].project != project.id:
            raise UnknownName("item", number)
    if audits := sum(item.reserved or item.drawn for item in found.values()):
        raise AuditsAmong(audits)
    return found


def _found(store: Store, project: int, batch: str) -> Batch:
    made = store.batch(project, batch)
    if made is None:
        raise UnknownName("batch", batch)
    return made


def _note(store: Store, batch: Batch, by: str, what: str, now: int) -> None:
    """Put into the access log that somebody had a hand in the batch of another; its events are of its author."""
    if by != batch.annotator:
        store.note(AccessEntry(now, by, "change", what, batch.project, detail={"batch": batch.id}))
