from dataclasses import replace

import numpy as np
import pytest

from collab.domain.annotation import Decision
from collab.domain.run import ImportReport
from collab.domain.version import ModelVersion
from collab.engine.encoders.text import encoder_of
from collab.loop import reshaping, retraining
from collab.loop.encoding import encode_items
from collab.loop.pooling import Pool
from collab.loop.promoting import promote
from collab.loop.retraining import Learner
from tests.loop.conftest import new_item


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


def test_neither_what_a_certificate_drew_nor_a_machines_label_is_trained_on_or_asked(read):
    signs, learner = read(audit_schedule=(), audit_trickle=0)
    answer_truly(signs, "Ada", 12)
    free = [row.item for row in signs.store.pool(signs.project.id) if row.state == "open" and not row.reserved]
    drawn, answered, machine = free[:3]
    signs.store.draw_audits(signs.project.id, 1, [drawn, answered], 1, "audit")
    for item, source in ((answered, "agreement"), (machine, "machine")):
        signs.store.settle_item(signs.project.id, item, "decided", Decision(item, ("plus",), source), signs.now)
    done = round_of(learner, signs.now)
    assert done.labels == 12
    assert not {drawn, answered, machine} & {
        a.item for a in signs.store.lease(signs.project.id, "Bo", "query", 99, "tab", signs.now, signs.now + 9)
    }


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
        signs.store.delete_project(signs.project.id, 9)
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


def choose_minilm(signs):
    wanted = replace(signs.project.policy, encoder="minilm")
    reshaping.save_policy(signs.store, signs.project.id, wanted, "Ada", "act of choosing", signs.now)


def test_an_answer_given_while_the_pool_is_first_read_is_learned(read, monkeypatch):
    signs, learner = read(audit_schedule=(), audit_trickle=0)
    ask, take = signs.hand("Ada").asks[0], Pool.take_features

    def take_slowly(self, schema):
        take(self, schema)
        signs.say("Ada", ask)

    monkeypatch.setattr(Pool, "take_features", take_slowly)
    learner.take_in()
    learner.take_in()
    assert learner.round(signs.now).labels == 1


def test_once_another_encoder_was_chosen_nothing_is_recorded_under_its_name(read):
    signs, learner = read()
    learner.take_in()
    learner.round(signs.now)
    choose_minilm(signs)
    learner.take_in()
    assert learner.round(signs.now) is None
    assert [m.encoder for m in signs.store.models(signs.project.id)] == ["hashing"]


@pytest.mark.parametrize("step", ["audits_of", "asks_of"], ids=["before it is named", "before it is written"])
def test_a_promotion_during_a_round_stands_and_the_round_is_dropped(read, monkeypatch, step):
    signs, learner = read()
    learner.take_in()
    first = learner.round(signs.now)
    wanted = signs.store.add_model(ModelVersion(0, signs.project.id, "hashing", "mlp", "candidate", first.model))
    promoted, rule = [], getattr(retraining, step)

    def slowly(*args):
        if not promoted:
            promoted.append(promote(signs.store, signs.project.id, wanted.id, "Ada", "an act", signs.now))
        return rule(*args)

    monkeypatch.setattr(retraining, step, slowly)
    assert learner.round(signs.now) is None
    assert {m.id: m.status for m in signs.store.models(signs.project.id)} == {
        first.model: "retired", wanted.id: "champion",
    }  # fmt: skip
    assert signs.store.last_round(signs.project.id) == first
    learner.take_in()
    assert learner.round(signs.now).model == wanted.id


def test_a_head_goes_on_with_its_own_encoder_alone(read):
    signs, learner = read()
    answer_truly(signs, "Ada", 12)
    learner.take_in()
    learner.round(signs.now)
    assert Learner(signs.store, signs.project.id, encoder_of("hashing")).head.n_labels > 0
    choose_minilm(signs)
    assert Learner(signs.store, signs.project.id, encoder_of("minilm")).head is None


def test_a_damaged_head_is_fitted_anew(read):
    signs, learner = read()
    answer_truly(signs, "Ada", 12)
    learner.take_in()
    done = learner.round(signs.now)
    signs.store.write_file(f"heads/{signs.project.id}/{done.revision}.safetensors", iter([b"torn"]))
    anew = Learner(signs.store, signs.project.id, encoder_of("hashing"))
    anew.take_in()
    assert anew.round(signs.now).labels == done.labels


def test_a_round_lets_go_of_old_heads(read):
    signs, learner = read()
    answer_truly(signs, "Ada", 12)
    learner.take_in()
    last = [learner.round(signs.now).revision for _ in range(7)][-5:]
    heads = signs.store.folder(f"heads/{signs.project.id}").iterdir()
    assert sorted(path.name for path in heads) == [f"{revision}.safetensors" for revision in last]


def test_the_whole_pool_is_read_in_pages_and_a_few_answers_by_their_items(read, monkeypatch):
    signs, learner = read(audit_schedule=(), audit_trickle=0)
    asked, pool_rows = [], type(signs.store).pool_rows

    def counted(self, project, items):
        asked.append(len(items))
        return pool_rows(self, project, items)

    monkeypatch.setattr(type(signs.store), "pool_rows", counted)
    learner.take_in()
    answer_truly(signs, "Ada", 3)
    learner.take_in()
    assert asked == [3]


@pytest.mark.slow
def test_a_round_says_what_its_probabilities_are_worth_and_a_refit_within_a_minute_keeps_that(read):
    signs, learner = read(items=300, audit_schedule=((1000, 1),), repeat_every=0)
    answer_truly(signs, "Ada", 50)
    signs.project = replace(signs.project, policy=replace(signs.project.policy, audit_schedule=(), audit_trickle=0))
    answer_truly(signs, "Ada", 6)
    first = round_of(learner, signs.now)
    assert (first.checks.labels, first.checks.look, first.checks.answered) == (6, 1, 50)
    assert (first.checks.calibration.answered, first.checks.calibration.right) == (50, first.strata[0].right)
    answer_truly(signs, "Ada", 2)
    assert round_of(learner, signs.now).checks == first.checks
    later = round_of(Learner(signs.store, signs.project.id, encoder_of("hashing")), signs.now)
    assert (later.checks.labels, later.checks.look, later.checks.answered) == (8, 2, 50)


def bring_opposites(signs, count):
    """Import items that mean the opposite of what their words said so far."""
    given = [new_item(number) for number in range(10_000, 10_000 + count)]
    opposite = {("plus",): ("minus",), ("minus",): ("plus",)}
    opened = signs.store.begin_import(signs.project.id, "opposites", "truth", signs.now)
    signs.store.add_items(opened, [replace(item, answer=opposite[item.answer]) for item in given])
    signs.store.finish_import(opened, ImportReport(added=count), 0.1, 500, signs.now)
    encode_items(signs.store, signs.project, encoder_of("hashing"), lambda *_: False)


def round_of(learner, now):
    learner.take_in()
    return learner.round(now)


@pytest.mark.slow
def test_a_larger_import_that_joins_leaves_no_figure_until_its_own_audits_are_asked(read):
    signs, learner = read(items=400, audit_schedule=((1000, 2),), repeat_every=0)
    answer_truly(signs, "Ada", 120)
    (alone,) = round_of(learner, signs.now).strata
    assert (alone.items, alone.answered, alone.right) == (400, 60, 60)
    bring_opposites(signs, 2_000)
    (joined,) = round_of(learner, signs.now).strata
    assert (joined.items, joined.answered) == (2_400, 0)
    signs.project = replace(signs.project, policy=replace(signs.project.policy, audit_schedule=((1000, 1),)))
    answer_truly(signs, "Ada", 60)
    (joined,) = round_of(learner, signs.now).strata
    assert joined.answered >= 60
    assert joined.right <= 20


def test_an_audit_is_unresolved_once_it_was_put_back_and_not_while_somebody_holds_it(read):
    signs, learner = read(items=300, audit_schedule=((1000, 1),), blind_share=0.0)
    answer_truly(signs, "Ada", 5)
    signs.project = replace(signs.project, policy=replace(signs.project.policy, audit_schedule=(), audit_trickle=0))
    answer_truly(signs, "Ada", 12)
    signs.project = replace(signs.project, policy=learner.project.policy)
    held = signs.hand("Bo", want=4).asks
    (stratum,) = round_of(learner, signs.now).strata
    assert (stratum.answered, stratum.unresolved) == (5, 0)
    signs.say("Bo", held[0], "flag")
    (stratum,) = round_of(learner, signs.now).strata
    assert (stratum.answered, stratum.unresolved) == (5, 1)
    lapsed = signs.now + signs.project.policy.lease_seconds * 1000 + 1
    (stratum,) = round_of(learner, lapsed).strata
    assert (stratum.answered, stratum.unresolved) == (5, 4)


def test_audits_of_a_retired_class_judge_nothing_and_are_counted_apart(read):
    signs, learner = read(items=300, audit_schedule=((1000, 2),))
    schema = signs.project.schema
    zero = replace(schema.classes[0], id="zero", name="zero", key="3")
    store, project = signs.store, signs.project.id
    reshaping.save_classes(store, project, replace(schema, classes=(*schema.classes, zero)), "Ada", "add", signs.now)
    signs.project = store.project(project)
    answer_truly(signs, "Ada", 40)
    audits = [a for a in store.audit_answers(project, signs.now) if a.answer]
    for audit in audits[:4]:
        (said,) = store.current(audit.item)
        signs.say("Ada", store.ask(said.ask), answer="zero", target=said.id)
    before = round_of(learner, signs.now)
    reshaping.retire(store, project, "zero", "Ada", "retire", signs.now)
    after = round_of(learner, signs.now)
    right = before.strata[0].right
    assert (before.audits, before.audits_retired) == (20, 0)
    assert (after.strata[0].answered, after.strata[0].right, after.audits_retired) == (16, right, 4)


def test_a_demo_says_by_how_many_held_back_answers_it_was_judged(read):
    signs, learner = read(items=300)
    learner.project = replace(learner.project, demo=True)
    answer_truly(signs, "Ada", 20)
    reserved = signs.store.progress(signs.project.id).reserved
    done = round_of(learner, signs.now)
    assert (done.demo_items, done.demo_accuracy) == (reserved, 1.0)
