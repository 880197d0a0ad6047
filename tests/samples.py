"""Small, whole objects that tests are made of."""

import hashlib
import uuid
from typing import Any

from collab.domain.annotation import Annotation, Ask, Suggestion
from collab.domain.project import LabelSchema, classes_from_names
from collab.domain.store import NewItem

YES_NO = LabelSchema("Is it positive?", classes_from_names(("Yes", "No")))


def row(number: int, text: str = "", rank: float | None = None, **more: Any) -> NewItem:
    """A row of a file; its audit rank is spread over [0, 1) by its number unless given."""
    text = text or f"a short text, number {number}"
    spread = (number * 0.61803398875) % 1 if rank is None else rank
    return NewItem(str(number), {"text": text}, hashlib.sha256(text.encode()).hexdigest(), spread, **more)


def rows(count: int, start: int = 1, **more: Any) -> list[NewItem]:
    """Rows with different texts."""
    return [row(number, **more) for number in range(start, start + count)]


def ask_of(project: int, item: int, score: float = 0.5, **more: Any) -> Ask:
    """An ask as a ranking makes it."""
    values: dict[str, Any] = {"slot": 0, "purpose": "query", "lane": "query", "blind": False, "reason": "torn"}
    return Ask(0, project, item, score=score, suggestion=Suggestion((0.75, 0.25), "1.1"), **{**values, **more})


def answer_of(project: int, item: int, choice: str = "Yes", by: str = "ann", at: int = 1000, **more: Any) -> Annotation:
    """An annotation as the card makes it."""
    return Annotation(
        str(uuid.uuid4()), project, item, by, more.pop("kind", "answer"), at, (choice,) if choice else (), **more
    )
