"""Say what showing suggestions does to people, and how long they work: read from the log, a piece at each look."""

from array import array
from dataclasses import dataclass, replace
from math import isfinite
from typing import final

import numpy as np

from collab.domain.annotation import ALWAYS_BLIND, ANNOTATION_KINDS, Annotation
from collab.domain.project import NONE as NO_CLASS
from collab.domain.project import LabelSchema, LoopPolicy
from collab.domain.store import Store
from collab.domain.task import Task, task_of
from collab.engine import influence
from collab.engine.arrays import Ints
from collab.engine.assurance import Estimate
from collab.engine.certifying import Bools, Doubles
from collab.engine.numbering import Numbering

FIGURES = "influence"

EVENTS_A_LOOK = 20_000
"""More would keep the next round waiting; what is left is read at the next looks."""

SHOWN, HIDDEN, NEITHER = 1, 0, -1
NONE = -1


@dataclass(frozen=True, slots=True)
class Person:
    """How often one annotator agreed with the model, by whether its word was shown or hidden at random."""

    annotator: str
    shown: Estimate | None
    """None: no such answer."""
    hidden: Estimate | None
    difference: Estimate | None
    """Shown less hidden; None: one of the two is missing."""


@dataclass(frozen=True, slots=True)
class Revealed:
    """What people did once the model's word was shown to them after their answer; counts of answers."""

    answers: int = 0
    """Answers after which it was shown."""
    differed: int = 0
    """Those where the model said something else."""
    changed: int = 0
    """Those of them that the person changed then."""
    to_model: int = 0
    """Those of them that are the model's word now."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one person has done."""

    annotator: str
    answers: int
    """In force, can't tell included."""
    acts: int = 0
    """Everything that they did with a card, undone and repeated answers included."""
    timed: int = 0
    """Acts whose time is known."""
    seconds: float = 0.0
    """They took together."""


@dataclass(frozen=True, slots=True)
class Effect:
    """The effect of showing suggestions, from answers to suggestions that were shown or hidden at random."""

    events: int
    """How far the log was read."""
    annotators: int
    """Who answered both kinds."""
    shown_answers: int
    hidden_answers: int
    too_early: bool = True
    """Under five annotators or 200 hidden asks: what follows is None then, but for the people."""
    difference: Estimate | None = None
    """Agreement with the model where its word was shown less where it was hidden, within each annotator."""
    shown: Estimate | None = None
    hidden: Estimate | None = None
    seconds: Estimate | None = None
    """How many times as long an answer took with the suggestion; None: times aren't known."""
    accepted_when_wrong: Estimate | None = None
    """How often a suggestion that was shown and wrong became the answer, where others' blind answers tell; None: no
    such answer."""
    for_these_people: bool = True
    """Whether the intervals speak of these annotators only: they are too few to stand for others."""
    alarm: bool = False
    """Whether even the lower bound of the difference is over 5 points."""
    people: tuple[Person, ...] = ()
    revealed: Revealed = Revealed()
    work: tuple[Work, ...] = ()
    """Its `answers` are those of the store's count when a page reads it."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Answers to words that were shown, or hidden by the coin alone; each of shape (n,)."""

    annotator: Ints
    """Number of who answered."""
    shown: Bools
    agreed: Bools
    seconds: Doubles
    """NaN where unknown."""
    model_right: Ints
    """1 right, 0 wrong, -1 where nobody knows."""


@final
class Answers:
    """What the effect is made of, kept in memory; made anew from the log.

    Only asks that had a word to hide are compared, so neither audits nor what a person chose; only those of times in
    which the coin hid as many as it did the last time that it was tossed, for with another share, or with none hidden,
    shown and hidden ones come from different times; and only first answers: what somebody makes of one later is told
    apart. People's own blind answers say where the model was right, each about
    what others were shown.
    """

    def __init__(self, store: Store, project: int) -> None:
        self._store, self._project = store, project
        self.events = 0
        """Number of the last event that was read."""
        self._people: dict[str, int] = {}
        self._numbers: Numbering | None = None
        """Of answers, as they were given."""
        self._item, self._who = array("q"), array("q")
        self._said, self._word, self._arm, self._blind = array("q"), array("q"), array("q"), array("q")
        self._seconds = array("d")
        self._time = array("q")
        self._coins: list[float | None] = [None]
        """Share that the coin hid, by time; None: as today, for the policy hasn't changed since."""
        self._revealed: dict[str, int] = {}
        self._first, self._told, self._last = array("q"), array("q"), array("q")
        self._acts: list[int] = []
        self._timed: list[int] = []
        self._took: list[float] = []

    def read(self, schema: LabelSchema, limit: int = EVENTS_A_LOOK) -> bool:
        """Read the next events of the log; whether its end is reached."""
        column = {c.id: i for i, c in enumerate(schema.classes)}
        numbers, task = self._of(schema), task_of(schema)
        left = limit
        while left > 0:
            page = self._store.log(self._project, self.events)
            if not page:
                return True
            for number, event in page:
                self.events = number
                if event.kind == "policy":
                    self._take_policy(*(LoopPolicy.from_dict(event.payload[when]) for when in ("before", "after")))
                elif event.kind in ANNOTATION_KINDS and event.item is not None:
                    self._take(Annotation.from_event(event), column, numbers, task)
            left -= len(page)
        return False

    def compared(self, schema: LabelSchema) -> Compared:
        """The answers that the effect is made of."""
        resolved = _resolved(schema, self._of(schema))
        said, word = resolved[np.frombuffer(self._said, np.int64)], resolved[np.frombuffer(self._word, np.int64)]
        item, who = np.frombuffer(self._item, np.int64), np.frombuffer(self._who, np.int64)
        right = _model_right(item, who, said, np.frombuffer(self._blind, np.int64) > 0, word)
        arm = np.frombuffer(self._arm, np.int64)
        kept = (arm != NEITHER) & self._comparable()[np.frombuffer(self._time, np.int64)]
        seconds = np.frombuffer(self._seconds, np.float64)[kept]
        return Compared(who[kept], arm[kept] == SHOWN, (said == word)[kept], seconds, right[kept])

    def effect(self, schema: LabelSchema) -> Effect:
        """Say what was read so far."""
        those, names = self.compared(schema), list(self._people)
        found = influence.influence(those.annotator, those.shown, those.agreed, those.seconds, those.model_right)
        made = Effect(
            self.events,
            sum(p.shown.n > 0 and p.hidden.n > 0 for p in found.people),
            int(those.shown.sum()),
            int((~those.shown).sum()),
            people=tuple(
                Person(names[p.annotator], _told(p.shown), _told(p.hidden), _told(p.difference)) for p in found.people
            ),
            revealed=self._after_reveal(_resolved(schema, self._of(schema))),
            work=self._work(names),
        )
        if isinstance(found, influence.TooEarly):
            return made
        return replace(
            made,
            too_early=False,
            difference=_told(found.difference),
            shown=_told(found.shown),
            hidden=_told(found.hidden),
            seconds=_told(found.seconds),
            accepted_when_wrong=_told(found.accepted_when_wrong),
            for_these_people=found.for_these_people,
            alarm=found.alarm,
        )

    def _comparable(self) -> Bools:
        """Of each time whether its answers may be compared."""
        today = _tossed(self._store.project(self._project).policy)
        coins = [today if coin is None else coin for coin in self._coins]
        latest = next((coin for coin in reversed(coins) if coin), 0.0)
        return np.array([coin == latest and coin > 0 for coin in coins])

    def _take_policy(self, before: LoopPolicy, after: LoopPolicy) -> None:
        if self._coins[-1] is None:
            self._coins[-1] = _tossed(before)
        if _tossed(after) != self._coins[-1]:
            self._coins.append(_tossed(after))

    def _of(self, schema: LabelSchema) -> Numbering:
        if self._numbers is None:
            self._numbers = Numbering(schema.many)
        return self._numbers

    def _take(self, said: Annotation, column: dict[str, int], numbers: Numbering, task: Task) -> None:
        if said.purpose == "imported":
            return
        who = self._person(said)
        if said.purpose in ("repeat", "review", "bulk") or said.kind in ("later", "flag"):
            return
        named = [column.get(a, NONE) for a in said.answer if a != NO_CLASS]
        known = NONE not in named and (numbers.many or len(named) == 1)
        answered = said.kind == "answer" and known
        choice = numbers.number(sorted(named)) if answered else NONE
        shown, hidden = (numbers.number(task.suggested(w.proba)) if w else NONE for w in (said.shown, said.hidden))
        self._take_reveal(said, choice, hidden)
        arm, word = NEITHER, NONE
        if answered and said.target is None and said.purpose not in ALWAYS_BLIND and said.purpose != "chosen":
            if said.shown is not None:
                arm, word = SHOWN, shown
            elif said.by_coin and said.hidden is not None:
                arm, word = HIDDEN, hidden
        for column_, value in (
            (self._item, said.item), (self._who, who), (self._said, choice), (self._word, word), (self._arm, arm),
            (self._blind, answered and said.shown is None and (said.blind or said.target is None)),
        ):  # fmt: skip
            column_.append(int(value))
        self._seconds.append(float("nan") if said.seconds is None else said.seconds)
        self._time.append(len(self._coins) - 1)

    def _person(self, said: Annotation) -> int:
        who = self._people.setdefault(said.annotator, len(self._people))
        if who == len(self._acts):
            self._acts.append(0)
            self._timed.append(0)
            self._took.append(0.0)
        self._acts[who] += 1
        if said.seconds is not None:
            self._timed[who] += 1
            self._took[who] += said.seconds
        return who

    def _take_reveal(self, said: Annotation, choice: int, told: int) -> None:
        if said.target is not None and said.shown is not None and said.target in self._revealed:
            self._last[self._revealed[said.target]] = choice
        elif said.target is None and said.revealed and said.hidden is not None and choice != NONE:
            self._revealed[said.id] = len(self._first)
            self._first.append(choice)
            self._told.append(told)
            self._last.append(choice)

    def _after_reveal(self, resolved: Ints) -> Revealed:
        first, told, last = (resolved[np.frombuffer(part, np.int64)] for part in (self._first, self._told, self._last))
        differed = told != first
        changed = differed & (last != first)
        counts = (differed, changed, changed & (last == told))
        return Revealed(len(first), *(int(part.sum()) for part in counts))

    def _work(self, names: list[str]) -> tuple[Work, ...]:
        done = zip(names, self._acts, self._timed, self._took, strict=True)
        return tuple(Work(name, 0, acts, timed, round(seconds, 1)) for name, acts, timed, seconds in done)


def _model_right(item: Ints, who: Ints, said: Ints, blind: Bools, word: Ints) -> Ints:
    """Say of each answer whether the model's word on its item was what all others say who answered it blind.

    Args:
        item: Of each answer, in the order of the log, shape (n,).
        who: Number of who gave it, same shape.
        said: Column of its class, -1 where it was taken back or is none.
        blind: Whether no word was on screen.
        word: Column of the model's word, -1 where nothing is compared.
    Returns:
        1 right, 0 wrong, -1 where nobody else answered blind, or others disagree; shape (n,).
    """
    right = np.full(len(item), NONE)
    people = int(who.max(initial=0)) + 1
    pair = item * people + who
    _, latest = np.unique(pair[::-1], return_index=True)
    latest = len(item) - 1 - latest  # in order of item and person
    votes = latest[blind[latest] & (said[latest] != NONE)]
    asked = np.flatnonzero((word != NONE) & np.isin(item, item[votes]))
    if not len(asked):
        return right
    items, starts, n = np.unique(item[votes], return_index=True, return_counts=True)
    low, high = np.minimum.reduceat(said[votes], starts), np.maximum.reduceat(said[votes], starts)
    lows, highs = (np.add.reduceat((said[votes] == np.repeat(end, n)).astype(np.int64), starts) for end in (low, high))
    at = np.searchsorted(items, item[asked])
    n, low, high, lows, highs = (part[at] for part in (n, low, high, lows, highs))
    place = np.minimum(np.searchsorted(pair[votes], pair[asked]), len(votes) - 1)
    voted = pair[votes][place] == pair[asked]
    own = np.where(voted, said[votes][place], NONE)
    truth = np.where((low == high) & (n > voted), low, NONE)
    # One's own vote counts for nothing: where it is the only one that differs, the others agree.
    truth = np.where((low != high) & (own == low) & (highs == n - 1), high, truth)
    truth = np.where((low != high) & (own == high) & (lows == n - 1), low, truth)
    right[asked] = np.where(truth == NONE, NONE, truth == word[asked])
    return right


def _tossed(policy: LoopPolicy) -> float:
    """Share of the words that the coin hides."""
    return policy.blind_share if policy.mode == "suggestion first" else 0.0


def _resolved(schema: LabelSchema, numbers: Numbering) -> Ints:
    """Number of each answer with merges followed; -1, for none, stays."""
    heirs = [schema.index(c.id) for c in schema.classes]
    if numbers.many:
        heirs = [numbers.number(sorted({heirs[column] for column in columns})) for columns in numbers.met]
    return np.array([*heirs, NONE], np.int64)


def _told(estimate: Estimate) -> Estimate | None:
    """None where there is nothing to tell: what is stored can't hold NaN or infinity."""
    whole = estimate.n > 0 and all(map(isfinite, (estimate.value, estimate.low, estimate.high)))
    return estimate if whole else None
