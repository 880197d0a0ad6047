"""Kinds of question: which answers are valid. Nothing outside a task may assume that an answer is one class."""

from collections.abc import Sequence
from typing import Protocol

from collab.domain.project import NONE, Answer, LabelSchema
from collab.errors import InvalidAnswer, UnknownName

APPLIES_FROM = 0.5
"""Probability from which a class of a multi-label question is suggested."""


class Task(Protocol):
    """A kind of question."""

    @property
    def name(self) -> str:
        """The name that a schema carries."""

    def check(self, answer: Answer, schema: LabelSchema, *, retired: bool = False) -> Answer:
        """Return the answer, normalised: its classes in schema order.

        Args:
            answer: Class ids.
            schema: The classes there are.
            retired: Whether it may name a class that was retired or merged since it was on screen.

        Raises:
            InvalidAnswer: It names a class that isn't there, or too many or too few of them.
        """

    def columns(self, answer: Answer, schema: LabelSchema) -> tuple[int, ...] | None:
        """Columns of the classes that an answer names today, merges followed, those of retired classes left out.

        None where the answer counts no more: every class that it named is retired. It doesn't turn into "none": nobody
        said that.
        """

    def suggested(self, proba: Sequence[float]) -> tuple[int, ...]:
        """Columns of the classes that a model suggests by its probabilities; () is "none of them"."""

    def sure(self, proba: Sequence[float]) -> float:
        """The probability that the whole of that suggestion is right."""


class SingleLabel:
    """Exactly one of the classes; probabilities sum to 1."""

    name = "single label"

    def check(  # noqa: D102  # documented by the protocol
        self, answer: Answer, schema: LabelSchema, *, retired: bool = False
    ) -> Answer:
        allowed = tuple(c.id for c in (schema.classes if retired else schema.live))
        if len(answer) != 1 or answer[0] not in allowed:
            raise InvalidAnswer(answer[0] if len(answer) == 1 else answer, allowed)
        return answer

    def columns(  # noqa: D102  # documented by the protocol
        self, answer: Answer, schema: LabelSchema
    ) -> tuple[int, ...] | None:
        column = schema.index(answer[0])
        return None if schema.classes[column].retired else (column,)

    def suggested(self, proba: Sequence[float]) -> tuple[int, ...]:  # noqa: D102  # as above
        return (max(range(len(proba)), key=lambda i: proba[i]),)

    def sure(self, proba: Sequence[float]) -> float:  # noqa: D102  # as above
        return max(proba)


class MultiLabel:
    """Any number of the classes, each with a probability of its own; that none applies is an answer too."""

    name = "multi label"

    def check(  # noqa: D102  # documented by the protocol
        self, answer: Answer, schema: LabelSchema, *, retired: bool = False
    ) -> Answer:
        if answer == (NONE,):
            return answer
        order = [c.id for c in (schema.classes if retired else schema.live)]
        wrong = [a for a in answer if a not in order]
        if not answer or wrong or len(set(answer)) < len(answer):
            raise InvalidAnswer(wrong[0] if wrong else answer, (*order, NONE))
        return tuple(sorted(answer, key=order.index))

    def columns(  # noqa: D102  # documented by the protocol
        self, answer: Answer, schema: LabelSchema
    ) -> tuple[int, ...] | None:
        found = {schema.index(a) for a in answer if a != NONE}
        live = tuple(sorted(c for c in found if not schema.classes[c].retired))
        return live if live or not found else None

    def suggested(self, proba: Sequence[float]) -> tuple[int, ...]:  # noqa: D102  # as above
        return tuple(i for i, p in enumerate(proba) if p >= APPLIES_FROM)

    def sure(self, proba: Sequence[float]) -> float:
        """Take the classes to be independent of each other."""
        sure = 1.0
        for p in proba:
            sure *= max(p, 1 - p)
        return sure


TASKS: dict[str, Task] = {task.name: task for task in (SingleLabel(), MultiLabel())}


def task_of(schema: LabelSchema) -> Task:
    """The task that a schema names."""
    try:
        return TASKS[schema.task]
    except KeyError:
        raise UnknownName("task", schema.task, tuple(TASKS)) from None


def answer_of(columns: Sequence[int], schema: LabelSchema) -> Answer:
    """The answer that names the classes of some columns."""
    return tuple(schema.classes[c].id for c in columns) or (NONE,)
