"""A project of numbers and categories, from its file to a frozen certificate, on a real store."""

from dataclasses import replace

import numpy as np
import pytest

from collab.domain.project import Field, LabelSchema, LoopPolicy, classes_from_names
from collab.engine.encoders.table import Table
from collab.engine.encoders.text import Hashing
from collab.errors import Conflict, InvalidSchema
from collab.loop.encoding import blocks_of, encode_items
from collab.loop.examining import examine
from collab.loop.importing import run_import
from collab.loop.measuring import measured, model_name
from collab.loop.planning import ImportPlan
from collab.loop.retraining import Learner
from collab.storage.database import open_store
from tests.loop.conftest import NOW, Loop
from tests.loop.frozen import Frozen

TABLE = (Field("size", "number"), Field("shade", "category"))
MIXED = (Field("text"), *TABLE)


@pytest.fixture
def begin(store, tmp_path):
    """A project with some of these fields, and items in it: large dark ones are plus."""

    def make(fields=TABLE, count=300, **policy):
        schema = LabelSchema("Plus or minus?", classes_from_names(("plus", "minus")))
        wanted = replace(LoopPolicy(encoder="hashing"), **policy)
        signs = Loop(store, store.create_project("Things", fields, schema, wanted, NOW))
        bring(signs, tmp_path, count)
        return signs

    return make


def bring(signs, folder, count, *, seed=0, shift=0.0):
    rng, path = np.random.default_rng(seed), folder / f"{seed}.csv"
    lines = ["text,size,shade,truth"]
    for n in range(count):
        size, shade = rng.normal(), ("dark", "light", "")[n % 3]
        score = size + (0.5 if shade == "dark" else -0.5)
        lines.append(f"thing {seed}-{n},{size + shift:.9f},{shade},{'plus' if score > 0 else 'minus'}")
    path.write_text("\n".join(lines))
    plan = ImportPlan(signs.project.fields, answer_column="truth", answers="truth")
    run_import(signs.store, signs.project, path, plan, now=NOW, progress=lambda *_: False)


def read(signs, encoder=None):
    return encode_items(signs.store, signs.project, encoder, lambda *_: False)


def learn(signs, encoder=None):
    learner = Learner(signs.store, signs.project.id, encoder)
    learner.take_in()
    return learner, learner.round(NOW)


def taught(signs, encoder=None):
    """Forty of its items are answered, and its head has learned from these."""
    read(signs, encoder)
    made = Frozen(signs)
    made.answer(made.free()[:40])
    return made, *learn(signs, encoder)


def right(signs, learner, encoder=None):
    """How often the head is right about all items."""
    truth, blocks = signs.store.truth(signs.project.id), blocks_of(signs.store, signs.project, encoder)
    file = signs.store.features(signs.project.id, blocks.digest, blocks.dim)
    said = learner.predict(file.rows()).argmax(axis=1)
    return np.mean([signs.project.schema.index(truth[item][0]) for item in file.ids().tolist()] == said)


@pytest.mark.slow
def test_a_table_is_asked_learned_certified_and_signed_like_a_text(begin):
    signs = begin(count=900, blind_share=0.0)
    made, learner, done = taught(signs)
    assert (done.labels, right(signs, learner) > 0.9) == (40, True)
    words = [ask.suggestion for ask in signs.hand("Bob", want=6).asks]
    assert {word.model for word in words if word} == {f"{done.model}.{done.revision}"}
    assert made.judged().status == "certified"
    assert made.sign().labels > 300


def test_before_any_answer_typical_rows_are_asked_and_nothing_is_guessed(begin):
    signs = begin(audit_schedule=(), audit_trickle=0, blind_share=0.0)
    read(signs)
    _, done = learn(signs)
    (ask,) = signs.hand("Ada").asks
    assert (done.strategy, ask.reason, ask.suggestion) == ("default", "typical", None)


def test_text_and_table_together_teach_what_neither_column_of_the_text_tells(begin):
    signs = begin(MIXED, encoder="hashing")
    _, learner, _ = taught(signs, Hashing())
    assert right(signs, learner, Hashing()) > 0.85


def test_a_project_of_texts_alone_measures_nothing_and_keeps_its_features(begin):
    signs = begin(MIXED[:1])
    read(signs, Hashing())
    assert measured(signs.store, signs.project) is None
    assert blocks_of(signs.store, signs.project, Hashing()).digest == Hashing.digest
    assert model_name(signs.store, signs.project) == "hashing"


def test_more_of_the_same_keeps_what_was_measured_and_the_model(begin, tmp_path):
    signs = begin()
    _, learner, done = taught(signs)
    bring(signs, tmp_path, 100, seed=1)
    assert read(signs) == 100
    assert learner.serves(signs.project)
    assert learn(signs)[1].model == done.model


def test_an_import_that_changes_the_table_has_all_features_made_anew_and_begins_another_model(begin, tmp_path):
    signs = begin()
    _, learner, done = taught(signs)
    bring(signs, tmp_path, 600, seed=2, shift=50.0)
    assert read(signs) == 900
    assert not learner.serves(signs.project)
    assert learner.round(NOW) is None
    anew, later = learn(signs)
    assert (later.model > done.model, later.labels) == (True, 40)
    assert anew.serves(signs.project)


def test_a_head_that_was_fitted_on_other_features_is_never_frozen(begin, tmp_path):
    signs = begin()
    made, *_ = taught(signs)
    bring(signs, tmp_path, 600, seed=2, shift=50.0)
    read(signs)
    with pytest.raises(Conflict, match="hasn't learned yet"):
        made.freeze()
    learn(signs)
    assert made.freeze().number == 1


def test_a_table_whose_rows_share_nothing_is_refused_with_what_to_do(store, begin):
    signs = begin((Field("text", "category"),))
    with pytest.raises(InvalidSchema, match="can learn nothing from text: nearly every row has a value of its own"):
        read(signs)


def test_the_doctor_knows_tables_with_and_without_a_measurement(begin):
    signs = begin()
    before = {found.name: found.says for found in examine(signs.store, open_store, 0, quick=True)}
    read(signs)
    after = {found.name: found.says for found in examine(signs.store, open_store, 0, quick=True)}
    assert before["features of Things"] == "its numbers and categories have not been measured yet"
    assert after["features of Things"] == "300 of 300 items have them"


def test_a_pool_that_grew_places_values_anew_and_keeps_its_features(begin, tmp_path):
    signs = begin()
    read(signs)
    before = Table.from_json(measured(signs.store, signs.project))
    bring(signs, tmp_path, 100, seed=3)
    read(signs)
    after = Table.from_json(measured(signs.store, signs.project))
    assert after.digest == before.digest
    assert after.columns[0].quantiles != before.columns[0].quantiles
