from dataclasses import replace

import pytest

from collab.domain.annotation import Suggestion
from collab.domain.run import Round
from collab.errors import NotShown
from collab.loop.inquiring import inquire
from tests.samples import ask_of


@pytest.fixture
def asked(loop):
    """A project in which Ada holds asks with suggestions, and Bo has answered one item."""
    made = loop(audit_schedule=(), audit_trickle=0, blind_share=0.0)
    store, project = made.store, made.project
    free = [row.item for row in store.pool(project.id) if not row.reserved]
    asks = [ask_of(project.id, item) for item in free]
    store.put_asks(project.id, asks, 1, whole=True, overlap=1)
    store.suggest(project.id, {item: Suggestion((0.9, 0.1), "1.1") for item in free})
    made.say("Bo", made.hand("Bo").asks[0], answer="minus")
    store.add_round(Round(project.id, 1, 1, 1, 1))
    return made


def why(made, ask, who="Ada", **changed):
    project = replace(made.project, policy=replace(made.project.policy, **changed))
    return inquire(made.store, project, who, f"tab of {who}", ask.id, made.now)


def test_the_worker_is_asked_and_its_answer_told_with_who_labeled_the_neighbours(asked):
    ask, labeled = asked.hand("Ada").asks[0], asked.store.annotated(asked.project.id)[0]
    assert why(asked, ask) is None
    assert asked.store.asked_why(asked.project.id) == [ask.item]
    asked.store.put_why(asked.project.id, ask.item, 1, {"near": [[labeled, 0.7], [ask.item, 0.6]]}, asked.now)
    (near,) = why(asked, ask).near
    assert (near.item.id, near.decision.answer, near.by, near.cosine) == (labeled, ("minus",), ("Bo",), 0.7)


def test_who_does_not_hold_the_ask_learns_nothing(asked):
    ask = asked.hand("Ada").asks[0]
    with pytest.raises(NotShown):
        why(asked, ask, who="Bo")
    assert asked.store.asked_why(asked.project.id) == []


@pytest.mark.parametrize("mode", ["answer first", "blind"])
def test_where_suggestions_are_not_shown_first_there_are_no_reasons(asked, mode):
    with pytest.raises(NotShown):
        why(asked, asked.hand("Ada").asks[0], mode=mode)


@pytest.mark.parametrize("hidden", [{"blind": True}, {"purpose": "audit"}, {"purpose": "repeat"}])
def test_an_ask_that_measures_or_was_hidden_by_the_coin_has_no_reasons(asked, hidden, monkeypatch):
    ask = asked.hand("Ada").asks[0]
    monkeypatch.setattr(type(asked.store), "held", lambda *_: [replace(ask, **hidden)])
    with pytest.raises(NotShown):
        why(asked, ask)


def test_an_item_of_the_reserve_has_no_reasons_whatever_its_ask_says(asked, monkeypatch):
    ask = asked.hand("Ada").asks[0]
    reserved = next(row.item for row in asked.store.pool(asked.project.id) if row.reserved)
    monkeypatch.setattr(type(asked.store), "held", lambda *_: [replace(ask, item=reserved)])
    with pytest.raises(NotShown):
        why(asked, ask)


def test_a_neighbour_that_is_an_audit_is_never_told(asked):
    ask = asked.hand("Ada").asks[0]
    reserved = [row.item for row in asked.store.pool(asked.project.id) if row.reserved]
    asked.store.put_why(asked.project.id, ask.item, 1, {"near": [[i, 0.9] for i in reserved]}, asked.now)
    assert why(asked, ask).near == ()


@pytest.mark.parametrize(
    "policy", [{"relabel": True}, {"overlap_share": 0.5}, {"answers_most": 3}, {"annotations_per_item": 2}]
)
def test_what_another_answered_is_not_told_to_whom_may_yet_be_asked_it(asked, policy):
    asked.project = replace(asked.project, policy=replace(asked.project.policy, **{"relabel": False} | policy))
    assert told_near(asked, only="Ada") == []
    assert told_near(asked, only="Bo") == told_near(asked) == [("Bo",)]


def test_where_nobody_is_asked_again_an_answer_is_told_without_who_gave_it(asked):
    asked.project = replace(asked.project, policy=replace(asked.project.policy, relabel=False))
    assert told_near(asked, only="Ada") == [()]


def told_near(made, **more):
    """By whom the neighbours are said to be answered."""
    ask, labeled = made.hand("Ada", tab="tab of Ada").asks[0], made.store.annotated(made.project.id)[0]
    made.store.put_why(made.project.id, ask.item, 1, {"near": [[labeled, 0.7]]}, made.now)
    found = inquire(made.store, made.project, "Ada", "tab of Ada", ask.id, made.now, **more)
    return [near.by for near in found.near]
