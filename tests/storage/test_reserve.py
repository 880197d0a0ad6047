from collab.domain.annotation import Ask, Decision
from collab.domain.project import LoopPolicy
from collab.domain.run import ImportReport, Stratum
from collab.domain.store import Audit, NewItem, Store
from tests.conftest import MakeProject
from tests.samples import answer_of, ask_of, row, rows


def bring(store: Store, project: int, given: list[NewItem], mark: float, stratum_min: int = 500) -> None:
    opened = store.begin_import(project, "b.csv", "nothing", 1)
    store.add_items(opened, given)
    store.finish_import(opened, ImportReport(), mark, stratum_min, 2)


def hand_out(store: Store, project: int, count: int, until: int = 99) -> list[Ask]:
    store.extend_lane(project, "audit", count, 1, 0.0, "blind")
    return store.lease(project, "ann", "audit", count, "tab", 1, until)


def test_audits_are_listed_by_rank_up_to_the_last_one_asked(store: Store, make_project: MakeProject) -> None:
    project = make_project([row(n, rank=r) for n, r in ((1, 0.03), (2, 0.01), (3, 0.02), (4, 0.04))], mark=0.2).id
    third, first, second, _ = (p.item for p in store.pool(project))
    assert store.audit_answers(project, 50) == []
    asks = [ask_of(project, i, purpose="audit", lane="audit", score=s) for i, s in ((third, 1), (first, 0.5))]
    store.put_asks(project, asks, 1, whole=False, overlap=1)
    store.lease(project, "ann", "audit", 2, "tab", 1, 99)
    store.settle_item(project, first, "decided", Decision(first, ("Yes",), "agreement"), 2)

    assert store.audit_answers(project, 50) == [
        Audit(first, 1, ("Yes",), asked=True, held=True),
        Audit(second, 1, None, asked=False, held=False),
        Audit(third, 1, None, asked=True, held=True),
    ]


def test_an_audit_is_held_by_who_has_it_or_waits_for_the_next_and_else_it_is_unresolved(
    store: Store, make_project: MakeProject
) -> None:
    project = make_project(rows(6), mark=1.0).id
    held, lapsed, given_back, put_off, unsure, again = hand_out(store, project, 6, until=30)
    store.renew([held.id], "tab", 99)
    store.release([given_back.id, put_off.id, again.id], "tab")
    store.put_off(put_off.item, "ann", 1000)
    store.settle_item(project, unsure.item, "unsure", None, 2)
    store.close_ask(unsure.id, "ann", "tab", 2)

    audits = {a.item: a.held for a in store.audit_answers(project, 50)}

    assert [audits[a.item] for a in (held, lapsed, given_back, put_off, unsure, again)] == [
        True, False, True, False, False, True,
    ]  # fmt: skip


def test_audits_above_a_lowered_mark_count_no_longer(store: Store, make_project: MakeProject) -> None:
    project = make_project([row(1, rank=0.05), row(2, rank=0.15)], mark=0.2).id
    low, high = hand_out(store, project, 2)
    for ask in (low, high):
        store.settle_item(project, ask.item, "decided", Decision(ask.item, ("Yes",), "agreement"), 2)
    bring(store, project, [row(3, rank=0.02), row(4, rank=0.5)], mark=0.1)
    late = store.pool(project)[2].item

    assert store.audit_answers(project, 50) == [
        Audit(late, 1, None, asked=False, held=False),
        Audit(low.item, 1, ("Yes",), asked=True, held=True),
    ]


def test_a_stratum_is_as_large_as_what_its_audits_were_drawn_from(store: Store, make_project: MakeProject) -> None:
    given = [*rows(6, answer=("Yes",)), *rows(4, start=7)]
    project = make_project(given, mark=0.5, answers="decisions").id
    bring(store, project, rows(5, start=20), mark=0.5, stratum_min=3)

    assert store.strata(project) == (Stratum(1, (1,), 4), Stratum(2, (2,), 5))


def test_what_was_labeled_since_stays_part_of_what_the_audits_stand_for(
    store: Store, make_project: MakeProject
) -> None:
    project = make_project(rows(4, rank=0.9), mark=0.2).id
    item = store.pool(project)[0].item
    store.put_asks(project, [ask_of(project, item)], 1, whole=False, overlap=1)
    bring(store, project, rows(2, start=10), mark=0.1)

    assert store.strata(project) == (Stratum(1, (1, 2), 6),)


def test_where_audits_begin_late_only_what_is_left_is_drawn_from(store: Store, make_project: MakeProject) -> None:
    project = make_project(rows(4), policy=LoopPolicy(audit_schedule=(), audit_trickle=0)).id
    said = answer_of(project, store.pool(project)[0].item)
    store.append(said.event())
    store.set_current(said.item, "ann", said)
    store.settle_item(project, said.item, "decided", Decision(said.item, ("Yes",), "agreement"), 2)
    bring(store, project, rows(2, start=10), mark=0.2)

    assert store.strata(project) == (Stratum(1, (1, 2), 5),)
