import uuid

import pytest

from collab.domain.access import Person
from collab.domain.norming import Normed
from collab.domain.run import ImportReport
from collab.errors import Conflict, UnknownName
from collab.loop import annotating, batching, erasing, handing_out, norming, rebuilding

PEOPLE = ("Ada", "Bo", "Cy")


@pytest.fixture
def signs(loop):
    return loop(items=80, blind_share=0.0, repeat_every=0, annotations_per_item=3)


def begun(signs, size=16):
    return norming.begin(signs.store, signs.project, "Lea", "begin", signs.now, size=size)


def moved(signs, stage):
    return norming.move(signs.store, signs.project, 1, stage, "Lea", f"to {stage}", signs.now)


def answered(signs, who, wrong=(), want=16):
    """Answer what is asked in the round, truly but for some."""
    truth, items = signs.store.truth(signs.project.id), []
    for _ in range(want):
        (ask,) = signs.hand(who).asks
        (right,) = truth[ask.item]
        other = "minus" if right == "plus" else "plus"
        assert signs.store.ask(ask.id).lane == "norming"
        assert (ask.purpose, ask.reason, ask.suggestion) == ("query", "norming", None)  # said: no secret
        signs.say(who, ask, answer=other if ask.item in wrong else right)
        items.append(ask.item)
    return items


def projected(signs):
    found = signs.store.outcomes(signs.project.id, 0, 1000)
    outcomes = {item.id: (item.state, decision, said) for item, decision, said in found}
    return outcomes, signs.store.normings(signs.project.id), signs.store.normed(signs.project.id, 1)


def test_everybody_answers_the_same_items_and_nobody_sees_a_word_before_they_are_opened(signs):
    reserve = {row.item for row in signs.store.pool(signs.project.id) if row.reserved}
    round_ = begun(signs)
    assert not reserve & set(round_.items)
    for who in PEOPLE:
        assert sorted(answered(signs, who)) == list(round_.items)
    assert signs.store.ask(signs.hand("Ada").asks[0].id).lane != "norming"
    assert {signs.state(item) for item in round_.items} == {"open"}  # nothing is settled
    assert norming.seen(signs.store, signs.project, 1, "Ada") == ()
    assert norming.agreed(signs.store, signs.project, 1) == norming.Agreed(None, None, None, 0, 0)


def test_a_round_becomes_whole_without_an_item_that_was_erased_and_doesnt_bring_it_back(signs):
    gone, *left = begun(signs).items
    answered(signs, "Ada")
    erasing.erase_item(signs.store, signs.project, gone, "Lea", signs.now)
    answered(signs, "Bo", want=15)
    there = norming.standing(signs.store, signs.project, "Bo")
    assert (there.norming.items, there.whole, there.mine) == (tuple(left), 2, 15)
    moved(signs, "open")
    assert signs.store.norming_of(gone) is None
    assert signs.store.norming_of(left[0]).items == tuple(left)
    before = projected(signs)
    rebuilding.rebuild(signs.store, signs.project.id)
    assert projected(signs) == before


def test_what_people_said_last_counts_once_the_round_is_closed_and_a_rebuild_says_the_same(signs):
    items = begun(signs).items
    wrong = items[:6]
    for who in PEOPLE:
        answered(signs, who, wrong if who == "Cy" else ())
    moved(signs, "open")
    found = norming.seen(signs.store, signs.project, 1, "Ada")
    assert {s.item.id for s in found[:6]} == set(wrong)  # where they differ comes first
    assert set(found[0].before) == set(PEOPLE)
    norming.remark(signs.store, signs.project, 1, items[0], "Irony counts as it is meant.", "Bo", "remark", signs.now)
    moved(signs, "again")
    answered(signs, "Cy")
    assert norming.seen(signs.store, signs.project, 1, "Ada")[0].after == {}  # until it is closed
    moved(signs, "closed")
    assert [r.text for s in norming.seen(signs.store, signs.project, 1, "Ada") for r in s.remarks] == [
        "Irony counts as it is meant."
    ]
    assert {signs.state(item) for item in items} == {"decided"}
    told = norming.agreed(signs.store, signs.project, 1)
    assert (told.items, told.people, told.after.value) == (16, 3, 1.0)
    assert told.before.low < told.before.value < told.before.high < 1
    assert told.change.value == pytest.approx(1 - told.before.value)
    before = projected(signs)
    rebuilding.rebuild(signs.store, signs.project.id)
    assert projected(signs) == before


def test_a_round_waits_for_everybody_who_may_answer_and_then_for_those_who_took_part(signs):
    begun(signs)
    store, project = signs.store, signs.project
    for name in (*PEOPLE, "Di", "Eve"):
        store.save_person(Person(name, disabled=name == "Eve"))
        store.set_role(project.id, name, "annotator")
    store.set_sign_in_way("accounts")
    for who in PEOPLE[:2]:
        answered(signs, who)
    found = norming.standing(store, project, "Di")
    assert (found.whole, found.people, found.mine) == (2, 4, 0)
    assert norming.standing_of_each(store, project) == {"Ada": 16, "Bo": 16, "Cy": 0, "Di": 0}
    moved(signs, "open")
    moved(signs, "again")
    assert norming.standing_of_each(store, project) == {"Ada": 0, "Bo": 0}


def test_no_other_lane_asks_what_is_in_a_round(signs):
    items = set(begun(signs).items)
    answered(signs, "Ada")
    for _ in range(8):
        (ask,) = signs.hand("Ada").asks
        assert ask.item not in items
        signs.say("Ada", ask)


def test_an_answer_may_be_taken_back_while_a_round_lasts(signs):
    begun(signs)
    (ask,) = signs.hand("Ada").asks
    said = signs.say("Ada", ask)
    assert signs.store.normed(signs.project.id, 1) == [Normed(ask.item, "Ada", False, ("plus",), said)]
    annotating.take_back(signs.store, signs.project.id, said, "Ada", "undo", signs.now)
    assert signs.store.normed(signs.project.id, 1) == []
    assert signs.store.current(ask.item) == []


def test_a_round_takes_one_step_after_the_other(signs):
    begun(signs)
    with pytest.raises(Conflict, match="under way"):
        norming.begin(signs.store, signs.project, "Lea", "another", signs.now)
    with pytest.raises(Conflict, match="another stage"):
        moved(signs, "closed")
    answered(signs, "Ada")
    with pytest.raises(Conflict, match="Fewer than two"):
        moved(signs, "open")
    with pytest.raises(Conflict, match="while a round is open"):
        norming.remark(signs.store, signs.project, 1, signs.store.normings(1)[0].items[0], "?", "Ada", "r", signs.now)


def test_audits_are_not_picked_for_a_round(signs):
    pool = signs.store.pool(signs.project.id)
    free = [row.item for row in pool if not row.reserved][:6]
    assert norming.begin(signs.store, signs.project, "Lea", "a", signs.now, items=free).items == tuple(free)
    reserved = next(row.item for row in pool if row.reserved)
    with pytest.raises(UnknownName):
        norming._checked(signs.store, signs.project, [*free, reserved])


def test_what_is_in_a_round_becomes_no_audit(signs):
    items = set(begun(signs).items)
    signs.hand("Ada")
    assert items & {item for item, _ in signs.store.remaining(signs.project.id)} == set()
    more = signs.store.begin_import(signs.project.id, "more", "truth", signs.now)
    signs.store.finish_import(more, ImportReport(), 0.99, 500, signs.now)
    assert not any(item.reserved for item in signs.store.items(list(items)).values())


def test_unusable_said_in_a_round_counts_once_it_is_closed(signs):
    begun(signs)
    (ask,) = signs.hand("Ada").asks
    said = signs.say("Ada", ask, kind="unusable", note="garbled")
    assert signs.state(ask.item) == "open"
    assert signs.store.normed(signs.project.id, 1) == [Normed(ask.item, "Ada", False, (), said, unusable=True)]
    answered(signs, "Ada", want=15)
    (other,) = signs.hand("Bo").asks
    signs.say("Bo", other)
    moved(signs, "open")
    found = next(s for s in norming.seen(signs.store, signs.project, 1, "Bo") if s.item.id == ask.item)
    assert found.unusable == {("Ada", False)}
    assert norming.agreed(signs.store, signs.project, 1).items == 0
    moved(signs, "closed")
    assert signs.state(ask.item) == "disputed"  # for Bo has answered it
    before = projected(signs)
    rebuilding.rebuild(signs.store, signs.project.id)
    assert projected(signs) == before


def test_an_answer_on_its_way_when_a_round_is_opened_was_given_blind(signs):
    begun(signs)
    answered(signs, "Ada", want=1)
    answered(signs, "Bo", want=1)
    (late,) = signs.hand("Ada").asks
    moved(signs, "open")
    first = signs.say("Ada", late)
    mine = [n for n in signs.store.normed(signs.project.id, 1) if n.item == late.item]
    assert mine == [Normed(late.item, "Ada", False, ("plus",), first)]
    second = signs.say("Ada", late, answer="minus", target=first)  # they have seen the others' by now
    mine = [n for n in signs.store.normed(signs.project.id, 1) if n.item == late.item]
    assert mine[1:] == [Normed(late.item, "Ada", True, ("minus",), second)]


def test_nobody_picks_what_is_in_a_round_nor_answers_it_with_many(signs):
    store, project = signs.store, signs.project
    free = [row.item for row in store.pool(project.id) if not row.reserved][:8]
    handing_out.choose(store, project.id, "Ada", free[:1])
    made = batching.begin(store, project, free, ("plus",), "Lea", str(uuid.uuid4()), "by hand", signs.now)
    norming.begin(store, project, "Lea", "begin", signs.now, items=free[:6])
    assert signs.hand("Ada", chosen_only=True).asks == []
    assert handing_out.choose(store, project.id, "Bo", free) == 2
    reach = batching.reach(store, project, free, "Lea")
    assert (reach.free, reach.norming) == (tuple(free[6:]), 6)
    (*_, done) = batching.whole(store, project, made.id, "Lea", signs.now)
    assert done.answered == 2
