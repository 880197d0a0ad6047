from collab.domain.annotation import Ask, Suggestion
from collab.loop import handing_out


def ranked(signs, number, *, blind=False, skip=0, size=10):
    """A ranking of items outside the reserve, best first, as a worker would write it."""
    items = [row.item for row in signs.store.pool(signs.project.id) if not row.reserved][skip : skip + size]
    word = Suggestion((0.75, 0.25), f"1.{number}")
    asks = [
        Ask(0, signs.project.id, item, 0, "query", "query", 1 - n / 100, blind, "unsure", word)
        for n, item in enumerate(items)
    ]
    signs.store.put_asks(signs.project.id, asks, number, whole=False, overlap=1)
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
