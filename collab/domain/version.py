"""Model versions: what made one, what that cost, and how the gate judged it against the one before."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from collab.domain.run import Figure

ModelStatus = Literal["candidate", "champion", "retired"]
GateWord = Literal["better", "worse", "can't tell"]

TUNED = "tuned:"
"""What the names of fine-tuned encoders begin with; behind it stands the digest of what made them."""


@dataclass(frozen=True, slots=True)
class Change:
    """A difference and its interval, which holds 9 times in 10."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the gate judged a candidate against the champion, by audits that both answered."""

    word: GateWord
    against: int
    """The champion's version."""
    audits: tuple[int, ...]
    """Items whose audits judged: they have chosen between the two, so figures that rest on them say so."""
    gain: Change
    """By how much the mean log-loss fell, in nats for each audit."""
    accuracy: Change
    """By how much the share of audits agreed with rose."""
    before: int
    """Audits on which the champion agreed."""
    after: int
    """Those on which the candidate did."""
    more: int | None = None
    """How many more audits would probably tell, where it can't be told yet; None: more than could be asked."""
    unresolved: int = 0
    """Audits that were asked without an answer that counts: left out."""


@dataclass(frozen=True, slots=True)
class Making:
    """What a fine-tuning did, and what it cost."""

    job: int
    method: str
    """`full`, `lora`, or `mlp`: a network on the table alone."""
    labels: int
    """Decisions that it was trained on; no audit among them."""
    held_out: int
    """Decisions that said when to stop."""
    epochs: int
    best_epoch: int
    batch: int
    """Items for one step, as they fitted into memory in the end."""
    device: str
    """As people call it: "NVIDIA H200", "processor, 2 threads"."""
    seconds: float
    """That the device was busy with it, over all attempts."""
    memory_bytes: int = 0
    """Most that was held at a time; 0: not known."""
    joules: float | None = None
    """None: nothing here could tell."""
    energy_by: str = ""
    """What told: the device's own counter, or an estimate of codecarbon."""


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """What is known of a version beyond its names."""

    text_encoder: str = ""
    """As a policy names it; "" where the project has no text."""
    image_encoder: str = ""
    making: Making | None = None
    """None: its encoders are as they came."""
    verdict: Verdict | None = None
    """None: the gate had no audits to judge by, or nothing to hold it against."""
    overruled_by: str = ""
    """Who promoted it though the gate had not."""
    accuracy: Figure | None = None
    """Audited, at the time when it was judged."""
    audits: int = 0
    """Answers that the accuracy is of."""
    calibration: Figure | None = None
    """Expected calibration error on them."""
    flipped: int | None = None
    """Items of the pool whose suggestion is another one than the champion's was; None: not counted."""
    deleted_by: str = ""
    """Who deleted its weights; what is known of it stays."""
    suggests_since: int = 0
    """When it was last made the champion by an act; 0: it never was, so if it is one, then since it was made."""
    judged_before: tuple[int, ...] = ()
    """Items whose audits judged it when it was made before, of the same answers: they have chosen too."""


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """A complete encoder with its kind of head; a refit of the head is a revision of it, not a version."""

    id: int
    project: int
    encoder: str
    """All encoders and the measurement of the table, as `measuring.model_name` joins them."""
    head: str
    status: ModelStatus = "champion"
    parent: int | None = None
    record: VersionRecord = field(default_factory=VersionRecord)
    at: int = 0


def makers(models: Sequence[ModelVersion]) -> dict[str, int]:
    """Fine-tuned encoders by name, each with the version that it was made for: the first that has it."""
    found: dict[str, int] = {}
    for model in sorted(models, key=lambda m: m.id):
        for name in (model.record.text_encoder, model.record.image_encoder):
            if name.startswith(TUNED):
                found.setdefault(name, model.id)
    return found
