import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from collab.engine.heads import FittedLogistic, Logistic, Standard, head_of, softmax
from collab.errors import UnknownName


def blobs(n, rng, classes=3, dim=24, spread=0.6):
    labels = np.arange(n) % classes
    rows = np.eye(dim)[labels] + rng.normal(0, spread, (n, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), labels


def test_the_fit_equals_scikit_learn_with_the_same_penalty():
    x, y = blobs(60, np.random.default_rng(0))
    standard = Standard.of(x)
    ours = Logistic().fit(x, y, 3, standard=standard)
    z = np.concatenate([(x - standard.mean) / standard.scale, np.zeros((3, 24))])
    weight = np.r_[np.ones(60), np.full(3, 0.1)]
    theirs = LogisticRegression(C=1 / ours.strength, tol=1e-8, max_iter=1000).fit(z, np.r_[y, 0, 1, 2], weight)
    assert ours.proba(x) == pytest.approx(theirs.predict_proba(z[:60]), abs=1e-3)


def test_a_warm_start_ends_where_a_cold_one_does():
    x, y = blobs(90, np.random.default_rng(1))
    standard = Standard.of(x)
    before = Logistic().fit(x[:60], y[:60], 3, standard=standard)
    warm = Logistic().fit(x, y, 3, standard=standard, previous=before)
    cold = Logistic().fit(x, y, 3, standard=standard)
    assert warm.proba(x) == pytest.approx(cold.proba(x), abs=1e-3)


def test_the_strength_is_looked_for_at_a_hundred_labels_and_then_kept():
    x, y = blobs(149, np.random.default_rng(2))
    standard = Standard.of(x)
    first = Logistic().fit(x[:99], y[:99], 3, standard=standard)
    tuned = Logistic().fit(x[:100], y[:100], 3, standard=standard, previous=first)
    kept = Logistic().fit(x, y, 3, standard=standard, previous=tuned)
    assert (first.tuned_at, tuned.tuned_at, kept.tuned_at) == (0, 100, 100)
    assert (first.strength, kept.strength) == (24 / 16, tuned.strength)


def test_noisy_labels_get_a_stronger_penalty_than_clean_ones():
    x, y = blobs(300, np.random.default_rng(3), spread=0.2)
    noise = np.random.default_rng(4).integers(3, size=300)
    clean, noisy = (Logistic().fit(x, labels, 3, standard=Standard.of(x)).strength for labels in (y, noise))
    assert noisy > clean


def test_a_class_without_labels_stays_possible_and_unlikely():
    x, y = blobs(40, np.random.default_rng(5), classes=2)
    proba = Logistic().fit(x, y, 3, standard=Standard.of(x)).proba(x)
    assert 0 < proba[:, 2].max() < 0.05


def test_the_temperature_makes_a_head_less_sure_of_the_same_classes():
    x, y = blobs(60, np.random.default_rng(6))
    head = Logistic().fit(x, y, 3, standard=Standard.of(x))
    cold, hot = head.proba(x), head.proba(x, temperature=2)
    assert (hot.max(axis=1) < cold.max(axis=1)).all()
    assert (hot.argmax(axis=1) == cold.argmax(axis=1)).all()


def test_softmax_of_huge_logits_stays_finite():
    assert softmax(np.float32([[1e30, -1e30]])).tolist() == [[1, 0]]


def test_scoring_in_chunks_equals_scoring_at_once(monkeypatch):
    x, y = blobs(60, np.random.default_rng(7))
    head = Logistic().fit(x, y, 3, standard=Standard.of(x))
    whole = head.logits(x)
    monkeypatch.setattr("collab.engine.heads.CHUNK", 7)
    assert head.logits(x) == pytest.approx(whole, abs=1e-5)


def test_a_constant_column_is_left_alone():
    x = np.ones((10, 2), np.float32)
    assert Standard.of(x).scale.tolist() == [1, 1]


def test_a_head_that_is_not_there_is_named():
    with pytest.raises(UnknownName, match="logistic"):
        head_of("forest")


def test_a_written_head_is_read_back_whole():
    head = FittedLogistic(np.eye(2, 3, dtype=np.float32), np.float32([1, 2]), 30.0, 12, 0)
    back = Logistic().read(head.to_bytes())
    assert (back.weights.tolist(), back.bias.tolist()) == (head.weights.tolist(), head.bias.tolist())
    assert (back.strength, back.n_labels, back.tuned_at) == (30.0, 12, 0)
