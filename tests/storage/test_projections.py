from dataclasses import replace

import pytest

from collab.domain.annotation import Decision
from collab.domain.project import NONE
from collab.domain.store import ItemFilter, PoolRow, Store
from tests.conftest import MakeProject
from tests.samples import YES_NO, answer_of, row, rows


def test_the_annotation_in_force_is_the_one_set_last(store: Store, make_project: MakeProject) -> None:
    project = make_project(1).id
    item = store.pool(project)[0].item
    first, second, other = (
        answer_of(project, item, c, by=b) for c, b in (("Yes", "ann"), ("No", "ann"), ("No", "bob"))
    )
    for said in (first, second, other):
        store.append(said.event())
        store.set_current(item, said.annotator, said)
    assert store.current(item) == [second, other]

    store.set_current(item, "ann", None)

    assert store.current(item) == [other]
    assert (store.answers_since(project, 1000), store.answers_since(project, 1000, "ann")) == (1, 0)


def test_settling_keeps_state_decision_and_counters_true(store: Store, make_project: MakeProject) -> None:
    project = make_project([row(1, rank=0.1), row(2, rank=0.9)], mark=0.2).id
    audit, free = (p.item for p in store.pool(project))
    yes, no = Decision(free, ("Yes",), "agreement"), Decision(free, ("No",), "adjudicated", 0.9)

    store.settle_item(project, free, "decided", yes, 1)
    store.settle_item(project, free, "decided", no, 2)
    store.settle_item(project, audit, "decided", Decision(audit, ("Yes",), "agreement"), 3)

    seen = store.progress(project)
    assert (store.decision(free), seen.decided, seen.audited) == (no, 1, 1)
    assert store.class_counts(project) == {"No": 1}
    assert store.pool_rows(project, [free]) == [PoolRow(free, False, "decided", 0.9, ("No",))]

    store.settle_item(project, free, "disputed", None, 4)

    assert (store.decision(free), store.progress(project).decided) == (None, 0)
    assert store.pool_rows(project, [free]) == [PoolRow(free, False, "disputed", 0.9)]


def test_people_who_answered_the_same_items_are_compared(store: Store, make_project: MakeProject) -> None:
    project = make_project(4).id
    same, other, alone, unsure = (p.item for p in store.pool(project))
    said = [
        answer_of(project, item, choice, by=by, kind=kind)
        for item, choice, by, kind in (
            (same, "Yes", "ann", "answer"), (same, "Yes", "bob", "answer"), (other, "Yes", "ann", "answer"),
            (other, "No", "bob", "answer"), (alone, "Yes", "ann", "answer"), (unsure, "Yes", "ann", "answer"),
            (unsure, "", "bob", "unsure"),
        )
    ]  # fmt: skip
    for one in said:
        store.append(one.event())
        store.set_current(one.item, one.annotator, one)

    assert store.overlaps(project) == [(("No",), ("Yes",), 1), (("Yes",), ("Yes",), 1)]
    assert store.answers_by_annotator(project) == [("ann", 4), ("bob", 3)]


def test_what_came_with_a_file_is_nobodys_work(store: Store, make_project: MakeProject) -> None:
    project = make_project([row(1, answer=("Yes",), annotator="mia")], answers="annotations").id
    store.append_answers(project, 5)

    assert store.answers_by_annotator(project) == []


def test_forgetting_projections_brings_back_what_the_import_said(store: Store, make_project: MakeProject) -> None:
    project = make_project([row(1, answer=("Yes",)), row(2)], answers="decisions").id
    imported, other = (p.item for p in store.pool(project))
    before = (store.pool(project), store.progress(project).decided)
    said = answer_of(project, imported, "No")
    store.append(said.event())
    store.set_current(imported, "ann", said)
    store.settle_item(project, imported, "decided", Decision(imported, ("No",), "agreement"), 1)
    store.settle_item(project, other, "flagged", None, 1)

    store.reset_projections(project)

    assert (store.pool(project), store.progress(project).decided) == before
    assert (store.current(imported), store.check_chain(project)) == ([], 1)


TEXTS = ('Great phone, "really" great', "A café in Paris", "这个手机很好", "100% cotton_shirt", "don't text me")


@pytest.mark.parametrize("indexed", [False, True])
@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("great", "1"), ("GREAT phone", "1"), ('"really"', "1"), ("café", "2"), ("手机", "3"), ("100%", "4"),
        ("cotton_shirt", "4"), ("don't", "5"), ("text", "5"), ("me) OR (x", ""), ("nowhere", ""), ("a AND", ""),
    ],
)  # fmt: skip
def test_text_is_found_whether_indexed_or_not(
    store: Store, make_project: MakeProject, indexed: bool, wanted: str, found: str
) -> None:
    project = make_project([row(n, text) for n, text in enumerate(TEXTS, 1)]).id
    last = store.index_text(project) if indexed else 0

    hits, total = store.find(project, ItemFilter(text=wanted))

    assert "".join(hit.item.ref for hit in hits) == found
    assert total == len(found)
    assert store.index_text(project, last) == 0 or not indexed


def test_an_item_is_found_by_its_whole_id(store: Store, make_project: MakeProject) -> None:
    project = make_project([replace(row(1), ref="T-100"), replace(row(2, "see T-100"), ref="T-1000"), row(3)]).id
    for index in (False, True):
        assert not index or store.index_text(project)
        hits, _ = store.find(project, ItemFilter(text="T-100"))
        assert [hit.item.ref for hit in hits] == ["T-100", "T-1000"]
        assert store.find(project, ItemFilter(text="T-1000"))[1] == 1


def test_a_replaced_text_is_found_by_its_new_words(store: Store, make_project: MakeProject) -> None:
    project = make_project([row(1, "old words"), row(2, "others")]).id
    item = store.pool(project)[0].item
    store.index_text(project)
    opened = store.begin_import(project, "b.csv", "nothing", 1)
    store.replace_item(opened, item, row(1, "fresh content"), reopen=False)
    store.finish_import(opened, store.imports(project)[0][3], 0.0, 500, 2)

    assert [store.find(project, ItemFilter(text=t))[1] for t in ("old words", "fresh", "others")] == [0, 1, 1]


def test_items_are_filtered_by_state_answer_and_person(store: Store, make_project: MakeProject) -> None:
    project = make_project([row(0, rank=0.1), *rows(4, rank=0.9)], mark=0.2).id
    reserved, yes, later, flagged, free = (p.item for p in store.pool(project))
    said = [answer_of(project, yes), answer_of(project, later, "", kind="later", by="bob")]
    for one in said:
        store.append(one.event())
        store.set_current(one.item, one.annotator, one)
    store.settle_item(project, yes, "decided", Decision(yes, ("Yes",), "agreement"), 1)
    store.settle_item(project, flagged, "flagged", None, 1)

    def found(**wanted: object) -> list[int]:
        hits, total = store.find(project, ItemFilter(**wanted))  # type: ignore[arg-type]  # by name
        assert total == len(hits)
        return [hit.item.id for hit in hits]

    assert found() == [yes, later, flagged, free]
    assert found(include_reserved=True) == [reserved, yes, later, flagged, free]
    assert found(state="labeled") == found(answer="Yes") == found(annotator="ann", answer="Yes") == [yes]
    assert found(state="later") == found(annotator="bob") == [later]
    assert (found(state="flagged"), found(answer="No"), found(annotator="bob", answer="Yes")) == ([flagged], [], [])
    (hit,), _ = store.find(project, ItemFilter(annotator="ann"))
    assert (hit.decision, hit.annotation) == (Decision(yes, ("Yes",), "agreement"), said[0])
    assert store.find(project, ItemFilter(), limit=1, offset=1)[1] == 4


def test_outcomes_pair_items_with_decision_and_annotations(store: Store, make_project: MakeProject) -> None:
    project = make_project(2).id
    first, second = store.stream_items(project)
    said = [answer_of(project, first.id, by=name) for name in ("ann", "bob")]
    for one in said:
        store.append(one.event())
        store.set_current(first.id, one.annotator, one)

    assert store.outcomes(project) == [(first, None, tuple(said)), (second, None, ())]
    assert store.items([second.id, 999]) == {second.id: second}


def test_answers_of_several_classes_are_counted_found_and_compared_whole(
    store: Store, make_project: MakeProject
) -> None:
    project = make_project(4).id
    many = replace(YES_NO, task="multi label", version=2)
    store.save_schema(project, many)
    both, one, none, _ = (p.item for p in store.pool(project))
    for item, answer in ((both, ("Yes", "No")), (one, ("No",)), (none, (NONE,))):
        store.settle_item(project, item, "decided", Decision(item, answer, "agreement"), 1)
        for by, said in (("ann", answer), ("bob", ("No",))):
            word = replace(answer_of(project, item, by=by), answer=said)
            store.append(word.event())
            store.set_current(item, by, word)

    assert store.class_counts(project) == {"Yes": 1, "No": 2, NONE: 1}
    found = {c: [row.item.id for row in store.find(project, ItemFilter(answer=c))[0]] for c in ("Yes", "No", NONE)}
    assert found == {"Yes": [both], "No": [both, one], NONE: [none]}
    mine = store.find(project, ItemFilter(answer="Yes", annotator="ann"))[0]
    assert [row.item.id for row in mine] == [both]
    assert sorted(store.overlaps(project)) == [
        (("No",), ("No",), 1), (("No",), ("Yes", "No"), 1), (("No",), (NONE,), 1),
    ]  # fmt: skip
