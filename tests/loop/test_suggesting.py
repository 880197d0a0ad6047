"""What is suggested before there is a head and after, and what it stands on."""

from dataclasses import replace

import numpy as np
import pytest

from collab.domain.annotation import Choices
from collab.domain.project import LabelSchema, classes_from_names
from collab.domain.run import ImportReport
from collab.domain.store import NewItem
from collab.loop.encoding import encode_items
from collab.loop.retraining import Learner
from collab.loop.suggesting import ClassGuess, among_live, set_threshold, suggestions

WORDS = ("great", "lovely", "plus", "awful", "terrible", "minus", "zebra")


class Moods:
    """Knows what two kinds of words mean; all else is a little noise, the same for the same text."""

    name, dim, digest, max_tokens = "moods", 8, "moods-1", None

    def encode(self, texts):
        rows = np.zeros((len(texts), self.dim), np.float32)
        for row, text in zip(rows, texts, strict=True):
            last = text.split()[-1] if "?" in text else text
            row[0] = any(w in last for w in WORDS[:3])
            row[1] = any(w in last for w in WORDS[3:6])
            row[2] = 3 * ("zebra" in last)
            row[3:] = np.random.default_rng(len(text) + sum(map(ord, text))).normal(0.3, 0.1, 5)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def read_until(self, text):
        return None


@pytest.fixture
def moods(loop):
    """A project whose encoder knows what its classes mean, and its learner."""

    def make(items=60, mark=0.2, **policy):
        wanted = {"encoder": "moods", "audit_schedule": (), "audit_trickle": 0, "blind_share": 0.0, **policy}
        signs = loop(items, mark, **wanted)
        encode_items(signs.store, signs.project, Moods(), lambda *_: False)
        return signs, Learner(signs.store, signs.project.id, Moods())

    return make


def round_of(signs, learner):
    learner.take_in()
    return learner.round(signs.now)


def answer_truly(signs, who, count):
    truth = signs.store.truth(signs.project.id)
    for _ in range(count):
        ask = signs.hand(who).asks[0]
        signs.say(who, ask, answer=truth[ask.item][0])


def queued(signs):
    """The whole query lane, taken by somebody else."""
    return signs.store.lease(signs.project.id, "Bo", "query", 500, "tab of Bo", signs.now, signs.now + 1000)


def test_before_any_answer_the_classes_names_make_a_guess_and_typical_items_are_asked(moods):
    signs, learner = moods()
    round_of(signs, learner)
    truth, asks = signs.store.truth(signs.project.id), queued(signs)
    names = [c.id for c in signs.project.schema.classes]
    assert {(a.purpose, a.suggestion.footing) for a in asks} == {("cold start", "names")}
    assert [names[a.suggestion.best] for a in asks] == [truth[a.item][0] for a in asks]
    assert asks[0].reason == "typical"


def test_a_guess_stays_until_answers_of_two_classes_make_a_head(moods):
    signs, learner = moods()
    signs.say("Ada", signs.hand("Ada").asks[0], answer="plus")
    round_of(signs, learner)
    assert {a.suggestion.footing for a in queued(signs)} == {"names"}
    signs.now += 2000
    answer_truly(signs, "Ada", 12)
    round_of(signs, learner)
    assert "names" not in {a.suggestion.footing for a in queued(signs)}


def test_no_figure_counts_a_guess(moods):
    signs, learner = moods(audit_schedule=((100, 1),))
    learner.project = replace(learner.project, demo=True)
    answer_truly(signs, "Ada", 8)
    done = round_of(signs, learner)
    assert (done.audits, done.demo_accuracy, done.strength) == (0, None, 0.0)
    assert learner.predict(Moods().encode(["great"])).tolist() == [[0.5, 0.5]]


def test_a_blind_ask_hides_the_guess_and_keeps_it_with_the_answer(moods):
    signs, learner = moods(blind_share=0.99)
    round_of(signs, learner)
    ask = signs.hand("Ada").asks[0]
    said = signs.say("Ada", ask)
    (kept,) = signs.store.current(ask.item)
    assert (ask.suggestion, kept.id, kept.shown, kept.hidden.footing) == (None, said, None, "names")


def test_names_without_meaning_make_no_guess(moods):
    signs, _ = moods()
    bare = replace(signs.project.schema, classes=classes_from_names(("1", "2")), version=2)
    signs.store.save_schema(signs.project.id, bare)
    learner = Learner(signs.store, signs.project.id, Moods())
    round_of(signs, learner)
    assert {a.suggestion for a in queued(signs)} == {None}


@pytest.mark.parametrize(("language", "speaks"), [("en", True), ("unknown", True), ("zh", False)])
def test_an_encoder_that_reads_english_guesses_nothing_in_other_languages(moods, language, speaks):
    signs, _ = moods()
    english, features = Moods(), Moods().encode([*WORDS] * 3)
    english.name = "minilm"
    said = ClassGuess(english).proba(signs.project.schema, [language], features, np.arange(3))
    assert (said is not None) is speaks


def test_new_descriptions_make_a_new_guess(moods):
    signs, learner = moods()
    round_of(signs, learner)
    schema = signs.project.schema
    turned = tuple(replace(c, description=d) for c, d in zip(schema.classes, ("terrible", "lovely"), strict=True))
    learner.project = replace(learner.project, schema=replace(schema, classes=turned))
    signs.now += 60_000
    round_of(signs, learner)
    truth = signs.store.truth(signs.project.id)
    assert {(truth[a.item][0], a.suggestion.best) for a in queued(signs)} == {("plus", 1), ("minus", 0)}


def test_an_item_unlike_all_that_were_answered_says_so(moods):
    signs, learner = moods()
    opened = signs.store.begin_import(signs.project.id, "odd", "nothing", signs.now)
    signs.store.add_items(opened, [NewItem("odd", {"text": "zebra"}, "d" * 64, 0.99)])
    signs.store.finish_import(opened, ImportReport(added=1), 0.0, 500, signs.now)
    encode_items(signs.store, signs.project, Moods(), lambda *_: False)
    odd = max(row.item for row in signs.store.pool(signs.project.id))
    truth = signs.store.truth(signs.project.id)
    signs.store.choose_items(signs.project.id, "Ada", list(truth), "chosen")
    for ask in signs.hand("Ada", want=6, chosen_only=True).asks:
        signs.say("Ada", ask, answer=truth[ask.item][0])
    round_of(signs, learner)
    assert {a.item: a.suggestion.footing for a in queued(signs)}[odd] == "unfamiliar"


def test_label_sets_wait_for_enough_audits_and_for_a_policy_that_wants_them():
    proba, answers = np.float32([[0.6, 0.4]] * 60), np.zeros(60, np.int64)
    assert [set_threshold(proba[:n], answers[:n], 0.9) is None for n in (49, 50)] == [True, False]
    assert set_threshold(proba, answers, 0.0) is None
    assert set_threshold(proba, answers, 0.99) is None


def test_a_set_is_named_only_where_it_helps_and_keeps_its_promise():
    proba = np.float32([[0.9, 0.05, 0.05], [0.5, 0.4, 0.1], [0.5, 0.4, 0.1], [0.34, 0.33, 0.33]])
    words = suggestions([1, 2, 3, 4], proba, ["", "ambiguous", "unfamiliar", "ambiguous"], "1.1", 0.7, 0.9)
    assert [w.choices for w in words.values()] == [None, Choices((0, 1), 0.9), None, None]


@pytest.mark.slow
def test_enough_audits_that_contradict_the_head_bring_sets_to_the_asks(moods):
    signs, _ = moods(items=300, audit_schedule=((50, 1),), set_level=0.8)
    third = replace(signs.project.schema, classes=classes_from_names(("plus", "minus", "neither")), version=2)
    signs.store.save_schema(signs.project.id, third)
    for number in range(50):
        signs.say("Ada", signs.hand("Ada").asks[0], answer=("plus", "minus")[number % 2])
    answer_truly(signs, "Ada", 12)
    learner = Learner(signs.store, signs.project.id, Moods())
    done = round_of(signs, learner)
    assert (done.audits, done.set_level) == (50, 0.8)
    assert {len(ask.suggestion.choices.columns) for ask in queued(signs) if ask.suggestion.choices} == {2}


def test_the_share_of_retired_classes_goes_to_the_others():
    one, two, three = classes_from_names(("one", "two", "three"))
    schema = LabelSchema("Which?", (one, replace(two, retired=True), three))
    given = np.float32([[0.25, 0.5, 0.25], [0.6, 0.0, 0.4], [0.0, 1.0, 0.0]])
    np.testing.assert_allclose(among_live(given, schema), [[0.5, 0, 0.5], [0.6, 0, 0.4], [0.5, 0, 0.5]], rtol=1e-6)
    assert given[0, 1] == 0.5
