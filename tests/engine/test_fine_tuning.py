import copy
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from collab.engine import adapting, fine_tuning
from collab.engine.encoders.text import Hashing, SentenceTransformerEncoder
from collab.engine.fine_tuning import fit
from collab.engine.fused import Example, Pretrained
from collab.engine.recipe import FineTuning
from collab.engine.stepping import Stepper, make_moments
from collab.engine.tuned import TrainableText, read_text, trainable_text
from collab.errors import Diverged, InvalidPolicy, JobCancelled, NothingToLearn, OutOfMemory, StoreFull
from tests.driving import ROOT
from tests.tiny import opinions, tiny_text

pytestmark = pytest.mark.usefixtures("one_thread")
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


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """One that drops nothing: how its batches are cut changes no more than the noise of floats."""
    return SentenceTransformerEncoder(tiny_text(tmp_path_factory.mktemp("plain"), dropout=0.0))


@pytest.fixture
def train(encoder, tmp_path):
    """Trains in a folder of the given name on opinions, from the tiny encoder; returns what came and the weights."""

    def run(name="a", recipe=RECIPE, tell=lambda _: False, texts=None, labels=None, start=encoder, **more):
        said, known = opinions(40)
        to = tmp_path / name
        done = fit(
            Pretrained(text=start), Texts(said if texts is None else texts),
            np.array(known if labels is None else labels), 2, recipe,
            to / "model", checkpoint=to / "kept", tell=tell, **more,
        )  # fmt: skip
        return done, load_file(to / "model" / "text" / "model.safetensors")

    return run


def stopping_after(step):
    def tell(progress):
        if progress.step == step:
            raise KeyboardInterrupt
        return False

    return tell


def assert_close(found, expected, atol=1e-6):
    assert found.keys() == expected.keys()
    assert max(float((found[name] - expected[name]).abs().max()) for name in found) <= atol


def test_what_is_written_is_an_encoder_that_tells_the_classes_apart_better(train, encoder, tmp_path):
    done, _ = train(recipe=replace(RECIPE, epochs=6))
    tuned = read_text(tmp_path / "a" / "model" / "text", "tuned:x")
    likeness = [rows @ rows.T for rows in (each.encode(["it is good", "it is bad"]) for each in (encoder, tuned))]
    assert (tuned.name, tuned.max_tokens, done.held_out, len(done.digest)) == ("tuned:x", 32, 6, 16)
    assert done.epochs[-1].held_out < done.epochs[0].held_out
    assert likeness[1][0, 1] < likeness[0][0, 1]


def test_the_same_seed_gives_the_same_weights(train):
    _, first = train("a")
    _, same = train("b")
    _, other = train("c", replace(RECIPE, seed=1))
    assert_close(same, first, 0)
    with pytest.raises(AssertionError):
        assert_close(other, first)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_killed_anywhere_it_goes_on_to_the_same_weights(train, monkeypatch, method):
    recipe = replace(RECIPE, method=method)
    whole, expected = train("a", recipe)
    monkeypatch.setattr(fine_tuning, "SAVE_SECONDS", 0)
    seen = []
    for step in (3, 7):  # within the first epoch, then within the second
        with pytest.raises(KeyboardInterrupt):
            train("b", recipe, stopping_after(step))
    done, found = train("b", recipe, lambda progress: seen.append(progress.step))
    assert seen[0] == 7  # what was told before it was written is done again
    assert_close(found, expected)
    assert done.epochs == whole.epochs


def test_a_checkpoint_of_another_recipe_or_of_other_texts_is_left_aside(train, monkeypatch):
    monkeypatch.setattr(fine_tuning, "SAVE_SECONDS", 0)
    first = []
    more_texts, slower = {"texts": ["it is good", "it is bad"] * 20}, {"recipe": replace(RECIPE, rate=1e-3)}
    for more in {}, slower, more_texts, {"snapshot": "other pictures"}:
        with pytest.raises(KeyboardInterrupt):
            train(tell=lambda progress: first.append(progress.step) or stopping_after(3)(progress), **more)
    assert [step for step in first if step] == [1, 2, 3] * 4


@pytest.mark.parametrize(
    ("training", "noise"), [(True, 1e-5), (False, 1e-3)]
)  # the head's start is sought to some digits
def test_out_of_memory_halves_what_goes_through_at_a_time_and_the_same_comes_out(
    train, plain, monkeypatch, training, noise
):
    whole, expected = train("a", start=plain)
    forward, notes = TrainableText.forward, []

    def small(self, tokens):
        if self.training is training and len(tokens["input_ids"]) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return forward(self, tokens)

    monkeypatch.setattr(TrainableText, "forward", small)
    done, found = train("b", tell=lambda progress: notes.append(progress.note), start=plain)
    assert (whole.batch, done.batch, notes[-1]) == (8, 2, "Out of memory: it goes on with 2 items at a time.")
    assert_close(found, expected, noise)


def test_where_not_one_item_fits_it_says_what_would_help(train, monkeypatch):
    def full(*_):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes.")

    monkeypatch.setattr(TrainableText, "forward", full)
    with pytest.raises(OutOfMemory, match="one item at a time"):
        train()
    monkeypatch.undo()
    monkeypatch.setattr(torch.optim.AdamW, "step", full)  # as where its moments find no room
    with pytest.raises(OutOfMemory):
        train()


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_room_for_all_an_optimizer_will_hold_is_taken_at_once_and_changes_no_step(optimizer):
    network, made = torch.nn.Sequential(torch.nn.Linear(2, 1)), []
    for start in (make_moments, lambda _: None):
        copied = copy.deepcopy(network)
        steps = adapting.optimizer(copied, replace(RECIPE, optimizer=optimizer), torch.device("cpu"))
        start(steps)
        made.append(len(steps.state))
        for group in steps.param_groups:
            group["lr"] = 0.1
        for _ in range(3):
            copied(torch.ones(1, 2)).sum().backward()
            steps.step()
        made.append(torch.cat([weight.ravel() for weight in copied.parameters()]).tolist())
    assert (made[0], made[2], made[1]) == (2, 0, made[3])


def test_it_tells_of_what_is_read_first_and_of_the_last_epoch(train):
    seen = []
    done, _ = train(tell=lambda progress: bool(seen.append(progress)))
    assert (seen[0].step, seen[0].eta_seconds, seen[-1].step, seen[-1].epochs) == (0, None, 15, done.epochs)


@pytest.mark.parametrize(("first", "second", "told"), [(3.0, 5.0, 8.0), (None, 5.0, None), (3.0, None, None)])
def test_energy_is_told_of_all_attempts_or_not_at_all(train, monkeypatch, first, second, told):
    monkeypatch.setattr(fine_tuning, "SAVE_SECONDS", 0)
    counted = SimpleNamespace(by="a counter", close=lambda: None, joules=lambda: first)
    monkeypatch.setattr(fine_tuning, "Meter", lambda _: counted)
    with pytest.raises(KeyboardInterrupt):
        train(tell=stopping_after(3))
    counted.joules = lambda: second
    done, _ = train()
    assert (done.joules, done.energy_by) == (told, "" if told is None else "a counter")


def test_too_little_space_is_named_before_anything_is_read(train, monkeypatch):
    told = []
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(StoreFull):
        train(tell=lambda progress: bool(told.append(progress)))
    assert told == []


@pytest.mark.parametrize(
    "wrong", [{"epochs": 0}, {"batch": 0}, {"rank": 0}, {"rate": -1.0}, {"held_out": 1.0}, {"decay_by_layer": 0.0}]
)
def test_numbers_that_nothing_could_be_trained_by_are_refused(wrong):
    with pytest.raises(InvalidPolicy):
        FineTuning(**wrong)


def test_adapters_alone_are_trained_and_remembered(train, encoder, monkeypatch):
    """As with encoders of a hundred million weights, of which this is a small one of the same class."""
    counted, moments = {}, Stepper.moments

    def counting(self):
        found = moments(self)
        counted[recipe.method] = self.trained_bytes, sum(value.nbytes for value in found.values() if value.ndim)
        return found

    monkeypatch.setattr(Stepper, "moments", counting)
    for recipe in (replace(RECIPE, epochs=1), replace(RECIPE, epochs=1, method="lora", rank=2)):
        train(recipe.method, recipe)
    (_, full), (adapters, state) = counted["full"], counted["lora"]
    assert state == 2 * adapters < full / 2
    assert adapters == 4 * sum(2 * (m.in_features + m.out_features) for m in _linear(encoder)) + 4 * (2 * 16 + 2)


def _linear(encoder):
    found = encoder.model.named_modules()
    return [each for name, each in found if isinstance(each, torch.nn.Linear) and "pooler" not in name]


def test_large_multilingual_encoders_are_of_a_class_that_is_trained_too(train, tmp_path):
    start = SentenceTransformerEncoder(tiny_text(tmp_path / "xlm", "xlm-roberta", dropout=0.0))
    done, _ = train(recipe=replace(RECIPE, method="lora"), start=start)
    tuned = read_text(tmp_path / "a" / "model" / "text", "tuned:x")
    likeness = [rows[0] @ rows[1] for rows in (each.encode(["it is good", "it is bad"]) for each in (start, tuned))]
    assert done.epochs[-1].held_out <= done.epochs[0].held_out
    assert likeness[1] < likeness[0]


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_any_number_of_classes_may_apply_and_every_optimizer_learns(train, optimizer):
    labels = np.array([[praise == 1, at % 4 > 1] for at, praise in enumerate(opinions(40)[1])])
    rate = {"sgd": 0.3, "adam": 3e-3, "adamw": 3e-3}[optimizer]
    recipe = replace(RECIPE, optimizer=optimizer, rate=rate, class_weights=True, label_smoothing=0.1, precision="bf16")
    done, _ = train(recipe=recipe, labels=labels)
    assert done.epochs[-1].loss < done.epochs[0].loss


def test_a_person_may_stop_it_and_a_rate_that_is_too_high_is_named(train):
    with pytest.raises(JobCancelled):
        train(tell=lambda progress: progress.step == 2)
    wild = replace(RECIPE, optimizer="sgd", rate=1e38, warm_up=0)
    with pytest.raises(Diverged, match="smaller learning rate"):
        train("b", wild)
    with pytest.raises(Diverged, match="smaller learning rate"):  # by its only step, whose loss is of before
        train("c", replace(wild, epochs=1, batch=64, held_out=0.0))


def test_what_cannot_be_learned_is_refused_before_anything_is_done(train, encoder, tmp_path):
    with pytest.raises(NothingToLearn, match="label 3 more"):
        train(texts=["a"] * 5, labels=[0, 1, 0, 1, 0])
    with pytest.raises(NothingToLearn, match="all of them say the same"):
        train(labels=[1] * 40)
    with pytest.raises(NothingToLearn, match="no weights to train"):
        train(start=Hashing())
    trainable_text(encoder).write(tmp_path / "tuned")
    for again in (encoder.name, "tuned:1234"), (str(tmp_path / "tuned"), None):
        with pytest.raises(NothingToLearn, match="always begins from the pretrained"):
            train(start=SentenceTransformerEncoder(*again))
    assert not (tmp_path / "a").exists()


def test_losses_are_logged_for_tensorboard(train, tmp_path):
    pytest.importorskip("tensorboard", reason="needs the extra tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train(log_dir=tmp_path / "log")
    found = EventAccumulator(str(tmp_path / "log")).Reload()
    assert found.Tags()["scalars"] == ["loss/learned", "rate", "memory", "loss/held out"]
    assert len(found.Scalars("loss/held out")) == 3


SCRIPT = """
import sys
from pathlib import Path

import numpy as np

from collab.engine import fine_tuning
from collab.engine.encoders.text import SentenceTransformerEncoder
from collab.engine.fine_tuning import fit
from collab.engine.fused import Pretrained
from tests.engine.test_fine_tuning import PLAIN, RECIPE, Texts
from tests.tiny import opinions

fine_tuning.SAVE_SECONDS = 0
texts, labels = opinions(40)
name, to, recipe = sys.argv[1:]
fit(
    Pretrained(text=SentenceTransformerEncoder(name)), Texts(texts), np.array(labels), 2, globals()[recipe],
    Path(to, "model"), checkpoint=Path(to, "kept"), tell=lambda progress: bool(print(progress.step, flush=True)),
)
"""
PLAIN = replace(RECIPE, optimizer="sgd", rate=0.1)
"""Its steps are the gradient itself, where AdamW's make noise of a gradient that is nearly 0 as large as any other."""


def started(arguments, **more):
    return subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}, **more,
    )  # fmt: skip


@pytest.mark.slow
def test_killed_by_the_system_it_goes_on_to_the_same_weights(train, encoder, tmp_path):
    _, expected = train("a")
    steps = []
    with started(["-c", SCRIPT, encoder.name, str(tmp_path / "b"), "RECIPE"]) as child:
        while int(child.stdout.readline()) < 8:
            pass
        child.send_signal(signal.SIGKILL)
    assert not (tmp_path / "b" / "model").exists()
    _, found = train("b", tell=lambda progress: steps.append(progress.step))
    assert steps[0] > 1
    assert_close(found, expected, 1e-5)


@pytest.mark.slow
def test_two_processes_come_to_what_one_comes_to(train, plain, tmp_path):
    _, expected = train("a", PLAIN, start=plain)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    launch = [
        *("-m", "torch.distributed.run", "--nproc-per-node=2"),
        *("--rdzv-backend=c10d", "--rdzv-endpoint=127.0.0.1:0", "--local-addr=127.0.0.1"),
        *(str(script), plain.name, str(tmp_path / "b"), "PLAIN"),
    ]
    with started(launch, stderr=subprocess.DEVNULL) as launched:
        steps = launched.stdout.read().split()
    assert (launched.returncode, list(dict.fromkeys(steps))) == (0, [str(step) for step in range(1, 16)])
    # the head starts from an optimum that was sought to some digits only, which the order of sums moves
    assert_close(load_file(tmp_path / "b" / "model" / "text" / "model.safetensors"), expected, 5e-5)
