"""What one person said and what holds today: for the card's history, for going back, for "My answers"."""

from dataclasses import dataclass

from collab.domain.annotation import Annotation
from collab.domain.project import Item
from collab.domain.store import Store
from collab.loop.permitting import needs

_PAGE = 100


@dataclass(frozen=True, slots=True)
class Recalled:
    """One annotation in force, with its item."""

    number: int
    """Of its event; pages back when handed in as `before`."""
    annotation: Annotation
    item: Item
    changed: bool = False
    """Whether it says something else than the one whose place it took."""


@needs("see", own="annotator", noted=("see", "answers"))
def recall(
    store: Store, project: int, annotator: str, limit: int, before: int | None = None
) -> tuple[list[Recalled], bool]:
    """This person's annotations in force, latest first, and whether there are older ones.

    Args:
        before: Number of an event; only what is older is returned.
    """
    found: list[tuple[int, Annotation]] = []
    repeated: set[int] = set()
    while len(found) <= limit:
        page = store.annotations(project, annotator, _PAGE, before)
        found += [(number, a) for number, a in page if _in_force(store, a, repeated)]
        if len(page) < _PAGE:
            break
        before = page[-1][0]
    items = store.items([a.item for _, a in found[:limit]])
    return [Recalled(number, a, items[a.item], _changed(store, a)) for number, a in found[:limit]], len(found) > limit


def _in_force(store: Store, annotation: Annotation, repeated: set[int]) -> bool:
    """Whether nothing has taken its place; `repeated` keeps the items whose repeats came by already, latest first."""
    if annotation.purpose != "repeat":
        return any(each.id == annotation.id for each in store.current(annotation.item))
    if annotation.item in repeated:
        return False
    repeated.add(annotation.item)
    ask = store.ask(annotation.ask) if annotation.ask is not None else None
    return annotation.kind in ("later", "flag") or (annotation.kind != "undo" and ask is not None and ask.done)


def _changed(store: Store, annotation: Annotation) -> bool:
    earlier = store.event(annotation.target) if annotation.target is not None else None
    if earlier is None:
        return False
    before = Annotation.from_event(earlier)
    return (before.kind, before.answer) != (annotation.kind, annotation.answer)
