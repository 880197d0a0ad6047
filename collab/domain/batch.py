"""A batch: one answer for many items at once."""

import uuid
from dataclasses import dataclass, replace
from typing import Literal, Self

from collab.domain.project import Answer

BatchStatus = Literal["answering", "done", "undoing", "undone"]


def act_of(batch: str, item: int, act: Literal["answer", "undo"]) -> str:
    """The id of an event of a batch: a step that is done once more is the same act."""
    return str(uuid.uuid5(uuid.UUID(batch), f"{item} {act}"))


@dataclass(frozen=True, slots=True)
class Batch:
    """One answer for many items, and how far it has come."""

    id: str
    project: int
    annotator: str
    answer: Answer
    items: tuple[int, ...]
    """In the order in which they are answered."""
    reason: str
    """How they were chosen."""
    made_at: int
    schema_version: int = 1
    status: BatchStatus = "answering"
    at: int = 0
    """How many items it has been through, answering or taking back."""
    until: int = 0
    """How many it was through when it was taken back."""
    answered: int = 0
    """How many of its answers were given."""
    taken_back: int = 0
    """How many of them were undone."""
    undone_at: int | None = None
    seen: tuple[str, ...] = ()
    """For each item how the digest of its content began when it was chosen; () once nothing is to be answered."""

    @property
    def busy(self) -> bool:
        """Whether it isn't at its end: somebody steps through it, or was cut off."""
        return self.status in ("answering", "undoing")

    @property
    def left(self) -> int:
        """Items that it was through and left alone: answered meanwhile, or changed, or kept for audits."""
        return 0 if self.status in ("undoing", "undone") else self.at - self.answered

    @property
    def share(self) -> float:
        """How far it is, 0 to 1."""
        whole = self.until if self.status == "undoing" else len(self.items)
        return self.at / whole if whole and self.busy else 1.0

    def moved(self, acted: bool) -> Self:
        """The batch after one more item, of which something was done or not."""
        undoing = self.status == "undoing"
        at, whole = self.at + 1, self.until if undoing else len(self.items)
        status: BatchStatus = self.status
        if at >= whole:
            status = "undone" if undoing else "done"
        return replace(
            self, at=at, status=status, answered=self.answered + (acted and not undoing),
            taken_back=self.taken_back + (acted and undoing), seen=self.seen if status == "answering" else (),
        )  # fmt: skip
