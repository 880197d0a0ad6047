from dataclasses import replace

import pytest

from collab.domain.project import NONE, LabelClass, LabelSchema
from collab.domain.task import task_of
from collab.errors import InvalidAnswer, UnknownName

SCHEMA = LabelSchema("Which?", (LabelClass("a", "A"), LabelClass("b", "B"), LabelClass("c", "C", retired=True)))


def test_a_single_label_question_takes_one_class():
    assert task_of(SCHEMA).check(("b",), SCHEMA) == ("b",)


@pytest.mark.parametrize("answer", [(), ("a", "b"), ("c",), ("nothing",)])
def test_it_refuses_none_two_retired_and_unknown_ones(answer):
    with pytest.raises(InvalidAnswer, match="choose from a, b"):
        task_of(SCHEMA).check(answer, SCHEMA)


def test_a_task_that_is_not_there_is_named():
    with pytest.raises(UnknownName, match="essay"):
        task_of(replace(SCHEMA, task="essay"))


def test_an_answer_all_of_whose_classes_are_retired_does_not_turn_into_none():
    many = replace(SCHEMA, task="multi label")
    found = [task_of(many).columns(answer, many) for answer in (("c",), ("b", "c"), (NONE,))]
    assert found == [None, (1,), ()]
