from dataclasses import dataclass

import numpy as np
import pytest

from collab.engine.encoders.text import SentenceTransformerEncoder
from collab.engine.fine_tuning import Example, Pretrained, fit
from collab.engine.recipe import FineTuning
from collab.engine.tuned import read_text
from tests.tiny import opinions, tiny_text

RECIPE = FineTuning(epochs=3, batch=8, rate=3e-3, precision="fp32")


@dataclass
class Texts:
    texts: list[str]

    def __len__(self):
        return len(self.texts)

    def __getitem__(self, row):
        return Example(self.texts[row])


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return SentenceTransformerEncoder(tiny_text(tmp_path_factory.mktemp("tiny")))


@pytest.fixture
def train(encoder, tmp_path):
    """Trains in a folder of the given name, from the tiny encoder, on 40 opinions."""

    def run(name="a", recipe=RECIPE, tell=lambda _: False, count=40, **more):
        texts, labels = opinions(count)
        start = more.pop("pretrained", Pretrained(text=encoder))
        given = np.array(more.pop("labels", labels))
        to = tmp_path / name
        return fit(start, Texts(texts), given, 2, recipe, to / "model", checkpoint=to / "kept", tell=tell, **more)

    return run


def written(tmp_path, name="a"):
    return read_text(tmp_path / name / "model" / "text", "tuned:x")


def test_what_was_written_is_an_encoder_that_tells_the_classes_apart_better(train, encoder, tmp_path):
    done = train()
    tuned = written(tmp_path)
    texts = ["it is good", "it is fine", "it is poor", "it is bad"]
    apart = [
        np.ptp([rows[:2] @ rows[:2].T, rows[:2] @ rows[2:].T]) for rows in (encoder.encode(texts), tuned.encode(texts))
    ]
    assert (tuned.name, tuned.max_tokens, done.held_out, len(done.epochs)) == ("tuned:x", 32, 6, 3)
    assert done.epochs[-1].held_out < done.epochs[0].held_out
    assert apart[1] > apart[0]
