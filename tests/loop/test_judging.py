from dataclasses import replace

from collab.domain.project import LabelSchema, classes_from_names
from collab.domain.run import ClassAudits, Stratum
from collab.domain.store import Audit
from collab.loop.judging import counted, judge

SCHEMA = LabelSchema("Plus or minus?", classes_from_names(("plus", "minus", "zero")))
PLUS, MINUS, ZERO = ("plus",), ("minus",), ("zero",)


def audit(item: int, answer: tuple[str, ...] | None = PLUS, stratum: int = 1, **more: bool) -> Audit:
    return Audit(item, stratum, answer, **{"asked": True, "held": False} | more)


def test_behind_an_item_that_was_never_asked_no_audit_of_its_stratum_counts():
    late = audit(2, None, asked=False)
    kept, _ = counted([audit(1), late, audit(3), audit(4, stratum=2)], SCHEMA, range(9))
    assert [a.item for a in kept] == [1, 4]


def test_behind_an_item_without_features_no_audit_of_its_stratum_counts():
    kept, _ = counted([audit(1), audit(2), audit(3)], SCHEMA, {1, 3})
    assert [a.item for a in kept] == [1]


def test_an_answer_whose_class_is_offered_no_more_is_left_out_and_told():
    plus, minus, zero = SCHEMA.classes
    today = replace(SCHEMA, classes=(plus, minus, replace(zero, retired=True)))
    assert counted([audit(1), audit(2, ZERO)], today, range(9)) == ([audit(1)], 1)


def test_an_answer_whose_class_was_merged_counts_for_its_heir():
    plus, minus, zero = SCHEMA.classes
    today = replace(SCHEMA, classes=(plus, minus, replace(zero, retired=True, merged_into="minus")))
    kept, retired = counted([audit(1, ZERO)], today, range(9))
    assert retired == 0
    heir = {"minus": ClassAudits(both=1, people=1, model=1)}
    assert judge([Stratum(1, (1,), 50)], kept, today, {1: (1,)}) == (Stratum(1, (1,), 50, 1, 1, classes=heir),)


def test_each_stratum_counts_its_own_and_what_somebody_holds_is_not_unresolved():
    audits = [
        audit(1), audit(2, MINUS), audit(3, None), audit(4, None, held=True), audit(5, MINUS, stratum=2),
    ]  # fmt: skip
    strata = [Stratum(1, (1,), 50), Stratum(2, (2, 3), 70)]
    said = dict.fromkeys((1, 2, 3, 4, 5), (0,))
    assert judge(strata, audits, SCHEMA, said) == (
        Stratum(
            1, (1,), 50, answered=2, right=1, unresolved=1,
            classes={"plus": ClassAudits(both=1, people=1, model=2, unresolved=1), "minus": ClassAudits(people=1)},
        ),
        Stratum(2, (2, 3), 70, 1, 0, classes={"plus": ClassAudits(model=1), "minus": ClassAudits(people=1)}),
    )  # fmt: skip
