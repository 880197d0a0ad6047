import uuid
from dataclasses import replace

import pytest

from collab.domain.annotation import LATER_MS, Annotation
from collab.domain.project import Project
from collab.domain.run import ImportReport
from collab.errors import InvalidAnswer, UnknownName
from collab.loop import annotating, norming, rebuilding, reshaping
from tests.loop.conftest import new_item


def test_an_answer_becomes_the_decision_of_its_item(loop):
    signs = loop()
    ask = signs.hand("Ada").asks[0]
    signs.say("Ada", ask, answer="minus")
    assert signs.store.decision(ask.item).answer == ("minus",)
    assert signs.state(ask.item) == "decided"


def test_a_resend_is_the_same_event(loop):
    signs = loop()
    ask = signs.hand("Ada").asks[0]
    annotation = Annotation("once", signs.project.id, ask.item, "Ada", "answer", 0, ("plus",), ask.id)
    first = annotating.submit(signs.store, annotation, ask.token, signs.now)
    again = annotating.submit(signs.store, annotation, ask.token, signs.now)
    assert (first, again) == ("stored", "known")
    assert len(signs.store.annotations(signs.project.id)) == 1


def test_an_answer_that_is_no_class_is_refused_and_stores_nothing(loop):
    signs = loop()
    ask = signs.hand("Ada").asks[0]
    with pytest.raises(InvalidAnswer):
        signs.say("Ada", ask, answer="perhaps")
    assert signs.store.progress(signs.project.id).events == 0


def test_an_item_of_another_project_is_refused(loop):
    signs = loop()
    with pytest.raises(UnknownName):
        annotating.submit(
            signs.store, Annotation("x", signs.project.id, 10**9, "Ada", "answer", 0, ("plus",)), "", signs.now
        )


def test_an_answer_whose_lease_ran_out_is_kept_and_says_so(loop):
    signs = loop()
    ask = signs.hand("Ada").asks[0]
    signs.now += signs.project.policy.lease_seconds * 1000 + 1
    late = signs.say("Ada", ask)
    assert signs.store.decision(ask.item).answer == ("plus",)
    assert Annotation.from_event(signs.store.event(late)).lease_valid is False


def test_a_late_answer_that_differs_makes_a_dispute(loop):
    signs = loop(audit_schedule=(), audit_trickle=0)
    ask = signs.hand("Ada").asks[0]
    signs.now += signs.project.policy.lease_seconds * 1000 + 1
    taken = signs.hand("Bo").asks[0]
    assert taken.item == ask.item
    signs.say("Bo", taken, answer="minus")
    signs.say("Ada", ask, answer="plus")
    assert signs.state(ask.item) == "disputed"
    assert signs.store.decision(ask.item) is None


def test_a_second_answer_to_a_reopened_item_takes_the_place_of_the_first(loop):
    signs = loop()
    ask = signs.hand("Ada").asks[0]
    first = signs.say("Ada", ask, answer="plus")
    second = signs.say("Ada", ask, answer="minus", target=first)
    assert signs.store.decision(ask.item).answer == ("minus",)
    assert signs.answered("Ada", ask) == [second]


def test_an_answer_taken_back_frees_the_item_for_others(loop):
    signs = loop(audit_schedule=(), audit_trickle=0)
    ask = signs.hand("Ada").asks[0]
    first = signs.say("Ada", ask)
    annotating.take_back(signs.store, signs.project.id, first, "Ada", str(uuid.uuid4()), signs.now)
    assert signs.state(ask.item) == "open"
    assert signs.hand("Bo").asks[0].item == ask.item
    assert signs.hand("Ada").asks[0].item != ask.item


def test_nobody_takes_back_what_another_said(loop):
    signs = loop()
    ask = signs.hand("Ada").asks[0]
    first = signs.say("Ada", ask)
    with pytest.raises(UnknownName):
        annotating.take_back(signs.store, signs.project.id, first, "Bo", str(uuid.uuid4()), signs.now)


def test_what_was_put_off_comes_back_after_a_while(loop):
    signs = loop(items=1, mark=0)
    ask = signs.hand("Ada").asks[0]
    signs.say("Ada", ask, kind="later")
    assert signs.hand("Ada").asks == []
    signs.now += LATER_MS + 1
    assert signs.hand("Ada").asks[0].item == ask.item


def test_cannot_tell_is_an_answer_without_a_decision(loop):
    signs = loop()
    ask = signs.hand("Ada").asks[0]
    signs.say("Ada", ask, kind="unsure")
    assert signs.state(ask.item) == "unsure"
    assert signs.store.decision(ask.item) is None


def test_an_unusable_item_leaves_the_pool_until_it_is_restored(loop):
    signs = loop(items=1, mark=0)
    ask = signs.hand("Ada").asks[0]
    signs.say("Ada", ask, kind="unusable", note="empty")
    assert (signs.state(ask.item), signs.hand("Bo").asks) == ("unusable", [])
    annotating.restore_item(signs.store, signs.project.id, ask.item, "Bo", str(uuid.uuid4()), signs.now)
    assert signs.state(ask.item) == "open"
    assert signs.hand("Bo").asks[0].item == ask.item


def test_the_server_decides_what_was_blind_not_the_browser(loop):
    signs = loop(blind_share=0.999, audit_schedule=(), audit_trickle=0)
    ask = signs.hand("Ada").asks[0]
    id_ = signs.say("Ada", ask, blind=False)
    assert Annotation.from_event(signs.store.event(id_)).blind is True


def test_projections_made_anew_from_the_log_are_the_ones_that_were_kept(loop):
    signs = loop()
    said = []
    for who, kind in (
        ("Ada", "answer"),
        ("Bo", "unsure"),
        ("Ada", "unusable"),
        ("Bo", "later"),
        ("Ada", "flag"),
        ("Ada", "answer"),
    ):
        ask = signs.hand(who).asks[0]
        said.append((who, signs.say(who, ask, kind=kind)))
    annotating.take_back(signs.store, signs.project.id, said[-1][1], "Ada", "undo", signs.now)
    kept = projections(signs.store, signs.project)
    rebuilding.rebuild(signs.store, signs.project.id)
    assert projections(signs.store, signs.project) == kept
    assert signs.store.check_chain(signs.project.id) == 7


def projections(store, project: Project):
    items = store.stream_items(project.id)
    return [(item, store.decision(item.id), store.current(item.id)) for item in items], store.progress(project.id)


def test_a_late_answer_that_was_taken_back_frees_its_item_again(loop):
    signs = loop(items=1, mark=0)
    ask = signs.hand("Ada").asks[0]
    signs.now += signs.project.policy.lease_seconds * 1000 + 1
    signs.hand("Bo")
    signs.now += signs.project.policy.lease_seconds * 1000 + 1
    late = signs.say("Ada", ask)
    annotating.take_back(signs.store, signs.project.id, late, "Ada", str(uuid.uuid4()), signs.now)
    assert signs.hand("Bo").asks[0].item == ask.item


def test_later_from_a_lost_lease_leaves_what_the_same_person_answered_elsewhere(loop):
    signs = loop(items=1, mark=0)
    ask = signs.hand("Ada", tab="old tab").asks[0]
    signs.now += signs.project.policy.lease_seconds * 1000 + 1
    again = signs.hand("Ada", tab="new tab").asks[0]
    answered = signs.say("Ada", again)
    signs.say("Ada", ask, kind="later")
    assert signs.answered("Ada", ask) == [answered]
    assert signs.state(ask.item) == "decided"


def test_an_answer_that_waited_while_its_class_was_merged_counts_for_the_heir(loop):
    signs = loop()
    ask = signs.hand("Ada").asks[0]
    schema = signs.project.schema
    calm = replace(schema.classes[0], id="calm", name="calm", key="3")
    reshaping.save_classes(
        signs.store, signs.project.id, replace(schema, classes=(*schema.classes, calm)), "Bo", "a", 1
    )
    reshaping.merge(signs.store, signs.project.id, "plus", "minus", "Bo", "b", 2)
    signs.say("Ada", ask, answer="plus", schema_version=2)
    assert signs.store.decision(ask.item).answer == ("minus",)


def test_a_resend_of_a_stored_answer_is_known_also_when_its_class_is_gone(loop):
    signs = loop()
    ask = signs.hand("Ada").asks[0]
    annotation = Annotation("once", signs.project.id, ask.item, "Ada", "answer", 0, ("plus",), ask.id)
    annotating.submit(signs.store, annotation, ask.token, signs.now)
    schema = signs.project.schema
    calm = replace(schema.classes[0], id="calm", name="calm", key="3")
    reshaping.save_classes(
        signs.store, signs.project.id, replace(schema, classes=(*schema.classes, calm)), "Bo", "a", 1
    )
    reshaping.retire(signs.store, signs.project.id, "plus", "Bo", "b", 2)
    assert annotating.submit(signs.store, annotation, ask.token, signs.now) == "known"


def test_with_more_answers_wanted_an_answered_item_is_asked_again_and_with_fewer_it_is_decided(loop):
    signs = loop(items=1, mark=0)
    ask = signs.hand("Ada").asks[0]
    signs.say("Ada", ask)
    reshaping.save_policy(
        signs.store, signs.project.id, replace(signs.project.policy, annotations_per_item=2), "Bo", "a", 1
    )
    signs.project = signs.store.project(signs.project.id)
    assert signs.state(ask.item) == "open"
    assert signs.hand("Bo").asks[0].item == ask.item
    reshaping.save_policy(
        signs.store, signs.project.id, replace(signs.project.policy, annotations_per_item=1), "Bo", "b", 2
    )
    assert signs.state(ask.item) == "decided"


def test_projections_made_anew_follow_the_classes_as_they_changed(loop):
    signs = loop(audit_schedule=((50, 2),))
    for answer in ("plus", "minus", "plus", "minus"):
        signs.say("Ada", signs.hand("Ada").asks[0], answer=answer)
    schema = signs.project.schema
    calm = replace(schema.classes[0], id="calm", name="calm", key="3")
    reshaping.save_classes(
        signs.store, signs.project.id, replace(schema, classes=(*schema.classes, calm)), "Bo", "a", 1
    )
    reshaping.merge(signs.store, signs.project.id, "plus", "minus", "Bo", "b", 2)
    reshaping.undo(signs.store, signs.project.id, "Bo", "c", 3)
    kept = projections(signs.store, signs.project)
    rebuilding.rebuild(signs.store, signs.project.id)
    assert projections(signs.store, signs.project) == kept


def test_an_answer_to_content_that_was_replaced_decides_nothing(loop):
    signs = loop(items=3, mark=0)
    ask = signs.hand("Ada").asks[0]
    before = signs.store.items([ask.item])[ask.item]
    opened = signs.store.begin_import(signs.project.id, "again.csv", "nothing", signs.now)
    signs.store.replace_item(opened, ask.item, new_item(99), reopen=True)
    signs.store.finish_import(opened, ImportReport(), 0.0, 500, signs.now)
    said = signs.say("Ada", ask, seen=before.digest)
    assert signs.state(ask.item) == "open"
    assert signs.store.event(said) is not None
    assert ask.item in {a.item for a in signs.hand("Bo", want=3).asks}


def test_an_ask_that_belongs_to_one_person_is_answered_by_nobody_else(loop):
    signs = loop(audit_schedule=(), audit_trickle=0, repeat_every=0)
    chosen = [row.item for row in signs.store.pool(signs.project.id) if not row.reserved][:2]
    signs.store.choose_items(signs.project.id, "Bo", chosen, "chosen")
    picked = signs.hand("Bo", chosen_only=True).asks[0]
    norming.begin(signs.store, signs.project, "Bo", "begin", signs.now, size=5)
    normed = signs.hand("Bo", tab="another").asks[0]
    assert [signs.store.ask(ask.id).lane for ask in (picked, normed)] == ["chosen", "norming"]
    signs.now += 10**7  # Bo's leases have run out
    for ask in (picked, normed):
        with pytest.raises(UnknownName):
            signs.say("Eve", ask)
        assert (signs.store.ask(ask.id).annotator, signs.store.ask(ask.id).done) == ("Bo", False)
    for ask in (picked, normed):
        signs.say("Bo", ask)
        assert signs.store.ask(ask.id).done
