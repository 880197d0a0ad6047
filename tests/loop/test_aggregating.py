from dataclasses import replace

import numpy as np
import pytest

from collab.domain.annotation import Annotation, answers_wanted
from collab.domain.project import LabelSchema, classes_from_names
from collab.domain.store import SharedAnswer
from collab.engine.encoders.text import encoder_of
from collab.loop import annotating, juxtaposing, rebuilding, reshaping, settling
from collab.loop.encoding import encode_items
from collab.loop.retraining import Learner

pytestmark = pytest.mark.slow

PEOPLE = {"Ada": 0.95, "Bo": 0.9, "Cy": 0.55}
"""How often each is right."""


@pytest.fixture
def crowded(loop):
    """A project in which people of differing skill have answered, and its learner."""

    def make(people=PEOPLE, **policy):
        usual = {"items": 60, "mark": 0.1, "blind_share": 0.0, "repeat_every": 0, "annotations_per_item": 3}
        signs = loop(**{**usual, **policy})
        encode_items(signs.store, signs.project, encoder_of("hashing"), lambda *_: False)
        rng, act = np.random.default_rng(1), 0
        with signs.store.transaction():  # one commit
            for item, (right,) in list(signs.store.truth(signs.project.id).items())[: usual["items"] * 2]:
                other = "minus" if right == "plus" else "plus"
                for who in rng.permutation(list(people))[: answers_wanted(signs.project, item)].tolist():
                    said, act = right if rng.random() < people[who] else other, act + 1
                    given = Annotation(f"a{act}", signs.project.id, item, who, "answer", signs.now + act, (said,))
                    given = replace(given, purpose="query", schema_version=1)
                    signs.store.append(given.event())
                    settling.apply(signs.store, signs.project, given)
        return signs, Learner(signs.store, signs.project.id, encoder_of("hashing"))

    return make


def looked(signs, learner):
    """What the worker does once, and the events that it logs."""
    before = signs.store.progress(signs.project.id).events
    learner.take_in()
    learner.round(signs.now)
    return [event for _, event in signs.store.log(signs.project.id, before)]


def outcomes(signs):
    return {item.id: (item.state, decision) for item, decision, _ in signs.store.outcomes(signs.project.id, 0, 1000)}


def test_what_differing_answers_come_to_is_one_event_that_a_rebuild_follows(crowded):
    signs, learner = crowded(decide_by="dawid skene", aggregate_from=0.8)
    disputed = {i for i, (state, _) in outcomes(signs).items() if state == "disputed"}
    (event,) = looked(signs, learner)
    assert (event.kind, event.payload["method"]) == ("aggregate", "dawid skene")
    found, truth = outcomes(signs), signs.store.truth(signs.project.id)
    concluded = {i: d for i, (_, d) in found.items() if d is not None and d.source == "aggregated"}
    assert set(concluded) == set(event.payload["items"]) <= disputed
    assert len(concluded) > 8
    assert min(d.confidence for d in concluded.values()) >= 0.8
    assert np.mean([d.answer == truth[i] for i, d in concluded.items()]) > 0.85
    rebuilding.rebuild(signs.store, signs.project.id)
    assert outcomes(signs) == found
    assert looked(signs, learner) == []  # nothing is new


def test_what_was_concluded_falls_with_the_answers_that_it_came_from(crowded):
    signs, learner = crowded(decide_by="dawid skene", aggregate_from=0.8)
    (event,) = looked(signs, learner)
    store, item = signs.store, event.payload["items"][0]
    assert store.decision(item).source == "aggregated"
    first = store.current(item)[0]
    for n, kind in enumerate(("later", "unsure")):  # who was asked and puts it off takes nothing back
        by, target = ("Di", None) if kind == "later" else (first.annotator, first.id)
        said = Annotation(f"more {n}", signs.project.id, item, by, kind, 0, target=target)
        annotating.submit(store, said, "", signs.now)
        assert (store.decision(item) is None) == (kind == "unsure")
    before = outcomes(signs)
    rebuilding.rebuild(store, signs.project.id)
    assert outcomes(signs) == before
    assert item not in store.aggregated(signs.project.id)
    assert before[item][0] == "disputed"


def test_audits_are_never_concluded(crowded):
    signs, learner = crowded(decide_by="crowdlab", aggregate_from=0.5, mark=0.2)
    reserve = {row.item for row in signs.store.pool(signs.project.id) if row.reserved}
    disputed = {i for i, (state, _) in outcomes(signs).items() if state == "disputed"}
    (event,) = looked(signs, learner)
    assert disputed & reserve
    assert set(event.payload["items"]) == disputed - reserve


def test_who_wants_agreement_again_has_disputes_again(crowded):
    signs, learner = crowded(decide_by="dawid skene", aggregate_from=0.8)
    before = outcomes(signs)
    looked(signs, learner)
    policy = replace(signs.project.policy, decide_by="agreement")
    reshaping.save_policy(signs.store, signs.project.id, policy, "Bo", "policy", signs.now)
    assert outcomes(signs) == before


def test_where_people_err_often_a_quarter_of_the_asks_goes_to_doubtful_answers_of_others(crowded):
    signs, learner = crowded(items=300, annotations_per_item=1, overlap_share=0.65, mark=0)
    looked(signs, learner)
    asked, said = [], {i: {a.annotator for a in signs.store.current(i)} for i in signs.store.annotated(1)}
    for _ in range(20):
        (ask,) = signs.hand("Ada").asks
        asked.append(signs.store.ask(ask.id))
        assert "Ada" not in said.get(ask.item, ())
        signs.say("Ada", ask)
    again = [ask for ask in asked if ask.lane == "relabel"]
    assert 3 <= len(again) <= 6
    assert all(ask.item in said and ask.reason == "relabel" for ask in again)


@pytest.mark.parametrize("change", [{"relabel": False}, {"people": {"Ada": 1.0, "Bo": 1.0, "Cy": 0.97}}])
def test_nothing_is_asked_again_where_nobody_wants_it_or_people_hardly_err(crowded, change):
    signs, learner = crowded(**{"items": 300, "overlap_share": 0.65, "annotations_per_item": 1, **change})
    looked(signs, learner)
    assert "relabel" not in [signs.store.ask(ask.id).lane for ask in signs.hand("Ada", want=6).asks]


def test_answers_that_were_asked_because_of_others_tell_nothing_of_agreement():
    answers = [
        SharedAnswer(1, who, ("plus",), purpose, False, True)
        for who, purpose in (("Ada", "query"), ("Bo", "query"), ("Cy", "more"))
    ]
    answers += [
        SharedAnswer(2, "Ada", ("plus",), "query", False, True),
        SharedAnswer(2, "Bo", (), "relabel", False, True),
    ]
    assert [(a.item, a.annotator) for a in juxtaposing.planned(answers)] == [(1, "Ada"), (1, "Bo")]


def test_sets_of_classes_are_compared_whole():
    schema = LabelSchema("Which?", classes_from_names(("a", "b", "c")), task="multi label")
    given = [("Ada", ("a", "b")), ("Bo", ("a", "b")), ("Cy", ("a",))]
    table = juxtaposing.tabled([SharedAnswer(1, who, said, "", False, True) for who, said in given], schema)
    assert table.table.tolist() == [[0, 0, 1]]
    assert table.differing.tolist() == [0]
