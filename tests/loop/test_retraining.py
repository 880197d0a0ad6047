from dataclasses import replace

import numpy as np
import pytest

from collab.engine.encoders.text import encoder_of
from collab.loop.encoding import encode_items
from collab.loop.retraining import Learner


@pytest.fixture
def read(loop):
    """A project whose items have features, and its learner."""

    def make(**policy):
        signs = loop(**policy)
        encode_items(signs.store, signs.project, encoder_of("hashing"), lambda *_: False)
        return signs, Learner(signs.store, signs.project.id, encoder_of("hashing"))

    return make


def answer_truly(signs, who, count):
    truth = signs.store.truth(signs.project.id)
    for _ in range(count):
        ask = signs.hand(who).asks[0]
        signs.say(who, ask, answer=truth[ask.item][0])


def test_before_any_answer_the_most_typical_items_are_asked(read):
    signs, learner = read(audit_schedule=(), audit_trickle=0, blind_share=0.0)
    assert learner.take_in()
    done = learner.round(signs.now)
    assert (done.labels, done.revision) == (0, 1)
    asks = signs.hand("Ada", want=4).asks
    assert {a.reason for a in asks} == {"typical"}
    assert {a.suggestion for a in asks} == {None}


def test_after_answers_of_both_classes_every_ask_carries_a_suggestion(read):
    signs, learner = read(audit_schedule=(), audit_trickle=0, blind_share=0.0)
    answer_truly(signs, "Ada", 12)
    learner.take_in()
    done = learner.round(signs.now)
    assert done.labels == 12
    words = [a.suggestion for a in signs.hand("Ada", want=4).asks]
    assert [sum(w.proba) for w in words] == pytest.approx([1.0] * 4)
    assert {w.model for w in words} == {f"{done.model}.{done.revision}"}


def test_a_round_is_due_after_an_answer_and_not_after_nothing(read):
    signs, learner = read()
    learner.take_in()
    learner.round(signs.now)
    assert not learner.take_in()
    signs.say("Ada", signs.hand("Ada").asks[0])
    assert learner.take_in()


def test_audit_items_are_never_trained_on_and_never_ranked(read):
    signs, learner = read(items=300, audit_schedule=((100, 2),))
    answer_truly(signs, "Ada", 40)
    learner.take_in()
    done = learner.round(signs.now)
    assert (done.labels, done.audits) == (20, 20)
    reserved = {row.item for row in signs.store.pool(signs.project.id) if row.reserved}
    signs.project = replace(signs.project, policy=replace(signs.project.policy, audit_schedule=(), audit_trickle=0))
    assert not reserved & {a.item for a in signs.hand("Bo", want=6).asks}


def test_the_suggestions_of_held_asks_follow_the_new_head(read):
    signs, learner = read(audit_schedule=(), audit_trickle=0, blind_share=0.0)
    answer_truly(signs, "Ada", 12)
    learner.take_in()
    learner.round(signs.now)
    held = signs.hand("Bo", want=3).asks
    answer_truly(signs, "Ada", 3)
    learner.take_in()
    done = learner.round(signs.now)
    assert {signs.store.ask(a.id).suggestion.model for a in held} == {f"{done.model}.{done.revision}"}


def test_a_learner_made_anew_fits_the_same_head(read):
    signs, learner = read()
    answer_truly(signs, "Ada", 20)
    learner.take_in()
    learner.round(signs.now)
    anew = Learner(signs.store, signs.project.id, encoder_of("hashing"))
    anew.take_in()
    anew.round(signs.now)
    features = np.eye(3, 384, dtype=np.float32)
    np.testing.assert_allclose(anew.predict(features), learner.predict(features), atol=1e-3)


def test_held_back_truth_changes_neither_asks_nor_rankings_nor_fits(read):
    asked, fitted = [], []
    for demo in (True, False):
        signs, learner = read(audit_schedule=(), audit_trickle=0)
        learner.project = replace(learner.project, demo=demo)
        items, heads = [], []
        for number in range(16):
            ask = signs.hand("Ada").asks[0]
            items.append(signs.store.items([ask.item])[ask.item].ref)
            signs.say("Ada", ask, answer=("plus", "minus")[number % 3 == 0])
            learner.take_in()
            heads.append((done := learner.round(signs.now)).labels)
        asked.append(items)
        fitted.append((heads, learner.predict(np.eye(2, 384, dtype=np.float32)).tolist()))
        assert (done.demo_accuracy is not None) == demo
        signs.store.delete_project(signs.project.id)
    assert asked[0] == asked[1]
    assert fitted[0] == fitted[1]


def test_a_retired_class_is_never_suggested(read):
    signs, learner = read(audit_schedule=(), audit_trickle=0, blind_share=0.0)
    schema = signs.project.schema
    three = replace(
        schema, classes=(*schema.classes, replace(schema.classes[0], id="zero", name="zero", key="3")), version=2
    )
    signs.store.save_schema(signs.project.id, three)
    answer_truly(signs, "Ada", 12)
    retired = replace(three, classes=(*three.classes[:2], replace(three.classes[2], retired=True)), version=3)
    signs.store.save_schema(signs.project.id, retired)
    learner = Learner(signs.store, signs.project.id, encoder_of("hashing"))
    learner.take_in()
    learner.round(signs.now)
    assert {a.suggestion.proba[2] for a in signs.hand("Ada", want=4).asks} == {0.0}
