"""A small network is trained on a project's decisions, by a job."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file

from collab.domain.run import Job
from collab.engine.recipe import Recipe
from collab.errors import JobCancelled, NothingToLearn
from collab.loop import lessons
from collab.loop.encoding import encode_items, text_encoder
from collab.loop.lessons import Lesson
from collab.loop.teaching import teach
from tests.loop.conftest import NOW

LESSON = Lesson(Recipe((4,), epochs=12, batch=8))


@pytest.fixture
def taught(loop):
    """A project whose items have features, with some of its questions answered truly."""

    def make(answers=40, **more):
        signs = loop(audit_trickle=0, audit_schedule=(), **more)
        encode_items(signs.store, signs.project, text_encoder(signs.store, signs.project), lambda *_: False)
        truth = signs.store.truth(signs.project.id)
        for _ in range(answers):
            (ask,) = signs.hand("ann").asks
            signs.say("ann", ask, answer=truth[ask.item][0])
        return signs

    return make


def trained(signs, lesson=LESSON, tell=lambda _: False):
    project = signs.store.project(signs.project.id)
    return teach(signs.store, project, text_encoder(signs.store, project), None, lesson, 7, tell)


def test_it_learns_from_decisions_and_is_judged_by_those_held_out(taught):
    told = trained(taught())
    job = Job(7, "train", 1, result=json.loads(json.dumps(told)))
    found = lessons.learned(job)
    assert (found.learned, found.held_out, found.classes) == (30, 10, ("plus", "minus"))
    assert (found.quality.accuracy.value, found.quality.accuracy.n) == (1.0, 10)
    assert len(found.epochs) == 12
    assert found.epochs[-1].held_out < found.epochs[0].held_out


def test_the_same_seed_teaches_the_same(taught):
    signs = taught()
    first, again = trained(signs), trained(signs)
    other = trained(signs, replace(LESSON, recipe=replace(LESSON.recipe, seed=1)))
    assert first == again
    assert first["epochs"] != other["epochs"]


def test_neither_audits_nor_labels_of_the_model_are_learned_from(taught, monkeypatch):
    signs = taught()
    rows = signs.store.pool(signs.project.id)
    kept = [r.item for r in rows if r.state == "decided"]
    marks = {kept[0]: {"reserved": True}, kept[1]: {"drawn": True}, kept[2]: {"machine": True}}
    hidden = [replace(r, **marks.get(r.item, {})) for r in rows]
    monkeypatch.setattr(type(signs.store), "pool", lambda _s, _p, after=0, _n=0: [] if after else hidden)
    told = trained(signs)
    assert told["learned"] + told["held_out"] == len(kept) - 3


def test_the_weights_speak_of_raw_features(taught):
    signs = taught()
    told = trained(signs)
    path = signs.store.file(told["file"])
    weights = load_file(path)
    with safe_open(path, "numpy") as file:
        assert json.loads(file.metadata()["classes"]) == ["plus", "minus"]
        digest = file.metadata()["features"]
    dim = weights["0.weight"].shape[1]
    file = signs.store.features(signs.project.id, digest, dim)
    inner = np.maximum(file.rows() @ weights["0.weight"].T + weights["0.bias"], 0)
    said = (inner @ weights["1.weight"].T + weights["1.bias"]).argmax(axis=1)
    truth = signs.store.truth(signs.project.id)
    assert np.mean([told["classes"][c] == truth[i][0] for i, c in zip(file.ids().tolist(), said, strict=True)]) > 0.95


@pytest.mark.parametrize(("answers", "why"), [(0, "nobody has answered"), (1, "at least 2 answers each")])
def test_without_answers_of_two_classes_there_is_nothing_to_learn(taught, answers, why):
    with pytest.raises(NothingToLearn, match=why):
        trained(taught(answers))


def test_a_person_can_stop_it_and_nothing_is_kept(taught):
    signs, seen = taught(), []
    with pytest.raises(JobCancelled):
        trained(signs, tell=lambda epochs: seen.append(len(epochs)) or len(epochs) == 3)
    assert seen == [1, 2, 3]
    assert not (signs.store.workspace / "files" / "models").exists()


def test_the_losses_so_far_are_those_of_the_training_under_way(taught):
    signs = taught()
    curves = []
    trained(signs, tell=lambda epochs: curves.append(epochs))
    lessons.put_curve(signs.store, signs.project.id, 7, curves[-1], NOW)
    assert lessons.curve(signs.store, signs.project.id, 7) == curves[-1]
    assert lessons.curve(signs.store, signs.project.id, 8) == ()


def test_a_recipe_survives_the_payload_of_a_job(loop):
    signs = loop()
    wanted = Lesson(Recipe((8, 4), "sgd", "mse", 3, 16, 0.5, 2), 0.3)
    job = signs.store.submit_job("train", signs.project.id, asdict(wanted), "ann", NOW)
    assert lessons.lesson(signs.store.job(job.id)) == wanted


def test_a_question_with_any_number_of_classes_is_refused(taught):
    signs = taught(2)
    schema = replace(signs.project.schema, task="multi label")
    project = replace(signs.project, schema=schema)
    with pytest.raises(NothingToLearn, match="networks learn exactly one"):
        teach(signs.store, project, text_encoder(signs.store, project), None, LESSON, 7, lambda _: False)
