"""Hold a norming round: the lead picks a few items, everybody answers them blind, then all see, discuss, answer again.

Nobody sees an answer of another before the round is opened, and from then on nobody answers blind. While it lasts its
answers stand for themselves; when it is closed, what each person said last counts as any answer.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from collab.domain.annotation import Event
from collab.domain.norming import NEXT, Normed, Norming, Remark, Stage
from collab.domain.project import Answer, Item, Project
from collab.domain.store import SharedAnswer, Store
from collab.engine.annotator_quality import alpha_change, krippendorff_alpha
from collab.engine.assurance import Estimate
from collab.errors import Conflict, UnknownName
from collab.loop.juxtaposing import tabled
from collab.loop.permitting import needs
from collab.loop.settling import convene

SIZE, FEWEST, MOST = 20, 5, 100
"""Items of a round: usually, at least and at most."""
TOLD_FROM = 15
"""Items that two people have answered, from which agreement is told with an interval, a rough one."""
DRAWN_FROM = 50_000
"""Items of the pool among which a round is drawn."""
MAX_TEXT = 500


@dataclass(frozen=True, slots=True)
class Seen:
    """An item of a round that is open, with what everybody said."""

    item: Item
    before: Mapping[str, Answer]
    """By person; () is "can't tell"."""
    after: Mapping[str, Answer]
    """What was answered again; nobody's before the round is closed, but one's own."""
    remarks: tuple[Remark, ...] = ()
    unusable: frozenset[tuple[str, bool]] = frozenset()
    """Who says that no answer can be given, and whether after it was opened; their answer is ()."""


@dataclass(frozen=True, slots=True)
class Agreed:
    """Agreement in a round, before it was opened and after."""

    before: Estimate | None
    """Alpha; None: under `TOLD_FROM` items, or all are of one class."""
    after: Estimate | None
    """Where nobody answered again, None; who didn't is counted with what they said before."""
    change: Estimate | None
    items: int
    """Those that two people have answered blind; "unusable" is no answer."""
    people: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a round is, without a word of what was said."""

    norming: Norming
    people: int
    """Who are asked: all who may answer in the project; once more, those who have answered."""
    whole: int
    """Who have answered every item."""
    mine: int
    """One's own answers at this stage."""
    out: bool = False
    """Whether one is not asked at this stage: those alone are asked once more who answered before."""


@needs("lead", own="by")
def begin(
    store: Store, project: Project, by: str, event_id: str, now: int, *, items: Sequence[int] = (), size: int = SIZE
) -> Norming:
    """Begin a round, on items that were picked, or on some drawn at random of what nobody was asked yet.

    Raises:
        Conflict: Another round is under way, or there are too few items left.
        UnknownName: A picked item isn't in the project, or is set apart for audits.
    """
    with store.transaction():
        store.lock(project.id)
        if store.event(event_id) is not None:
            return store.normings(project.id)[0]
        before = store.normings(project.id)
        if before and before[0].stage != "closed":
            raise Conflict("A norming round is under way; close it before you begin another one.")
        chosen = _checked(store, project, items) if items else _drawn(store, project, event_id, size)
        if not FEWEST <= len(chosen) <= MOST:
            raise Conflict(f"A norming round takes {FEWEST} to {MOST} items; there are {len(chosen)} to take.")
        return _act(store, project, Norming(project.id, len(before) + 1, "blind", chosen, by, now), by, event_id, now)


@needs("lead", own="by")
def move(store: Store, project: Project, number: int, stage: Stage, by: str, event_id: str, now: int) -> Norming:
    """Open a round, have it answered again, or close it.

    Raises:
        Conflict: That stage doesn't follow, or fewer than two people have answered.
    """
    with store.transaction():
        store.lock(project.id)
        norming = _round(store, project, number)
        if store.event(event_id) is not None:
            return norming
        if stage not in NEXT.get(norming.stage, ()):
            raise Conflict("The round is at another stage by now; look at it again.")
        people = {n.annotator for n in store.normed(project.id, number)}
        if stage == "open" and len(people) < 2:
            raise Conflict("Fewer than two people have answered; there is nothing to compare yet.")
        done = _act(store, project, replace(norming, stage=stage), by, event_id, now)
        if stage == "again":
            store.ask_norming_again(project.id)
        else:
            store.end_norming_asks(project.id)
        return done


@needs("annotate", own="by")
def remark(store: Store, project: Project, number: int, item: int, text: str, by: str, event_id: str, now: int) -> None:
    """Write something on an item of a round, for all to read; while it is discussed.

    Raises:
        Conflict: The round isn't open.
        UnknownName: The item isn't in the round.
    """
    with store.transaction():
        store.lock(project.id)
        norming = _round(store, project, number)
        if item not in norming.items:
            raise UnknownName("item", item)
        if norming.stage not in ("open", "again"):
            raise Conflict("Remarks are written while a round is open.")
        said = {"number": number, "stage": "remark", "text": text.strip()[:MAX_TEXT]}
        event = Event(
            event_id, project.id, "norming", by, now, item=item, schema_version=project.schema.version, payload=said
        )
        if said["text"] and store.append(event):
            convene(store, project, event)


@needs("see", own="annotator")
def standing(store: Store, project: Project, annotator: str) -> Standing | None:
    """How far the newest round is; None: there was none."""
    norming = next(iter(store.normings(project.id)), None)
    if norming is None:
        return None
    each = _each(store, project, norming)
    whole = sum(n >= len(norming.items) for n in each.values())
    out = norming.stage == "again" and annotator not in each
    return Standing(norming, len(each), whole, each.get(annotator, 0), out)


@needs("lead")
def standing_of_each(store: Store, project: Project) -> Mapping[str, int]:
    """How many items of the newest round each person who is asked has answered at this stage."""
    norming = next(iter(store.normings(project.id)), None)
    return {} if norming is None else _each(store, project, norming)


@needs("see", own="annotator", alone="only")
def seen(store: Store, project: Project, number: int, annotator: str, *, only: str = "") -> tuple[Seen, ...]:
    """The items of a round with all answers side by side, those first on which people differ; none while blind.

    Args:
        only: Somebody who sees what others said of an item once they have answered it themselves.
    """
    norming = _round(store, project, number)
    if norming.stage == "blind":
        return ()
    said, told = store.normed(project.id, number), store.remarks(project.id, number)
    items = store.items(norming.items)
    found = [
        Seen(
            items[item],
            {n.annotator: n.answer for n in said if n.item == item and not n.after},
            {
                n.annotator: n.answer
                for n in said
                if n.item == item and n.after and (norming.stage == "closed" or n.annotator == annotator)
            },
            tuple(r for r in told if r.item == item),
            frozenset(
                (n.annotator, n.after)
                for n in said
                if n.item == item
                and n.unusable
                and (not n.after or norming.stage == "closed" or n.annotator == annotator)
            ),
        )
        for item in norming.items
        if item in items and (not only or any((n.item, n.annotator) == (item, only) for n in said))
    ]
    return tuple(sorted(found, key=lambda s: -len(set(s.before.values()))))


@needs("see")
def agreed(store: Store, project: Project, number: int) -> Agreed:
    """Agreement of those who took part; nothing while the round is blind, and nothing of after until it is closed."""
    norming = _round(store, project, number)
    if norming.stage == "blind":
        return Agreed(None, None, None, 0, 0)
    said = store.normed(project.id, number)
    before = [n for n in said if not n.after and not n.unusable]
    people = {n.annotator for n in before}
    again = [n for n in said if n.after and n.annotator in people] if norming.stage == "closed" else []
    last = {(n.item, n.annotator): n for n in (*before, *again)}
    both = [_shared(n, "before") for n in before] + [_shared(n, "after") for n in last.values() if not n.unusable]
    table = tabled(both, project.schema)  # one numbering of answers for both
    columns = {name: column for column, name in enumerate(table.people)}
    order = sorted(people)
    first, then = (table.table[:, [columns[f"{when} {name}"] for name in order]] for when in ("before", "after"))
    items = int(((first >= 0).sum(axis=1) > 1).sum())
    seed = project.policy.seed
    return Agreed(
        _told(krippendorff_alpha(first, TOLD_FROM)),
        _told(krippendorff_alpha(then, TOLD_FROM)) if again else None,
        _told(alpha_change(first, then, seed, TOLD_FROM)) if again else None,
        items,
        len(people),
    )


def _act(store: Store, project: Project, norming: Norming, by: str, event_id: str, now: int) -> Norming:
    payload = {"number": norming.number, "stage": norming.stage, "items": list(norming.items)}
    event = Event(event_id, project.id, "norming", by, now, schema_version=project.schema.version, payload=payload)
    store.append(event)
    convene(store, project, event)
    return norming


def _round(store: Store, project: Project, number: int) -> Norming:
    found = next((n for n in store.normings(project.id) if n.number == number), None)
    if found is None:
        raise UnknownName("norming round", number)
    return found


def _checked(store: Store, project: Project, items: Sequence[int]) -> tuple[int, ...]:
    there = store.items(items)
    for number in items:
        item = there.get(number)
        if item is None or item.project != project.id or item.reserved or item.drawn or item.erased:
            raise UnknownName("item", number)
    return tuple(dict.fromkeys(items))


def _drawn(store: Store, project: Project, event_id: str, size: int) -> tuple[int, ...]:
    """Items at random, by the id of the act: nobody has been asked any of them."""
    pool = [item for item, _ in store.remaining(project.id, limit=DRAWN_FROM)]
    word = hashlib.blake2b(event_id.encode(), digest_size=8, key=project.salt.encode()).digest()
    rng = np.random.default_rng(int.from_bytes(word))
    return tuple(sorted(pool[i] for i in rng.permutation(len(pool))[:size].tolist()))


def _each(store: Store, project: Project, norming: Norming) -> dict[str, int]:
    """How many items each person has answered at this stage, also who has answered none."""
    said, again = store.normed(project.id, norming.number), norming.stage == "again"
    each = dict.fromkeys((n.annotator for n in said) if again else _asked(store, project), 0)
    for normed in said:
        if normed.after == again:
            each[normed.annotator] = each.get(normed.annotator, 0) + 1
    return each


def _asked(store: Store, project: Project) -> list[str]:
    """Who may answer: members; where names are taken on trust, all who are known."""
    if store.sign_in_way() == "none":
        return list(store.annotators())
    shut = {person.name for person in store.people() if person.disabled}
    return [name for name in store.members(project.id) if name not in shut]


def _shared(normed: Normed, when: str) -> SharedAnswer:
    return SharedAnswer(normed.item, f"{when} {normed.annotator}", normed.answer, "norming", False, True)


def _told(estimate: Estimate) -> Estimate | None:
    return None if np.isnan([estimate.value, estimate.low, estimate.high]).any() else estimate
