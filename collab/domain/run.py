"""What machines do: rounds of the head, jobs, imports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

JobStatus = Literal["queued", "running", "done", "failed", "cancelled"]

LIVE_MS = 5 * 60_000
"""For how long somebody who took an ask or answered counts as there."""
CALIBRATED_FROM = 50
"""Audit answers from which probabilities are calibrated on them, and shown as numbers."""
SHOWN_FROM = 10
"""Audit answers from which a figure is shown at all."""


@dataclass(frozen=True, slots=True)
class ClassAudits:
    """Audits that people or the model called one class."""

    both: int = 0
    """Called so by people and by the model."""
    people: int = 0
    model: int = 0
    """Called so by the model, people having answered."""
    unresolved: int = 0
    """Called so by the model, without an answer that counts."""


@dataclass(frozen=True, slots=True)
class Stratum:
    """Imports that are audited as one, and how the audits among their items judged a refit."""

    number: int
    imports: tuple[int, ...]
    items: int
    """Those that could have been drawn as audits, hence what the audits stand for: not the ones decided already."""
    answered: int = 0
    right: int = 0
    unresolved: int = 0
    """Asked, but without an answer that counts; not those that somebody holds just now."""
    classes: Mapping[str, ClassAudits] = field(default_factory=dict)
    """By class id; those that occur."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number and its interval, which holds 19 times in 20."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Bin:
    """Audit answers of nearly equal confidence."""

    confidence: float
    """Their mean probability of the best class."""
    right: int
    count: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the head claimed of audits and how often it was right, under temperatures that the other audits chose."""

    bins: tuple[Bin, ...]
    """Of equal size, least confident first."""
    brier: Figure
    error: Figure | None = None
    """Expected calibration error; None: too few answers."""

    @property
    def answered(self) -> int:
        """Audit answers that it is made of; each counts the same, whatever its stratum."""
        return sum(b.count for b in self.bins)

    @property
    def right(self) -> int:
        """Those on which the head agreed."""
        return sum(b.right for b in self.bins)

    @property
    def expected(self) -> float:
        """On how many of them it claimed to agree."""
        return sum(b.confidence * b.count for b in self.bins)


@dataclass(frozen=True, slots=True)
class Checks:
    """Figures from audits that take too long for each refit; made about once a minute."""

    labels: int
    """Decisions that the checked refit was fitted on."""
    look: int = 0
    """How many times figures were made so far: each look spends a share of the doubt that the bounds allow."""
    answered: int = 0
    """Audit answers of the checked strata, which make the accuracies."""
    low: float | None = None
    high: float | None = None
    """Bounds of the accuracy on the checked strata; those of all looks hold at once, so one may stop at any of them.
    None: no stratum is checked. A streak early on may leave the share of today outside of them."""
    by_confidence: Figure | None = None
    """Accuracy in parts of the pool by confidence, each counted by its size; None: not known well enough."""
    calibration: Calibration | None = None
    """None: too few answers."""


@dataclass(frozen=True, slots=True)
class Round:
    """One refit of the head: what it learned from, and how the audits judged it."""

    project: int
    revision: int
    model: int
    at: int
    labels: int
    """Decisions that it was fitted on; no audit item among them."""
    strata: tuple[Stratum, ...] = ()
    """How the audits judged it, by stratum."""
    audits_retired: int = 0
    """Audit answers left out: their class is offered no more, so nothing could agree with them."""
    temperature: float = 1.0
    fit_seconds: float = 0.0
    query_seconds: float = 0.0
    strategy: str = ""
    strength: float = 1.0
    demo_accuracy: float | None = None
    """Accuracy against held-back truth; only where the project is a demo."""
    demo_items: int = 0
    """Held-back answers that it was judged by."""
    by_class: Mapping[str, int] = field(default_factory=dict)
    checks: Checks | None = None
    """Of this refit or of one up to a minute older."""
    looks: int = 0
    """How many times checks were made so far, also where this round has none."""
    set_threshold: float | None = None
    """What a class must miss less than to be in an item's label set; None: too few audits to promise any."""
    set_level: float = 0.0
    """Share of items whose label set holds the answer, as promised."""

    @property
    def audits(self) -> int:
        """Audit answers that it was judged by."""
        return sum(s.answered for s in self.strata)


@dataclass(frozen=True, slots=True)
class Job:
    """Work that outlives a click. `attempt` is the fencing token: only the latest attempt may write."""

    id: int
    kind: str
    project: int | None
    status: JobStatus = "queued"
    payload: Mapping[str, Any] = field(default_factory=dict)
    progress: float = 0.0
    """Share done, 0 to 1."""
    message: str = ""
    attempt: int = 0
    cancel_requested: bool = False
    requested_by: str = ""
    created_at: int = 0
    finished_at: int | None = None
    result: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of a file's rows."""

    added: int = 0
    duplicates: int = 0
    changed: int = 0
    """Same id, other content; what was done with them is the importer's choice."""
    rejected: int = 0
    answers: int = 0
    """Answers that came along and were taken."""
    answers_left: int = 0
    """Answers that were not: their item is decided, in the audit reserve, or this person has acted on it already."""
    unlabeled: int = 0
    """Rows whose answer names no class, taken without it."""
    language: str = ""
    rejected_file: str = ""
    """Name of the stored file that lists the rejected rows; "" where there are none."""
    columns: tuple[str, ...] = field(default=(), compare=False)
    """The file's columns in their order: an export gives them back like that."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The counters of a project, each kept by the transaction that changes it."""

    items: int = 0
    reserved: int = 0
    decided: int = 0
    """Items outside the reserve with a decision: what the head learns from."""
    audited: int = 0
    """Items of the audit reserve with a decision."""
    checked: int = 0
    """Items that certificates drew as audits, with a decision of people."""
    machine: int = 0
    """Items whose decision is a machine's."""
    events: int = 0
    """Number of the last event."""
    asks: int = 0
    """Asks handed out, swaps not counted: says where the next audit is due."""
    ranking: int = 0
    """Number of the ranking that the queue holds."""
    revision: int = 0
    """Number of the last refit of the head."""
    reading: float = 0.0
    """Share of the items that have features."""
    worker: str = ""
    """What the worker does now, in a word of the catalogue."""
    worker_at: int = 0

    @property
    def answered(self) -> int:
        """Items that people have decided."""
        return self.decided + self.audited + self.checked

    @property
    def audits_left(self) -> int:
        """Most items of the audit reserve that can still be decided."""
        return max(0, self.reserved - self.audited)
