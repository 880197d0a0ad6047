from collab.domain.annotation import Annotation
from collab.domain.run import ImportReport
from collab.domain.store import Store
from tests.conftest import MakeProject
from tests.samples import answer_of, row, rows
from tests.storage.conftest import answered


def asked_again(store: Store, project: int, by: str = "ann", now: int = 100, size: int = 9) -> list[int]:
    return [a.item for a in store.lease(project, by, "repeat", size, by, now, now + 100)]


def answer_all(store: Store, project: int, items: list[int], by: str = "ann") -> list[Annotation]:
    """Answers items one after another; the later ones have later times."""
    said = [answer_of(project, item, by=by, at=1000 + n) for n, item in enumerate(items)]
    for one in said:
        answered(store, one)
    return said


def test_an_own_audit_answer_is_repeated_once_so_many_others_lie_behind(
    store: Store, make_project: MakeProject
) -> None:
    project = make_project([row(1, rank=0.01), *rows(3, start=2, rank=0.9)], mark=0.1).id
    audit, *others = (p.item for p in store.pool(project))
    answer_all(store, project, [audit, *others[:2]])
    assert not store.add_repeat(project, "ann", 3, "blind")
    answer_all(store, project, [audit, *others])

    assert store.add_repeat(project, "ann", 3, "blind")

    assert not store.add_repeat(project, "bob", 0, "blind")
    assert asked_again(store, project, "bob") == []
    (ask,) = store.lease(project, "ann", "repeat", 9, "tab", 100, 200)
    assert (ask.item, ask.purpose, ask.blind, ask.reason, ask.annotator) == (audit, "repeat", True, "blind", "ann")


def test_no_answer_is_repeated_twice_and_only_audits_are(store: Store, make_project: MakeProject) -> None:
    project = make_project([*rows(2, rank=0.01), *rows(4, start=3, rank=0.9)], mark=0.1).id
    first, second, drawn, *others = (p.item for p in store.pool(project))
    store.draw_audits(project, 1, [drawn], 1, "blind")
    answer_all(store, project, [first, second, drawn, *others])

    assert [store.add_repeat(project, "ann", 1, "blind") for _ in range(4)] == [True, True, True, False]

    assert sorted(asked_again(store, project)) == [first, second, drawn]


def test_a_repeat_given_back_or_taken_back_stays_its_persons_own(store: Store, make_project: MakeProject) -> None:
    project = make_project([row(1, rank=0.01), row(2, rank=0.9)], mark=0.1).id
    audit, other = (p.item for p in store.pool(project))
    answer_all(store, project, [audit, other])
    store.add_repeat(project, "ann", 1, "blind")
    (ask,) = store.lease(project, "ann", "repeat", 9, "tab", 100, 200)
    store.release([ask.id], "tab")
    (ask,) = store.lease(project, "ann", "repeat", 9, "tab", 110, 200)
    store.close_ask(ask.id, "ann", "tab", 120)
    store.reopen_ask(ask.id)

    assert asked_again(store, project, "bob") == []
    assert asked_again(store, project) == [audit]


def test_what_has_no_answer_any_longer_is_not_repeated(store: Store, make_project: MakeProject) -> None:
    project = make_project([row(1, rank=0.01), row(2, rank=0.9)], mark=0.1).id
    audit, other = (p.item for p in store.pool(project))
    answer_all(store, project, [audit, other])
    store.add_repeat(project, "ann", 1, "blind")

    store.set_current(audit, "ann", None)

    assert asked_again(store, project) == []


def test_a_waiting_repeat_keeps_nobody_else_from_the_item(store: Store, make_project: MakeProject) -> None:
    project = make_project([row(1, rank=0.01), row(2, rank=0.9)], mark=0.1).id
    audit, other = (p.item for p in store.pool(project))
    store.extend_lane(project, "audit", 9, 2, 0.0, "blind")
    (ask,) = store.lease(project, "ann", "audit", 9, "tab", 1, 99)
    store.close_ask(ask.id, "ann", "tab", 2)
    answer_all(store, project, [audit, other])
    store.settle_item(project, audit, "open", None, 3)
    store.add_repeat(project, "ann", 1, "blind")

    assert [a.slot for a in store.lease(project, "bob", "audit", 9, "b", 100, 200)] == [1]


def test_repeats_are_counted_beside_the_first_answer(store: Store, make_project: MakeProject) -> None:
    project = make_project(3).id
    first, second, third = items = [p.item for p in store.pool(project)]
    answer_all(store, project, items)
    answer_all(store, project, [third], by="bob")
    store.set_repeat(first, "ann", answer_of(project, first, "Yes"))
    store.set_repeat(second, "ann", answer_of(project, second, "No"))
    store.set_repeat(second, "ann", answer_of(project, second, "", kind="unsure"))
    store.set_repeat(third, "ann", answer_of(project, third, "Yes"))
    store.set_repeat(third, "bob", answer_of(project, third, "Yes", by="bob"))

    assert store.repeats(project, "ann") == [(("Yes",), ("Yes",), 2), (("Yes",), (), 1)]
    assert store.repeats(project)[0] == (("Yes",), ("Yes",), 3)
    store.set_repeat(second, "ann", None)
    store.set_repeat(third, "ann", answer_of(project, third, "", kind="flag"))
    assert store.repeats(project, "ann") == [(("Yes",), ("Yes",), 1)]


def test_the_first_answer_is_kept_as_it_was_when_it_was_repeated(store: Store, make_project: MakeProject) -> None:
    project = make_project(1).id
    (item,) = (p.item for p in store.pool(project))
    answer_all(store, project, [item])
    store.set_repeat(item, "ann", answer_of(project, item, "Yes"))

    answered(store, answer_of(project, item, "No", at=2000))

    assert store.repeats(project) == [(("Yes",), ("Yes",), 1)]


def test_forgetting_projections_forgets_what_repeats_were_answered_with(
    store: Store, make_project: MakeProject
) -> None:
    project = make_project(1).id
    (item,) = (p.item for p in store.pool(project))
    answer_all(store, project, [item])
    store.set_repeat(item, "ann", answer_of(project, item, "Yes"))

    store.reset_projections(project)

    assert store.repeats(project) == []


def test_an_item_with_new_content_is_not_repeated(store: Store, make_project: MakeProject) -> None:
    project = make_project([row(1, rank=0.01), row(2, rank=0.9)], mark=0.1).id
    audit, other = (p.item for p in store.pool(project))
    answer_all(store, project, [audit, other])
    store.add_repeat(project, "ann", 1, "blind")
    opened = store.begin_import(project, "b.csv", "nothing", 1)
    store.replace_item(opened, audit, row(1, "another text", rank=0.01), reopen=True)
    store.finish_import(opened, ImportReport(), 0.1, 500, 2)
    answer_all(store, project, [audit, other])

    assert asked_again(store, project) == []
    assert store.add_repeat(project, "ann", 1, "blind")


def test_repeats_count_as_the_work_of_their_day(store: Store, make_project: MakeProject) -> None:
    project = make_project([row(1, rank=0.01)], mark=0.1).id
    (audit,) = (p.item for p in store.pool(project))
    answer_all(store, project, [audit])

    store.set_repeat(audit, "ann", answer_of(project, audit, by="ann", at=2000))

    assert [store.answers_since(project, at, "ann") for at in (1000, 1500, 2500)] == [2, 1, 0]


def test_a_repeat_that_waits_is_dropped_with_the_answer_that_it_repeats(
    store: Store, make_project: MakeProject
) -> None:
    project = make_project([row(1, rank=0.01), row(2, rank=0.9)], mark=0.1).id
    audit, other = (p.item for p in store.pool(project))
    answer_all(store, project, [audit, other])
    store.add_repeat(project, "ann", 1, "blind")

    store.set_current(audit, "ann", None)
    answer_all(store, project, [audit])

    assert asked_again(store, project) == []
