"""Answers in words: the names of the classes that an answer counts for today, or that none of them applies."""

from collab.domain.project import NONE, Answer, LabelSchema
from collab.ui.words import word


def counted_as(answer: Answer, schema: LabelSchema) -> Answer:
    """The classes of an answer as of today, merges followed, each once and in schema order; `NONE` stays alone."""
    if answer == (NONE,):
        return answer
    order = [c.id for c in schema.classes]
    return tuple(sorted({schema.resolve(c) for c in answer}, key=order.index))


def told(answer: Answer, schema: LabelSchema) -> str:
    """What an answer says, as "Rain, Wind"; "" where there is none."""
    return ", ".join(name_of(each, schema) for each in counted_as(answer, schema))


def name_of(class_id: str, schema: LabelSchema) -> str:
    """The name of a class, or the words for none of them."""
    return word("card.none_of") if class_id == NONE else schema[class_id].name


def choices(schema: LabelSchema) -> dict[str, str]:
    """Everything that an answer may hold, by id, with its name: to filter by."""
    none = {NONE: word("card.none_of")} if schema.many else {}
    return {c.id: c.name for c in schema.live} | none
