import dataclasses

from collab.domain.annotation import Decision
from collab.domain.certificate import Missed, Verdict, Watch
from collab.domain.norming import Norming
from collab.domain.run import ImportReport
from collab.domain.store import ItemFilter, NewItem, PoolRow, Store
from tests.conftest import MakeProject
from tests.samples import answer_of, ask_of, row, rows
from tests.storage.conftest import answered, certificate_of


def sign(store: Store, project: int, items: list[int], number: int = 1, now: int = 50) -> int:
    store.save_certificate(certificate_of(project, number))
    store.stage_labels(project, number, [(item, ("Yes",), 0.9) for item in items])
    return store.apply_labels(project, number, now)


def by_machine(item: int, number: int = 1) -> Decision:
    return Decision(item, ("Yes",), "machine", 0.9, number)


def counted(store: Store, project: int) -> tuple[int, int, int, int]:
    seen = store.progress(project)
    return seen.decided, seen.audited, seen.checked, seen.machine


def test_certificates_are_kept_as_they_stand_newest_first(store: Store, make_project: MakeProject) -> None:
    project = make_project().id
    verdict = Verdict(0.8, 90, 2, 1, 0.75, 300, 9, None, (Missed("No", 1, 20, True), Missed("Yes", 3, 9, False, 40)))
    first = certificate_of(project, 1, "auditing")
    judged = dataclasses.replace(first, status="refused", verdict=verdict, judged_at=9)
    second = certificate_of(project, 2, "revoked", watch=Watch(30, 2), reason="alarm", ended_at=12)

    for each in (first, second, judged):
        store.save_certificate(each)

    assert store.certificates(project) == (second, judged)
    assert store.certificates(project + 1) == ()
    assert store.schedule(project) == ((second, judged), None)


def test_the_schedule_tells_of_the_last_norming_round(store: Store, make_project: MakeProject) -> None:
    project = make_project(2).id
    items = tuple(each.item for each in store.pool(project))
    for number, stage in ((1, "closed"), (2, "blind")):
        store.save_norming(Norming(project, number, stage, items, "Ada", 5))  # type: ignore[arg-type]

    assert store.schedule(project) == ((), "blind")


def test_labels_come_in_force_when_they_are_applied(store: Store, make_project: MakeProject) -> None:
    project = make_project(3).id
    first, second, third = (p.item for p in store.pool(project))
    store.save_certificate(certificate_of(project, 1, "certified"))
    store.stage_labels(project, 1, [(first, ("No",), 0.9)])
    store.stage_labels(project, 1, [(first, ("Yes",), 0.75), (second, ("No",), 0.9)])
    assert (store.decision(first), store.standing_decision(first), counted(store, project)) == (None, None, (0,) * 4)

    assert store.apply_labels(project, 1, 50) == 2

    assert store.decision(first) == Decision(first, ("Yes",), "machine", 0.75, 1)
    assert [(p.state, p.answer, p.machine) for p in store.pool(project)] == [
        ("decided", ("Yes",), True), ("decided", ("No",), True), ("open", (), False),
    ]  # fmt: skip
    assert (counted(store, project), store.class_counts(project)) == ((0, 0, 0, 2), {})
    assert store.pool_rows(project, [third]) == [PoolRow(third, False, "open", store.items([third])[third].audit_rank)]


def test_a_machine_leaves_alone_what_people_touched(store: Store, make_project: MakeProject) -> None:
    project = make_project([row(1, rank=0.01), *rows(7, start=2, rank=0.9)], mark=0.1).id
    items = [p.item for p in store.pool(project)]
    _, drawn, decided, flagged, half, held, lapsed, free = items
    store.draw_audits(project, 1, [drawn], 1, "blind")
    answered(store, answer_of(project, decided, "No"))
    store.settle_item(project, flagged, "flagged", None, 2)
    answered(store, answer_of(project, half))
    store.settle_item(project, half, "open", None, 2)  # as where two answers are wanted
    store.put_asks(
        project, [ask_of(project, i, score=s) for i, s in ((held, 1), (lapsed, 0))], 1, whole=True, overlap=1
    )
    for until in (900, 40):
        store.lease(project, "ann", "query", 1, "tab", 10, until)

    assert sign(store, project, items) == 2

    assert [p.item for p in store.pool(project) if p.machine] == [lapsed, free]
    assert counted(store, project) == (1, 0, 0, 2)
    assert store.standing_decision(half) is None


def test_labeled_items_are_no_longer_asked(store: Store, make_project: MakeProject) -> None:
    project = make_project(2).id
    labeled, free = (p.item for p in store.pool(project))
    store.put_asks(project, [ask_of(project, i) for i in (labeled, free)], 1, whole=True, overlap=1)

    sign(store, project, [labeled])
    store.drop_labels(project, 1)

    assert [a.item for a in store.lease(project, "ann", "query", 9, "tab", 100, 200)] == [free]


def test_labels_are_taken_back_as_one_and_what_people_decided_since_stands(
    store: Store, make_project: MakeProject
) -> None:
    project = make_project(4).id
    first, second, third, other = (p.item for p in store.pool(project))
    sign(store, project, [first, second, third])
    sign(store, project, [other], number=2)
    answered(store, answer_of(project, second, "No"))
    assert counted(store, project) == (1, 0, 0, 3)

    assert store.drop_labels(project, 1) == 2

    assert [(p.state, p.answer) for p in store.pool(project)] == [
        ("open", ()), ("decided", ("No",)), ("open", ()), ("decided", ("Yes",)),
    ]  # fmt: skip
    assert (counted(store, project), store.standing_decision(first)) == ((1, 0, 0, 1), None)
    assert store.drop_labels(project, 1) == 0


def test_a_machine_stands_while_its_certificate_is_signed_and_a_file_before_it(
    store: Store, make_project: MakeProject
) -> None:
    project = make_project([row(1), row(2, answer=("No",))], answers="decisions").id
    item, imported = (p.item for p in store.pool(project))
    sign(store, project, [item])

    assert store.standing_decision(item) == by_machine(item)
    assert store.standing_decision(imported) == Decision(imported, ("No",), "imported")
    store.save_certificate(certificate_of(project, 1, "withdrawn"))
    assert store.standing_decision(item) is None


def test_an_answer_of_a_person_is_counted_and_taking_it_back_counts_the_machine_again(
    store: Store, make_project: MakeProject
) -> None:
    project = make_project(1).id
    (item,) = (p.item for p in store.pool(project))
    sign(store, project, [item])
    store.keep_for_checks(project, 1, [item])
    store.extend_lane(project, "certificate", 1, 1, 0.0, "blind")

    answered(store, answer_of(project, item, "No"))
    assert (counted(store, project), store.progress(project).answered) == ((0, 0, 1, 0), 1)
    store.settle_item(project, item, "decided", store.standing_decision(item), 60)

    assert (store.decision(item), counted(store, project)) == (by_machine(item), (0, 0, 0, 1))


def test_named_answers_of_a_file_take_the_place_of_a_machines(store: Store, make_project: MakeProject) -> None:
    project = make_project(rows(2)).id
    first, second = (p.item for p in store.pool(project))
    sign(store, project, [first, second])
    bring(store, project, [row(1, answer=("No",), annotator="mia")], answers="annotations")

    store.append_answers(project, 70)

    assert store.decision(first) == Decision(first, ("No",), "agreement")
    assert (store.decision(second), counted(store, project)) == (by_machine(second), (1, 0, 0, 1))


def test_an_item_with_new_content_loses_what_a_machine_said_of_the_old(store: Store, make_project: MakeProject) -> None:
    project = make_project(2).id
    edited, other = (p.item for p in store.pool(project))
    sign(store, project, [edited, other])
    opened = store.begin_import(project, "b.csv", "nothing", 1)
    store.replace_item(opened, edited, row(1, "another text"), reopen=True)
    store.finish_import(opened, ImportReport(), 0.0, 500, 2)

    assert [store.standing_decision(i) for i in (edited, other)] == [None, by_machine(other)]
    assert [p.state for p in store.pool(project)] == ["open", "decided"]
    assert counted(store, project) == (0, 0, 0, 1)


def test_machine_labels_are_found_apart_from_labeled_items(store: Store, make_project: MakeProject) -> None:
    project = make_project(4).id
    machine, person, check, _ = (p.item for p in store.pool(project))
    sign(store, project, [machine, check])
    store.keep_for_checks(project, 1, [check])
    store.extend_lane(project, "certificate", 1, 1, 0.0, "blind")
    answered(store, answer_of(project, person))

    machines, labeled = (store.find(project, ItemFilter(state=s)) for s in ("machine", "labeled"))

    assert [([r.item.id for r in page], total) for page, total in (machines, labeled)] == [
        ([machine], 1),
        ([person], 1),
    ]
    assert store.find(project, ItemFilter(state="machine", include_reserved=True))[1] == 2
    assert machines[0][0].decision == by_machine(machine)
    assert store.outcomes(project)[0][1] == by_machine(machine)


def test_what_was_signed_comes_in_force_again_after_projections_are_forgotten(
    store: Store, make_project: MakeProject
) -> None:
    project = make_project(4).id
    checked, plain, untouched, left_out = (p.item for p in store.pool(project))
    store.put_asks(project, [ask_of(project, left_out)], 1, whole=True, overlap=1)
    (ask,) = store.lease(project, "ann", "query", 1, "tab", 10, 900)
    sign(store, project, [checked, plain, untouched, left_out])
    store.release([ask.id], "tab")
    store.keep_for_checks(project, 1, [checked])
    store.extend_lane(project, "certificate", 1, 1, 0.0, "blind")
    store.lease(project, "ann", "certificate", 1, "tab", 100, 200)
    before = (store.pool(project), counted(store, project))

    store.reset_projections(project)
    assert (counted(store, project), store.standing_decision(plain)) == ((0, 0, 0, 0), None)
    store.save_certificate(certificate_of(project))
    assert store.apply_labels(project, 1, 50) == 3

    assert (store.pool(project), counted(store, project)) == before
    assert store.decision(plain) == by_machine(plain)


def test_counting_anew_gives_what_was_counted_step_by_step(store: Store, make_project: MakeProject) -> None:
    given = [row(1, rank=0.01), *rows(5, start=2, rank=0.9), row(9, rank=0.9, answer=("Yes",))]
    project = make_project(given, mark=0.1, answers="decisions").id
    reserved, drawn, first, check, machine, _, _ = (p.item for p in store.pool(project))
    store.draw_audits(project, 1, [drawn], 1, "blind")
    sign(store, project, [check, machine])
    store.keep_for_checks(project, 1, [check])
    store.extend_lane(project, "certificate", 1, 1, 0.0, "blind")
    for item in (reserved, drawn, first):
        answered(store, answer_of(project, item, "No"))
    assert counted(store, project) == (2, 1, 1, 2)

    bring(store, project, [row(20)])

    assert (counted(store, project), store.class_counts(project)) == ((2, 1, 1, 2), {"No": 1, "Yes": 1})


def bring(store: Store, project: int, given: list[NewItem], answers: str = "nothing") -> None:
    opened = store.begin_import(project, "b.csv", answers, 1)  # type: ignore[arg-type]  # a parameter of the test
    store.add_items(opened, given)
    store.finish_import(opened, ImportReport(answers=len(given)), 0.0, 500, 2)
