"""Certificates: what is promised of a machine's labels, on what evidence, and what became of the promise."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from collab.errors import InvalidPolicy

Promise = Literal["machine", "dataset"]
"""Which errors are bounded: as a share of the machine's labels, or of all items that it was to label, of which people
label the rest."""

CertificateStatus = Literal["auditing", "certified", "refused", "signed", "given up", "withdrawn", "revoked"]
"""auditing: frozen, its audits are asked; certified or refused: judged; signed: the machine's labels are in force;
given up before anybody signed; withdrawn: taken back by a person; revoked: what it rests on no longer holds."""

Reason = Literal["", "classes", "edited", "alarm"]
"""Why a certificate was revoked: the classes changed, an item of it was edited, its audits raised the alarm."""

OPEN: frozenset[CertificateStatus] = frozenset({"auditing", "certified"})
"""Not over yet, nor signed; a project has one such certificate at most."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a person chooses before anything is frozen."""

    epsilon: float = 0.05
    """At most this share is wrong."""
    delta: float = 0.1
    """All certificates that the project will ever get fail with this probability together."""
    promise: Promise = "machine"
    audits: int = 200
    miss_epsilon: float = 0.05
    """At most this share of each critical class is missed."""

    def __post_init__(self) -> None:
        for name, value in (("epsilon", self.epsilon), ("miss_epsilon", self.miss_epsilon)):
            if not 0.001 <= value <= 0.5:
                raise InvalidPolicy(name, value, "between 0.001 and 0.5")
        if not 0.001 <= self.delta <= 0.5:
            raise InvalidPolicy("delta", self.delta, "between 0.001 and 0.5")
        if not 1 <= self.audits <= 100_000:
            raise InvalidPolicy("audits", self.audits, "between 1 and 100000")


@dataclass(frozen=True, slots=True)
class Missed:
    """How many items of a critical class the machine would call something else."""

    class_id: str
    missed: int
    n: int
    """Audits that people call so; unresolved ones that the machine calls otherwise are among both."""
    passed: bool
    more: int | None = None
    """Where it did not pass: how many more audits of the class are needed at the least; None: there are not so many."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the audits came to; computed once."""

    threshold: float | None
    """Confidence from which on the machine may label; None: refused."""
    above: int = 0
    """Audits at or above it."""
    errors: int = 0
    """Wrong ones among these, the unresolved among them."""
    unresolved: int = 0
    """Audits without an answer that counts, wherever they lie; each counts as an error."""
    coverage: float = 0.0
    """Share of the frozen items at or above the threshold."""
    labels: int = 0
    """Items that the machine may label: those at or above it that nobody has answered."""
    most_wrong: int = 0
    """The promise in counts: at most so many of them are wrong ("machine"), or so many of all frozen items are, whose
    other ones people label ("dataset")."""
    more: int | None = None
    """Where refused: how many more audits it takes at the least, if they are as good; None: there are not so many."""
    missed: tuple[Missed, ...] = ()
    """Of each critical class."""
    by_class: Mapping[str, int] = field(default_factory=dict)
    """Labels by class id; those that occur."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What the audits among the machine's labels found since it was signed."""

    answered: int = 0
    errors: int = 0


@dataclass(frozen=True, slots=True)
class Certificate:
    """One promise about the labels of one frozen model on frozen items."""

    project: int
    number: int
    """From 1 on, in the order in which they were frozen; the doubt that each may spend falls with it."""
    status: CertificateStatus
    terms: Terms
    spent: float
    """Its share of the doubt: the promise fails with this probability at most."""
    model: str
    """Model version and revision of its head, as "3.17"."""
    schema_version: int
    items: int
    """Items frozen with it, the audits drawn from them among these."""
    digest: str
    """Of the frozen items, their contents, and the model's words on them."""
    key: str
    """Random; orders the frozen items, of which the first are the audits."""
    audits: int
    """How many were drawn."""
    by: str
    at: int
    verdict: Verdict | None = None
    judged_at: int = 0
    labels: int = 0
    """Machine labels that came in force by it."""
    signed_by: str = ""
    signed_at: int = 0
    watch: Watch = field(default_factory=Watch)
    ended_by: str = ""
    """Who gave it up or withdrew it; "" where it was revoked."""
    ended_at: int = 0
    reason: Reason = ""
