import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.linear_model import Ridge as RidgeRegression

from collab.engine import logistic, ridge
from collab.engine.heads import FittedLinear, Logistic, Standard, head_of, softmax
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


def test_a_stronger_penalty_is_first_tried_at_twenty_labels_then_after_a_tenth_more():
    x, y = blobs(46, np.random.default_rng(2))
    standard = Standard.of(x)
    first = Logistic().fit(x[:19], y[:19], 3, standard=standard)
    tried = Logistic().fit(x[:40], y[:40], 3, standard=standard, previous=first)
    kept = Logistic().fit(x[:43], y[:43], 3, standard=standard, previous=tried)
    again = Logistic().fit(x, y, 3, standard=standard, previous=kept)
    assert (first.tuned_at, tried.tuned_at, kept.tuned_at, again.tuned_at) == (0, 40, 40, 46)
    assert (first.strength, kept.strength) == (24 / 64, tried.strength)


def test_the_loss_without_an_item_is_near_that_of_a_fit_without_it():
    x, y = blobs(60, np.random.default_rng(8), classes=2)
    rows = ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float64)
    whole = logistic.fit(rows, y, 6.0, np.zeros((2, 25)))
    losses = whole.left_out()
    rest = [logistic.fit(np.delete(rows, i, 0), np.delete(y, i), 6.0, whole.solution).solution for i in range(60)]
    logits = np.array([row @ left[:, :-1].T + left[:, -1] for row, left in zip(rows, rest, strict=True)])
    exact = -np.log(softmax(logits)[np.arange(60), y])
    assert losses.mean() == pytest.approx(exact.mean(), rel=0.1)
    assert np.corrcoef(losses, exact)[0, 1] > 0.95


def test_flags_share_one_scale_so_that_a_rare_one_drowns_nothing():
    rows = np.zeros((1000, 3), np.float32)
    rows[::2, 0], rows[0, 1], rows[:, 2] = 1, 1, np.arange(1000)
    scale = Standard.of(rows).scale
    assert scale[0] == scale[1] > 0.3
    assert scale[2] == pytest.approx(rows[:, 2].std(), rel=1e-5)


def test_ridge_is_that_of_scikit_learn_up_to_its_temperature():
    x, y = blobs(40, np.random.default_rng(9))
    rows = ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float64)
    solution, strength = ridge.fit(rows, y, 3)
    share = (np.bincount(y) + 0.1) / 40.3
    theirs = RidgeRegression(alpha=strength, fit_intercept=False).fit(rows, np.eye(3)[y] - share).coef_
    scale = solution[0, 0] / theirs[0, 0]
    assert scale >= 1
    assert solution == pytest.approx(scale * np.column_stack([theirs, share]), rel=1e-6)


def test_ridge_of_few_items_solves_the_same_problem_in_their_span():
    x, y = blobs(23, np.random.default_rng(10))
    rows = ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float64)
    wide, strength = ridge.fit(rows, y, 3)
    padded, same = ridge.fit(rows @ np.linalg.svd(rows)[2].T[:, :23] * np.sqrt(23 / 24), y, 3)
    assert np.isfinite(wide).all()
    assert padded.shape == (3, 24)
    assert strength / 24 == pytest.approx(same / 23)


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
    monkeypatch.setattr("collab.engine.heads.CHUNK_BYTES", 7 * 4 * 24)
    assert head.logits(x) == pytest.approx(whole, abs=1e-5)


def test_a_constant_column_is_left_alone():
    x = np.ones((10, 2), np.float32)
    assert Standard.of(x).scale.tolist() == [1, 1]


def test_a_head_that_is_not_there_is_named():
    with pytest.raises(UnknownName, match="logistic"):
        head_of("forest")


def test_a_written_head_is_read_back_whole():
    head = FittedLinear(np.eye(2, 3, dtype=np.float32), np.float32([1, 2]), 30.0, 12, 10, -1)
    back = Logistic().read(head.to_bytes())
    assert (back.weights.tolist(), back.bias.tolist()) == (head.weights.tolist(), head.bias.tolist())
    assert (back.strength, back.n_labels, back.tuned_at, back.heading) == (30.0, 12, 10, -1)
