"""Kinds of question: which answers are valid. Nothing outside a task may assume that an answer is one class."""

from typing import Protocol

from collab.domain.project import Answer, LabelSchema
from collab.errors import InvalidAnswer, UnknownName


class Task(Protocol):
    """A kind of question."""

    @property
    def name(self) -> str:
        """The name that a schema carries."""

    def check(self, answer: Answer, schema: LabelSchema, *, retired: bool = False) -> Answer:
        """Return the answer, normalised.

        Args:
            answer: Class ids.
            schema: The classes there are.
            retired: Whether it may name a class that was retired or merged since it was on screen.

        Raises:
            InvalidAnswer: It names a class that isn't there, or too many of them.
        """


class SingleLabel:
    """Exactly one of the classes."""

    name = "single label"

    def check(  # noqa: D102  # documented by the protocol
        self, answer: Answer, schema: LabelSchema, *, retired: bool = False
    ) -> Answer:
        allowed = tuple(c.id for c in (schema.classes if retired else schema.live))
        if len(answer) != 1 or answer[0] not in allowed:
            raise InvalidAnswer(answer[0] if len(answer) == 1 else answer, allowed)
        return answer


TASKS: dict[str, Task] = {task.name: task for task in (SingleLabel(),)}


def task_of(schema: LabelSchema) -> Task:
    """The task that a schema names."""
    try:
        return TASKS[schema.task]
    except KeyError:
        raise UnknownName("task", schema.task, tuple(TASKS)) from None
