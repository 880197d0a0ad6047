"""What the card hears of why: of the class and the fields that are on screen."""

from dataclasses import replace
from typing import Any

import pytest

from collab.domain.annotation import Decision
from collab.domain.project import NONE, Field, Item, LabelSchema, LoopPolicy, Project, classes_from_names
from collab.loop.inquiring import Neighbour, Reasons
from collab.ui.reasons import why_message

SCHEMA = LabelSchema("Which?", classes_from_names(("A", "B", "C")))
FIELDS = (Field("text"), Field("secret", role="encoded"), Field("size", "number"), Field("age", "number", "encoded"))
PROJECT = Project(1, "P", FIELDS, SCHEMA, LoopPolicy())
ITEM = Item(1, 1, "one", {"text": "good day", "secret": "told", "size": 3.0, "age": 9}, "d", 0.5)
CONTENT: dict[str, Any] = {
    "classes": ["B", "A", "C"],
    "logits": [2.0, 1.0, 0.0],
    "words": [["text", 0, 4, [1.0, 0.5, -1.0]], ["text", 5, 8, [0.01, 0.0, 0.0]], ["secret", 0, 4, [9.0, 0.0, 0.0]]],
    "fields": [["size", [0.0, 0.5, 0.0]], ["age", [0.0, -1.0, 0.0]]],
    "pictures": [],
    "kinds": [["text", "", [1.0, 0.0, 0.0]], ["table", "", [0.0, 0.5, 0.0]]],
    "near": [],
}


def told(project: Project = PROJECT, wanted: str = "B", over: str = "", **more: Any) -> dict[str, Any]:
    return why_message(Reasons(ITEM, CONTENT, **more), project, lambda name: f"/{name}", wanted, over)


def test_parts_push_the_lead_over_the_likeliest_other_class() -> None:
    said = told()
    assert (said["for"], said["over"]) == ("B", "A")
    assert said["words"] == [{"field": "text", "start": 0, "end": 4, "push": 1.0}]
    assert [kind["push"] for kind in said["kinds"]] == [1.0, -0.5]


def test_the_lead_is_told_over_the_class_that_is_second_on_screen() -> None:
    assert (told(over="C")["over"], told(wanted="C", over="C")["over"]) == ("C", "B")


def test_what_people_do_not_see_is_neither_quoted_nor_named_but_summed_up() -> None:
    said = told()
    assert said["facts"] == [{"name": "size", "value": "3", "push": -0.5}]
    assert said["unseen"] == 1.0
    assert all(hidden not in str(said) for hidden in ("age", "secret"))


def test_with_many_right_classes_the_effect_is_on_the_class_alone_and_each_can_be_asked_for() -> None:
    many = replace(PROJECT, schema=replace(SCHEMA, task="multi label"))
    said = told(many, "C")
    assert (said["for"], said["over"], said["words"][0]["push"]) == ("C", "", -1.0)
    assert [c["id"] for c in said["classes"]] == ["B", "A", "C"]


def test_a_suggestion_whose_neighbours_lost_their_answers_was_taught_all_the_same() -> None:
    assert (told()["taught"], told()["near"]) == (False, [])
    assert why_message(Reasons(ITEM, {**CONTENT, "near": [[7, 0.5]]}), PROJECT, str, "B")["taught"]


@pytest.mark.parametrize(
    ("decision", "by", "says"),
    [
        (Decision(2, ("A",), "agreement"), ("Ann", "Bo"), ("A", "Ann, Bo")),
        (Decision(2, ("A", "C"), "imported"), (), ("A, C", "came with the file")),
        (Decision(2, (NONE,), "agreement"), ("Ann",), ("None of these", "Ann")),
    ],
)
def test_a_neighbour_is_told_with_its_answer_and_who_gave_it(
    decision: Decision, by: tuple[str, ...], says: tuple[str, str]
) -> None:
    (near,) = told(near=(Neighbour(replace(ITEM, id=2), decision, by, 0.62),))["near"]
    assert (near["answer"], near["by"], near["alike"], near["cosine"]) == (*says, "alike", 0.62)
    assert near["excerpt"] == "good day · size 3.0"
