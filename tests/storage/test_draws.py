import dataclasses

from collab.domain.annotation import Ask, Decision
from collab.domain.run import ImportReport
from collab.domain.store import Audit, ItemFilter, Store
from tests.conftest import MakeProject
from tests.samples import answer_of, ask_of, row, rows
from tests.storage.conftest import answered, certificate_of


def audits_of(store: Store, project: int, size: int = 9, by: str = "ann", now: int = 100) -> list[Ask]:
    return store.lease(project, by, "certificate", size, "tab", now, now + 100)


def sign(store: Store, project: int, items: list[int], number: int = 1) -> None:
    """Puts machine labels on items in force."""
    store.save_certificate(certificate_of(project, number))
    store.stage_labels(project, number, [(item, ("Yes",), 0.9) for item in items])
    store.apply_labels(project, number, 50)


def test_what_remains_is_what_nobody_has_seen(store: Store, make_project: MakeProject) -> None:
    given = [row(1, rank=0.01), *rows(6, start=2, rank=0.9)]
    project = make_project(given, mark=0.1).id
    _, handed_out, drawn, answer, waits, free, last = (p.item for p in store.pool(project))
    store.put_asks(project, [ask_of(project, handed_out)], 1, whole=False, overlap=1)
    (ask,) = store.lease(project, "ann", "query", 1, "tab", 1, 9)
    store.release([ask.id], "tab")
    store.put_asks(project, [ask_of(project, waits)], 2, whole=False, overlap=1)
    store.draw_audits(project, 1, [drawn], 1, "blind")
    answered(store, answer_of(project, answer))
    store.settle_item(project, answer, "open", None, 2)

    digests = {i.id: i.digest for i in store.stream_items(project)}
    assert store.remaining(project) == [(item, digests[item]) for item in (waits, free, last)]
    assert store.remaining(project, after=waits, limit=1) == [(free, digests[free])]


def test_answers_that_a_file_brought_leave_an_item_out_of_what_remains(store: Store, make_project: MakeProject) -> None:
    project = make_project([row(1, answer=("Yes",), annotator="mia"), row(2)], answers="annotations").id
    _, free = (p.item for p in store.pool(project))

    assert [item for item, _ in store.remaining(project)] == [free]


def test_audits_are_asked_blind_in_the_order_in_which_they_were_drawn(store: Store, make_project: MakeProject) -> None:
    project = make_project(3).id
    first, _, third = (p.item for p in store.pool(project))
    store.put_asks(project, [ask_of(project, third)], 7, whole=False, overlap=1)

    store.draw_audits(project, 1, [third, first], 1, "blind")

    assert [(a.item, a.purpose, a.lane, a.blind, a.reason) for a in audits_of(store, project)] == [
        (item, "certificate", "certificate", True, "blind") for item in (third, first)
    ]
    assert store.lease(project, "bob", "query", 9, "b", 100, 200) == []
    assert [p.drawn for p in store.pool(project)] == [True, False, True]
    assert store.items([first])[first].drawn


def test_a_row_that_waited_for_a_drawn_item_becomes_the_certificates_with_its_suggestion(
    store: Store, make_project: MakeProject
) -> None:
    project = make_project(1).id
    (item,) = (p.item for p in store.pool(project))
    store.put_asks(project, [ask_of(project, item)], 1, whole=False, overlap=3)

    store.draw_audits(project, 1, [item], 2, "blind")

    asks = [*audits_of(store, project), *audits_of(store, project, by="bob"), *audits_of(store, project, by="eve")]
    assert [(a.slot, a.suggestion) for a in asks] == [(n, ask_of(project, item).suggestion) for n in (0, 1)]


def test_a_ranking_made_before_the_draw_leaves_its_rows_alone(store: Store, make_project: MakeProject) -> None:
    project = make_project(1).id
    (item,) = (p.item for p in store.pool(project))
    store.draw_audits(project, 1, [item], 1, "blind")

    store.put_asks(project, [ask_of(project, item)], 1, whole=True, overlap=1)

    assert [(a.purpose, a.blind, a.score) for a in audits_of(store, project)] == [("certificate", True, 0.0)]


def test_a_drawn_item_is_asked_in_no_other_way(store: Store, make_project: MakeProject) -> None:
    project = make_project(2).id
    drawn, free = (p.item for p in store.pool(project))
    store.choose_items(project, "ann", [drawn], "picked")

    store.draw_audits(project, 1, [drawn], 1, "blind")

    assert store.choose_items(project, "ann", [drawn, free], "picked") == 1
    assert [a.item for a in store.lease(project, "ann", "chosen", 9, "tab", 100, 200)] == [free]
    assert store.extend_lane(project, "query", 9, 1, 0.0, "random") == 1


def test_drawn_items_are_found_only_where_audits_are_asked_for(store: Store, make_project: MakeProject) -> None:
    project = make_project([row(1, "one"), row(2, "two words")]).id
    drawn, free = (p.item for p in store.pool(project))
    store.draw_audits(project, 1, [drawn], 1, "blind")

    seen = [store.find(project, wanted) for wanted in (ItemFilter(), ItemFilter(text="o"))]

    assert [([r.item.id for r in found], total) for found, total in seen] == [([free], 1), ([free], 1)]
    assert store.find(project, ItemFilter(include_reserved=True))[1] == 2


def test_a_later_reserve_and_a_later_file_leave_drawn_items_alone(store: Store, make_project: MakeProject) -> None:
    given = rows(2, rank=0.5)
    project = make_project(given).id
    drawn, free = (p.item for p in store.pool(project))
    store.draw_audits(project, 1, [drawn], 1, "blind")
    again = [dataclasses.replace(r, answer=("Yes",)) for r in given]
    opened = store.begin_import(project, "b.csv", "decisions", 1)
    store.add_items(opened, [again[0]])
    store.finish_import(opened, ImportReport(answers=1), 0.9, 500, 2)

    assert [(p.item, p.reserved, p.answer) for p in store.pool(project)] == [(drawn, False, ()), (free, True, ())]


def test_a_named_answer_that_comes_after_its_item_was_drawn_is_left_out(
    store: Store, make_project: MakeProject
) -> None:
    project = make_project([row(1, answer=("Yes",), annotator="mia")], answers="annotations").id
    (item,) = (p.item for p in store.pool(project))
    store.draw_audits(project, 1, [item], 1, "blind")

    assert (store.append_answers(project, 5), store.append_answers(project, 6)) == (1, 0)

    assert (store.current(item), store.decision(item), store.progress(project).events) == ([], None, 0)


def test_audits_tell_what_became_of_them_in_their_order(store: Store, make_project: MakeProject) -> None:
    project = make_project(6).id
    unasked, held, lapsed, put_off, unsure, yes = items = [p.item for p in store.pool(project)]
    store.draw_audits(project, 1, items[::-1], 1, "blind")
    asks = {a.item: a for a in audits_of(store, project, 5)}
    store.renew([asks[held].id], "tab", 900)
    store.put_off(put_off, "ann", 9000)
    for item in (unsure, yes):
        store.close_ask(asks[item].id, "ann", "tab", 110)
    store.settle_item(project, unsure, "unsure", None, 2)
    store.settle_item(project, yes, "decided", Decision(yes, ("Yes",), "agreement"), 2)

    assert store.certificate_audits(project, 1, 500) == [
        Audit(yes, 0, ("Yes",), asked=True, held=False),
        Audit(unsure, 0, None, asked=True, held=False),
        Audit(put_off, 0, None, asked=True, held=True),
        Audit(lapsed, 0, None, asked=True, held=True),
        Audit(held, 0, None, asked=True, held=True),
        Audit(unasked, 0, None, asked=False, held=False),
    ]
    assert (store.certificate_audits(project, 2, 500), store.audit_answers(project, 500)) == ([], [])


def test_checks_are_drawn_from_the_machines_labels_of_signed_certificates_in_order(
    store: Store, make_project: MakeProject
) -> None:
    project = make_project(4).id
    first, second, third, other = (p.item for p in store.pool(project))
    sign(store, project, [first, second, third])
    answered(store, answer_of(project, second, "No"))
    store.keep_for_checks(project, 1, [third, second, first])
    store.keep_for_checks(project, 2, [other])

    counts = [store.extend_lane(project, "certificate", 1, 1, 0.0, "blind") for _ in range(3)]

    assert (counts, [p.drawn for p in store.pool(project)]) == ([1, 1, 0], [True, False, True, False])
    asks = audits_of(store, project)
    assert [(a.item, a.purpose, a.blind) for a in asks] == [(i, "certificate", True) for i in (third, first)]
    answered(store, answer_of(project, third, "No"))
    assert store.certificate_audits(project, 1, 300, checks=True) == [
        Audit(third, 0, ("No",), asked=True, held=False),
        Audit(first, 0, None, asked=True, held=True),
    ]
    assert store.certificate_audits(project, 1, 300) == []


def test_a_check_waits_while_somebody_has_the_item_before_them(store: Store, make_project: MakeProject) -> None:
    project = make_project(1).id
    (item,) = (p.item for p in store.pool(project))
    sign(store, project, [item])
    store.keep_for_checks(project, 1, [item])
    store.choose_items(project, "ann", [item], "picked")
    store.lease(project, "ann", "chosen", 1, "tab", 100, 200)

    assert store.extend_lane(project, "certificate", 9, 1, 0.0, "blind") == 0


def test_what_lay_before_somebody_with_its_suggestion_is_never_a_check(store: Store, make_project: MakeProject) -> None:
    project = make_project(2).id
    seen, fresh = (p.item for p in store.pool(project))
    store.put_asks(project, [ask_of(project, seen)], 1, whole=True, overlap=1)
    store.lease(project, "ann", "query", 1, "tab", 10, 20)
    sign(store, project, [seen, fresh])
    store.keep_for_checks(project, 1, [seen, fresh])

    store.extend_lane(project, "certificate", 9, 1, 0.0, "blind")

    assert [p.drawn for p in store.pool(project)] == [False, True]


def test_released_audits_may_be_asked_like_any_other(store: Store, make_project: MakeProject) -> None:
    project = make_project(5).id
    answer, held, unasked, flagged, kept = (p.item for p in store.pool(project))
    store.draw_audits(project, 1, [answer, flagged, held, unasked], 1, "blind")
    store.keep_for_checks(project, 1, [kept])
    asks = {a.item: a for a in audits_of(store, project, 3)}
    store.close_ask(asks[answer].id, "ann", "tab", 110)
    answered(store, answer_of(project, answer))
    store.settle_item(project, flagged, "flagged", None, 2)

    store.release_audits(project, 1)

    assert [p.item for p in store.pool(project) if p.drawn] == [answer]
    assert [a.item for a in store.certificate_audits(project, 1, 500)] == [answer]
    assert store.extend_lane(project, "query", 9, 1, 0.0, "random") == 2
    again = {a.item: a for a in store.lease(project, "bob", "query", 9, "b", 500, 600)}
    assert {i: (again[i].purpose, again[i].blind) for i in again} == {
        held: ("certificate", True), flagged: ("certificate", True), unasked: ("random", False),
        kept: ("random", False),
    }  # fmt: skip


def test_an_audit_of_an_ended_certificate_that_is_taken_back_is_asked_again(
    store: Store, make_project: MakeProject
) -> None:
    project = make_project(1).id
    (item,) = (p.item for p in store.pool(project))
    store.draw_audits(project, 1, [item], 1, "blind")
    (ask,) = audits_of(store, project)
    store.close_ask(ask.id, "ann", "tab", 110)
    answered(store, answer_of(project, item))
    store.release_audits(project, 1)
    store.set_current(item, "ann", None)
    store.settle_item(project, item, "open", None, 120)

    store.reopen_ask(ask.id)

    assert [a.id for a in store.lease(project, "bob", "query", 9, "b", 500, 600)] == [ask.id]


def test_a_released_item_may_be_drawn_again(store: Store, make_project: MakeProject) -> None:
    project = make_project(1).id
    (item,) = (p.item for p in store.pool(project))
    store.draw_audits(project, 1, [item], 1, "blind")
    store.release_audits(project, 1)

    store.draw_audits(project, 2, [item], 1, "blind")

    assert store.certificate_audits(project, 1, 500) == []
    assert store.certificate_audits(project, 2, 500) == [Audit(item, 0, None, asked=False, held=False)]
