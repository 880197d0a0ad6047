"""What is asked and answered: asks, events, annotations, decisions, and the pure rules between them."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from collab.domain.project import NONE, Answer, ItemState, LabelSchema, Project

Purpose = Literal[
    "random",
    "cold start",
    "query",
    "audit",
    "certificate",
    "repeat",
    "chosen",
    "imported",
    "review",
    "norming",
    "bulk",
    "more",
    "relabel",
]
"""Why it is asked; "certificate": an audit that a certificate drew; "repeat": this person's own answer, once more;
"review": a second look; "norming": everybody answers the same few items; "bulk": one answer for many items at once;
"more": the answers so far differ; "relabel": a second answer is worth more than a new item."""
Lane = Literal["query", "audit", "certificate", "repeat", "chosen", "review", "norming", "overlap", "relabel"]
"""Which queue an ask stands in; those of `PERSONAL` belong to one person. "overlap": the further answers to items that
somebody has answered."""
PERSONAL: frozenset[Lane] = frozenset({"chosen", "repeat", "review", "norming"})
ALWAYS_BLIND: frozenset[Purpose] = frozenset({"audit", "certificate", "repeat", "review", "norming"})
"""Asks that measure, or look again: their suggestion is never shown, neither before they are answered nor after."""

AnnotationKind = Literal["answer", "unsure", "later", "unusable", "flag", "undo", "restore"]
EventKind = Literal[
    "answer",
    "unsure",
    "later",
    "unusable",
    "flag",
    "undo",
    "restore",
    "import",
    "reopen",
    "schema",
    "policy",
    "certificate",
    "promote",
    "delete weights",
    "fields",
    "adjudicate",
    "withdraw",
    "aggregate",
    "norming",
    "erase",
]
ANNOTATION_KINDS: tuple[AnnotationKind, ...] = ("answer", "unsure", "later", "unusable", "flag", "undo", "restore")
ACTS_ON_ITEMS: tuple[EventKind, ...] = (*ANNOTATION_KINDS, "adjudicate", "withdraw")
"""What people do with single items; all other events change a project as a whole."""

LATER_MS = 30 * 60_000
"""How long an item that was put off, flagged or given back stays away from the same person."""

Footing = Literal["", "names", "ambiguous", "unfamiliar"]
"""What a suggestion stands on: "names", on nothing but the classes' names and descriptions, for too little is answered;
"ambiguous", the likeliest classes tie among items like this one; "unfamiliar", nothing like this item was labeled; "":
on answers."""


@dataclass(frozen=True, slots=True)
class Choices:
    """Some of the classes, of which one (of a multi-label question: all that apply) is among them as often as `level`
    says."""

    columns: tuple[int, ...]
    """In schema order."""
    level: float

    def as_dict(self) -> dict[str, Any]:
        """Plain values for storage."""
        return {"columns": list(self.columns), "level": self.level}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any] | None) -> "Choices | None":
        """Read what `as_dict` wrote, where it wrote any."""
        return None if values is None else cls(tuple(values["columns"]), values["level"])


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A model's word on an item; never mixed with annotations."""

    proba: tuple[float, ...]
    """Class probabilities in schema order; they sum to 1, but for a multi-label question, where each is its own."""
    model: str
    """Model version and revision of its head, as "3.17"; "names" where no head spoke yet, only the classes' names."""
    footing: Footing = ""
    choices: Choices | None = None
    """The classes between which a person may choose; None: no audits have set a limit, or it would be no help."""

    @property
    def best(self) -> int:
        """Column of the likeliest class; the first one where several tie."""
        return max(range(len(self.proba)), key=lambda i: self.proba[i])


@dataclass(frozen=True, slots=True)
class Ask:
    """One item handed, or to be handed, to one annotator; the row is the queue, the lease inside it."""

    id: int
    project: int
    item: int
    slot: int
    purpose: Purpose
    lane: Lane
    score: float
    blind: bool
    """Set by a stored coin when the row is made; a reload can't flip it. Audits are always blind."""
    reason: str
    """Key of the sentence that says why this was chosen."""
    suggestion: Suggestion | None = None
    annotator: str = ""
    token: str = ""
    lease_until: int = 0
    """Milliseconds; 0: free."""
    done: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """One act in the append-only log; everything else is a projection of it."""

    id: str
    """UUID made by whoever acts, before the act: a resend is the same event."""
    project: int
    kind: EventKind
    actor: str
    at: int
    """Milliseconds since 1970, set by the server."""
    item: int | None = None
    ask: int | None = None
    target: str | None = None
    batch: str | None = None
    schema_version: int = 1
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Annotation:
    """What one annotator said of one item, with who, when, how long, and what was on screen."""

    id: str
    project: int
    item: int
    annotator: str
    kind: AnnotationKind
    at: int
    answer: Answer = ()
    ask: int | None = None
    purpose: Purpose = "chosen"
    blind: bool = True
    target: str | None = None
    """The annotation that this one takes back or replaces."""
    seconds: float | None = None
    shown: Suggestion | None = None
    """The suggestion that was on screen; None: there was none, or it was hidden."""
    hidden: Suggestion | None = None
    """The model's word at that time where it was not shown; kept to compare. It is sent to a browser only where
    `revealed` says so."""
    revealed: bool = False
    """Whether the hidden word was shown once this was answered; a change of mind then names this as its target."""
    by_coin: bool = False
    """Whether the word was hidden by the coin alone, so that this may be compared with answers to shown ones."""
    note: str = ""
    seen: str = ""
    """Digest of the content that was on screen; "": not known. Of content that was replaced nothing comes in force."""
    schema_version: int = 0
    """Version of the classes that were on screen; 0: the current one."""
    lease_valid: bool = True

    def event(self) -> Event:
        """The log entry that carries this annotation."""
        payload: dict[str, Any] = {
            "answer": list(self.answer), "purpose": self.purpose, "blind": self.blind, "seconds": self.seconds,
            "note": self.note, "seen": self.seen, "lease_valid": self.lease_valid, "revealed": self.revealed,
            "by_coin": self.by_coin,
        }  # fmt: skip
        for name, word in (("shown", self.shown), ("hidden", self.hidden)):
            if word is not None:
                payload[name] = _written(word)
        return Event(
            self.id, self.project, self.kind, self.annotator, self.at, self.item, self.ask, self.target, None,
            self.schema_version, payload,
        )  # fmt: skip

    @classmethod
    def from_event(cls, event: Event) -> "Annotation":
        """Read an annotation back from the log."""
        p = event.payload
        words = {n: _read(w) for n in ("shown", "hidden") if (w := p.get(n))}
        purpose, blind = p.get("purpose", "chosen"), p.get("blind", True)
        # Before projects had modes, a coin alone hid the words of asks that measure nothing.
        by_coin = p.get("by_coin", blind and "hidden" in words and purpose not in ALWAYS_BLIND)
        assert event.item is not None, "an annotation names its item"
        return cls(
            event.id, event.project, event.item, event.actor, event.kind, event.at,  # type: ignore[arg-type]  # callers pass annotation kinds only
            answer=tuple(p.get("answer", ())), ask=event.ask, purpose=purpose,
            blind=blind, target=event.target, seconds=p.get("seconds"),
            shown=words.get("shown"), hidden=words.get("hidden"), revealed=p.get("revealed", False), by_coin=by_coin,
            note=p.get("note", ""), seen=p.get("seen", ""), schema_version=event.schema_version,
            lease_valid=p.get("lease_valid", True),
        )  # fmt: skip


def _written(word: Suggestion) -> dict[str, Any]:
    """What the log keeps of a suggestion; what most don't have is left out."""
    written: dict[str, Any] = {"proba": list(word.proba), "model": word.model}
    if word.footing:
        written["footing"] = word.footing
    if word.choices is not None:
        written["choices"] = word.choices.as_dict()
    return written


def _read(written: Mapping[str, Any]) -> Suggestion:
    choices = Choices.from_dict(written.get("choices"))
    return Suggestion(tuple(written["proba"]), written["model"], written.get("footing", ""), choices)


def set_aside(token: str) -> str:
    """The token under which a tab's asks are kept for it that it was told to drop: one of them may be on screen by the
    time it hears of that."""
    return f"{token}~"


def coin(project: Project, item: int, slot: int = 0) -> float:
    """The toss of one ask of an item, uniform in [0, 1): always the same, not to be guessed without the project's salt.

    Each slot has a toss of its own, so that one person may see the word and another answer blind.
    """
    what = f"{item}:{slot}" if slot else f"{item}"
    word = hashlib.blake2b(what.encode(), digest_size=6, key=project.salt.encode()).digest()
    return int.from_bytes(word) / 2**48


def answers_wanted(project: Project, item: int) -> int:
    """How many answers an item needs: as the policy says of all, and of those that its coin picks.

    Each item has a coin of its own, always the same, not to be guessed without the project's salt.
    """
    policy = project.policy
    if policy.overlap <= policy.annotations_per_item or not policy.overlap_share:
        return policy.annotations_per_item
    word = hashlib.blake2b(f"overlap:{item}".encode(), digest_size=6, key=project.salt.encode()).digest()
    picked = int.from_bytes(word) / 2**48 < policy.overlap_share
    return policy.overlap if picked else policy.annotations_per_item


DecisionSource = Literal["agreement", "adjudicated", "aggregated", "machine", "imported"]


@dataclass(frozen=True, slots=True)
class Decision:
    """The accepted answer of an item, and where it came from."""

    item: int
    answer: Answer
    source: DecisionSource
    confidence: float | None = None
    certificate: int | None = None
    """Number of the certificate under which a machine decided."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What the annotations of an item amount to: its state, and its decision where there is one."""

    state: ItemState
    decision: Decision | None = None


def settle(
    current: Sequence[Annotation],
    wanted: int,
    schema: LabelSchema,
    standing: Decision | None = None,
    *,
    by_most: bool = False,
    adjudicated: Decision | None = None,
    aggregated: Decision | None = None,
) -> Settled:
    """Say what the annotations in force amount to.

    Args:
        current: At most one annotation for each annotator: the last one not taken back.
        wanted: How many answers an item needs.
        standing: What stands until people answer: the decision that came with the file, or a machine's.
        by_most: Whether, where answers differ, the one that more than half have given counts.
        adjudicated: What an adjudicator has settled; it stands whatever annotators say.
        aggregated: What was concluded from answers that differ; it settles what would be disputed.
    """
    if adjudicated is not None:
        return Settled("decided", replace(adjudicated, answer=_resolved(adjudicated.answer, schema)))
    spoken = [a for a in current if a.kind in ("answer", "unsure")]
    if any(a.kind == "unusable" for a in current):
        return Settled("disputed" if spoken else "unusable")
    if len(spoken) < wanted:
        if any(a.kind == "flag" for a in current):
            return Settled("flagged")
        if standing is not None and not spoken:
            return Settled("decided", replace(standing, answer=_resolved(standing.answer, schema)))
        return Settled("open")
    votes = Counter(_resolved(a.answer, schema) if a.kind == "answer" else None for a in spoken)
    if len(votes) > 1:  # those that differ by what is offered no more are one today
        votes = Counter(answer and counted(answer, schema) for answer in votes.elements())
    if len(votes) > 1:
        if aggregated is not None:
            return Settled("decided", replace(aggregated, answer=_resolved(aggregated.answer, schema)))
        ((most, n),) = votes.most_common(1)
        if not (by_most and 2 * n > len(spoken)):
            return Settled("disputed")
        votes = Counter({most: n})
    (answer,) = votes
    if answer is None:
        return Settled("unsure")
    return Settled("decided", Decision(spoken[0].item, answer, "agreement"))


def counted(answer: Answer, schema: LabelSchema) -> Answer:
    """The classes that an answer counts for today, merges followed, retired ones left out where others are beside them.

    One that names retired classes alone goes on naming them: it doesn't turn into "none".
    """
    whole = _resolved(answer, schema)
    return tuple(a for a in whole if a == NONE or not schema[a].retired) or whole


def _resolved(answer: Answer, schema: LabelSchema) -> Answer:
    return answer if answer == (NONE,) else tuple(sorted({schema.resolve(a) for a in answer}, key=schema.index))
