"""What must never happen, each tried through the doors that people and workers use."""

from dataclasses import replace

import pytest

from collab.domain.annotation import ALWAYS_BLIND, Ask, Suggestion
from collab.domain.certificate import Terms
from collab.engine.encoders.text import encoder_of
from collab.errors import Conflict
from collab.loop import auditing, handing_out, reporting, veiling
from collab.loop.encoding import encode_items
from tests.loop.conftest import NOW
from tests.loop.frozen import Frozen

LIES = {"plus": "minus", "minus": "plus"}
TRUTH = {"plus": "plus", "minus": "minus"}
WORD = Suggestion((0.75, 0.25), "1.1")
LONG = 10**9
FEW = Terms(epsilon=0.2, delta=0.4, audits=12)
"""Enough where no audit finds an error."""


@pytest.fixture
def world(loop):
    """Makes projects, one at a time, whose model has learned from twelve answers; a fifth is the reserve."""

    def make(items=80, **policy) -> Frozen:
        signs = loop(items, 0.2, **policy)
        made = Frozen(signs)
        encode_items(signs.store, signs.project, encoder_of("hashing"), lambda *_: False)
        made.answer(made.free()[:12])
        made.learn()
        return made

    return make


def lease(world: Frozen, lane: str, size: int = 200) -> list[Ask]:
    """What somebody is asked of one lane, under leases that last."""
    return world.store.lease(world.id, "Ada", lane, size, "tab", NOW, NOW + LONG)


def audits(world: Frozen) -> list[Ask]:
    """Asks for the whole reserve."""
    world.store.extend_lane(world.id, "audit", 200, 1, 0.0, "blind")
    return lease(world, "audit")


def drawn(world: Frozen) -> list[Ask]:
    """Asks for what a certificate has drawn."""
    world.freeze(FEW)
    return lease(world, "certificate")


def repeats(world: Frozen) -> list[Ask]:
    """Asks for two answers that the same person has given before."""
    say(world, audits(world), TRUTH)
    assert [world.store.add_repeat(world.id, "Ada", 0, "blind") for _ in range(2)] == [True, True]
    return lease(world, "repeat")


def checks(world: Frozen) -> list[Ask]:
    """Asks for labels of the machine."""
    world.judged(terms=FEW)
    world.sign()
    world.store.extend_lane(world.id, "certificate", 6, 1, 0.0, "blind")
    return lease(world, "certificate")


def before_signing(world: Frozen) -> list[Ask]:
    """All asks that measure while nothing is signed: audits of a certificate, repeats, and the rest of the reserve."""
    world.store.extend_lane(world.id, "audit", 5, 1, 0.0, "blind")
    say(world, lease(world, "audit"), TRUTH)
    world.store.add_repeat(world.id, "Ada", 0, "blind")
    return [*drawn(world), *lease(world, "repeat"), *audits(world)]


def say(world: Frozen, asks: list[Ask], words: dict[str, str]) -> list[str]:
    """Answer truly, or lie; the ids of what was said."""
    truth = world.store.truth(world.id)
    with world.store.transaction():  # one wait for the disk, not one for each answer
        return [world.signs.say("Ada", ask, answer=words[truth[ask.item][0]]) for ask in asks]


def head(world: Frozen) -> tuple[int, float, bytes]:
    """Labels of the last head, its strength, and its weights as they are written."""
    last = world.store.last_round(world.id)
    return last.labels, last.strength, world.store.file(f"heads/{world.id}/{last.revision}.safetensors").read_bytes()


def head_after(world: Frozen, measuring, words: dict[str, str]) -> tuple[int, float, bytes]:
    """The head that learns after three more answers, and after what measures was answered so."""
    world.answer(world.free()[:3])
    asked = measuring(world)
    assert asked
    say(world, asked, words)
    world.learn()
    found = head(world)
    world.store.delete_project(world.id, 9)
    return found


# ---- audits in training, in the choice of a head's strength, in where its fit ends


@pytest.mark.slow
@pytest.mark.parametrize("measuring", [before_signing, checks])
def test_answers_that_measure_change_no_head_nor_its_strength_nor_where_its_fit_ends(world, measuring):
    honest, lying = (head_after(world(), measuring, words) for words in (TRUTH, LIES))
    assert lying == honest


def test_answers_that_do_not_measure_change_a_head(world):
    """So that the refusal before can fail."""

    def chosen(world):
        handing_out.choose(world.store, world.id, "Ada", world.free()[-10:])
        return lease(world, "chosen")

    honest, lying = (head_after(world(), chosen, words) for words in (TRUTH, LIES))
    assert lying != honest


def test_no_head_learns_from_labels_of_the_machine(world):
    signed = world()
    signed.judged(terms=FEW)
    assert signed.sign().labels > 0
    signed.learn()
    assert head(signed)[0] == 12


def test_what_measures_is_never_ranked(world):
    some = world()
    measured = {ask.item for ask in before_signing(some)}
    some.learn()
    asked = {ask.item for ask in lease(some, "query")}
    assert asked
    assert not asked & measured


# ---- accuracy of what the model asked for


def test_answers_that_the_model_asked_for_make_no_accuracy(world):
    some = world()
    some.answer(some.free()[:20])
    some.learn()
    report = reporting.accuracy(some.store, some.id)
    assert (report.answered, report.share, report.low, report.high) == (0, None, None, None)
    assert reporting.by_class(some.store, some.id, some.signs.project.schema) == ()
    assert {point.audits.share for point in reporting.curve(some.store, some.id)} == {None}
    assert reporting.checks(some.store, some.id).low is None


def test_answers_that_the_model_asked_for_are_not_among_those_that_make_the_accuracy(world):
    some = world()
    asked = audits(some)
    say(some, asked, TRUTH)
    some.answer(some.free()[:20])
    some.learn()
    assert reporting.accuracy(some.store, some.id).answered == len(asked)


@pytest.mark.parametrize("measuring", [drawn, checks])
def test_what_a_certificate_drew_makes_no_accuracy(world, measuring):
    some = world()
    say(some, measuring(some), TRUTH)
    some.learn()
    assert reporting.accuracy(some.store, some.id).answered == 0


# ---- certificates from too few audits


def test_a_certificate_for_which_too_few_items_are_left_is_refused_and_says_what_to_do(world):
    some = world()
    left = len(some.free())
    with pytest.raises(Conflict, match=f"Only {left} items are left.*Choose fewer audits, or import more"):
        auditing.begin(some.store, some.id, replace(FEW, audits=left), "Ada", NOW)
    assert some.store.certificates(some.id) == ()


def test_a_certificate_with_too_few_audits_is_refused_and_says_how_many_more_it_takes(world):
    judged = world().judged(terms=Terms(epsilon=0.1, delta=0.1, audits=20))
    assert (judged.status, judged.verdict.threshold, judged.verdict.more) == ("refused", None, 7)


def test_a_refused_certificate_can_not_be_signed(world):
    some = world()
    some.judged(terms=replace(FEW, audits=5))
    with pytest.raises(Conflict, match="refused"):
        auditing.sign(some.store, some.id, 1, "Ada", NOW)
    assert some.store.progress(some.id).machine == 0


def test_nothing_is_labeled_against_a_critical_class_that_no_audit_met(world):
    some = world()
    some.critical("minus")
    say(some, drawn(some), {"plus": "plus", "minus": "plus"})
    judged = some.follow()
    assert (judged.status, judged.verdict.threshold) == ("refused", None)
    assert (judged.verdict.missed[0].n, judged.verdict.missed[0].passed) == (0, False)
    assert judged.verdict.missed[0].more > 0


# ---- audits in the search for a threshold


def test_audits_of_the_project_say_nothing_in_a_verdict(world):
    some = world()
    say(some, audits(some), LIES)
    some.learn()
    verdict = some.judged(terms=FEW).verdict
    assert (verdict.above, verdict.errors, verdict.unresolved) == (12, 0, 0)


def test_no_audit_serves_two_certificates_nor_a_certificate_and_the_project(world):
    some = world()
    first, second = (some.judged(wrong=12, terms=FEW) for _ in "ab")
    assert [(c.status, c.verdict.above) for c in (first, second)] == [("refused", 12)] * 2
    items = {*some.audits(1), *some.audits(2)}
    assert len(items) == 24
    assert not items & {row.item for row in some.store.pool(some.id) if row.reserved}


def test_an_audit_answered_otherwise_after_the_verdict_changes_neither_it_nor_what_is_signed(world):
    some = world()
    judged = some.judged(terms=FEW)
    some.answer(some.audits(), wrong=12)
    assert some.follow() == judged
    assert some.sign().verdict == judged.verdict


# ---- suggestions on what measures


@pytest.mark.parametrize(
    ("measuring", "mode"),
    [
        (before_signing, "suggestion first"),
        (before_signing, "answer first"),
        (before_signing, "blind"),
        (checks, "answer first"),
    ],
)
def test_no_ask_that_measures_carries_or_gets_or_uncovers_a_suggestion(world, measuring, mode):
    some = world(mode=mode)
    held = measuring(some)
    assert {ask.purpose for ask in held} <= ALWAYS_BLIND
    some.store.suggest(some.id, {ask.item: WORD for ask in held})
    sent = handing_out.hand_out(
        some.store, some.signs.project, "Ada", "tab", want=0, have=[], on_screen=None, ranking=0, now=NOW
    )
    alike = {(ask.suggestion, ask.purpose, ask.lane, ask.score) for ask in sent.asks}
    assert {ask.id for ask in held} == {ask.id for ask in sent.asks}
    assert (alike, sent.fresh) == ({(None, "query", "query", 0.0)}, {})
    assert {veiling.revealed(some.store, some.id, "Ada", act) for act in say(some, held, TRUTH)} == {None}


# ---- words that promise more than is known


def test_nothing_is_settled_and_no_end_advised_while_a_class_has_fewer_than_five_audits(world):
    some = world(target=0.5)
    asked, truth = audits(some), some.store.truth(some.id)
    minus = [ask for ask in asked if truth[ask.item] == ("minus",)]
    say(some, [ask for ask in asked if ask not in minus[4:]], TRUTH)
    some.learn()
    told = reporting.advice(some.store, some.id)
    assert (told.advice.verdict, told.advice.predictions) == ("too few audits", "too few audits")
    assert told.short == ("minus",)


@pytest.mark.parametrize("measuring", [before_signing, checks])
def test_answers_that_measure_are_no_arm_of_the_effect_of_suggestions(world, measuring):
    some = world()
    asked = measuring(some)
    some.store.suggest(some.id, {ask.item: WORD for ask in asked})
    say(some, asked, TRUTH)
    some.learn()
    told = reporting.influence(some.store, some.id)
    assert (told.shown_answers, told.hidden_answers) == (0, 0)
    assert (told.too_early, told.difference, told.alarm) == (True, None, False)
