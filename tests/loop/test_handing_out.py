from dataclasses import replace

import pytest

from collab.domain.annotation import Ask, Suggestion
from collab.domain.certificate import Certificate, Terms
from collab.loop import adjudicating, annotating, handing_out
from collab.loop.annotating import LATER_MS
from tests.loop.conftest import NOW
from tests.loop.test_adjudicating import Reviewer


def ranked(signs, number, *, blind=False, skip=0, size=10):
    """A ranking of items outside the reserve, best first, as a worker would write it."""
    items = [row.item for row in signs.store.pool(signs.project.id) if not row.reserved][skip : skip + size]
    word = Suggestion((0.75, 0.25), f"1.{number}")
    asks = [
        Ask(0, signs.project.id, item, 0, "query", "query", 1 - n / 100, blind, "unsure", word)
        for n, item in enumerate(items)
    ]
    signs.store.put_asks(signs.project.id, asks, number, whole=False, overlap=1)
    signs.now += handing_out.FRESH_MS
    return items


def test_before_any_ranking_items_come_in_random_order_and_say_so(loop):
    signs = loop(audit_schedule=(), audit_trickle=0)
    handed = signs.hand("Ada", want=4)
    assert {ask.reason for ask in handed.asks} <= {"random", "blind"}
    ranks = {row.item: row.audit_rank for row in signs.store.pool(signs.project.id)}
    assert [ranks[a.item] for a in handed.asks] == sorted(ranks[a.item] for a in handed.asks)


def test_one_ask_in_five_is_an_audit_at_first(loop):
    signs = loop(items=400)
    reserve = {row.item for row in signs.store.pool(signs.project.id) if row.reserved}
    taken = []
    for _ in range(50):
        ask = signs.hand("Ada").asks[0]
        taken.append(ask.item)
        signs.say("Ada", ask)
    assert sum(item in reserve for item in taken) == 10


def test_audits_are_asked_in_the_order_of_their_rank(loop):
    signs = loop(items=400, audit_schedule=((50, 1),))
    ranks = {row.item: row.audit_rank for row in signs.store.pool(signs.project.id) if row.reserved}
    taken = []
    for _ in range(12):
        ask = signs.hand("Ada").asks[0]
        taken.append(ask.item)
        signs.say("Ada", ask)
    assert taken == sorted(ranks, key=ranks.get)[:12]


def test_nothing_tells_an_audit_from_another_blind_ask(loop):
    signs = loop(items=400, audit_schedule=((50, 2),), blind_share=0.5)
    ranked(signs, 1, blind=True)
    blind = [ask for ask in signs.hand("Ada", want=6).asks if ask.blind]
    assert {(a.purpose, a.lane, a.score, a.reason, a.suggestion) for a in blind} == {
        ("query", "query", 0.0, "blind", None)
    }


def test_a_reload_gets_the_same_asks_again(loop):
    signs = loop()
    before = signs.hand("Ada", want=5).asks
    assert {a.id for a in signs.hand("Ada", want=5).asks} == {a.id for a in before}


def test_unseen_asks_are_swapped_when_a_new_ranking_has_landed(loop):
    signs = loop(audit_schedule=(), audit_trickle=0, blind_share=0.0)
    old = ranked(signs, 1)
    first = signs.hand("Ada", want=4)
    assert [a.item for a in first.asks] == old[:4]
    new = ranked(signs, 2, skip=20)
    have = [a.id for a in first.asks[1:]]
    second = signs.hand("Ada", want=3, have=have, on_screen=first.asks[0].id, ranking=1)
    assert [a.item for a in second.asks] == new[:3]
    assert second.drop == have
    assert signs.hand("Bo", want=1, ranking=2).asks[0].item == new[3]


def test_asks_that_were_taken_a_moment_ago_are_not_swapped(loop):
    signs = loop(audit_schedule=(), audit_trickle=0, blind_share=0.0)
    ranked(signs, 1)
    first = signs.hand("Ada", want=4)
    ranked(signs, 2, skip=20)
    signs.now -= 1
    have = [a.id for a in first.asks[1:]]
    second = signs.hand("Ada", want=3, have=have, on_screen=first.asks[0].id, ranking=1)
    assert (second.asks, second.drop) == ([], [])


def test_a_card_that_holds_enough_is_filled_up_by_three_at_a_time(loop):
    signs = loop(audit_schedule=(), audit_trickle=0)
    asks, taken = signs.hand("Ada", want=5).asks, []
    for answered in range(1, 3):
        signs.say("Ada", asks[answered - 1])
        have = [a.id for a in asks[answered + 1 :]]
        taken.append(len(signs.hand("Ada", want=5, have=have, on_screen=asks[answered].id).asks))
    assert taken == [0, 3]


def test_a_swapped_ask_that_was_on_screen_by_then_goes_to_nobody_else(loop):
    signs = loop(audit_schedule=(), audit_trickle=0, blind_share=0.0)
    ranked(signs, 1)
    first, second, third = signs.hand("Ada", want=3).asks
    ranked(signs, 2, skip=20)
    more = signs.hand("Ada", want=2, have=[second.id, third.id], on_screen=first.id, ranking=1)
    ranked(signs, 3)  # the old ones are the best once more
    assert not {second.item, third.item} & {a.item for a in signs.hand("Bo", want=6, ranking=3).asks}
    signs.hand("Ada", want=2, have=[a.id for a in more.asks], on_screen=second.id, ranking=3)
    others = {a.item for a in signs.hand("Cy", want=6, ranking=3).asks}
    assert third.item in others
    assert second.item not in others
    signs.say("Ada", second)
    assert [a.lease_valid for a in signs.store.current(second.item)] == [True]


def test_asks_that_the_new_ranking_still_wants_stay_and_get_its_word(loop):
    signs = loop(audit_schedule=(), audit_trickle=0, blind_share=0.0)
    ranked(signs, 1)
    first = signs.hand("Ada", want=3)
    ranked(signs, 2)
    have = [a.id for a in first.asks[1:]]
    second = signs.hand("Ada", want=2, have=have, on_screen=first.asks[0].id, ranking=1)
    assert (second.asks, second.drop) == ([], [])
    assert {word.model for word in second.fresh.values()} == {"1.2"}


def test_swapping_draws_no_new_audits(loop):
    signs = loop(items=400, audit_schedule=((50, 5),))
    reserve = {row.item for row in signs.store.pool(signs.project.id) if row.reserved}
    held = signs.hand("Ada", want=5).asks
    for number in range(1, 20):
        ranked(signs, number, skip=number)
        more = signs.hand("Ada", want=5, have=[a.id for a in held], ranking=number - 1)
        held = [a for a in held if a.id not in more.drop] + more.asks
    assert sum(a.item in reserve for a in held) <= 2


def test_an_item_is_never_under_two_live_leases(loop):
    signs = loop()
    taken = [ask.item for who in ("Ada", "Bo", "Cy") for ask in signs.hand(who, want=6).asks]
    assert len(set(taken)) == len(taken) == 18


def test_with_overlap_two_people_get_an_item_and_nobody_twice(loop):
    signs = loop(items=4, mark=0, annotations_per_item=2, audit_schedule=(), audit_trickle=0)
    seen = {who: [a.item for a in signs.hand(who, want=6).asks] for who in ("Ada", "Bo", "Cy")}
    assert sorted(seen["Ada"]) == sorted(set(seen["Ada"]))
    assert sorted(seen["Ada"]) == sorted(seen["Bo"])
    assert seen["Cy"] == []


def test_the_end_is_said_when_nothing_is_left(loop):
    signs = loop(items=2, mark=0)
    for _ in range(2):
        signs.say("Ada", signs.hand("Ada").asks[0])
    assert signs.hand("Ada").exhausted


def test_chosen_items_go_to_the_one_who_chose_them_and_are_never_audits(loop):
    signs = loop()
    pool = signs.store.pool(signs.project.id)
    free = [row.item for row in pool if not row.reserved][:2]
    reserved = next(row.item for row in pool if row.reserved)
    assert handing_out.choose(signs.store, signs.project.id, "Ada", [*free, reserved]) == 2
    assert [a.item for a in signs.hand("Ada", want=6, chosen_only=True).asks] == free
    assert signs.hand("Bo", want=6, chosen_only=True).asks == []


def test_a_suggestion_never_stands_beside_the_words_of_a_blind_ask(loop):
    signs = loop(items=200, audit_schedule=(), audit_trickle=0, blind_share=0.4)
    held = signs.hand("Ada", want=6)
    ranked(signs, 1, size=100)
    shown = signs.hand("Bo", want=6).asks + signs.hand("Ada", want=6, tab="other").asks
    assert {ask.reason == "blind" for ask in shown if not ask.blind} <= {False}
    assert {ask.suggestion is None for ask in shown if ask.blind} <= {True}
    assert held.asks


def test_an_item_that_somebody_chose_is_not_handed_to_another_meanwhile(loop):
    signs = loop(items=2, mark=0)
    items = [row.item for row in signs.store.pool(signs.project.id)]
    handing_out.choose(signs.store, signs.project.id, "Ada", items)
    signs.hand("Ada", want=2, chosen_only=True)
    assert signs.hand("Bo", want=2).asks == []


def test_later_on_a_chosen_item_puts_it_off(loop):
    signs = loop(items=1, mark=0)
    handing_out.choose(signs.store, signs.project.id, "Ada", [signs.store.pool(signs.project.id)[0].item])
    signs.say("Ada", signs.hand("Ada", chosen_only=True).asks[0], kind="later")
    assert signs.hand("Ada", chosen_only=True).asks == []


def test_an_empty_queue_uses_up_no_audits(loop):
    signs = loop(items=1, mark=0)
    signs.hand("Ada")
    for _ in range(30):
        signs.hand("Bo")
    assert signs.store.progress(signs.project.id).asks == 1


def test_a_tab_that_turns_to_chosen_items_is_handed_nothing_else(loop):
    signs = loop()
    signs.hand("Ada", want=3)
    free = [row.item for row in signs.store.pool(signs.project.id) if not row.reserved][-2:]
    handing_out.choose(signs.store, signs.project.id, "Ada", free)
    assert [a.item for a in signs.hand("Ada", want=6, chosen_only=True).asks] == free


def certificate(signs, status, number=1):
    """A certificate of the project, of which only what became of it matters here."""
    made = Certificate(
        signs.project.id, number, status, Terms(), 0.05, "1.1", 1, 50, "", "", 10, "Bo", NOW
    )  # fmt: skip
    signs.store.save_certificate(made)
    return made


def signed(signs):
    """A certificate under which a machine has labeled half of the pool, in the order in which labels are checked."""
    free = [row.item for row in signs.store.pool(signs.project.id) if not row.reserved]
    labels = free[: len(free) // 2]
    certificate(signs, "signed")
    signs.store.stage_labels(signs.project.id, 1, [(item, ("plus",), 0.9) for item in labels])
    signs.store.keep_for_checks(signs.project.id, 1, labels)
    signs.store.apply_labels(signs.project.id, 1, NOW)
    return labels


def answered(signs, who, number):
    """What somebody is asked who answers so many times, one after the other."""
    taken = []
    for _ in range(number):
        ask = signs.hand(who).asks[0]
        taken.append(signs.store.ask(ask.id))
        signs.say(who, ask)
    return taken


def test_a_certificate_that_waits_for_its_audits_comes_first_and_looks_like_any_blind_ask(loop):
    signs = loop(audit_schedule=(), audit_trickle=0)
    free = [row.item for row in signs.store.pool(signs.project.id) if not row.reserved]
    certificate(signs, "auditing")
    signs.store.draw_audits(signs.project.id, 1, free[10:14], 1, "certificate")
    asks = signs.hand("Ada", want=6).asks
    assert [a.item for a in asks[:4]] == free[10:14]
    assert {(a.purpose, a.lane, a.reason, a.suggestion) for a in asks[:4]} == {("query", "query", "blind", None)}
    assert not {a.item for a in asks[4:]} & set(free[10:14])


def test_audits_of_the_project_keep_their_turns_beside_those_of_a_certificate(loop):
    signs = loop(items=400, audit_schedule=((50, 5),))
    free = [row.item for row in signs.store.pool(signs.project.id) if not row.reserved]
    certificate(signs, "auditing")
    signs.store.draw_audits(signs.project.id, 1, free[:40], 1, "certificate")
    assert [a.purpose for a in answered(signs, "Ada", 20)].count("audit") == 4


def test_what_a_certificate_drew_is_not_asked_first_once_it_is_judged(loop):
    signs = loop(audit_schedule=(), audit_trickle=0)
    free = [row.item for row in signs.store.pool(signs.project.id) if not row.reserved]
    certificate(signs, "certified")
    signs.store.draw_audits(signs.project.id, 1, free[:4], 1, "certificate")
    assert {signs.store.ask(a.id).lane for a in signs.hand("Ada", want=6).asks} == {"query"}


def test_one_ask_in_so_many_checks_a_label_of_the_machine(loop):
    signs = loop(audit_schedule=(), audit_trickle=0, machine_trickle=5)
    labels = signed(signs)
    taken = answered(signs, "Ada", 20)
    checks = [a.item for a in taken if a.lane == "certificate"]
    assert checks == labels[:4]
    assert {(a.purpose, a.blind) for a in taken if a.item in checks} == {("certificate", True)}


def test_without_a_trickle_no_label_of_the_machine_is_checked(loop):
    signs = loop(audit_schedule=(), audit_trickle=0, machine_trickle=0)
    labels = signed(signs)
    assert not {a.item for a in answered(signs, "Ada", 20)} & set(labels)


def test_checks_leave_their_turn_where_the_machine_has_no_labels_left(loop):
    signs = loop(audit_schedule=(), audit_trickle=0, machine_trickle=1)
    certificate(signs, "signed")
    assert {a.lane for a in answered(signs, "Ada", 5)} == {"query"}


def test_while_a_certificate_is_audited_no_check_is_added_to_its_lane(loop):
    signs = loop(audit_schedule=(), audit_trickle=0, machine_trickle=0)
    signed(signs)
    certificate(signs, "auditing", number=2)
    assert {a.lane for a in answered(signs, "Ada", 5)} == {"query"}


@pytest.mark.slow
def test_an_answer_is_repeated_once_fifty_later_ones_lie_behind_it(loop):
    signs = loop(items=400, audit_schedule=((1, 1),), audit_trickle=0, repeat_every=1)
    taken = answered(signs, "Ada", 53)
    assert [place for place, ask in enumerate(taken) if ask.lane == "repeat"] == [51]
    assert taken[51].item == taken[0].item
    assert signs.store.repeats(signs.project.id, "Ada") == [(("plus",), ("plus",), 1)]


def test_one_ask_in_so_many_repeats_an_audit_of_the_same_person_and_none_twice(loop, monkeypatch):
    monkeypatch.setattr(handing_out, "BETWEEN", 5)
    signs = loop(audit_schedule=((10, 1),), audit_trickle=0, repeat_every=5)
    taken = answered(signs, "Ada", 30)
    repeats = [ask.item for ask in taken if ask.lane == "repeat"]
    assert len(repeats) == len(set(repeats)) == 4
    assert set(repeats) < {ask.item for ask in taken[:10]}


def test_repeats_are_not_for_others_nor_where_the_policy_wants_none(loop, monkeypatch):
    monkeypatch.setattr(handing_out, "BETWEEN", 2)
    signs = loop(audit_schedule=((3, 1),), audit_trickle=0, repeat_every=0)
    assert {a.lane for a in answered(signs, "Ada", 8)} == {"audit", "query"}
    signs.project = replace(signs.project, policy=replace(signs.project.policy, repeat_every=1))
    assert {a.lane for a in answered(signs, "Bo", 4)} == {"query"}


def test_nothing_tells_a_repeat_from_another_blind_ask(loop, monkeypatch):
    monkeypatch.setattr(handing_out, "BETWEEN", 2)
    signs = loop(audit_schedule=((2, 1),), audit_trickle=0, repeat_every=1)
    first = answered(signs, "Ada", 3)[0].item
    ask = signs.hand("Ada").asks[0]
    assert ask.item == first
    assert (ask.purpose, ask.lane, ask.score, ask.reason, ask.blind) == ("query", "query", 0.0, "blind", True)


def test_where_nothing_else_is_left_the_first_labels_of_the_machine_are_still_checked(loop):
    signs = loop(items=24, audit_schedule=(), audit_trickle=0, machine_trickle=50)
    labels = signed(signs)
    taken = answered(signs, "Ada", len(signs.store.pool(signs.project.id)))
    assert [a.item for a in taken if a.lane == "certificate"] == labels
    assert signs.hand("Ada").exhausted


def test_what_somebody_has_begun_is_asked_of_the_next_person_first(loop):
    signs = loop(audit_schedule=(), audit_trickle=0, blind_share=0.0, annotations_per_item=2)
    begun = []
    for _ in range(3):
        (ask,) = signs.hand("Ada").asks
        signs.say("Ada", ask)
        begun.append(ask.item)
    ranked(signs, 7)  # what a newer ranking wants comes behind
    assert {a.item for a in signs.hand("Bo", want=3).asks} == set(begun)
    assert not {a.item for a in signs.hand("Ada", want=6).asks} & set(begun)


def test_where_two_differ_a_third_is_asked_and_what_most_say_counts(loop):
    signs = loop(items=2, mark=0, audit_schedule=(), audit_trickle=0, annotations_per_item=2, answers_most=3)
    said = {"Ada": "plus", "Bo": "minus", "Cy": "minus"}
    for who, answer in said.items():
        for ask in signs.hand(who, want=2).asks:
            signs.say(who, ask, answer=answer)
    items = [row.item for row in signs.store.pool(signs.project.id)]
    assert [signs.store.decision(item).answer for item in items] == [("minus",), ("minus",)]
    assert signs.hand("Di", want=2).exhausted


@pytest.mark.parametrize("way", ["undo", "discard"])
def test_where_answers_are_gone_no_more_people_are_asked_than_wanted(loop, way):
    signs = loop(mark=0, audit_schedule=(), audit_trickle=0, annotations_per_item=2, repeat_every=0, answers_most=3)
    (ask,) = signs.hand("Ada").asks
    first = signs.say("Ada", ask, answer="minus")
    signs.say("Bo", signs.hand("Bo").asks[0], answer="plus")
    assert signs.state(ask.item) == "disputed"
    if way == "undo":
        annotating.take_back(signs.store, signs.project.id, first, "Ada", "undo", signs.now)
    else:
        rex = Reviewer(signs)
        (look,) = rex.next().asks
        rex.look(look)
        adjudicating.discard(signs.store, signs.project.id, ask.item, "Rex", "discard", signs.now)
    signs.now += LATER_MS + 1
    asked = [(who, signs.hand(who).asks[0]) for who in ("Cy", "Di", "Ed", "Fay")]
    mine = [(who, each) for who, each in asked if each.item == ask.item]
    assert len(mine) == (1 if way == "undo" else 2)
    for who, each in mine:
        signs.say(who, each, answer="plus")
    assert (signs.state(ask.item), len(signs.store.current(ask.item))) == ("decided", 2)


def test_a_dispute_that_comes_back_is_asked_on(loop):
    signs = loop(mark=0, audit_schedule=(), audit_trickle=0, annotations_per_item=2, repeat_every=0, answers_most=3)
    (ask,) = signs.hand("Ada").asks
    signs.say("Ada", ask, answer="minus")
    signs.say("Bo", signs.hand("Bo").asks[0], answer="plus")
    rex = Reviewer(signs)
    rex.look(rex.next().asks[0])
    adjudicating.discard(signs.store, signs.project.id, ask.item, "Rex", "discard", signs.now)
    rex.withdraw("discard")
    assert signs.hand("Cy").asks[0].item == ask.item
