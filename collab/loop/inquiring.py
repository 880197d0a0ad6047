"""Ask why the model suggests what it does: the page's half, which says who may know what.

Whoever sees a suggestion may; an ask that goes out without the model's word stays without any hint at it. Free of
torch: what was found waits in the store.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from collab.domain.annotation import Ask, Decision, counted
from collab.domain.project import Item, Project
from collab.domain.store import Store
from collab.errors import NotShown
from collab.loop.permitting import needs
from collab.loop.veiling import hides

SHOWN_NEAR = 3


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A labeled item that is like the one asked about."""

    item: Item
    decision: Decision
    by: tuple[str, ...]
    """Who answered so; nobody where it came with the file, or where that isn't told."""
    cosine: float


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why an item gets its suggestion; without `content` nothing could be said of it."""

    item: Item
    content: Mapping[str, Any]
    near: tuple[Neighbour, ...] = ()


@needs("annotate", own="annotator", alone="only", noted=("see", "why"))
def inquire(
    store: Store, project: Project, annotator: str, token: str, ask: int, now: int, *, only: str = ""
) -> Reasons | None:
    """Say why the item of an ask gets its suggestion; None: the worker has been asked to find out.

    Args:
        token: Of the tab that holds the ask.
        only: Somebody who isn't to learn who answered what, nor what others said of an item that they may be asked.

    Raises:
        NotShown: This person doesn't hold the ask, or sees no suggestion of it.
    """
    mine = {a.id: a for a in store.held(project.id, annotator, token, now)}
    item = _shown(store, project, mine.get(ask))
    content = store.why(project.id, item.id)
    if content is None:
        store.ask_why(project.id, item.id, now)
        return None
    return Reasons(item, content, _neighbours(store, project, content.get("near", ()), only))


def _shown(store: Store, project: Project, ask: Ask | None) -> Item:
    """The item of an ask whose suggestion went out."""
    item = None if ask is None else store.items([ask.item]).get(ask.item)
    if ask is None or item is None or hides(project, ask) or ask.suggestion is None or item.reserved or item.drawn:
        raise NotShown
    return item


def _neighbours(store: Store, project: Project, near: object, only: str) -> tuple[Neighbour, ...]:
    """The nearest ones that still have an answer to learn from."""
    assert isinstance(near, (list, tuple)), "the worker wrote it"
    items, found = store.items([item for item, _ in near]), list[Neighbour]()
    for number, cosine in near:
        item, decision = items.get(number), store.decision(number)
        if item is None or decision is None or decision.source == "machine" or item.reserved or item.drawn:
            continue
        by = _by(store, project, number, decision)
        if only:
            if project.policy.asks_anew and decision.source != "imported" and only not in by:
                continue
            by = tuple(name for name in by if name == only)
        found.append(Neighbour(item, decision, by, float(cosine)))
        if len(found) == SHOWN_NEAR:
            break
    return tuple(found)


def _by(store: Store, project: Project, item: int, decision: Decision) -> tuple[str, ...]:
    if decision.source == "imported":
        return ()
    said = [a for a in store.current(item) if a.kind == "answer"]
    today = counted(decision.answer, project.schema)
    return tuple(a.annotator for a in said if counted(a.answer, project.schema) == today)
