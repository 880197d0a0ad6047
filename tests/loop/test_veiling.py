"""What of the model's word people see, by the mode of their project, and what the log keeps of it."""

from dataclasses import replace

import pytest

from collab.domain.annotation import Annotation, Ask, Suggestion
from collab.loop import annotating, veiling

WORD = Suggestion((0.75, 0.25), "1.1")
NO_AUDITS = {"audit_schedule": (), "audit_trickle": 0}


def ranked(signs, *, blind=False, word=WORD, number=1):
    """The pool in a ranking whose rows all have a word."""
    items = [row.item for row in signs.store.pool(signs.project.id) if not row.reserved]
    asks = [Ask(0, signs.project.id, i, 0, "query", "query", 0.5, blind, "unsure", word) for i in items]
    signs.store.put_asks(signs.project.id, asks, number, whole=True, overlap=1)


def said(signs, who, ask, **more) -> Annotation:
    return Annotation.from_event(signs.store.event(signs.say(who, ask, **more)))


@pytest.mark.parametrize(("mode", "reason"), [("answer first", "first"), ("blind", "alone")])
def test_where_nobody_sees_the_word_first_all_asks_go_out_alike(loop, mode, reason):
    signs = loop(items=400, mode=mode, audit_schedule=((50, 2),), blind_share=0.5)
    ranked(signs)
    asks = [ask for who in ("Ada", "Bo", "Cy") for ask in signs.hand(who, want=6).asks]
    assert {(a.purpose, a.lane, a.score, a.blind, a.reason, a.suggestion) for a in asks} == {
        ("query", "query", 0.0, True, reason, None)
    }


@pytest.mark.parametrize(("mode", "words"), [("suggestion first", {WORD}), ("answer first", set()), ("blind", set())])
def test_a_new_word_follows_an_ask_only_where_it_is_shown_first(loop, mode, words):
    signs = loop(mode=mode, blind_share=0.0, **NO_AUDITS)
    held = signs.hand("Ada", want=4)
    ranked(signs)
    fresh = signs.hand("Ada", want=4, have=[a.id for a in held.asks[1:]], on_screen=held.asks[0].id, ranking=1).fresh
    assert set(fresh.values()) == words


def test_an_answer_given_first_is_blind_and_uncovers_the_word(loop):
    signs = loop(mode="answer first", blind_share=0.0, **NO_AUDITS)
    ranked(signs)
    answer = said(signs, "Ada", signs.hand("Ada").asks[0], answer="minus")
    assert (answer.blind, answer.shown, answer.hidden) == (True, None, WORD)
    assert (answer.revealed, answer.by_coin) == (True, False)
    assert veiling.revealed(signs.store, signs.project.id, "Ada", answer.id) == WORD


@pytest.mark.parametrize(
    ("policy", "blind", "word", "kind"),
    [
        ({"mode": "answer first", **NO_AUDITS}, True, WORD, "answer"),
        ({"mode": "answer first", **NO_AUDITS}, False, None, "answer"),
        ({"mode": "answer first", **NO_AUDITS}, False, WORD, "unsure"),
        ({"mode": "answer first", "audit_schedule": ((50, 1),)}, False, WORD, "answer"),
        ({"mode": "blind", **NO_AUDITS}, False, WORD, "answer"),
        ({"mode": "suggestion first", **NO_AUDITS}, True, WORD, "answer"),
    ],
    ids=["the coin", "no word", "can't tell", "an audit", "always blind", "suggestion first"],
)
def test_what_measures_or_gave_no_answer_uncovers_nothing(loop, policy, blind, word, kind):
    signs = loop(blind_share=0.0, **policy)
    ranked(signs, blind=blind, word=word)
    answer = said(signs, "Ada", signs.hand("Ada").asks[0], kind=kind)
    assert (answer.revealed, answer.blind, answer.shown) == (False, True, None)
    assert veiling.revealed(signs.store, signs.project.id, "Ada", answer.id) is None


@pytest.mark.parametrize(
    ("policy", "blind", "by_coin"),
    [
        ({"mode": "suggestion first", **NO_AUDITS}, True, True),
        ({"mode": "suggestion first", **NO_AUDITS}, False, False),
        ({"mode": "suggestion first", "audit_schedule": ((50, 1),)}, True, False),
        ({"mode": "answer first", **NO_AUDITS}, True, False),
        ({"mode": "blind", **NO_AUDITS}, True, False),
    ],
)
def test_the_coin_alone_hides_only_where_words_are_shown_otherwise(loop, policy, blind, by_coin):
    signs = loop(**policy)
    ranked(signs, blind=blind)
    assert said(signs, "Ada", signs.hand("Ada").asks[0]).by_coin is by_coin


def test_a_change_of_mind_keeps_the_word_as_it_was_sent_whatever_comes_back(loop):
    signs = loop(mode="answer first", blind_share=0.0, **NO_AUDITS)
    ranked(signs)
    ask = signs.hand("Ada").asks[0]
    first = said(signs, "Ada", ask, answer="minus")
    other = Suggestion((0.1, 0.9), "9.9")
    second = said(signs, "Ada", ask, answer="plus", target=first.id, shown=other)
    assert (second.blind, second.shown, second.hidden, second.revealed) == (False, WORD, None, False)
    assert signs.answered("Ada", ask) == [second.id]
    assert signs.store.decision(ask.item).answer == ("plus",)


def test_a_later_change_of_an_answer_that_uncovered_the_word_is_not_blind(loop):
    signs = loop(mode="answer first", blind_share=0.0, **NO_AUDITS)
    ranked(signs)
    ask = signs.hand("Ada").asks[0]
    first = said(signs, "Ada", ask, answer="minus")
    second = said(signs, "Ada", ask, answer="plus", target=first.id)
    third = said(signs, "Ada", ask, answer="minus", target=second.id)
    assert [(a.blind, a.shown, a.revealed) for a in (second, third)] == [(False, None, False)] * 2


def test_an_answer_for_whose_word_nobody_waits_uncovers_nothing(loop):
    signs = loop(mode="answer first", blind_share=0.0, **NO_AUDITS)
    ranked(signs)
    ask = signs.hand("Ada").asks[0]
    answer = Annotation("offline", signs.project.id, ask.item, "Ada", "answer", 0, ("plus",), ask.id)
    annotating.submit(signs.store, answer, ask.token, signs.now, reveal=False)
    assert Annotation.from_event(signs.store.event("offline")).revealed is False


def test_nobody_is_told_what_the_answer_of_another_uncovered(loop):
    signs = loop(mode="answer first", blind_share=0.0, **NO_AUDITS)
    ranked(signs)
    answer = signs.say("Ada", signs.hand("Ada").asks[0])
    assert veiling.revealed(signs.store, signs.project.id, "Bo", answer) is None
    assert veiling.revealed(signs.store, signs.project.id + 1, "Ada", answer) is None


def test_a_word_that_was_on_screen_when_the_mode_changed_is_kept_as_shown(loop):
    signs = loop(blind_share=0.0, **NO_AUDITS)
    ranked(signs)
    ask = signs.hand("Ada").asks[0]
    signs.store.save_policy(signs.project.id, replace(signs.project.policy, mode="answer first"))
    answer = said(signs, "Ada", ask, shown=WORD)
    assert (answer.blind, answer.shown, answer.revealed) == (False, WORD, False)
