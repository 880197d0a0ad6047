"""Second looks from the queue to the verdict, and back; the log alone gives all of it again."""

import csv
import uuid
from dataclasses import replace

import pytest

from collab.domain.annotation import Annotation, Decision
from collab.domain.project import LabelClass
from collab.domain.suspect import Sent, Suspect
from collab.errors import Conflict, InvalidAnswer, UnknownName
from collab.loop import adjudicating, annotating, exporting, rebuilding, reshaping, reviewing
from tests.loop.conftest import Loop


class Reviewer:
    """Somebody at the card in its mode of second looks."""

    def __init__(self, loop: Loop, name: str = "Rex") -> None:
        loop.store.add_annotator(name)
        self.loop, self.name = loop, name

    def next(self, kind: str = "", want: int = 1):
        return reviewing.hand_out(
            self.loop.store, self.loop.project, self.name, f"tab of {self.name}",
            want=want, have=(), on_screen=None, kind=kind, now=self.loop.now,
        )  # fmt: skip

    def look(self, ask, answer: str = "plus", kind: str = "answer") -> str:
        said = Annotation(
            _id(), self.loop.project.id, ask.item, self.name, kind, 0, (answer,) if kind == "answer" else (), ask.id
        )
        annotating.submit(self.loop.store, said, reviewing.token_of(f"tab of {self.name}"), self.loop.now)
        return said.id

    def settle(self, item: int, answer: str = "plus", **more) -> str:
        act = _id()
        given = () if more.get("unusable") else (answer,)
        adjudicating.settle(self.loop.store, self.loop.project.id, item, given, self.name, act, self.loop.now, **more)
        return act

    def withdraw(self, act: str) -> None:
        adjudicating.withdraw(self.loop.store, self.loop.project.id, act, self.name, _id(), self.loop.now)


@pytest.fixture
def signs(loop) -> Loop:
    return loop(audit_schedule=(), audit_trickle=0)


def test_a_second_look_settles_nothing_by_itself(signs):
    item = _doubted(signs, "minus")
    rex = Reviewer(signs)
    rex.look(rex.next().asks[0])
    assert signs.store.decision(item) == Decision(item, ("minus",), "agreement")
    assert [a.annotator for a in signs.store.current(item)] == ["Ada"]
    assert [a.answer for a in signs.store.second_looks(item)] == [("plus",)]


def test_what_an_adjudicator_says_stands_above_all_and_can_be_taken_back(signs):
    item = _doubted(signs, "minus")
    rex = Reviewer(signs)
    rex.look(rex.next().asks[0])
    act = rex.settle(item, "plus", note="see the guidelines")
    assert signs.store.decision(item) == Decision(item, ("plus",), "adjudicated")
    assert rex.next().exhausted
    (listed, _), *_ = reviewing.decided(signs.store, signs.project.id)
    assert (listed.adjudication.verdict, listed.adjudicator, listed.note) == ("change", "Rex", "see the guidelines")
    assert listed.kind == "error"
    rex.withdraw(act)
    assert signs.store.decision(item) == Decision(item, ("minus",), "agreement")
    handed = rex.next()
    assert [a.item for a in handed.asks] == [item]
    assert list(handed.begun) == [handed.asks[0].id]  # answered blind already: what others said may be shown at once


def test_an_export_names_the_adjudicator_of_what_they_settled(signs):
    item = _doubted(signs, "minus")
    rex = Reviewer(signs)
    rex.look(rex.next().asks[0])
    rex.settle(item, "plus")
    made = exporting.export_data(signs.store, signs.project, "decisions", "csv", progress=lambda *_: None)
    (line,) = csv.DictReader(made.path.read_text("utf-8-sig").splitlines())
    assert [line[name] for name in ("answer", "source", "annotator")] == [
        "plus", "adjudicated", "Rex",
    ]  # fmt: skip


def test_the_same_answer_keeps_the_decision(signs):
    item = _doubted(signs, "plus")
    rex = Reviewer(signs)
    rex.look(rex.next().asks[0])
    rex.settle(item, "plus")
    assert signs.store.adjudication(item).verdict == "keep"


def test_an_annotator_who_takes_their_answer_back_changes_nothing_that_was_adjudicated(signs):
    item = _doubted(signs, "minus")
    rex = Reviewer(signs)
    rex.look(rex.next().asks[0])
    rex.settle(item, "plus")
    (said,) = signs.store.current(item)
    annotating.take_back(signs.store, signs.project.id, said.id, "Ada", _id(), signs.now)
    assert signs.store.decision(item) == Decision(item, ("plus",), "adjudicated")


def test_an_earlier_verdict_is_in_force_again_where_a_later_one_is_taken_back(signs):
    item = _doubted(signs, "minus")
    rex = Reviewer(signs)
    rex.look(rex.next().asks[0])
    rex.settle(item, "plus")
    second = rex.settle(item, "minus")
    rex.withdraw(second)
    assert signs.store.decision(item).answer == ("plus",)


def test_discarded_answers_are_asked_anew_and_come_back_when_that_is_taken_back(signs):
    item = _doubted(signs, "minus")
    rex = Reviewer(signs)
    rex.look(rex.next().asks[0])
    act = _id()
    adjudicating.discard(signs.store, signs.project.id, item, "Rex", act, signs.now)
    assert (signs.state(item), signs.store.current(item)) == ("open", [])
    assert signs.hand("Bo").asks[0].item == item
    rex.withdraw(act)
    assert signs.store.decision(item) == Decision(item, ("minus",), "agreement")


def test_an_item_without_an_answer_becomes_unusable(signs):
    item = _doubted(signs, "minus")
    rex = Reviewer(signs)
    rex.look(rex.next().asks[0], kind="unusable")
    rex.settle(item, unusable=True)
    assert (signs.state(item), signs.store.decision(item)) == ("unusable", None)


def test_an_item_that_an_adjudicator_called_unusable_can_be_brought_back(signs):
    item = _doubted(signs, "minus")
    rex = Reviewer(signs)
    rex.look(rex.next().asks[0], kind="unusable")
    act = rex.settle(item, unusable=True)
    annotating.restore_item(signs.store, signs.project.id, item, "Rex", _id(), signs.now)
    assert signs.store.decision(item) == Decision(item, ("minus",), "agreement")
    with pytest.raises(UnknownName):
        rex.withdraw(act)
    _same_again(signs)


def test_an_item_that_is_sent_waits_for_that_person_alone(signs):
    item = _doubted(signs, "minus")
    rex, eve, pat = Reviewer(signs), Reviewer(signs, "Eve"), Reviewer(signs, "Pat")
    rex.look(rex.next().asks[0])
    adjudicating.send(signs.store, signs.project.id, item, "Eve", "Rex", _id(), signs.now)
    assert (rex.next().asks, pat.next().asks) == ([], [])
    handed = eve.next("sent")
    assert [(a.item, a.blind, a.suggestion) for a in handed.asks] == [(item, True, None)]
    assert handed.left["sent"] == 1
    assert reviewing.reveal(signs.store, signs.project, "Eve", item) is None  # not before she has answered
    eve.look(handed.asks[0], "minus")
    seen = reviewing.reveal(signs.store, signs.project, "Eve", item)
    assert [(s.annotation.annotator, s.again) for s in seen.said] == [("Ada", False), ("Rex", True)]
    assert seen.same


def test_what_was_sent_is_taken_back_only_while_it_waits_for_that_person(signs):
    item, people = _doubted(signs, "minus"), signs.project.id
    rex, eve, pat = Reviewer(signs), Reviewer(signs, "Eve"), Reviewer(signs, "Pat")
    rex.look(rex.next().asks[0])
    first, second = _id(), _id()
    adjudicating.send(signs.store, people, item, "Eve", "Rex", first, signs.now)
    eve.look(eve.next().asks[0])
    adjudicating.send(signs.store, people, item, "Pat", "Eve", second, signs.now, note="yours")
    with pytest.raises(UnknownName):
        rex.withdraw(first)
    assert pat.next(want=0).left["sent"] == 1
    ((sent, _),) = reviewing.sent(signs.store, people)
    assert sent == Sent(item, second, "Eve", "Pat", signs.now, "yours")
    rex.withdraw(second)
    assert (pat.next(want=0).left["sent"], reviewing.sent(signs.store, people)) == (0, [])
    assert [a.item for a in rex.next().asks] == [item]


@pytest.mark.parametrize("gone", ["disabled", "no member", "annotator"])
def test_an_item_that_was_sent_to_somebody_who_is_gone_waits_for_all(signs, gone):
    item = _doubted(signs, "minus")
    rex, eve, store = Reviewer(signs), Reviewer(signs, "Eve"), signs.store
    rex.look(rex.next().asks[0])
    adjudicating.send(store, signs.project.id, item, "Eve", "Rex", _id(), signs.now)
    if gone == "disabled":
        store.save_person(replace(store.person("Eve"), disabled=True))
    else:
        store.set_sign_in_way("accounts")
        store.set_role(signs.project.id, "Eve", "adjudicator")
        assert rex.next().exhausted
        store.set_role(signs.project.id, "Eve", None if gone == "no member" else "annotator")
    assert [a.item for a in rex.next().asks] == [item]
    assert [sent.to for sent, _ in reviewing.sent(store, signs.project.id)] == [eve.name]


def test_nobody_settles_what_they_have_not_answered_blind(signs):
    item = _doubted(signs, "minus")
    Reviewer(signs)
    with pytest.raises(Conflict):
        adjudicating.settle(signs.store, signs.project.id, item, ("plus",), "Rex", _id(), signs.now)
    with pytest.raises(UnknownName):
        adjudicating.settle(signs.store, signs.project.id, 10**9, ("plus",), "Rex", _id(), signs.now)


def test_a_verdict_that_is_no_class_is_refused_and_a_resend_is_the_same_act(signs):
    item = _doubted(signs, "minus")
    rex = Reviewer(signs)
    rex.look(rex.next().asks[0])
    with pytest.raises(InvalidAnswer):
        rex.settle(item, "perhaps")
    arguments = (signs.store, signs.project.id, item, ("plus",), "Rex", "once", signs.now)
    assert [adjudicating.settle(*arguments) for _ in range(2)] == ["stored", "known"]


def test_two_reviewers_never_look_at_the_same_item_at_once(signs):
    items = [_doubted(signs, "minus", score) for score in (0.9, 0.8)]
    rex, eve = Reviewer(signs), Reviewer(signs, "Eve")
    _put(signs, items)
    assert [rex.next().asks[0].item, eve.next().asks[0].item] == items


def test_what_has_no_decision_comes_first_and_ones_own_last(signs):
    own = _doubted(signs, "minus", by="Rex")
    other = _doubted(signs, "minus")
    _put(signs, [own, other])
    ask = signs.hand("Ada").asks[0]
    signs.say("Ada", ask, kind="flag", note="please look")
    rex = Reviewer(signs)
    assert [a.item for a in rex.next(want=5).asks] == [ask.item, other, own]
    assert rex.next().left == {
        "sent": 0, "disputed": 0, "flagged": 1, "error": 2, "contradiction": 0, "flip": 0, "machine": 0, "audit": 0,
        "": 3,
    }  # fmt: skip


def test_audits_come_only_where_a_look_at_all_or_some_was_ordered_and_their_first_answer_stays(loop):
    signs = loop(audit_schedule=((50, 1),), annotations_per_item=1)
    audits = []
    for _ in range(4):
        ask = signs.hand("Ada").asks[0]
        signs.say("Ada", ask, answer="minus")
        audits.append(ask.item)
    _put(signs, audits)  # as if a model disagreed
    rex = Reviewer(signs)
    assert rex.next(want=5).asks == []
    assert adjudicating.order_audits(signs.store, signs.project.id, "Rex", 7, signs.now, size=2) == 2
    asks = rex.next(want=5).asks
    assert len(asks) == 2
    assert {a.item for a in asks} < set(audits)
    rex.look(asks[0])
    seen = reviewing.reveal(signs.store, signs.project, "Rex", asks[0].item)
    assert (seen.kinds, seen.suggested, seen.near, seen.contrast) == (("audit",), None, (), None)
    before = signs.store.audit_answers(signs.project.id, signs.now)
    rex.settle(asks[0].item, "plus")
    assert signs.store.decision(asks[0].item).answer == ("plus",)
    assert signs.store.audit_answers(signs.project.id, signs.now) == before
    with pytest.raises(Conflict):
        adjudicating.discard(signs.store, signs.project.id, asks[0].item, "Rex", _id(), signs.now)


def test_who_has_seen_what_others_said_is_not_asked_the_item_in_another_lane(loop):
    signs = loop(audit_schedule=((1000, 1),), audit_trickle=1, annotations_per_item=2, repeat_every=0)
    audit = signs.hand("Ada").asks[0]
    signs.say("Ada", audit, answer="minus")
    rex, cy = Reviewer(signs), Reviewer(signs, "Cy")
    signs.store.put_suspects(signs.project.id, ("audit",), [Suspect(audit.item, "audit", 0.2)], signs.now)
    signs.store.send_look(signs.project.id, audit.item, "Rex")
    rex.look(rex.next().asks[0])
    adjudicating.send(signs.store, signs.project.id, audit.item, cy.name, "Rex", _id(), signs.now)
    assert audit.item not in _asked(signs, "Rex", 12)
    assert signs.hand("Bo").asks[0].item == audit.item


def test_what_differs_is_not_asked_of_who_has_seen_how(loop):
    signs = loop(audit_schedule=(), audit_trickle=0, annotations_per_item=2, answers_most=4, repeat_every=0)
    ask = signs.hand("Ada").asks[0]
    signs.say("Ada", ask, answer="minus")
    signs.say("Bo", signs.hand("Bo").asks[0], answer="plus")
    rex = Reviewer(signs)
    (again,) = rex.next("disputed").asks
    assert again.item == ask.item
    rex.look(again)
    signs.now += 3_600_000
    assert ask.item not in _asked(signs, "Rex", 6)
    assert ask.item in _asked(signs, "Cy", 7)  # what Rex has begun comes first


def test_discarded_answers_may_be_given_anew_by_the_one_who_discarded_them(signs):
    item = _doubted(signs, "minus", by="Rex")
    rex = Reviewer(signs)
    rex.look(rex.next().asks[0])
    adjudicating.discard(signs.store, signs.project.id, item, "Rex", _id(), signs.now)
    assert item in _asked(signs, "Rex", 3)


def test_the_figures_follow_what_people_say_of_an_audit_after_it_was_settled(loop):
    signs = loop(audit_schedule=((1000, 1),), audit_trickle=1, repeat_every=0)
    store, project = signs.store, signs.project
    ask = signs.hand("Ada").asks[0]
    first = signs.say("Ada", ask, answer="minus")
    adjudicating.order_audits(store, project.id, "Lea", 1, signs.now)
    rex = Reviewer(signs)
    rex.look(rex.next().asks[0])
    rex.settle(ask.item, "plus")
    assert _audited(signs, ask.item) == ("minus",)
    corrected = signs.say("Ada", ask, answer="plus", target=first)
    assert _audited(signs, ask.item) == ("plus",)
    wanted = replace(project.policy, annotations_per_item=2)
    reshaping.save_policy(store, project.id, wanted, "Lea", _id(), signs.now)
    assert _audited(signs, ask.item) is None
    (waits,) = [a for a in store.audit_answers(project.id, signs.now) if a.item == ask.item]
    assert waits.held
    _same_again(signs)
    assert ask.item in _asked(signs, "Bo", 1)  # for what the adjudicator says is no audit
    assert _audited(signs, ask.item) == ("plus",)
    annotating.take_back(store, project.id, corrected, "Ada", _id(), signs.now)
    assert _audited(signs, ask.item) is None
    assert store.decision(ask.item) == Decision(ask.item, ("plus",), "adjudicated")
    _same_again(signs)


def test_what_is_decided_without_an_adjudicator_follows_the_classes(loop):
    signs = loop(audit_schedule=(), audit_trickle=0)
    schema = replace(signs.project.schema, classes=(*signs.project.schema.classes, LabelClass("other", "Other")))
    reshaping.save_classes(signs.store, signs.project.id, schema, "Lea", _id(), signs.now)
    signs.project = signs.store.project(signs.project.id)
    item = _doubted(signs, "other")
    rex = Reviewer(signs)
    rex.look(rex.next().asks[0])
    rex.settle(item, "plus")
    reshaping.merge(signs.store, signs.project.id, "other", "minus", "Lea", _id(), signs.now)
    assert signs.store.adjudication(item).before == ("minus",)
    wanted = replace(signs.project.policy, decide_by="crowdlab")
    reshaping.save_policy(signs.store, signs.project.id, wanted, "Lea", _id(), signs.now)
    _same_again(signs)


def test_an_audit_that_waits_for_another_answer_is_not_looked_at_again(loop):
    signs = loop(audit_schedule=((1000, 1),), audit_trickle=1, annotations_per_item=2, repeat_every=0)
    ask = signs.hand("Ada").asks[0]
    signs.say("Ada", ask)
    assert adjudicating.order_audits(signs.store, signs.project.id, "Lea", 1, signs.now) == 0
    second = signs.hand("Bo").asks[0]
    assert second.item == ask.item
    said = signs.say("Bo", second)
    assert adjudicating.order_audits(signs.store, signs.project.id, "Lea", 1, signs.now) == 1
    annotating.take_back(signs.store, signs.project.id, said, "Bo", _id(), signs.now)
    assert Reviewer(signs).next().exhausted


def test_the_log_alone_gives_verdicts_and_second_looks_again(signs):
    items = [_doubted(signs, "minus") for _ in range(5)]
    _put(signs, items)
    rex, eve = Reviewer(signs), Reviewer(signs, "Eve")
    for ask in rex.next(want=5).asks:
        rex.look(ask)
    rex.settle(items[0], "plus")
    rex.withdraw(rex.settle(items[1], "plus"))
    act = _id()
    adjudicating.discard(signs.store, signs.project.id, items[2], "Rex", act, signs.now)
    rex.settle(items[3], "plus")
    adjudicating.discard(signs.store, signs.project.id, items[3], "Rex", _id(), signs.now)
    adjudicating.send(signs.store, signs.project.id, items[4], eve.name, "Rex", _id(), signs.now)
    rex.withdraw(act)
    _same_again(signs)
    assert signs.store.adjudication(items[0]).before == ("minus",)


def _doubted(signs: Loop, answer: str, score: float = 0.9, by: str = "Ada") -> int:
    """An item that somebody has answered, and that is a likely error from then on."""
    ask = signs.hand(by).asks[0]
    signs.say(by, ask, answer=answer)
    _put(signs, [ask.item])
    return ask.item


def _same_again(signs: Loop) -> None:
    """The log alone gives the same."""
    with signs.store.transaction():
        signs.store.keep_projections(signs.project.id)
        rebuilding.rebuild(signs.store, signs.project.id)
        found = signs.store.differing(signs.project.id)
    assert (found.items, found.counters) == ((), ())


def _audited(signs: Loop, item: int) -> tuple[str, ...] | None:
    """What the figures count of an audit."""
    return next(a.answer for a in signs.store.audit_answers(signs.project.id, signs.now) if a.item == item)


def _asked(signs: Loop, who: str, size: int) -> list[int]:
    """Items that somebody is asked one after the other, and answers."""
    items = []
    for _ in range(size):
        (ask,) = signs.hand(who).asks
        signs.say(who, ask)
        items.append(ask.item)
    return items


def _put(signs: Loop, items: list[int]) -> None:
    suspects = [
        Suspect(item, "error", 0.9 - n / 100, {"instead": ["plus"], "sure": 0.9}) for n, item in enumerate(items)
    ]
    signs.store.put_suspects(signs.project.id, ("error",), suspects, signs.now)


def _id() -> str:
    return str(uuid.uuid4())
