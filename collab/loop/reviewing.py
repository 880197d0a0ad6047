"""Look again: hand out the queue of second looks, blind, and show what others said once somebody has answered.

What is shown of an audit is what people said, and nothing of a model, nor of other items.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from collab.domain.annotation import Annotation, Ask, Decision, counted
from collab.domain.contrast import Part, contrast
from collab.domain.project import Answer, Field, Item, Project
from collab.domain.store import Store
from collab.domain.suspect import Adjudicated, Sent, Suspect, SuspectKind
from collab.errors import UnknownName
from collab.loop.adjudicating import experts
from collab.loop.inquiring import Neighbour
from collab.loop.permitting import needs

Details = Mapping[str, Mapping[str, Any]]  # plain values that the worker wrote, by kind

MOST_HELD = 6
SHOWN_NEAR = 3


@dataclass(frozen=True, slots=True)
class Handed:
    """What a card should hold from now on, as changes to what it holds."""

    asks: list[Ask] = field(default_factory=list)
    drop: list[int] = field(default_factory=list)
    left: Mapping[str, int] = field(default_factory=dict)
    """Items that wait for this person, by kind; "": in all."""
    exhausted: bool = False
    begun: Mapping[int, str] = field(default_factory=dict)
    """Of asks whose item this person has answered blind already, the event of that answer, by ask."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one person said of the item."""

    annotation: Annotation
    again: bool = False
    """Whether it was said at a second look, blind."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """A near item with another answer, and how its fields differ."""

    near: Neighbour
    texts: tuple[tuple[str, tuple[Part, ...]], ...]
    """By text field that differs: what both have, what the item has, what the other one has."""
    values: tuple[tuple[str, str, str], ...]
    """Numbers and categories that differ: name, the item's, the other one's."""


@dataclass(frozen=True, slots=True)
class Flipped:
    """What two model versions suggest."""

    versions: tuple[int, int]
    before: Answer
    after: Answer
    sure: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Revealed:
    """All that is known of an item, for whom has answered it blind."""

    item: Item
    look: Annotation
    """What this person said."""
    decision: Decision | None
    settled_by: str
    """Which adjudicator settled it before; "": none."""
    same: bool
    """Whether this person says what was decided."""
    kinds: tuple[SuspectKind, ...]
    """Why it was looked at, the strongest reason first."""
    said: tuple[Said, ...]
    suggested: tuple[Answer, float] | None
    """What a model says of it that has not seen its answer, and how sure it is; None: nothing is known, or it is an
    audit."""
    near: tuple[Neighbour, ...] = ()
    contrast: Contrast | None = None
    flipped: Flipped | None = None
    experts: tuple[str, ...] = ()
    """To whom it may be sent."""


@needs("review", own="annotator")
def hand_out(
    store: Store,
    project: Project,
    annotator: str,
    tab: str,
    *,
    want: int,
    have: Sequence[int],
    on_screen: int | None,
    kind: str,
    now: int,
) -> Handed:
    """Keep a card supplied with second looks, blind; under a lease, so that nobody looks at what another one is at.

    Args:
        store: The workspace.
        project: Whose.
        annotator: Who looks.
        tab: The browser's tab; a reload gets the same items again.
        want: How many the card should hold.
        have: Asks held unseen, `on_screen` not among them.
        on_screen: The one being looked at.
        kind: Of one kind alone; "": of all.
        now: Milliseconds since 1970.
    """
    until, token = now + project.policy.lease_seconds * 1000, token_of(tab)
    with store.transaction(durable=False):
        store.lock(project.id)
        held = {ask.id: ask for ask in store.held(project.id, annotator, token, now) if ask.lane == "review"}
        others = [i for i, ask in held.items() if ask.reason not in (kind, "sent") and i != on_screen]
        store.release(others, token)  # of another filter
        held = {i: ask for i, ask in held.items() if i not in others}
        store.renew(list(held), token, until)
        forgotten = [ask for ask in held.values() if ask.id not in {*have, on_screen}]
        unseen = sum(ask in held for ask in have) + len(forgotten)
        missing = max(0, min(want, MOST_HELD) - unseen)
        taken = store.take_looks(project.id, annotator, kind, missing, token, now, until)
        fresh = [ask for ask in (*forgotten, *taken) if ask.id not in have]
        for ask in taken:
            store.ask_why(project.id, ask.item, now)  # for its neighbours, which are shown after the answer
    looks = {ask.id: _look_of(store, ask.item, annotator) for ask in fresh}
    return Handed(
        asks=fresh,
        drop=[ask for ask in have if ask not in held],
        left=store.looks_left(project.id, annotator, now),
        exhausted=missing > 0 and not taken and not held,
        begun={ask: look.id for ask, look in looks.items() if look is not None},
    )


def token_of(tab: str) -> str:
    """The lease of a tab's second looks: another one than that of its questions, which know nothing of them."""
    return f"review {tab}"


@needs("review", own="annotator", noted=("see", "others' answers"))
def reveal(store: Store, project: Project, annotator: str, item: int) -> Revealed | None:
    """Show what others said of an item, and why it is looked at; None: this person hasn't answered it blind.

    Raises:
        UnknownName: The item isn't one of the project.
    """
    found = store.items([item]).get(item)
    if found is None or found.project != project.id:
        raise UnknownName("item", item)
    look = _look_of(store, item, annotator)
    if look is None:
        return None
    decision, standing = store.decision(item), store.adjudication(item)
    settled_by = store.event(standing.event) if standing is not None else None
    schema = project.schema
    same = (
        decision is not None
        and look.kind == "answer"
        and counted(look.answer, schema) == counted(decision.answer, schema)
    )
    audit = found.reserved or found.drawn
    suspects = () if audit else store.suspects_of(item)
    kinds: list[SuspectKind] = ["audit"] if audit else []
    if not audit and (found.state == "disputed" or found.state == "flagged"):
        kinds.append(found.state)
    kinds += [s.kind for s in suspects if s.kind != "audit" and _holds(s, decision)]
    said = [Said(a) for a in store.current(item)]
    again = [Said(a, again=True) for a in store.second_looks(item) if a.annotator != annotator]
    detail: Details = {s.kind: s.detail for s in suspects}
    near = next((s.detail["near"] for s in suspects if s.detail.get("near")), None)
    if near is None and not audit:
        near = (store.why(project.id, item) or {}).get("near", ())
    return Revealed(
        item=found,
        look=look,
        decision=decision,
        settled_by="" if settled_by is None else settled_by.actor,
        same=same,
        kinds=tuple(kinds) or ("sent",),
        said=(*said, *again),
        suggested=_suggested(detail),
        near=tuple(_near(store, project, near or (), item)),
        contrast=_contrast(store, project, found, detail),
        flipped=_flipped(detail) if "flip" in kinds else None,
        experts=experts(store, project.id, annotator),
    )


@needs("review", noted=("see", "settled"))
def decided(
    store: Store, project: int, limit: int = 100, before: int | None = None, *, by: str = ""
) -> list[tuple[Adjudicated, Item]]:
    """What adjudicators have settled and nobody has taken back, latest first, with the items.

    Args:
        store: The workspace.
        project: Whose.
        limit: At most so many.
        before: Number of an event; only what is older is returned.
        by: By this one alone; "": by anybody.
    """
    found = [each for each in store.adjudications(project, limit, before) if by in ("", each.adjudicator)]
    items = store.items([each.adjudication.item for each in found])
    return [(each, items[each.adjudication.item]) for each in found if each.adjudication.item in items]


@needs("review", noted=("see", "settled"))
def sent(store: Store, project: int) -> list[tuple[Sent, Item]]:
    """What was sent to somebody and still waits for them, latest first, with the items."""
    found = store.sends(project)
    items = store.items([each.item for each in found])
    return [(each, items[each.item]) for each in found if each.item in items]


@needs("review", own="annotator")
def left(store: Store, project: int, annotator: str, now: int) -> Mapping[str, int]:
    """Items that wait for a second look by this person, by kind; "": in all."""
    return store.looks_left(project, annotator, now)


def _look_of(store: Store, item: int, annotator: str) -> Annotation | None:
    return next((said for said in store.second_looks(item) if said.annotator == annotator), None)


def _holds(suspect: Suspect, decision: Decision | None) -> bool:
    """Whether what was found still speaks of today's decision."""
    return suspect.answer is None or (decision is not None and suspect.answer == decision.answer)


def _suggested(detail: Details) -> tuple[Answer, float] | None:
    said = detail.get("error")
    return None if said is None else (tuple(said["instead"]), said["sure"])


def _flipped(detail: Details) -> Flipped | None:
    if (found := detail.get("flip")) is None:
        return None
    (first, second), (sure, surer) = found["versions"], found["sure"]
    return Flipped((first, second), tuple(found["before"]), tuple(found["after"]), (sure, surer))


def _near(store: Store, project: Project, pairs: Sequence[Sequence[float]], besides: int) -> list[Neighbour]:
    """The nearest ones that still have an answer of people's; no audits."""
    found: list[Neighbour] = []
    for number, cosine in pairs:
        one = _one_near(store, project, int(number), float(cosine))
        if one is not None and one.item.id != besides:
            found.append(one)
        if len(found) == SHOWN_NEAR:
            break
    return found


def _one_near(store: Store, project: Project, number: int, cosine: float) -> Neighbour | None:
    item, decision = store.items([number]).get(number), store.decision(number)
    if item is None or decision is None or decision.source == "machine" or item.reserved or item.drawn:
        return None
    today = counted(decision.answer, project.schema)
    said = store.current(number) if decision.source != "imported" else []
    by = tuple(a.annotator for a in said if a.kind == "answer" and counted(a.answer, project.schema) == today)
    return Neighbour(item, decision, by, cosine)


def _contrast(store: Store, project: Project, item: Item, detail: Details) -> Contrast | None:
    found = detail.get("contradiction")
    near = None if found is None else _one_near(store, project, found["other"], found["cosine"])
    if near is None:
        return None
    here, there = item.fields, near.item.fields
    shown = [f for f in project.fields if f.shown]
    texts = tuple(
        (f.name, contrast(str(here.get(f.name) or ""), str(there.get(f.name) or "")))
        for f in shown
        if f.kind == "text" and here.get(f.name) != there.get(f.name)
    )
    values = tuple(
        (f.name, _plain(here.get(f.name)), _plain(there.get(f.name))) for f in shown if _differs(f, here, there)
    )
    return Contrast(near, texts, values)


def _differs(field: Field, here: Mapping[str, object], there: Mapping[str, object]) -> bool:
    return field.kind in ("number", "category") and here.get(field.name) != there.get(field.name)


def _plain(value: object) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
