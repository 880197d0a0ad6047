from collab.domain.store import Store
from collab.loop import annotating
from collab.loop.recalling import Recalled, recall
from tests.conftest import MakeProject
from tests.samples import answer_of


def answers_of(found: tuple[list[Recalled], bool]) -> list[tuple[str, tuple[str, ...]]]:
    return [(entry.item.ref, entry.annotation.answer) for entry in found[0]]


def test_only_what_is_in_force_is_recalled_latest_first(store: Store, make_project: MakeProject) -> None:
    project = make_project(4)
    one, two, three, _ = [row.item for row in store.pool(project.id)]
    for at, item, choice, who in (
        (1, one, "Yes", "ann"), (2, two, "Yes", "ann"), (3, two, "No", "bob"), (4, three, "No", "ann"),
        (5, one, "No", "ann"),
    ):  # fmt: skip
        annotating.submit(store, answer_of(project.id, item, choice, who), "tab", at)
    (taken_back,) = store.current(three)
    annotating.take_back(store, project.id, taken_back.id, "ann", annotating.new_id(), 6)
    found = recall(store, project.id, "ann", 10)
    assert answers_of(found) == [("1", ("No",)), ("2", ("Yes",))]
    assert found[1] is False


def test_older_ones_follow_the_number_of_the_last_one(store: Store, make_project: MakeProject) -> None:
    project = make_project(250)
    for at, row in enumerate(store.pool(project.id), 1):
        annotating.submit(store, answer_of(project.id, row.item), "tab", at)
    first, more = recall(store, project.id, "ann", 240)
    last, none = recall(store, project.id, "ann", 240, first[-1].number)
    assert [entry.item.ref for entry in (*first, *last)] == [str(n) for n in range(250, 0, -1)]
    assert (more, none) == (True, False)


def test_only_an_answer_that_says_something_else_counts_as_changed(store: Store, make_project: MakeProject) -> None:
    project = make_project(2)
    one, two = [row.item for row in store.pool(project.id)]
    first, second = answer_of(project.id, one, "Yes"), answer_of(project.id, two, "Yes")
    kept, changed = (
        answer_of(project.id, one, "Yes", target=first.id),
        answer_of(project.id, two, target=second.id, choice="No"),
    )
    for at, annotation in enumerate((first, second, kept, changed), 1):
        annotating.submit(store, annotation, "tab", at)
    found, _ = recall(store, project.id, "ann", 10)
    assert [(e.annotation.id, e.changed) for e in found] == [(changed.id, True), (kept.id, False)]
