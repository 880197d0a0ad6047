import pytest

from collab.domain.annotation import Decision
from collab.domain.run import ImportReport
from collab.domain.store import ItemFilter, Store
from collab.errors import Conflict
from collab.storage.database import SqlStore
from tests.conftest import MakeProject
from tests.samples import ask_of, row, rows


def test_items_are_invisible_until_the_import_is_finished(store: Store, make_project: MakeProject) -> None:
    project = make_project().id
    opened = store.begin_import(project, "a.csv", "truth", 1)
    store.add_items(opened, rows(3, answer=("Yes",)))

    hidden = (store.pool(project), store.stream_items(project), store.find(project, ItemFilter()), store.truth(project))
    assert hidden == ([], [], ([], 0), {})
    assert store.progress(project).items == 0
    assert store.extend_lane(project, "query", 5, 1, 0.1, "random") == 0

    report = ImportReport(added=3, rejected=2)
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
    assert (store.decision(reopened), store.imported_decision(reopened)) == (None, None)
    assert store.progress(project).decided == 1


def test_imported_decisions_settle_their_items(store: Store, make_project: MakeProject) -> None:
    project = make_project([row(1, answer=("Yes",)), row(2)], answers="decisions").id

    decided, free = store.pool(project)

    assert (decided.state, decided.answer, free.state, free.answer) == ("decided", ("Yes",), "open", ())
    assert (
        store.decision(decided.item)
        == store.imported_decision(decided.item)
        == Decision(decided.item, ("Yes",), "imported")
    )
    assert (store.progress(project).decided, store.class_counts(project)) == (1, {"Yes": 1})


def test_imported_annotations_are_events_of_the_people_that_the_file_names(
    store: Store, make_project: MakeProject
) -> None:
    given = [row(1, answer=("Yes",), annotator="mia"), row(2, answer=("No",)), row(3, answer=("No",), annotator="tom")]

    project = make_project(given, answers="annotations").id

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
    assert {i.stratum for i in store.stream_items(project)} == {1}


def test_a_large_import_stays_a_stratum_of_its_own(store: Store, make_project: MakeProject) -> None:
    project = make_project(3, mark=0.0).id
    opened = store.begin_import(project, "b.csv", "nothing", 1)
    store.add_items(opened, rows(2, start=10, rank=0.1))

    store.finish_import(opened, ImportReport(), 0.2, 3, 2)

    assert [(i.stratum, i.reserved) for i in store.stream_items(project)] == [(1, False)] * 3 + [(2, True)] * 2


def test_a_row_for_each_annotator_of_an_item_makes_an_annotation_of_each(
    store: Store, make_project: MakeProject
) -> None:
    given = [row(1, "a text", answer=("Yes",), annotator=name) for name in ("Ann", "Bo")]
    project = make_project(given, answers="annotations").id
    (item,) = store.stream_items(project)
    assert [(a.annotator, a.answer) for a in store.current(item.id)] == [("Ann", ("Yes",)), ("Bo", ("Yes",))]
    assert store.decision(item.id) == Decision(item.id, ("Yes",), "agreement")
    assert store.check_chain(project) == 2


def test_a_later_file_adds_annotations_to_items_that_are_there(store: Store, make_project: MakeProject) -> None:
    project = make_project([row(1, "a text", answer=("Yes",), annotator="Ann")], answers="annotations").id
    opened = store.begin_import(project, "more.csv", "annotations", 3)
    added = store.add_items(opened, [row(1, "a text", answer=("No",), annotator="Bo")])
    store.finish_import(opened, ImportReport(), 0.0, 500, 4)
    (item,) = store.stream_items(project)
    assert (added.added, added.duplicates, item.state) == (0, 1, "disputed")
    assert store.progress(project).decided == 0
