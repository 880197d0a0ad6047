"""Second looks: why an item should be looked at again, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from collab.domain.annotation import Decision, Settled
from collab.domain.project import Answer

SuspectKind = Literal["sent", "disputed", "flagged", "error", "contradiction", "flip", "machine", "audit"]
"""Why: somebody wants this person's word; annotators disagree; one asked for help; the answer is likely wrong; a near
item has another answer; two model versions suggest different answers; a machine's label was drawn for a check; a second
look at audits was ordered."""
KINDS: tuple[SuspectKind, ...] = get_args(SuspectKind)
FOUND: tuple[SuspectKind, ...] = ("error", "contradiction", "flip", "machine")
"""Kinds that the worker finds."""

Verdict = Literal["keep", "change", "discard", "send"]
"""keep: what was decided stands; change: another answer does, or the first one where nothing was decided; discard: all
answers are put out of force, and the item is asked anew; send: another expert is asked, and nothing is settled."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A reason to look at an item again."""

    item: int
    kind: SuspectKind
    score: float
    """Higher = look sooner; between kinds too."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """What was found, as plain values: people see it once they have answered."""
    answer: Answer | None = None
    """The decision that is in doubt: with another one the reason is gone. None: whatever the decision, it stays."""


@dataclass(frozen=True, slots=True)
class Adjudication:
    """What an adjudicator said of an item; it stands above all that others say."""

    item: int
    event: str
    verdict: Verdict
    answer: Answer = ()
    """() where the answers were discarded; else that no answer can be given: the item is unusable."""
    before: Answer | None = None
    """What is decided without any adjudicator; None: nothing. The figures of audits go by it."""

    @property
    def unusable(self) -> bool:
        """Whether it says that no answer can be given."""
        return not self.answer and self.verdict != "discard"

    @property
    def decision(self) -> Decision | None:
        """What is decided by it; None where it discards, or says that the item is unusable."""
        return Decision(self.item, self.answer, "adjudicated") if self.answer else None


@dataclass(frozen=True, slots=True)
class Sent:
    """An item that somebody is wanted to look at, and hasn't settled yet."""

    item: int
    event: str
    by: str
    to: str
    at: int
    note: str = ""


def decided_by_people(settled: Settled) -> Answer | None:
    """What was decided, unless a machine did, or nobody.

    >>> decided_by_people(Settled("decided", Decision(1, ("a",), "machine"))), decided_by_people(Settled("open"))
    (None, None)
    """
    decision = settled.decision
    return None if decision is None or decision.source == "machine" else decision.answer


@dataclass(frozen=True, slots=True)
class Adjudicated:
    """An adjudication in force, for a list."""

    number: int
    """Of its event; pages back when handed in as `before`."""
    adjudication: Adjudication
    adjudicator: str
    at: int
    kind: SuspectKind
    """Why the item was looked at."""
    note: str = ""
