"""What differing answers come to, further rows of the queue, and norming rounds, on both databases."""

from collab.domain.annotation import Annotation, Decision
from collab.domain.norming import Normed, Norming
from collab.domain.store import SharedAnswer, Store
from tests.conftest import MakeProject
from tests.samples import ask_of


def said(store: Store, project: int, item: int, who: str, answer: str, ask: int | None = None) -> Annotation:
    act = Annotation(f"{who} on {item}", project, item, who, "answer", 5, (answer,), ask=ask)
    store.append(act.event())
    store.set_current(item, who, act)
    return act


def test_what_was_concluded_is_kept_replaced_and_taken_back(store: Store, make_project: MakeProject) -> None:
    project = make_project(3)
    a, b, _ = (row.item for row in store.pool(project.id))
    first = [Decision(item, ("Yes",), "aggregated", 0.95) for item in (a, b)]
    store.set_aggregated(project.id, first)
    assert store.aggregated(project.id) == {a: first[0], b: first[1]}
    store.set_aggregated(project.id, [Decision(a, ("No",), "aggregated", 0.92), Decision(b, (), "aggregated", 0.6)])
    assert store.aggregated(project.id) == {a: Decision(a, ("No",), "aggregated", 0.92)}
    assert (store.beside(a)[1], store.beside(b)[1]) == (
        Decision(a, ("No",), "aggregated", 0.92),
        None,
    )


def test_answers_to_items_that_several_people_answered_say_why_they_were_asked(
    store: Store,
    make_project: MakeProject,
) -> None:
    project = make_project(3)
    a, b, _ = (row.item for row in store.pool(project.id))
    store.put_asks(project.id, [ask_of(project.id, a)], 1, whole=True, overlap=1)
    (ask,) = store.lease(project.id, "Ada", "query", 1, "tab", 1, 10)
    said(store, project.id, a, "Ada", "Yes", ask.id)
    said(store, project.id, a, "Bo", "No")
    said(store, project.id, b, "Ada", "No")
    both = [SharedAnswer(a, "Ada", ("Yes",), "query", False, True), SharedAnswer(a, "Bo", ("No",), "", False, True)]
    assert store.shared_answers(project.id) == both
    assert [x.item for x in store.shared_answers(project.id, least=1)] == [a, a, b]


def test_further_answers_wait_in_a_lane_of_their_own_and_never_for_who_has_answered(
    store: Store,
    make_project: MakeProject,
) -> None:
    project = make_project(3)
    a, b, _ = (row.item for row in store.pool(project.id))
    store.put_asks(project.id, [ask_of(project.id, a)], 1, whole=True, overlap=2)
    (ask,) = store.lease(project.id, "Ada", "query", 1, "tab", 1, 10)
    said(store, project.id, a, "Ada", "Yes", ask.id)
    store.close_ask(ask.id, "Ada", "tab", 2)
    assert store.begun_items(project.id) == []
    for _ in range(2):  # what waits already is enough
        store.want_answers(project.id, a, 2)
    assert store.begun_items(project.id) == [a]
    store.put_asks(project.id, [ask_of(project.id, b)], 2, whole=True, overlap=1)  # a new ranking leaves them alone
    assert store.lease(project.id, "Ada", "overlap", 5, "tab", 3, 10) == []
    first = store.lease_one(project.id, "Ada", ("overlap", "query"), "tab", 3, 10)
    assert first is not None
    assert (first.item, first.lane, first.token) == (b, "query", "tab")
    assert store.lease_one(project.id, "Ada", ("overlap", "query"), "tab", 3, 10) is None
    taken = [ask for who in ("Bo", "Cy", "Di") for ask in store.lease(project.id, who, "overlap", 5, who, 3, 10)]
    assert [ask.item for ask in taken] == [a, a]
    assert len({ask.slot for ask in taken}) == 2


def test_a_round_is_kept_with_its_answers_and_remarks(store: Store, make_project: MakeProject) -> None:
    project = make_project(4)
    a, b, *_ = (row.item for row in store.pool(project.id))
    blind = Norming(project.id, 1, "blind", (a, b), "Lea", 7)
    store.save_norming(blind)
    assert store.add_norming(project.id, "Ada", "blind")
    assert not store.add_norming(project.id, "Ada", "blind")
    asks = store.lease(project.id, "Ada", "norming", 5, "tab", 8, 20)
    assert [(ask.item, ask.purpose, ask.blind) for ask in asks] == [(a, "norming", True), (b, "norming", True)]
    assert {ask.item for ask in store.lease(project.id, "Bo", "query", 5, "other", 8, 20)} & {a, b} == set()
    act = Annotation("first", project.id, a, "Ada", "unsure", 9, ask=asks[0].id, purpose="norming")
    store.append(act.event())
    store.set_normed(blind, a, "Ada", False, act)
    assert store.normed(project.id, 1) == [Normed(a, "Ada", False, (), "first")]
    said_ = Annotation("remark", project.id, a, "Bo", "answer", 9, ("Yes",)).event()
    store.append(said_)
    store.keep_remark(project.id, 1, a, "remark")
    assert store.remarks(project.id, 1) == []  # without words it says nothing
    assert store.norming_of(a) == blind
    store.save_norming(Norming(project.id, 1, "closed", (a, b), "Lea", 7))
    assert (store.norming_of(a), store.normings(project.id)[0].stage) == (None, "closed")
