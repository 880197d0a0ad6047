from dataclasses import replace
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from collab.domain.annotation import (
    Annotation,
    Choices,
    Decision,
    Event,
    Footing,
    Settled,
    Suggestion,
    answers_wanted,
    settle,
)
from collab.domain.project import NONE, LabelClass, LabelSchema, LoopPolicy, Project

SCHEMA = LabelSchema(
    "Which?", (LabelClass("a", "A"), LabelClass("b", "B"), LabelClass("old", "O", retired=True, merged_into="a"))
)


def said(who: str, kind: str, answer: str = "", at: int = 0) -> Annotation:
    return Annotation(f"{who}{at}", 1, 7, who, kind, at, (answer,) if answer else ())


def test_an_item_without_a_word_is_open():
    assert settle([], 1, SCHEMA) == Settled("open")


def test_enough_equal_answers_agree():
    given_ = [said("Ada", "answer", "a"), said("Bo", "answer", "a")]
    assert settle(given_, 2, SCHEMA) == Settled("decided", Decision(7, ("a",), "agreement"))


def test_too_few_answers_leave_it_open():
    assert settle([said("Ada", "answer", "a")], 2, SCHEMA) == Settled("open")


def test_answers_that_differ_are_a_dispute_also_when_one_was_enough():
    assert settle([said("Ada", "answer", "a"), said("Bo", "answer", "b")], 1, SCHEMA) == Settled("disputed")


def test_where_most_decide_an_answer_that_more_than_half_have_given_counts():
    two, three = [said("Ada", "answer", "a"), said("Bo", "answer", "b")], said("Cy", "answer", "old")
    assert settle(two, 2, SCHEMA, by_most=True) == Settled("disputed")
    assert settle([*two, three], 2, SCHEMA, by_most=True) == Settled("decided", Decision(7, ("a",), "agreement"))
    assert settle([*two, three], 2, SCHEMA) == Settled("disputed")


def test_what_was_concluded_settles_what_would_be_disputed_and_nothing_else():
    concluded = Decision(7, ("b",), "aggregated", 0.95)
    differing = [said("Ada", "answer", "a"), said("Bo", "answer", "b")]
    assert settle(differing, 2, SCHEMA, aggregated=concluded) == Settled("decided", concluded)
    assert settle([differing[0]], 2, SCHEMA, aggregated=concluded) == Settled("open")
    assert settle([differing[0]] * 2, 2, SCHEMA, aggregated=concluded).decision == Decision(7, ("a",), "agreement")


def test_the_coin_picks_so_many_items_for_several_answers_always_the_same():
    policy = LoopPolicy(overlap_share=0.1, overlap=3)
    project = Project(1, "Moods", (), SCHEMA, policy, salt="salt")
    picked = [item for item in range(5_000) if answers_wanted(project, item) == 3]
    assert 440 < len(picked) < 560
    assert picked == [item for item in range(5_000) if answers_wanted(project, item) > 1]
    other = [item for item in range(5_000) if answers_wanted(replace(project, salt="other"), item) == 3]
    assert len(set(picked) & set(other)) < 100


def test_an_answer_and_a_cannot_tell_are_a_dispute():
    assert settle([said("Ada", "answer", "a"), said("Bo", "unsure")], 2, SCHEMA) == Settled("disputed")


def test_an_answer_counts_as_the_class_it_was_merged_into():
    given_ = [said("Ada", "answer", "old"), said("Bo", "answer", "a")]
    assert settle(given_, 2, SCHEMA) == Settled("decided", Decision(7, ("a",), "agreement"))


def test_answers_that_differ_by_retired_classes_agree_on_the_others():
    schema = replace(SCHEMA, classes=(*SCHEMA.classes, LabelClass("gone", "G", retired=True)))
    both, one, gone, none = (
        replace(said(who, "answer"), answer=answer)
        for who, answer in (("Ada", ("gone", "a")), ("Bo", ("a",)), ("Cy", ("gone",)), ("Di", (NONE,)))
    )
    assert settle([both, one], 2, schema) == Settled("decided", Decision(7, ("a",), "agreement"))
    assert settle([both, both], 2, schema).decision.answer == ("a", "gone")  # what everybody said stands
    assert settle([gone, none], 2, schema) == Settled("disputed")


def test_unusable_takes_the_item_out_and_is_a_dispute_where_another_answered():
    assert settle([said("Bo", "unusable")], 1, SCHEMA) == Settled("unusable")
    assert settle([said("Ada", "answer", "a", 1), said("Bo", "unusable", at=2)], 2, SCHEMA) == Settled("disputed")


def test_a_flag_waits_for_somebody_to_answer():
    assert settle([said("Ada", "flag")], 1, SCHEMA) == Settled("flagged")
    assert settle([said("Ada", "flag"), said("Bo", "answer", "a")], 1, SCHEMA).state == "decided"


def test_an_imported_decision_stands_until_people_answer():
    imported = Decision(7, ("b",), "imported")
    assert settle([], 1, SCHEMA, imported) == Settled("decided", imported)
    assert settle([said("Ada", "answer", "a")], 1, SCHEMA, imported).decision == Decision(7, ("a",), "agreement")


def test_an_imported_decision_counts_as_the_class_it_was_merged_into():
    assert settle([], 1, SCHEMA, Decision(7, ("old",), "imported")).decision == Decision(7, ("a",), "imported")


def test_a_machine_decision_stands_until_people_answer():
    machine = Decision(7, ("b",), "machine", 0.97, certificate=2)
    assert settle([], 1, SCHEMA, machine) == Settled("decided", machine)
    assert settle([said("Ada", "answer", "a")], 1, SCHEMA, machine).decision == Decision(7, ("a",), "agreement")


def test_an_answer_from_before_there_were_modes_was_hidden_by_the_coin_unless_it_measured():
    word = {"proba": [0.5, 0.5], "model": "1.2"}
    old = Event("id", 1, "answer", "Ada", 1, 7, payload={"answer": ["a"], "blind": True, "hidden": word})
    audit = replace(old, payload={**old.payload, "purpose": "audit"})
    assert [Annotation.from_event(e).by_coin for e in (old, audit)] == [True, False]


@given(
    answer=st.lists(st.text(), max_size=3), seconds=st.none() | st.floats(0, 120), blind=st.booleans(),
    valid=st.booleans(), note=st.text(max_size=20), word=st.none() | st.builds(
        Suggestion, st.just((0.25, 0.75)), st.just("1.2"), st.sampled_from(get_args(Footing)),
        st.none() | st.just(Choices((0, 1), 0.9)),
    ),
)  # fmt: skip
def test_an_annotation_read_back_from_its_event_is_the_same(answer, seconds, blind, valid, note, word):
    before = Annotation(
        "id",
        1,
        7,
        "Ada",
        "answer",
        5,
        tuple(answer),
        3,
        "query",
        blind,
        None,
        seconds,
        word,
        None,
        note,
        "digest",
        2,
        valid,
    )
    assert Annotation.from_event(before.event()) == before


def test_a_suggestion_of_before_footing_and_choices_were_kept_reads_as_one_without():
    event = said("Ada", "answer", "a").event()
    old = replace(event, payload={**event.payload, "shown": {"proba": [0.5, 0.5], "model": "1.1"}})
    assert Annotation.from_event(old).shown == Suggestion((0.5, 0.5), "1.1")
