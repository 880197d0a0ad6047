"""Settle an item after a second look: keep, change, discard, send to another expert; each is an event to be undone.

Whoever settles has answered blind first; their answer is in the log whatever they settle.
"""

import random
from typing import Literal

from collab.domain.access import RIGHTS, AccessEntry
from collab.domain.annotation import Annotation, Event, counted
from collab.domain.project import Answer, Item, ItemState, Project
from collab.domain.store import Store
from collab.domain.suspect import Suspect, SuspectKind, Verdict
from collab.domain.task import task_of
from collab.errors import Conflict, UnknownName
from collab.loop.annotating import MAX_NOTE
from collab.loop.permitting import needs
from collab.loop.settling import apply_verdict, ask_on

AUDITS = 0.25
"""Most that an audit may score: after what is likely wrong."""
ANSWERED: tuple[ItemState, ...] = ("decided", "unsure", "unusable")
"""States of an audit of which people have said what they say."""


@needs("review", own="adjudicator")
def settle(
    store: Store,
    project: int,
    item: int,
    answer: Answer,
    adjudicator: str,
    event_id: str,
    now: int,
    *,
    unusable: bool = False,
    note: str = "",
    schema_version: int = 0,
) -> Literal["stored", "known"]:
    """Say what an item's answer is: the one that was decided, or another.

    Args:
        store: The workspace.
        project: Whose.
        item: Which.
        answer: Class ids.
        adjudicator: Who says so.
        event_id: The act's own; a resend is the same act.
        now: Milliseconds since 1970.
        unusable: No answer can be given; `answer` is ().
        note: Why.
        schema_version: Of the classes that were on screen; 0: today's.

    Raises:
        InvalidAnswer: The task doesn't allow the answer.
        UnknownName: The item isn't one of the project.
        Conflict: This person hasn't answered it blind.
    """
    with store.transaction():
        store.lock(project)
        if store.event(event_id) is not None:
            return "known"
        owner, found, look = _looked(store, project, item, adjudicator)
        version = min(schema_version or owner.schema.version, owner.schema.version)
        if unusable:
            answer = ()
        else:
            answer = task_of(owner.schema).check(answer, owner.schema, retired=version < owner.schema.version)
        decision = store.decision(item)
        same = decision is not None and counted(decision.answer, owner.schema) == counted(answer, owner.schema)
        verdict: Verdict = "keep" if same and not unusable else "change"
        _append(store, owner, found, look, verdict, answer, event_id, now, note)
        return "stored"


@needs("review", own="adjudicator")
def discard(
    store: Store, project: int, item: int, adjudicator: str, event_id: str, now: int, *, note: str = ""
) -> Literal["stored", "known"]:
    """Put all answers to an item out of force: it is asked anew.

    Raises:
        UnknownName: The item isn't one of the project.
        Conflict: This person hasn't answered it blind, or it is an audit, whose first answer is kept.
    """
    with store.transaction():
        store.lock(project)
        if store.event(event_id) is not None:
            return "known"
        owner, found, look = _looked(store, project, item, adjudicator)
        if found.reserved or found.drawn:
            raise Conflict("This item checks the model, so its first answer is kept. Keep it, or decide another one.")
        removed = store.current(item)
        _append(store, owner, found, look, "discard", (), event_id, now, note, removed=[a.id for a in removed])
        for said in removed:
            if said.ask is not None:
                store.reopen_ask(said.ask)
        return "stored"


@needs("review", own="adjudicator")
def send(
    store: Store, project: int, item: int, to: str, adjudicator: str, event_id: str, now: int, *, note: str = ""
) -> Literal["stored", "known"]:
    """Have another expert look at an item, blind too; nobody else is asked until they have.

    Raises:
        UnknownName: The item isn't one of the project, or that person may not review here.
        Conflict: This person hasn't answered it blind.
    """
    with store.transaction():
        store.lock(project)
        if store.event(event_id) is not None:
            return "known"
        owner, found, look = _looked(store, project, item, adjudicator)
        if to not in experts(store, project, adjudicator):
            raise UnknownName("expert", to, experts(store, project, adjudicator))
        _append(store, owner, found, look, "send", (), event_id, now, note, to=to)
        store.send_look(project, item, to)
        return "stored"


@needs("review", own="adjudicator")
def withdraw(
    store: Store, project: int, target: str, adjudicator: str, event_id: str, now: int
) -> Literal["stored", "known"]:
    """Take an act back, one's own or another adjudicator's: what was in force before is again.

    Raises:
        UnknownName: There is no such act in force, or what was sent doesn't wait for that person any more.
    """
    with store.transaction():
        store.lock(project)
        if store.event(event_id) is not None:
            return "known"
        undone = store.event(target)
        if undone is None or undone.project != project or undone.kind != "adjudicate" or undone.item is None:
            raise UnknownName("act", target)
        item, sent = undone.item, undone.payload.get("verdict") == "send"
        standing, waits = store.adjudication(item), [each.event for each in store.sends(project)]
        if target not in waits if sent else standing is None or standing.event != target:
            raise UnknownName("act in force", target)
        owner = store.project(project)
        event = Event(
            event_id, project, "withdraw", adjudicator, now, item, target=target, schema_version=owner.schema.version
        )
        store.append(event)
        apply_verdict(store, owner, event)
        if sent:
            store.close_look(item, undone.payload["to"])
        for said in store.current(item):  # discarded answers are in force again: nobody need be asked
            if said.id in undone.payload.get("removed", ()) and said.ask is not None:
                store.close_ask(said.ask, said.annotator, "", now)
        if owner.policy.several:
            ask_on(store, owner, item)
        return "stored"


@needs("review", own="annotator")
def experts(store: Store, project: int, annotator: str) -> tuple[str, ...]:
    """Everybody else who may review here."""
    people = [person for person in store.people() if not (person.disabled or person.erased)]
    if store.sign_in_way() == "none":
        return tuple(person.name for person in people if person.name != annotator)
    roles = store.members(project)
    return tuple(
        person.name
        for person in people
        if person.name != annotator
        and (person.admin or (person.name in roles and "review" in RIGHTS[roles[person.name]]))
    )


@needs("lead", own="by")
def order_audits(store: Store, project: int, by: str, seed: int, now: int, *, size: int | None = None) -> int:
    """Have all answered audits looked at again, or some of them drawn uniformly at random; returns how many.

    Those that wait for a further answer aren't answered yet. Never for what a model says of them. What people said
    first stays what the figures count; a second look decides what is exported.

    Args:
        store: The workspace.
        project: Whose.
        by: Who wants it.
        seed: Of the draw.
        now: Milliseconds since 1970.
        size: How many; None: all.
    """
    with store.transaction():
        store.lock(project)
        audits = [
            row.item
            for row in store.pool_rows(project, store.annotated(project))
            if (row.reserved or row.drawn) and row.state in ANSWERED and not row.machine
        ]
        rng = random.Random(seed)
        rng.shuffle(audits)
        chosen = audits if size is None else audits[:size]
        # In the order of the draw, so that those who stop early have seen a random part too.
        suspects = [Suspect(item, "audit", AUDITS * (1 - n / (len(chosen) + 1))) for n, item in enumerate(chosen)]
        store.put_suspects(project, ("audit",), suspects, now)
        detail = {"size": len(chosen), "of": len(audits), "seed": seed}
        store.note(AccessEntry(now, by, "change", "second look at audits", project, detail=detail))
    return len(chosen)


def kind_of(store: Store, item: Item) -> SuspectKind:
    """Why an item is looked at, for the log: the strongest reason."""
    if item.reserved or item.drawn:
        return "audit"
    if item.state == "disputed" or item.state == "flagged":
        return item.state
    found = store.suspects_of(item.id)
    return found[0].kind if found else "sent"


def _looked(store: Store, project: int, item: int, adjudicator: str) -> tuple[Project, Item, Annotation]:
    """The project, the item, and what this person said of it blind."""
    found = store.items([item]).get(item)
    if found is None or found.project != project:
        raise UnknownName("item", item)
    look = next((said for said in store.second_looks(item) if said.annotator == adjudicator), None)
    if look is None:
        raise Conflict("Answer this item blind first; then you see what others said, and can settle it.")
    return store.project(project), found, look


def _append(
    store: Store, owner: Project, item: Item, look: Annotation, verdict: Verdict, answer: Answer, event_id: str,
    now: int, note: str, **more: object,
) -> None:  # fmt: skip
    standing = store.adjudication(item.id)
    payload = {
        "verdict": verdict, "answer": list(answer), "note": note[:MAX_NOTE], "look": look.id,
        "kind": kind_of(store, item), "previous": None if standing is None else standing.event, **more,
    }  # fmt: skip
    event = Event(
        event_id, owner.id, "adjudicate", look.annotator, now, item.id, look.ask,
        schema_version=owner.schema.version, payload=payload,
    )  # fmt: skip
    store.append(event)
    apply_verdict(store, owner, event)
    if verdict != "send":
        store.close_looks(item.id)
