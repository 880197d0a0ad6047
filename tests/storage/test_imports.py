import pytest

from collab.domain.annotation import Decision
from collab.domain.run import ImportReport, Stratum
from collab.domain.store import AnswersAs, ItemFilter, NewItem, Store
from collab.errors import Conflict
from collab.storage.database import SqlStore
from tests.conftest import MakeProject
from tests.samples import answer_of, ask_of, row, rows


def test_items_are_invisible_until_the_import_is_finished(store: Store, make_project: MakeProject) -> None:
    project = make_project().id
    opened = store.begin_import(project, "a.csv", "truth", 1)
    store.add_items(opened, rows(3, answer=("Yes",)))

    hidden = (store.pool(project), store.stream_items(project), store.find(project, ItemFilter()), store.truth(project))
    assert hidden == ([], [], ([], 0), {})
    assert store.progress(project).items == 0
    assert store.extend_lane(project, "query", 5, 1, 0.1, "random") == 0

    report = ImportReport(added=3, rejected=2, answers=3)
    store.finish_import(opened, report, 0.0, 500, 9)

    assert [i.ref for i in store.stream_items(project)] == ["1", "2", "3"]
    assert store.progress(project).items == 3
    assert store.imports(project) == ((opened, "a.csv", 9, report),)


@pytest.mark.parametrize("answers", ["decisions", "annotations", "truth"])
def test_an_abandoned_import_leaves_no_trace(store: Store, make_project: MakeProject, answers: str) -> None:
    project = make_project(2).id
    before = store.progress(project)
    opened = store.begin_import(project, "b.csv", answers, 1)
    store.add_items(opened, rows(3, start=10, answer=("Yes",), annotator="ann"))
    store.replace_item(opened, store.pool(project)[0].item, row(1, "other"), reopen=True)

    store.abandon_import(opened)

    assert store.progress(project) == before
    assert (store.truth(project), store.class_counts(project), store.log(project)) == ({}, {}, [])
    again = store.begin_import(project, "b.csv", "nothing", 1)
    assert store.add_items(again, rows(3, start=10)).added == 3
    store.finish_import(again, ImportReport(), 0.0, 500, 2)
    assert store.progress(project).items == 5


def test_one_import_at_a_time(store: Store, make_project: MakeProject) -> None:
    project = make_project().id
    opened = store.begin_import(project, "a.csv", "nothing", 1)
    with pytest.raises(Conflict):
        store.begin_import(project, "b.csv", "nothing", 1)

    store.finish_import(opened, ImportReport(), 0.0, 500, 2)

    with pytest.raises(Conflict):
        store.add_items(opened, rows(1))
    store.begin_import(project, "b.csv", "nothing", 1)


def test_duplicates_are_counted_and_changed_rows_returned(store: Store, make_project: MakeProject) -> None:
    project = make_project(3).id
    first = store.pool(project)[0].item
    opened = store.begin_import(project, "b.csv", "nothing", 1)
    changed, new = row(1, "other words"), row(4)

    added = store.add_items(opened, [changed, row(2), row(3), new, new])

    assert (added.added, added.duplicates, added.changed) == (1, 3, ((first, changed),))


@pytest.mark.parametrize("answers", ["decisions", "annotations", "truth"])
def test_a_duplicate_with_another_answer_is_named_in_the_same_batch_and_in_a_later_one(
    store: Store, make_project: MakeProject, answers: AnswersAs
) -> None:
    project = make_project(rows(1, answer=("No",), annotator="ann"), answers=answers).id
    opened = store.begin_import(project, "b.csv", answers, 1)
    new, same, other, of_earlier_file = (
        row(number, text, answer=(answer,), annotator="ann")
        for number, text, answer in (
            (2, "new", "Yes"),
            (3, "new", "Yes"),
            (4, "new", "No"),
            (5, row(1).fields["text"], "Yes"),
        )
    )

    done = store.add_items(opened, [new, same, other])
    later = store.add_items(opened, [other, same, of_earlier_file])

    assert [(item.ref, row) for item, row in done.contradicted] == [("2", other)]
    assert [(item.ref, row) for item, row in later.contradicted] == [("2", other)]
    assert (later.added, later.duplicates) == (0, 3)


def test_a_replaced_item_gets_its_content_when_the_import_finishes(store: Store, make_project: MakeProject) -> None:
    project = make_project(rows(2, answer=("Yes",)), answers="decisions").id
    kept, reopened = (p.item for p in store.pool(project))
    opened = store.begin_import(project, "b.csv", "nothing", 1)
    store.replace_item(opened, kept, row(1, "kept but new"), reopen=False)
    store.replace_item(opened, reopened, row(2, "open again"), reopen=True)
    before = store.items([kept, reopened])

    store.finish_import(opened, ImportReport(), 0.0, 500, 2)

    after = store.items([kept, reopened])
    assert before[kept].fields == {"text": "a short text, number 1"}
    assert [after[i].fields["text"] for i in (kept, reopened)] == ["kept but new", "open again"]
    assert [after[i].state for i in (kept, reopened)] == ["decided", "open"]
    assert store.decision(kept) == Decision(kept, ("Yes",), "imported")
    assert (store.decision(reopened), store.standing_decision(reopened)) == (None, None)
    assert store.progress(project).decided == 1


def test_standing_decisions_settle_their_items(store: Store, make_project: MakeProject) -> None:
    project = make_project([row(1, answer=("Yes",)), row(2)], answers="decisions").id

    decided, free = store.pool(project)

    assert (decided.state, decided.answer, free.state, free.answer) == ("decided", ("Yes",), "open", ())
    assert (
        store.decision(decided.item)
        == store.standing_decision(decided.item)
        == Decision(decided.item, ("Yes",), "imported")
    )
    assert (store.progress(project).decided, store.class_counts(project)) == (1, {"Yes": 1})


def test_imported_annotations_are_events_of_the_people_that_the_file_names(
    store: Store, make_project: MakeProject
) -> None:
    given = [row(1, answer=("Yes",), annotator="mia"), row(2, answer=("No",)), row(3, answer=("No",), annotator="tom")]

    project = make_project(given, answers="annotations").id
    assert store.append_answers(project, 2) == 2

    first, unnamed, third = store.pool(project)
    assert [(a.annotator, a.answer) for a in store.current(first.item)] == [("mia", ("Yes",))]
    assert (first.state, unnamed.state, third.answer) == ("decided", "open", ("No",))
    assert store.annotators() == ("mia", "tom")
    assert (store.check_chain(project), store.progress(project).decided) == (2, 2)


def test_hidden_truth_is_seen_by_nothing_else(store: SqlStore, make_project: MakeProject) -> None:
    project = make_project(rows(2, answer=("Yes",)), answers="truth").id
    first, second = (p.item for p in store.pool(project))

    assert store.truth(project) == {first: ("Yes",), second: ("Yes",)}
    assert (store.progress(project).decided, store.class_counts(project), store.decision(first)) == (0, {}, None)


def test_the_reserve_holds_undecided_items_below_the_mark(store: Store, make_project: MakeProject) -> None:
    given = [row(1, rank=0.1), row(2, rank=0.1, answer=("Yes",)), row(3, rank=0.5)]

    project = make_project(given, mark=0.2, answers="decisions").id

    assert [p.reserved for p in store.pool(project)] == [True, False, False]
    assert store.progress(project).reserved == 1


def test_a_small_import_is_joined_with_the_next_and_its_reserve_set_anew(
    store: Store, make_project: MakeProject
) -> None:
    project = make_project([row(1, rank=0.05), row(2, rank=0.15), row(3, rank=0.16)], mark=0.2).id
    asked = store.pool(project)[2].item
    store.put_asks(
        project, [ask_of(project, asked, purpose="audit", lane="audit", blind=True)], 1, whole=False, overlap=1
    )
    opened = store.begin_import(project, "b.csv", "nothing", 1)
    store.add_items(opened, [row(4, rank=0.05), row(5, rank=0.15)])

    store.finish_import(opened, ImportReport(), 0.1, 500, 2)

    assert [p.reserved for p in store.pool(project)] == [True, False, True, True, False]
    assert store.strata(project) == (Stratum(1, (1, 2), 5),)


def test_a_large_import_stays_a_stratum_of_its_own(store: Store, make_project: MakeProject) -> None:
    project = make_project(3, mark=0.0).id
    opened = store.begin_import(project, "b.csv", "nothing", 1)
    store.add_items(opened, rows(2, start=10, rank=0.1))

    store.finish_import(opened, ImportReport(), 0.2, 3, 2)

    assert [i.reserved for i in store.stream_items(project)] == [False] * 3 + [True] * 2
    assert store.strata(project) == (Stratum(1, (1,), 3), Stratum(2, (2,), 2))


def test_a_row_for_each_annotator_of_an_item_makes_an_annotation_of_each(
    store: Store, make_project: MakeProject
) -> None:
    given = [row(1, "a text", answer=("Yes",), annotator=name) for name in ("Ann", "Bo")]
    project = make_project(given, answers="annotations").id
    store.append_answers(project, 2)
    (item,) = store.stream_items(project)
    assert [(a.annotator, a.answer) for a in store.current(item.id)] == [("Ann", ("Yes",)), ("Bo", ("Yes",))]
    assert store.decision(item.id) == Decision(item.id, ("Yes",), "agreement")
    assert store.check_chain(project) == 2


def test_a_later_file_adds_annotations_to_items_that_are_there(store: Store, make_project: MakeProject) -> None:
    project = make_project([row(1, "a text", answer=("Yes",), annotator="Ann")], answers="annotations").id
    store.append_answers(project, 2)
    opened = store.begin_import(project, "more.csv", "annotations", 3)
    added = store.add_items(opened, [row(1, "a text", answer=("No",), annotator="Bo")])
    store.finish_import(opened, ImportReport(), 0.0, 500, 4)
    store.append_answers(project, 4)
    (item,) = store.stream_items(project)
    assert (added.added, added.duplicates, item.state) == (0, 1, "disputed")
    assert store.progress(project).decided == 0


def bring(store: Store, project: int, new: list[NewItem], answers: AnswersAs, mark: float = 0.0) -> ImportReport:
    """Import rows into a project that is there."""
    opened = store.begin_import(project, "again.csv", answers, 3)
    store.add_items(opened, new)
    done = store.finish_import(opened, ImportReport(answers=len(new)), mark, 500, 4)
    store.append_answers(project, 4)
    return done


def test_decisions_of_a_later_file_settle_items_that_were_open(store: Store, make_project: MakeProject) -> None:
    project = make_project([row(1, rank=0.1), row(2), row(3), row(4)], mark=0.2).id
    reserved, decided, answered, free = (p.item for p in store.pool(project))
    bring(store, project, [row(2, answer=("No",))], "decisions", mark=0.2)
    said = answer_of(project, answered)
    store.append(said.event())
    store.set_current(answered, said.annotator, said)

    done = bring(store, project, rows(4, answer=("Yes",)), "decisions", mark=0.2)

    assert (done.answers, done.answers_left) == (1, 3)
    assert store.decision(free) == store.standing_decision(free) == Decision(free, ("Yes",), "imported")
    assert store.decision(decided) == Decision(decided, ("No",), "imported")
    assert [store.standing_decision(item) for item in (reserved, answered)] == [None, None]
    assert [p.state for p in store.pool(project)] == ["open", "decided", "open", "decided"]
    assert store.progress(project).decided == 2


def test_a_decision_of_an_item_that_was_there_is_unseen_until_the_import_is_finished(
    store: Store, make_project: MakeProject
) -> None:
    project = make_project(1).id
    (item,) = (p.item for p in store.pool(project))
    opened = store.begin_import(project, "again.csv", "decisions", 3)
    store.add_items(opened, rows(1, answer=("Yes",)))
    assert (store.decision(item), store.standing_decision(item)) == (None, None)
    store.reset_projections(project)
    assert store.decision(item) is None


def test_items_that_bring_named_answers_are_not_reserved_and_answers_of_reserved_ones_are_counted_as_left(
    store: Store, make_project: MakeProject
) -> None:
    project = make_project([row(1, rank=0.1)], mark=0.2).id

    done = bring(
        store, project, [row(n, rank=0.1, answer=("Yes",), annotator="mia") for n in (1, 2)], "annotations", 0.2
    )

    assert (done.answers, done.answers_left) == (1, 1)
    assert [(p.reserved, p.state) for p in store.pool(project)] == [(True, "open"), (False, "decided")]
    assert (store.progress(project).decided, store.progress(project).events) == (1, 1)


def test_named_answers_come_once_and_never_override_what_the_person_said_since(
    store: Store, make_project: MakeProject
) -> None:
    given = [row(n, answer=("Yes",), annotator="mia") for n in (1, 2, 3)]
    project = make_project(given, answers="annotations").id
    store.append_answers(project, 2)
    changed, taken_back, _ = (p.item for p in store.pool(project))
    new = answer_of(project, changed, "No", by="mia")
    store.append(new.event())
    store.set_current(changed, "mia", new)
    store.set_current(taken_back, "mia", None)

    done = bring(store, project, given, "annotations")

    assert (done.answers, done.answers_left) == (0, 3)
    assert [a.answer for a in store.current(changed)] == [("No",)]
    assert (store.current(taken_back), store.progress(project).events) == ([], 4)


def test_what_came_with_a_file_is_not_counted_as_answered_today(store: Store, make_project: MakeProject) -> None:
    project = make_project([row(1, answer=("Yes",), annotator="mia")], answers="annotations").id
    store.append_answers(project, 5000)
    assert store.answers_since(project, 1000) == 0


def test_answers_that_a_crash_left_behind_are_appended_later_but_not_over_newer_ones(
    store: Store, make_project: MakeProject
) -> None:
    given = [row(n, answer=("Yes",), annotator="mia") for n in (1, 2)]
    project = make_project(given, answers="annotations").id
    first, second = (p.item for p in store.pool(project))
    said = answer_of(project, first, "No", by="mia")
    store.append(said.event())
    store.set_current(first, "mia", said)

    assert [store.append_answers(project, 9), store.append_answers(project, 9)] == [2, 0]

    assert [[a.answer for a in store.current(item)] for item in (first, second)] == [[("No",)], [("Yes",)]]
    assert (store.check_chain(project), store.class_counts(project)) == (2, {"No": 1, "Yes": 1})


def test_a_reopened_item_is_an_event(store: Store, make_project: MakeProject) -> None:
    project = make_project(rows(2, answer=("Yes",)), answers="decisions").id
    item = store.pool(project)[1].item
    opened = store.begin_import(project, "b.csv", "nothing", 1)
    store.replace_item(opened, item, row(2, "open again"), reopen=True)

    store.finish_import(opened, ImportReport(), 0.0, 500, 7)

    ((_, event),) = store.log(project)
    assert (event.kind, event.item, event.batch, event.at, event.target) == (
        "reopen",
        item,
        f"import {opened}",
        7,
        None,
    )


def test_a_stratum_that_is_small_still_is_joined_by_the_next_import(store: Store, make_project: MakeProject) -> None:
    project = make_project(3).id
    assert [store.unjoined(project, n) for n in (500, 3)] == [3, 0]


def test_of_two_items_that_would_get_the_same_content_one_keeps_its_own(
    store: Store, make_project: MakeProject
) -> None:
    project = make_project(3).id
    first, second, third = (p.item for p in store.pool(project))
    opened = store.begin_import(project, "b.csv", "nothing", 1)
    for item, text in ((first, "the same"), (second, "the same"), (third, "a short text, number 1")):
        store.replace_item(opened, item, row(9, text), reopen=True)

    store.finish_import(opened, ImportReport(), 0.0, 500, 2)

    texts = [i.fields["text"] for i in store.stream_items(project)]
    assert texts == ["the same", "a short text, number 2", "a short text, number 3"]
    assert [event.item for _, event in store.log(project)] == [first]
