from dataclasses import replace

import numpy as np
import pytest

from collab.domain.run import ImportReport
from collab.engine.encoders.text import encoder_of
from collab.loop import reporting, reshaping
from collab.loop.advising import Watched
from collab.loop.encoding import encode_items
from collab.loop.figuring import Figures
from collab.loop.influencing import Work
from collab.loop.retraining import WHOLE_EVERY_MS, Learner
from tests.loop.conftest import NOW, new_item


@pytest.fixture
def read(loop):
    """A project of items with columns, all read, every second ask an audit; and its learner."""

    def make(items=300, **policy):
        signs = loop(items=0, audit_schedule=((1000, 2),), repeat_every=0, **policy)
        opened = signs.store.begin_import(signs.project.id, "table", "truth", NOW)
        columns = [{"site": f"S{n // 2 % 3}", "patient": f"P{n // 4}"} for n in range(items)]
        signs.store.add_items(opened, [replace(new_item(n), meta=cells) for n, cells in enumerate(columns)])
        signs.store.finish_import(opened, ImportReport(added=items), 0.3, 500, NOW)
        encode_items(signs.store, signs.project, encoder_of("hashing"), lambda *_: False)
        return signs, Learner(signs.store, signs.project.id, encoder_of("hashing"))

    return make


def answer_truly(signs, count, who="Ada"):
    truth = signs.store.truth(signs.project.id)
    with signs.store.transaction():  # one for all, which is quicker
        for _ in range(count):
            ask = signs.hand(who).asks[0]
            signs.say(who, ask, answer=truth[ask.item][0], seconds=2.0)


def round_at(learner, now):
    learner.take_in()
    return learner.round(now)


def test_a_look_a_minute_writes_all_figures(read):
    signs, learner = read(group="patient")
    answer_truly(signs, 60)
    done = round_at(learner, signs.now)
    store, project = signs.store, signs.project.id
    advice, parts, group = (f(store, project) for f in (reporting.advice, reporting.parts, reporting.group))
    assert (advice.evidence.bound, advice.evidence.answered) == (done.checks.low, 30)
    assert [(look.labels, look.audits) for look in advice.evidence.looks] == [(30, 30)]
    assert [(c.name, sum(p.n for p in c.parts)) for c in parts.columns] == [("site", 30)]
    assert group.unseen + group.learned == 30
    assert 0 < group.learned_groups < 30
    assert reporting.work(store, project) == (Work("Ada", 60, 60, 60, 120.0),)
    outlook = store.figures(project, "outlook")
    assert (len(outlook["correct"]), outlook["items"]) == (30, 300 - store.progress(project).reserved - 30)


def test_figures_come_once_a_minute_and_at_once_where_the_settings_change(read):
    signs, learner = read(items=120)
    answer_truly(signs, 16)
    round_at(learner, signs.now)
    answer_truly(signs, 4)
    round_at(learner, signs.now)
    assert reporting.advice(signs.store, signs.project.id).evidence.labels == 8
    changed = replace(signs.project.policy, group="patient")
    reshaping.save_policy(signs.store, signs.project.id, changed, "Ada", "act of choosing", signs.now)
    round_at(learner, signs.now)
    assert reporting.advice(signs.store, signs.project.id).evidence.labels == 10
    assert reporting.group(signs.store, signs.project.id).column == "patient"


def test_a_minute_after_the_last_answers_a_look_is_due_and_then_no_more(read):
    signs, learner = read(items=120)
    answer_truly(signs, 16)
    round_at(learner, signs.now)
    first = signs.now
    answer_truly(signs, 4)
    round_at(learner, signs.now)
    assert not learner.take_in(first + WHOLE_EVERY_MS - 1)
    assert learner.take_in(first + WHOLE_EVERY_MS)
    learner.round(first + WHOLE_EVERY_MS)
    assert reporting.advice(signs.store, signs.project.id).evidence.labels == 10
    assert not learner.take_in(first + 9 * WHOLE_EVERY_MS)


def test_asks_and_round_are_written_before_figures_are_made(read, monkeypatch):
    signs, learner = read(items=120)
    seen = []

    def make(self, project, known, now):
        seen.append((signs.store.last_round(project.id), len(signs.hand("Bo", want=3).asks)))
        return True

    monkeypatch.setattr(Figures, "make", make)
    answer_truly(signs, 16)
    done = round_at(learner, signs.now)
    assert seen == [(done, 3)]


def test_successive_models_are_compared_on_the_same_items_also_by_another_worker(read):
    signs, learner = read(items=120)
    answer_truly(signs, 16)
    round_at(learner, signs.now)
    watched = signs.store.figures(signs.project.id, "watched")
    answer_truly(signs, 30)
    anew = Learner(signs.store, signs.project.id, encoder_of("hashing"))
    round_at(anew, signs.now + WHOLE_EVERY_MS)
    looks = reporting.advice(signs.store, signs.project.id).evidence.looks
    assert [(look.labels, look.apart) for look in looks] == [(8, 0), (23, 15)]
    assert looks[1].kappa > 0.5
    again = signs.store.figures(signs.project.id, "watched")
    assert set(again["items"]) < set(watched["items"])  # what a model was fitted on is watched no more
    assert len(Watched(**again).items) == reporting.advice(signs.store, signs.project.id).evidence.watched == 97


def test_before_there_is_a_head_only_the_work_is_told(read):
    signs, learner = read(items=120)
    answer_truly(signs, 1)
    round_at(learner, signs.now)
    store, project = signs.store, signs.project.id
    assert (reporting.advice(store, project), reporting.parts(store, project)) == (None, None)
    assert reporting.influence(store, project).events == 1


def test_the_folds_of_a_temperature_hold_whole_groups(read):
    signs, learner = read(items=120, group="patient")
    learner.take_in()
    items = np.array([row.item for row in signs.store.pool(signs.project.id)])
    found = Figures(signs.store, signs.project.id).groups(signs.project, np.array([0, 1, 2, 3, 4]), items)
    assert found.tolist() == [0, 0, 0, 0, 1]
    assert (
        Figures(signs.store, signs.project.id).groups(
            replace(signs.project, policy=replace(signs.project.policy, group="")), np.arange(3), items
        )
        is None
    )
