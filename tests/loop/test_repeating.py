"""Answers to one's own audits, asked once more: they stand beside the first one and change nothing."""

import pytest

from collab.domain.annotation import LATER_MS, Annotation
from collab.domain.certificate import Certificate, Terms
from collab.errors import UnknownName
from collab.loop import annotating, handing_out, rebuilding
from collab.loop.recalling import recall
from collab.loop.replaying import record
from tests.loop.conftest import NOW


@pytest.fixture
def again(loop, monkeypatch):
    """A person who has answered one audit and is asked it once more."""
    monkeypatch.setattr(handing_out, "BETWEEN", 1)
    signs = loop(audit_schedule=((2, 1),), audit_trickle=0, repeat_every=1)
    first = signs.hand("Ada").asks[0]
    signs.say("Ada", first)
    signs.say("Ada", signs.hand("Ada").asks[0])
    repeat = signs.hand("Ada").asks[0]
    assert repeat.item == first.item
    return signs, first, repeat


def repeats(signs):
    return signs.store.repeats(signs.project.id, "Ada")


def test_the_first_answer_stays_in_force_and_decides(again):
    signs, first, repeat = again
    kept = signs.answered("Ada", first)
    said = signs.say("Ada", repeat, answer="minus")
    assert signs.answered("Ada", first) == kept
    assert signs.store.decision(first.item).answer == ("plus",)
    assert repeats(signs) == [(("plus",), ("minus",), 1)]
    assert Annotation.from_event(signs.store.event(said)).purpose == "repeat"


def test_cannot_tell_is_an_answer_to_a_repeat(again):
    signs, first, repeat = again
    signs.say("Ada", repeat, kind="unsure")
    assert repeats(signs) == [(("plus",), (), 1)]
    assert signs.state(first.item) == "decided"


@pytest.mark.parametrize("kind", ["later", "flag", "unusable"])
def test_no_other_act_on_a_repeat_touches_its_item(again, kind):
    signs, first, repeat = again
    kept = signs.answered("Ada", first)
    signs.say("Ada", repeat, kind=kind)
    assert (signs.answered("Ada", first), signs.state(first.item), repeats(signs)) == (kept, "decided", [])


def test_a_repeat_that_was_put_off_comes_back_after_a_while(again):
    signs, first, repeat = again
    signs.say("Ada", repeat, kind="later")
    assert signs.hand("Ada").asks[0].item != first.item
    signs.now += LATER_MS + 1
    assert first.item in {ask.item for ask in signs.hand("Ada", want=6, tab="later").asks}


def test_a_repeat_can_be_taken_back_and_the_first_answer_stays(again):
    signs, first, repeat = again
    said = signs.say("Ada", repeat, answer="minus")
    annotating.take_back(signs.store, signs.project.id, said, "Ada", "undo", signs.now)
    assert repeats(signs) == []
    assert signs.state(first.item) == "decided"


def test_a_change_of_mind_about_a_repeat_is_one_about_the_repeat(again):
    signs, first, repeat = again
    kept = signs.answered("Ada", first)
    said = signs.say("Ada", repeat, answer="minus")
    unnamed = Annotation(
        "change", signs.project.id, first.item, "Ada", "answer", 0, ("plus",), None, target=said
    )  # fmt: skip
    annotating.submit(signs.store, unnamed, "", signs.now)
    assert repeats(signs) == [(("plus",), ("plus",), 1)]
    assert signs.answered("Ada", first) == kept


def test_nobody_takes_back_the_repeat_of_another(again):
    signs, _, repeat = again
    said = signs.say("Ada", repeat)
    with pytest.raises(UnknownName):
        annotating.take_back(signs.store, signs.project.id, said, "Bo", "undo", signs.now)


def test_a_repeat_stands_in_the_history_like_any_answer_until_it_is_taken_back(again):
    signs, first, repeat = again
    said = signs.say("Ada", repeat, answer="minus")
    found, _ = recall(signs.store, signs.project.id, "Ada", 10)
    assert [e.annotation.item for e in found] == [first.item, found[1].annotation.item, first.item]
    changed = signs.say("Ada", repeat, answer="plus", target=said)
    assert [e.annotation.id for e in recall(signs.store, signs.project.id, "Ada", 1)[0]] == [changed]
    annotating.take_back(signs.store, signs.project.id, changed, "Ada", "undo", signs.now)
    assert len(recall(signs.store, signs.project.id, "Ada", 10)[0]) == 2


def test_projections_made_anew_hold_the_same_repeats_and_machine_labels(again):
    signs, _, repeat = again
    signs.say("Ada", repeat, answer="minus")
    labels = [row.item for row in signs.store.pool(signs.project.id) if not row.reserved][-5:]
    made = Certificate(signs.project.id, 1, "signed", Terms(), 0.05, "1.1", 1, 50, "", "", 10, "Bo", NOW, labels=5)
    with signs.store.transaction():
        record(signs.store, "sign", made, "Bo", "signing", signs.now)
        signs.store.stage_labels(signs.project.id, 1, [(item, ("minus",), 0.9) for item in labels])
        signs.store.apply_labels(signs.project.id, 1, signs.now)
    kept = projections(signs)
    assert kept[2].machine == 5
    rebuilding.rebuild(signs.store, signs.project.id)
    assert projections(signs) == kept


def projections(signs):
    store, project = signs.store, signs.project.id
    items = [(item, store.decision(item.id), store.current(item.id)) for item in store.stream_items(project)]
    return items, store.repeats(project), store.progress(project), store.certificates(project)


def test_an_answer_of_people_to_what_a_machine_labeled_takes_its_place_and_gives_it_back(loop):
    signs = loop(mark=0)
    item = signs.store.pool(signs.project.id)[0].item
    made = Certificate(signs.project.id, 1, "signed", Terms(), 0.05, "1.1", 1, 50, "", "", 10, "Bo", NOW, labels=1)
    signs.store.save_certificate(made)
    signs.store.stage_labels(signs.project.id, 1, [(item, ("minus",), 0.9)])
    signs.store.apply_labels(signs.project.id, 1, signs.now)
    said = Annotation("said", signs.project.id, item, "Ada", "answer", 0, ("plus",))
    annotating.submit(signs.store, said, "", signs.now)
    assert (signs.store.decision(item).source, signs.store.decision(item).answer) == ("agreement", ("plus",))
    annotating.take_back(signs.store, signs.project.id, "said", "Ada", "undo", signs.now)
    back = signs.store.decision(item)
    assert (back.source, back.answer, back.confidence, back.certificate) == ("machine", ("minus",), 0.9, 1)
