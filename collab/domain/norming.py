"""A norming round: everybody answers the same few items, blind; then they are opened, discussed, and answered again."""

from dataclasses import dataclass
from typing import Literal

from collab.domain.project import Answer

Stage = Literal["blind", "open", "again", "closed"]
"""blind: everybody answers alone. open: all see the answers side by side, and discuss. again: whoever answered may
answer once more. closed: what each said last counts as any answer."""

NEXT: dict[Stage, tuple[Stage, ...]] = {"blind": ("open",), "open": ("again", "closed"), "again": ("closed",)}
"""Stages that may follow."""


@dataclass(frozen=True, slots=True)
class Norming:
    """A round as it stands."""

    project: int
    number: int
    stage: Stage
    items: tuple[int, ...]
    by: str
    """Who began it."""
    at: int
    """When, in milliseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Normed:
    """What one person answered to one item of a round."""

    item: int
    annotator: str
    after: bool
    """Whether it was given after the round was opened."""
    answer: Answer
    """() is "can't tell", or that it is unusable."""
    event: str
    """Id of the annotation."""
    unusable: bool = False
    """Whether it says that no answer can be given."""


@dataclass(frozen=True, slots=True)
class Remark:
    """What somebody wrote on an item of a round."""

    item: int
    by: str
    text: str
    at: int
