import numpy as np
import pytest

from collab.engine import committee, perceptron
from collab.engine.heads import Logistic, Perceptrons, Standard
from collab.engine.laplace import Laplace


def corners(n, seed):
    """Two columns that say nothing one by one, and everything together."""
    rows = np.random.default_rng(seed).uniform(-1, 1, (n, 2)).astype(np.float32)
    return rows, (rows[:, 0] * rows[:, 1] > 0).astype(np.int64)


def fitted(rows, labels, **more):
    return Perceptrons().fit(rows, labels, 2, standard=Standard.of(rows), **more)


def test_columns_that_only_say_something_together_are_learned():
    (rows, labels), (others, truth) = corners(300, 0), corners(500, 1)
    linear = Logistic().fit(rows, labels, 2, standard=Standard.of(rows))
    right = [(head.proba(others).argmax(axis=1) == truth).mean() for head in (fitted(rows, labels), linear)]
    assert right[0] > 0.9 > 0.65 > right[1]


def test_one_network_says_the_mean_of_its_members():
    rows, labels = corners(40, 2)
    standard = Standard.of(rows)
    z = (rows.astype(np.float64) - standard.mean) / standard.scale
    layers, stop = perceptron.fit(z, labels, 2, 0)
    first, first_bias, second, second_bias = layers
    each = np.maximum(z @ first + first_bias, 0) @ second + second_bias
    whole = committee.joined(layers, standard.mean, standard.scale, stop.temperature)
    assert whole.logits(rows) == pytest.approx(each.mean(axis=0) / stop.temperature, abs=1e-4)


def test_another_seed_draws_another_committee():
    rows, labels = corners(40, 3)
    assert fitted(rows, labels, seed=1).to_bytes() != fitted(rows, labels, seed=2).to_bytes()


def test_chance_labels_leave_it_unsure():
    rows, _ = corners(200, 4)
    proba = fitted(rows, np.random.default_rng(5).integers(2, size=200)).proba(corners(200, 6)[0])
    assert proba.max(axis=1).mean() < 0.65


def test_when_to_stop_is_looked_for_anew_when_a_tenth_more_labels_are_there():
    rows, labels = corners(120, 7)
    first = fitted(rows[:100], labels[:100])
    kept = fitted(rows[:105], labels[:105], previous=first)
    anew = fitted(rows[:112], labels[:112], previous=kept)
    assert (first.stop.n_labels, kept.stop, anew.stop.n_labels) == (100, first.stop, 112)


def test_with_a_handful_of_labels_none_is_left_out():
    rows, labels = corners(8, 8)
    assert fitted(rows, labels).stop == committee.Stop(*perceptron.UNTUNED)


def test_scoring_part_by_part_equals_scoring_at_once(monkeypatch):
    rows, labels = corners(30, 9)
    head = fitted(rows, labels)
    whole = head.logits(rows)
    monkeypatch.setattr(committee, "CHUNK", 7)
    assert head.logits(rows) == pytest.approx(whole, abs=1e-5)


def test_what_lies_far_from_all_labels_is_called_unfamiliar():
    rows, labels = corners(100, 10)
    head = fitted(rows, labels)
    laplace = Laplace.of(head, rows, Standard.of(rows))
    far = np.float32([[30, 2], [-4, 25]])
    assert laplace.doubts(far, head.proba(far)) == ("unfamiliar", "unfamiliar")
    near = corners(200, 11)[0]
    assert laplace.doubts(near, head.proba(near)).count("unfamiliar") < 20
