import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from collab.domain.annotation import Ask, Choices, Suggestion, coin
from collab.domain.store import Store
from collab.storage.database import SqlStore
from tests.conftest import MakeProject
from tests.samples import answer_of, ask_of, row
from tests.storage.conftest import Open


def queued(store: Store, project: int, *, overlap: int = 1) -> list[int]:
    """Puts every item of the pool into the queue, best first; returns the items."""
    items = [p.item for p in store.pool(project)]
    asks = [ask_of(project, item, score=1 - n / len(items)) for n, item in enumerate(items)]
    store.put_asks(project, asks, 1, whole=True, overlap=overlap)
    return items


def taken(store: Store, project: int, size: int = 1, by: str = "ann", now: int = 100, token: str = "tab") -> list[Ask]:
    return store.lease(project, by, "query", size, token, now, now + 1000)


def test_the_best_rows_are_leased_first_and_held(store: Store, make_project: MakeProject) -> None:
    project = make_project(3).id
    best, second, third = queued(store, project)

    asks = taken(store, project, 2)

    assert [a.item for a in asks] == [best, second]
    assert asks[0] == dataclasses.replace(
        ask_of(project, best, score=1.0), id=asks[0].id, annotator="ann", token="tab", lease_until=1100
    )
    assert store.held(project, "ann", "tab", 200) == asks
    assert (store.held(project, "ann", "other tab", 200), store.held(project, "ann", "tab", 1100)) == ([], [])
    assert [a.item for a in taken(store, project, 5, "bob")] == [third]
    assert store.live_items(project, 200) == [best, second, third]
    assert store.ask(asks[0].id) == asks[0]


def test_rows_of_a_newer_ranking_come_first(store: Store, make_project: MakeProject) -> None:
    project = make_project(2).id
    best, second = queued(store, project)

    store.put_asks(project, [ask_of(project, second, score=0.01)], 2, whole=False, overlap=1)

    assert [a.item for a in taken(store, project, 2)] == [second, best]
    assert store.progress(project).ranking == 2


def test_purpose_and_coin_of_a_leased_row_never_change(store: Store, make_project: MakeProject) -> None:
    project = make_project(2).id
    leased, free = queued(store, project)
    taken(store, project)
    word = Suggestion((0.5, 0.5), "2.1", "ambiguous", Choices((0, 1), 0.9))
    new = [
        dataclasses.replace(ask_of(project, item), purpose="cold start", blind=True, reason="new", suggestion=word)
        for item in (leased, free)
    ]

    store.put_asks(project, new, 2, whole=False, overlap=1)

    first, second = store.held(project, "ann", "tab", 200), taken(store, project, by="bob")
    assert [(a.purpose, a.blind, a.reason, a.suggestion) for a in (*first, *second)] == [
        ("query", False, "new", word),
        ("cold start", True, "new", word),
    ]


def test_a_whole_ranking_drops_only_rows_that_were_never_leased(store: Store, make_project: MakeProject) -> None:
    project = make_project(4).id
    _, given_back, _, ranked = queued(store, project)
    held, back = taken(store, project, 2)
    store.release([back.id], "tab")

    store.put_asks(project, [ask_of(project, ranked)], 2, whole=True, overlap=1)

    assert store.held(project, "ann", "tab", 200) == [held]
    assert [a.item for a in taken(store, project, 9, "bob")] == [ranked, given_back]


def test_a_row_whose_lease_ran_out_is_free(store: Store, make_project: MakeProject) -> None:
    project = make_project(1).id
    queued(store, project)
    (first,) = taken(store, project)

    assert taken(store, project, by="bob", now=1099, token="b") == []
    (again,) = taken(store, project, by="bob", now=1100, token="b")
    assert (again.id, again.annotator) == (first.id, "bob")


def test_a_renewed_lease_holds_and_only_its_own_token_renews_it(store: Store, make_project: MakeProject) -> None:
    project = make_project(1).id
    queued(store, project)
    (ask,) = taken(store, project)

    store.renew([ask.id], "other tab", 9000)
    assert store.held(project, "ann", "tab", 1100) == []
    store.renew([ask.id], "tab", 5000)
    assert [a.lease_until for a in store.held(project, "ann", "tab", 1100)] == [5000]


def test_what_another_one_holds_is_not_closed(store: Store, make_project: MakeProject) -> None:
    project = make_project(3).id
    queued(store, project)
    timely, late, lost = taken(store, project, 3)
    store.close_ask(timely.id, "ann", "tab", 200)
    store.close_ask(late.id, "ann", "tab", 1100)
    (others,) = taken(store, project, by="bob", now=1200, token="b")
    assert others.id == lost.id

    store.close_ask(lost.id, "ann", "tab", 1300)

    assert store.held(project, "bob", "b", 1300) == [others]
    assert [found.done for found in map(store.ask, (timely.id, late.id, lost.id)) if found] == [True, True, False]


def test_nobody_gets_an_item_twice_and_every_slot_is_asked(store: Store, make_project: MakeProject) -> None:
    project = make_project(1).id
    (item,) = queued(store, project, overlap=2)

    first, second = taken(store, project, 5), taken(store, project, 5, "bob")
    assert ([(a.item, a.slot) for a in first], [(a.item, a.slot) for a in second]) == ([(item, 0)], [(item, 1)])
    assert taken(store, project, 5) == []


def test_an_answered_item_is_not_handed_to_the_same_person(store: Store, make_project: MakeProject) -> None:
    project = make_project(1).id
    (item,) = queued(store, project, overlap=2)
    (ask,) = taken(store, project)
    said = answer_of(project, item)
    store.close_ask(ask.id, "ann", "tab", 200)
    store.append(said.event())
    store.set_current(item, "ann", said)

    assert taken(store, project, now=9000) == []
    assert [a.slot for a in taken(store, project, by="bob", now=9000)] == [1]


@pytest.mark.parametrize(("state", "count"), [("open", 1), ("flagged", 1), ("decided", 0), ("unusable", 0)])
def test_items_that_need_no_answer_stay_in_the_queue(
    store: Store, make_project: MakeProject, state: str, count: int
) -> None:
    project = make_project(1).id
    (item,) = queued(store, project)

    store.settle_item(project, item, state, None, 5)  # type: ignore[arg-type]  # a parameter of the test

    assert len(taken(store, project)) == count


def test_an_item_put_off_comes_back_later(store: Store, make_project: MakeProject) -> None:
    project = make_project(1).id
    (item,) = queued(store, project)
    store.put_off(item, "ann", 400)
    store.put_off(item, "ann", 500)

    assert taken(store, project, now=499) == []
    assert len(taken(store, project, now=500)) == 1


def test_a_reopened_row_is_free_again(store: Store, make_project: MakeProject) -> None:
    project = make_project(1).id
    queued(store, project)
    (ask,) = taken(store, project)
    store.close_ask(ask.id, "ann", "tab", 200)

    store.reopen_ask(ask.id)

    assert [a.id for a in taken(store, project, by="bob", now=201)] == [ask.id]


def test_open_rows_get_new_suggestions(store: Store, make_project: MakeProject) -> None:
    project = make_project(1).id
    (item,) = queued(store, project)
    word = Suggestion((0.1, 0.9), "1.2", "", Choices((1,), 0.8))

    store.suggest(project, {item: word, 999: word})

    assert [a.suggestion for a in taken(store, project)] == [word]


def test_lanes_are_extended_by_rank_and_late_arrivals_come_first(store: Store, make_project: MakeProject) -> None:
    project = make_project([row(1, rank=0.1), row(2, rank=0.15), row(3, rank=0.6), row(4, rank=0.5)], mark=0.2).id
    items = {i.ref: i.id for i in store.stream_items(project)}

    assert store.extend_lane(project, "audit", 1, 1, 0.0, "call") == 1
    assert store.extend_lane(project, "query", 9, 2, 1.0, "call") == 4
    opened = store.begin_import(project, "b.csv", "nothing", 1)
    store.add_items(opened, [row(5, rank=0.05)])
    store.finish_import(opened, report=store.imports(project)[0][3], mark=0.2, stratum_min=0, now=2)
    assert store.extend_lane(project, "audit", 9, 1, 0.0, "call") == 2

    late = next(i.id for i in store.stream_items(project) if i.ref == "5")
    audits = store.lease(project, "ann", "audit", 9, "tab", 100, 200)
    randoms = store.lease(project, "ann", "query", 9, "tab", 100, 200)
    assert [a.item for a in audits] == [late, items["1"], items["2"]]
    assert {(a.purpose, a.blind) for a in audits} == {("audit", True)}
    assert [(a.item, a.purpose, a.blind) for a in randoms] == [(items[r], "random", True) for r in "43"]


def test_chosen_items_belong_to_the_person_who_picked_them(store: Store, make_project: MakeProject) -> None:
    project = make_project([row(1, rank=0.1), row(2, rank=0.5), row(3, rank=0.6)], mark=0.2).id
    reserved, second, third = (p.item for p in store.pool(project))

    assert store.choose_items(project, "ann", [third, reserved, second, third], "picked") == 2

    assert store.lease(project, "bob", "chosen", 9, "b", 100, 900) == []
    first = store.lease(project, "ann", "chosen", 9, "tab", 100, 900)
    assert [(a.item, a.purpose, a.blind) for a in first] == [(third, "chosen", False), (second, "chosen", False)]
    store.close_ask(first[0].id, "ann", "tab", 200)
    assert store.choose_items(project, "ann", [third], "again") == 1
    assert [a.item for a in store.lease(project, "ann", "chosen", 9, "tab", 300, 900)] == [third]


def test_people_who_lease_or_answer_are_live(store: Store, make_project: MakeProject) -> None:
    project = make_project(2).id
    item, _ = queued(store, project)
    taken(store, project, now=100)
    said = answer_of(project, item, by="bob", at=300)
    store.append(said.event())
    store.set_current(item, "bob", said)

    assert [store.live_annotators(project, since) for since in (100, 101, 301)] == [2, 1, 0]


@pytest.mark.slow
def test_two_annotators_never_hold_the_same_item(reopen: Open, make_project: MakeProject, store: SqlStore) -> None:
    project = make_project(4000).id
    queued(store, project)
    start = threading.Barrier(2)

    def label(name: str) -> list[int]:
        mine, answered = reopen(), []
        start.wait()
        while len(answered) < 2000:
            for ask in taken(mine, project, 5, name, token=name):
                mine.close_ask(ask.id, name, name, 200)
                answered.append(ask.item)
        return answered

    with ThreadPoolExecutor(2) as people:
        first, second = people.map(label, ("ann", "bob"))

    assert len(set(first)) == len(set(second)) == 2000
    assert not set(first) & set(second)


@pytest.mark.parametrize("later", [True, False])
def test_each_slot_of_an_item_has_a_coin_of_its_own(store: Store, make_project: MakeProject, later: bool) -> None:
    project = make_project(40)
    store.save_policy(project.id, dataclasses.replace(project.policy, blind_share=0.5))
    queued(store, project.id, overlap=1 if later else 2)
    store.add_slots(project.id, 2)

    taken(store, project.id, 40, by="ann")
    second = taken(store, project.id, 40, by="bob")

    owner = store.project(project.id)
    assert [a.blind for a in second] == [coin(owner, a.item, 1) < 0.5 for a in second]
    assert {a.blind for a in second} == {True, False}
