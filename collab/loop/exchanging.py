"""Exchange with a card: its answers in, the next asks out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from collab.domain.annotation import Annotation, Suggestion
from collab.domain.project import Item, Project
from collab.domain.run import Progress
from collab.domain.store import Store
from collab.errors import Forbidden, UserError
from collab.loop.annotating import enter
from collab.loop.handing_out import Handed, hand_out
from collab.loop.measuring import measured
from collab.loop.permitting import needs
from collab.loop.reporting import today
from collab.loop.veiling import revealed


@dataclass(frozen=True, slots=True)
class Sent:
    """What a card sends."""

    tab: str
    """Its leases belong to it."""
    answers: Sequence[Annotation]
    want: int
    have: Sequence[int]
    on_screen: int | None
    ranking: int
    waits: str = ""
    """Id of the answer whose item stays on screen until it is known what the model says; "": of none."""
    chosen_only: bool = False
    utc_offset: int = 0
    """Minutes that the person's clock is ahead of UTC."""


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What it gets."""

    acked: Sequence[str]
    refused: Mapping[str, UserError]
    """Why an answer can never be stored, by its id."""
    handed: Handed
    items: Mapping[int, Item]
    columns: bytes | None
    """What was measured of the project's numbers and categories."""
    told: Suggestion | None
    """What the model says of the item whose card waits for it."""
    progress: Progress
    today: int
    """Items that this person has answered since their midnight."""


@needs("annotate", own="annotator", alone="only")
def exchange(store: Store, project: Project, annotator: str, sent: Sent, now: int, *, only: str = "") -> Exchanged:
    """Store the answers, each accepted or refused by itself, then hand out.

    Args:
        store: In a transaction.
        project: As it is in this transaction, locked.
        only: Somebody whom second looks are not for, as in `annotating.submit`.
    """
    acked, refused = list[str](), dict[str, UserError]()
    for annotation in sent.answers:
        try:
            if (annotation.annotator, annotation.project) != (annotator, project.id):
                raise Forbidden("annotate")
            enter(store, project, annotation, sent.tab, now, reveal=annotation.id == sent.waits, only=only)
            acked.append(annotation.id)
        except UserError as error:
            refused[annotation.id] = error
    progress = store.progress(project.id)
    handed = hand_out(
        store, project, annotator, sent.tab,
        want=sent.want, have=sent.have, on_screen=sent.on_screen, ranking=sent.ranking, now=now,
        chosen_only=sent.chosen_only, progress=progress,
    )  # fmt: skip
    return Exchanged(
        acked, refused, handed,
        items=store.items([ask.item for ask in handed.asks]) if handed.asks else {},
        columns=measured(store, project),
        told=revealed(store, project.id, annotator, sent.waits),
        progress=progress,
        today=today(store, project.id, annotator, now, sent.utc_offset),
    )  # fmt: skip
