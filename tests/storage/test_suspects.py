from collab.domain.suspect import Adjudication, Suspect
from collab.storage.database import SqlStore
from tests.conftest import MakeProject
from tests.samples import answer_of, row


def test_the_queue_of_second_looks_takes_each_item_once_the_most_doubtful_first(
    store: SqlStore, make_project: MakeProject
) -> None:
    project = make_project([row(n, rank=n / 10, answer=("Yes",)) for n in range(1, 6)], answers="decisions").id
    one, two, three, four, five = (p.item for p in store.pool(project))
    store.put_suspects(
        project,
        ("error", "contradiction"),
        [
            Suspect(one, "error", 0.5, {"instead": ["No"]}, ("Yes",)),
            Suspect(one, "contradiction", 0.7, {"other": two}, ("Yes",)),
            Suspect(two, "error", 0.9, {}, ("Yes",)),
            Suspect(three, "error", 0.8, {}, ("No",)),  # it has another decision by now
            Suspect(four, "error", 0.6, {}, ("Yes",)),
        ],
        1,
    )
    store.settle_item(project, five, "disputed", None, 1)

    assert store.due_looks(project, "rex", "", 9, 10) == [(five, 2.0), (two, 0.9), (one, 0.7), (four, 0.6)]
    assert store.due_looks(project, "rex", "contradiction", 9, 10) == [(one, 0.7)]
    left = store.looks_left(project, "rex", 10)
    assert (left["error"], left["contradiction"], left["disputed"], left[""]) == (3, 1, 1, 4)
    assert [s.kind for s in store.suspects_of(one)] == ["contradiction", "error"]

    (held,) = store.take_looks(project, "rex", "error", 1, "tab", 10, 20)
    assert (held.item, held.lane, held.purpose, held.blind, held.reason) == (two, "review", "review", True, "error")
    assert store.held(project, "rex", "tab", 11) == [held]
    assert [item for item, _ in store.due_looks(project, "eve", "", 9, 11)] == [five, one, four]
    assert [item for item, _ in store.due_looks(project, "eve", "", 9, 30)] == [five, two, one, four]

    store.put_off(one, "rex", 50)
    store.send_look(project, two, "eve")
    assert store.due_looks(project, "rex", "", 9, 40) == [(five, 2.0), (four, 0.6)]
    assert store.due_looks(project, "eve", "sent", 9, 40) == [(two, 3.0)]
    store.close_looks(two)
    assert store.looks_left(project, "eve", 40)["sent"] == 0


def test_what_an_adjudicator_said_stands_until_it_is_taken_back(store: SqlStore, make_project: MakeProject) -> None:
    project = make_project([row(1, answer=("Yes",)), row(2)], answers="decisions").id
    item, other = (p.item for p in store.pool(project))
    look = answer_of(project, item, "No", by="rex")
    for said in (look, answer_of(project, other, "No", by="rex")):
        store.append(said.event())
    store.set_second_look(item, "rex", look)
    verdict = Adjudication(item, look.id, "change", ("No",), ("Yes",))

    store.set_adjudication(project, item, verdict, 5)

    assert store.second_looks(item) == [look]
    assert store.adjudication(item) == verdict
    assert store.beside(item) == (verdict, None)
    (listed,) = store.adjudications(project)
    assert (listed.adjudication, listed.adjudicator, listed.at) == (verdict, "rex", look.at)
    assert store.adjudications(project, before=listed.number) == []

    store.set_adjudication(project, item, None)
    store.set_second_look(item, "rex", None)

    assert (store.adjudication(item), store.second_looks(item)) == (None, [])
