import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.domain.project import LabelClass, LabelSchema, LoopPolicy, classes_from_names
from collab.errors import InvalidPolicy, InvalidSchema


def schema(*classes: LabelClass) -> LabelSchema:
    return LabelSchema("Which?", classes)


def test_a_question_needs_two_classes():
    with pytest.raises(InvalidSchema, match="at least two"):
        schema(LabelClass("a", "A"))


def test_retired_classes_do_not_count():
    with pytest.raises(InvalidSchema, match="at least two"):
        schema(LabelClass("a", "A"), LabelClass("b", "B", retired=True))


@pytest.mark.parametrize("key", ["s", "Z", "ab", " ", "?"])
def test_a_key_that_the_card_needs_or_that_is_none_is_refused(key):
    with pytest.raises(InvalidSchema, match="key"):
        schema(LabelClass("a", "A", key=key), LabelClass("b", "B"))


def test_two_classes_with_one_key_are_refused():
    with pytest.raises(InvalidSchema, match="'q'"):
        schema(LabelClass("a", "A", key="q"), LabelClass("b", "B", key="Q"))


def test_two_classes_with_one_name_are_refused_however_it_is_written():
    with pytest.raises(InvalidSchema, match="rename"):
        schema(LabelClass("a", "Good"), LabelClass("b", "ｇood "))


def test_the_first_ten_classes_get_keys_one_to_zero():
    made = classes_from_names(tuple("ABCDEFGHIJKL"))
    assert "".join(c.key for c in made) == "1234567890"


def test_merges_are_followed_to_the_class_that_counts_today():
    made = schema(
        LabelClass("a", "A", retired=True, merged_into="b"), LabelClass("b", "B", retired=True, merged_into="c"),
        LabelClass("c", "C"), LabelClass("d", "D"),
    )  # fmt: skip
    assert (made.resolve("a"), made.index("a")) == ("c", 2)


def test_a_value_of_a_file_names_a_class_by_id_or_by_name():
    made = schema(LabelClass("a", "Gut"), LabelClass("b", "Schlecht"))
    assert [made.named(v) for v in ("a", " GUT", "schlecht", "egal")] == ["a", "a", "b", None]


def test_audits_are_asked_early_and_then_at_a_trickle():
    policy = LoopPolicy(audit_schedule=((2, 3),), audit_trickle=0)
    assert [policy.audit_every(n) for n in (0, 1, 2)] == [3, 3, 0]


def test_settings_of_a_newer_version_survive_an_older_one():
    stored = LoopPolicy(seed=3).as_dict() | {"of_tomorrow": [1, 2]}
    assert LoopPolicy.from_dict(stored).as_dict() == stored


@pytest.mark.parametrize("level", [-0.9, 0.4, 1.0, float("nan")])
def test_label_sets_are_off_or_have_a_level_that_audits_can_keep(level):
    with pytest.raises(InvalidPolicy, match="set_level"):
        LoopPolicy(set_level=level)


@given(share=st.floats(allow_nan=False).filter(lambda x: not 0 <= x < 1))
def test_a_blind_share_outside_its_range_is_refused(share):
    with pytest.raises(InvalidPolicy, match="blind_share"):
        LoopPolicy(blind_share=share)


@pytest.mark.parametrize("wrong", [{"mode": "guess"}, {"target": 0.2}, {"machine_trickle": -1}, {"repeat_every": -1}])
def test_a_setting_out_of_range_is_refused_by_name(wrong):
    with pytest.raises(InvalidPolicy, match=next(iter(wrong))):
        LoopPolicy(**wrong)
