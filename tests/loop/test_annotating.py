import uuid

import pytest

from collab.domain.annotation import Annotation
from collab.domain.project import Project
from collab.errors import InvalidAnswer, UnknownName
from collab.loop import annotating


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
    signs.now += annotating.LATER_MS + 1
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
    annotating.rebuild(signs.store, signs.project.id)
    assert projections(signs.store, signs.project) == kept
    assert signs.store.check_chain(signs.project.id) == 7


def projections(store, project: Project):
    items = store.stream_items(project.id)
    return [(item, store.decision(item.id), store.current(item.id)) for item in items], store.progress(project.id)
