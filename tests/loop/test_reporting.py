from dataclasses import asdict, replace
from typing import Any

import pytest

from collab.domain.project import LabelClass
from collab.domain.run import ClassAudits, ImportReport, Round, Stratum
from collab.domain.store import Store
from collab.engine.assurance import share_of
from collab.loop import influencing, reporting, slicing
from collab.loop.influencing import Effect, Person, Revealed, Work
from collab.loop.reporting import Agreed, AuditReport
from collab.loop.slicing import Groups
from tests.conftest import MakeProject
from tests.samples import YES_NO, rows


def bring(store: Store, project: int, source: str, count: int, start: int) -> None:
    opened = store.begin_import(project, source, "nothing", 1)
    store.add_items(opened, rows(count, start=start))
    store.finish_import(opened, ImportReport(added=count), 0.2, 0, 2)


def judged(project: int, *strata: Stratum, revision: int = 1, labels: int = 40, retired: int = 0) -> Round:
    return Round(project, revision, 1, revision, labels, strata, audits_retired=retired)


@pytest.fixture
def two(store: Store, make_project: MakeProject) -> int:
    """A project of two imports: 100 items and 900."""
    project = make_project(100, mark=0.2).id
    bring(store, project, "later.csv", 900, 200)
    return project


def test_before_the_first_round_nothing_is_said(store: Store, two: int) -> None:
    assert reporting.accuracy(store, two) == AuditReport()
    assert reporting.curve(store, two) == []


def test_each_import_counts_by_its_size_and_not_by_its_audits(store: Store, two: int) -> None:
    store.add_round(judged(two, Stratum(1, (1,), 100, 20, 20), Stratum(2, (2,), 900, 10, 0)))
    report = reporting.accuracy(store, two)
    assert (report.answered, report.right, report.share, report.covered) == (30, 20, pytest.approx(0.1), 1.0)
    assert report.low is not None
    assert report.high is not None
    assert report.low < 0.11
    assert report.high < 0.5
    assert report.unchecked == ()


def test_an_import_with_fewer_than_ten_audits_is_named_and_the_figures_leave_it_out(store: Store, two: int) -> None:
    checked = Stratum(1, (1,), 100, 12, 12, unresolved=1)
    store.add_round(judged(two, checked, Stratum(2, (2,), 900, 9, 0, unresolved=4), retired=3))
    report = reporting.accuracy(store, two)
    assert (report.judged, report.answered, report.right, report.unresolved, report.retired) == (21, 12, 12, 1, 3)
    assert (report.share, report.unchecked, report.covered) == (1.0, ("later.csv",), 0.1)


def test_an_import_that_came_after_the_round_is_not_checked_yet(store: Store, make_project: MakeProject) -> None:
    project = make_project(100, mark=0.2).id
    store.add_round(judged(project, Stratum(1, (1,), 100, 20, 20)))
    assert reporting.accuracy(store, project).unchecked == ()
    bring(store, project, "later.csv", 180, 100)
    assert reporting.accuracy(store, project).unchecked == ("later.csv",)


def test_the_curve_ends_in_the_headline(store: Store, two: int) -> None:
    for revision, right in ((1, 10), (2, 15)):
        strata = Stratum(1, (1,), 100, 20, right, unresolved=5), Stratum(2, (2,), 900, 3, 3)
        store.add_round(judged(two, *strata, revision=revision, labels=40 * revision))
    points = reporting.curve(store, two)
    assert [(p.labels, p.audits.right) for p in points] == [(40, 10), (80, 15)]
    assert points[-1].audits == reporting.accuracy(store, two)
    assert points[-1].audits.unchecked == ("later.csv",)


def test_with_too_few_audits_everywhere_there_is_no_figure(store: Store, two: int) -> None:
    store.add_round(judged(two, Stratum(1, (1,), 100, 6, 6), Stratum(2, (2,), 900, 6, 6)))
    report = reporting.accuracy(store, two)
    assert (report.judged, report.answered, report.share, report.band, report.covered) == (12, 0, None, None, 0.0)


def met(stratum: Stratum, yes: ClassAudits, no: ClassAudits) -> Stratum:
    return replace(stratum, classes={"Yes": yes, "No": no})


def test_by_class_one_import_is_told_in_its_counts(store: Store, two: int) -> None:
    told = Stratum(1, (1, 2), 1000, 60, 52)
    store.add_round(judged(two, met(told, ClassAudits(36, 38, 42), ClassAudits(16, 22, 18))))
    yes, no = reporting.by_class(store, two, YES_NO)
    assert (yes.class_id, yes.both, no.class_id, no.both) == ("Yes", 36, "No", 16)
    assert yes.precision == share_of(36, 42)
    assert yes.recall == share_of(36, 38)
    assert (yes.f1.value, yes.f1.n) == (pytest.approx(2 * 36 / (42 + 38)), 44)


def test_by_class_each_import_counts_by_its_size(store: Store, two: int) -> None:
    small = met(Stratum(1, (1,), 100, 20, 20), ClassAudits(20, 20, 20), ClassAudits())
    large = met(Stratum(2, (2,), 900, 20, 0), ClassAudits(0, 0, 20), ClassAudits(0, 20, 0))
    store.add_round(judged(two, small, large))
    yes, _ = reporting.by_class(store, two, YES_NO)
    assert (yes.both, yes.precision.n, yes.precision.value) == (20, 40, pytest.approx(0.1))
    assert yes.precision.high - yes.precision.low > 0.2


def test_by_class_unresolved_audits_widen_the_interval_and_leave_the_share(store: Store, two: int) -> None:
    yes, no = ClassAudits(36, 38, 42), ClassAudits(16, 22, 18)
    store.add_round(judged(two, met(Stratum(1, (1, 2), 1000, 60, 52), yes, no)))
    resolved = reporting.by_class(store, two, YES_NO)[0]
    open_ = met(Stratum(1, (1, 2), 1000, 60, 52, 5), replace(yes, unresolved=3), replace(no, unresolved=2))
    store.add_round(judged(two, open_, revision=2))
    report = reporting.by_class(store, two, YES_NO)[0]
    assert report.precision.value == resolved.precision.value
    assert report.precision.low == share_of(36, 45).low
    assert report.precision.high == share_of(39, 45).high
    assert report.recall.low == share_of(36, 40).low
    assert report.recall.high == share_of(39, 41).high
    assert report.f1.low < resolved.f1.low


def test_by_class_a_round_that_counted_other_classes_says_nothing(store: Store, two: int) -> None:
    told = Stratum(1, (1, 2), 1000, 20, 20)
    store.add_round(judged(two, replace(told, classes={"Maybe": ClassAudits(20, 20, 20)})))
    assert reporting.by_class(store, two, YES_NO) == ()
    store.add_round(judged(two, told, revision=2))
    assert reporting.by_class(store, two, YES_NO) == ()


def test_what_is_not_checked_counts_as_wrong_before_accepting_is_offered_first(store: Store, two: int) -> None:
    good = Stratum(1, (1,), 100, 60, 60)
    store.add_round(judged(two, good, Stratum(2, (2,), 900, 60, 60)))
    assert reporting.accept_filled(reporting.accuracy(store, two), 0.8)
    store.add_round(judged(two, good, Stratum(2, (2,), 900, 9, 9), revision=2))
    assert not reporting.accept_filled(reporting.accuracy(store, two), 0.8)


def test_a_band_of_few_answers_is_rounded_outward() -> None:
    assert AuditReport(12, 12, 7, low=0.28, high=0.845).band == (2, 9)
    assert AuditReport(12, 12, 12, low=0.7, high=1.0).band == (7, 10)


MAYBE = LabelClass("Maybe", "Maybe", retired=True, merged_into="No")
MERGED = replace(YES_NO, classes=(*YES_NO.classes, MAYBE))


def say(store: Store, monkeypatch: pytest.MonkeyPatch, name: str, found: Any) -> None:
    """Have the store return this from one of its methods."""
    monkeypatch.setattr(type(store), name, lambda self, *_: found)


def test_one_agrees_with_oneself_where_both_answers_count_as_the_same_today(
    store: Store, two: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    yes, no, maybe, unsure = ("Yes",), ("No",), ("Maybe",), ()
    pairs = [(yes, yes, 10), (no, maybe, 5), (unsure, unsure, 3), (yes, no, 1), (yes, unsure, 1)]
    say(store, monkeypatch, "repeats", pairs)
    assert reporting.self_agreement(store, two, MERGED, "Ada") == Agreed(18, 20, share_of(18, 20))


def test_people_agree_on_an_item_where_all_their_answers_count_as_the_same_today(
    store: Store, two: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(store, monkeypatch, "overlaps", [(("Yes",), ("Yes",), 6), (("Maybe",), ("No",), 2), (("No",), ("Yes",), 2)])
    assert reporting.people_agreement(store, two, MERGED) == Agreed(8, 10, share_of(8, 10))


def test_where_nothing_was_answered_twice_there_is_no_agreement_to_tell(store: Store, two: int) -> None:
    assert reporting.self_agreement(store, two, YES_NO) == Agreed(0, 0, None)
    assert reporting.people_agreement(store, two, YES_NO) == Agreed(0, 0, None)


def test_before_the_worker_made_them_there_are_no_figures(store: Store, two: int) -> None:
    assert reporting.advice(store, two) is None
    assert reporting.influence(store, two) is None
    assert reporting.parts(store, two) is None
    assert reporting.group(store, two) is None
    assert reporting.work(store, two) == ()


def test_groups_of_another_column_than_todays_are_not_told(store: Store, two: int) -> None:
    groups = Groups("patient", 40, 5, 4, 5, 5, 5, 5)
    store.put_figures(two, slicing.GROUP, asdict(groups), 1)
    assert reporting.group(store, two) is None
    store.save_policy(two, replace(store.project(two).policy, group="patient"))
    assert reporting.group(store, two) == groups


def test_an_effect_survives_storage(store: Store, two: int) -> None:
    person = Person("Ada", share_of(3, 4), None, None)
    effect = Effect(9, 1, 3, 0, people=(person,), revealed=Revealed(4, 2, 1, 1), work=(Work("Ada", 0, 5, 4, 8.5),))
    store.put_figures(two, influencing.FIGURES, asdict(effect), 1)
    assert reporting.influence(store, two) == effect
