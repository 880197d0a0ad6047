"""A certificate where any number of classes may apply, from freezing to its end."""

import hashlib
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from collab.domain.certificate import Missed, Terms, Watch
from collab.domain.project import NONE, Field, LabelSchema, LoopPolicy, classes_from_names
from collab.domain.run import ImportReport
from collab.domain.store import NewItem
from collab.engine.encoders.text import encoder_of
from collab.loop import annotating, auditing, rebuilding
from collab.loop.encoding import encode_items
from tests.loop.conftest import NOW, Loop
from tests.loop.frozen import TERMS, Frozen
from tests.samples import answer_of

SCHEMA = LabelSchema("What is it about?", classes_from_names(("sun", "rain")), task="multi label")
ANSWERS = (("sun",), ("rain",), ("sun", "rain"), (NONE,))
WORDS = {"sun": "bright sunny warm", "rain": "wet drops umbrella", NONE: "nothing at all"}


class Sets(Frozen):
    """Its people answer with whole sets; who is wrong says the opposite of each class."""

    def answer(self, items, *, wrong=0, by="Ada", **more):
        truth = self.store.truth(self.id)
        with self.store.transaction():
            for place, item in enumerate(items):
                opposite = tuple(c for c in ("sun", "rain") if c not in truth[item]) or (NONE,)
                said = replace(
                    answer_of(self.id, item, "", by, **more), answer=opposite if place < wrong else truth[item]
                )
                annotating.submit(self.store, said, "", NOW)


def told(number):
    answer = ANSWERS[number % 4]
    text = f"{' '.join(WORDS[c] for c in answer)} report number {number}"
    digest = hashlib.sha256(text.encode()).hexdigest()
    return NewItem(str(number), {"text": text}, digest, int(digest[:8], 16) / 16**8, answer=answer)


@pytest.fixture
def frozen(store):
    """Three hundred reports, of which forty are answered, and a head that has learned from these."""
    project = store.create_project("Weather", (Field("text"),), SCHEMA, LoopPolicy(encoder="hashing"), NOW)
    store.add_items(store.begin_import(project.id, "made up", "truth", NOW), [told(n) for n in range(300)])
    store.finish_import(1, ImportReport(added=300), 0.05, 500, NOW)
    encode_items(store, project, encoder_of("hashing"), lambda *_: False)
    made = Sets(Loop(store, project))
    made.answer(made.free()[:40])
    made.learn()
    return made


def test_labels_are_whole_answers_and_counted_by_each_class_that_they_name(frozen):
    judged = frozen.judged()
    assert (judged.status, judged.verdict.errors) == ("certified", 0)
    signed = frozen.sign()
    truth = frozen.store.truth(frozen.id)
    outcomes = [(item.id, d) for item, d, _ in frozen.store.outcomes(frozen.id, 0, 500) if d and d.certificate]
    assert signed.labels == len(outcomes) == judged.verdict.labels
    assert {decision.answer for _, decision in outcomes} == set(ANSWERS)
    assert all(decision.answer == truth[item] for item, decision in outcomes)
    assert judged.verdict.by_class == Counter(c for _, decision in outcomes for c in decision.answer)


def test_one_class_too_many_or_too_few_makes_a_label_wrong(frozen):
    frozen.freeze()
    truth = frozen.store.truth(frozen.id)
    toggled = {("sun",): (NONE,), ("rain",): ("sun", "rain"), ("sun", "rain"): ("rain",), (NONE,): ("sun",)}
    with frozen.store.transaction():
        for item in frozen.audits():
            said = replace(answer_of(frozen.id, item), answer=toggled[truth[item]])
            annotating.submit(frozen.store, said, "", NOW)
    judged = frozen.follow()
    assert (judged.status, judged.verdict.errors) == ("refused", 60)


def test_misses_of_a_critical_class_are_counted_wherever_it_applies(frozen):
    frozen.critical("rain")
    judged = frozen.judged(terms=Terms(epsilon=0.1, delta=0.4, audits=120, miss_epsilon=0.1))
    truth = frozen.store.truth(frozen.id)
    n = sum("rain" in truth[item] for item in frozen.audits())
    assert judged.status == "certified"
    assert judged.verdict.missed == (Missed("rain", 0, n, True),)


def test_checks_compare_whole_answers_and_a_withdrawal_takes_the_labels_back(frozen):
    frozen.judged(terms=replace(TERMS, epsilon=0.2))
    frozen.sign()
    frozen.check(8, wrong=2)
    assert frozen.follow().watch == Watch(8, 2)
    auditing.withdraw(frozen.store, frozen.id, 1, "Ada", "an act", NOW)
    assert (frozen.newest().status, frozen.store.progress(frozen.id).machine) == ("withdrawn", 0)


def test_a_replay_of_the_log_gives_the_same_labels(frozen):
    frozen.judged()
    frozen.sign()
    before = frozen.store.outcomes(frozen.id, 0, 500)
    rebuilding.rebuild(frozen.store, frozen.id)
    assert frozen.store.outcomes(frozen.id, 0, 500) == before
    assert np.count_nonzero([d is not None and bool(d.certificate) for _, d, _ in before]) > 100
