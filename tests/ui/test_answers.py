"""Answers in words, and what a card is told of a question with any number of classes."""

from collections import Counter

import pytest

from collab.domain.annotation import Choices, Suggestion
from collab.domain.project import NONE, Field, LabelClass, LabelSchema, LoopPolicy, Project
from collab.ui import protocol
from collab.ui.answers import choices, counted_as, told
from collab.ui.classes import classes_within

MERGED = LabelClass("hail", "Hail", retired=True, merged_into="rain")
SCHEMA = LabelSchema("Weather?", (LabelClass("wind", "Wind"), LabelClass("rain", "Rain"), MERGED), task="multi label")
PROJECT = Project(1, "Weather", (Field("text"),), SCHEMA, LoopPolicy())


def test_an_answer_names_what_its_classes_count_for_today_once_and_in_order():
    assert counted_as(("hail", "rain", "wind"), SCHEMA) == ("wind", "rain")
    assert told(("hail", "rain", "wind"), SCHEMA) == "Wind, Rain"


def test_none_is_an_answer_with_words_of_its_own():
    assert (counted_as((NONE,), SCHEMA), told((NONE,), SCHEMA)) == ((NONE,), "None of these")
    assert choices(SCHEMA) == {"wind": "Wind", "rain": "Rain", NONE: "None of these"}


def test_each_class_keeps_its_own_share_and_a_merged_one_counts_where_it_is_surer():
    said = protocol.suggestion_message(Suggestion((0.9, 0.2, 0.7), "1.1"), PROJECT)
    assert (said["proba"], said["suggested"]) == ([0.9, 0.7, 0.0], [0, 1])
    assert said["often"] == {"n": 6, "bound": "about"}  # .9 x .7 that both are right
    assert [each["n"] for each in said["each"][:2]] == [9, 7]


@pytest.mark.parametrize(("columns", "told_columns"), [((0,), None), ((1,), [1]), ((0, 1), None)])
def test_a_set_is_told_only_where_it_says_more_than_the_suggestion(columns, told_columns):
    said = protocol.suggestion_message(Suggestion((0.9, 0.2, 0.1), "1.1", "", Choices(columns, 0.9)), PROJECT)
    assert (said["choices"] and said["choices"]["columns"]) == told_columns


def test_values_that_name_several_classes_are_taken_apart_where_any_number_may_apply():
    counts = Counter({"wind; rain": 2, '["rain", "wind"]': 1, "∅": 5, "[]": 1, "rain|hail": 1})
    assert classes_within(counts, many=True) == {"wind": 3, "rain": 4, "hail": 1}
    assert classes_within(counts, many=False) == counts


def test_commas_divide_values_as_an_import_does_unless_they_belong_to_names():
    assert classes_within(Counter({"rain, sun": 2, "sun": 1, "[]": 1}), many=True) == {"rain": 2, "sun": 3}
    mixed = Counter({"fog, wind": 2, "wind, fog": 1, "rain; sun": 1, "Sun": 1, "rain,rain": 1, "sun": 2})
    assert classes_within(mixed, many=True) == {"fog": 3, "wind": 3, "sun": 4, "rain": 2}
    names = Counter({"Wind, strong": 2, "Rain, light": 1})
    assert classes_within(names, many=True) == names
    assert classes_within(names + Counter({"Wind, strong; Hail": 1}), many=True) == {
        **names,
        "Wind, strong": 3,
        "Hail": 1,
    }
