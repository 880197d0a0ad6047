"""What one person said and what holds today: for the card's history, for going back, for "My answers"."""

from dataclasses import dataclass

from collab.domain.annotation import Annotation
from collab.domain.project import Item
from collab.domain.store import Store

_PAGE = 100


@dataclass(frozen=True, slots=True)
class Recalled:
    """One annotation in force, with its item."""

    number: int
    """Of its event; pages back when handed in as `before`."""
    annotation: Annotation
    item: Item


def recall(
    store: Store, project: int, annotator: str, limit: int, before: int | None = None
) -> tuple[list[Recalled], bool]:
    """This person's annotations in force, latest first, and whether there are older ones.

    Args:
        before: Number of an event; only what is older is returned.
    """
    found: list[tuple[int, Annotation]] = []
    while len(found) <= limit:
        page = store.annotations(project, annotator, _PAGE, before)
        found += [(number, a) for number, a in page if _in_force(store, a)]
        if len(page) < _PAGE:
            break
        before = page[-1][0]
    items = store.items([a.item for _, a in found[:limit]])
    return [Recalled(number, a, items[a.item]) for number, a in found[:limit]], len(found) > limit


def _in_force(store: Store, annotation: Annotation) -> bool:
    return any(each.id == annotation.id for each in store.current(annotation.item))
