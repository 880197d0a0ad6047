"""Every registered head, through the same cases."""

import numpy as np
import pytest

from collab.engine.heads import HEADS, Standard

EVERY = pytest.mark.parametrize("head", HEADS.values(), ids=HEADS.keys())


def labeled(n=45, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    rows = (np.eye(10)[labels] + rng.normal(0, 0.3, (n, 10))).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), labels


def fitted(head, x, y, n_classes=3, **more):
    return head.fit(x, y, n_classes, standard=Standard.of(x), **more)


@EVERY
def test_the_same_labels_give_the_same_head(head):
    x, y = labeled(120)
    assert fitted(head, x, y).to_bytes() == fitted(head, x, y).to_bytes()


@EVERY
def test_probabilities_are_finite_and_sum_to_one(head):
    proba = fitted(head, *labeled()).proba(labeled(seed=1)[0])
    assert proba.dtype == np.float32
    assert (proba > 0).all()
    assert proba.sum(axis=1) == pytest.approx(np.ones(45), abs=1e-5)


@EVERY
def test_an_easy_question_is_learned(head):
    x, y = labeled(seed=2)
    assert (fitted(head, *labeled()).proba(x).argmax(axis=1) == y).mean() > 0.9


@EVERY
def test_one_label_is_enough_and_makes_it_sure(head):
    x, _ = labeled()
    proba = fitted(head, x[:1], np.array([1])).proba(x)
    assert (proba.argmax(axis=1) == 1).all()
    assert (fitted(head, x, np.ones(45, np.int64)).proba(x)[:, 1] > 0.95).all()


@EVERY
def test_a_class_added_in_mid_project_gets_its_column_and_is_learned(head):
    x, y = labeled(classes=4)
    before = fitted(head, x[y < 3], y[y < 3])
    after = fitted(head, x, y, 4, previous=before)
    assert (before.n_classes, after.n_classes) == (3, 4)
    assert (after.proba(x).argmax(axis=1) == y).mean() > 0.9


@EVERY
def test_features_of_another_width_start_anew(head):
    x, y = labeled()
    before = fitted(head, x, y)
    assert fitted(head, x[:, :6], y, previous=before).proba(x[:, :6]).shape == (45, 3)


@EVERY
def test_duplicates_that_contradict_each_other_do_no_harm(head):
    x = np.tile(labeled()[0][:1], (30, 1))
    assert np.isfinite(fitted(head, x, np.arange(30) % 3).proba(x)).all()


@EVERY
def test_a_head_reads_what_it_wrote(head):
    x, y = labeled()
    written = fitted(head, x, y)
    read = head.read(written.to_bytes())
    assert read.proba(x).tolist() == written.proba(x).tolist()
    assert (read.n_labels, read.strength) == (45, written.strength)


@EVERY
@pytest.mark.parametrize("labels", [[0, 3], [-1, 0]])
def test_a_label_outside_the_classes_is_refused(head, labels):
    with pytest.raises(ValueError, match="from 0 to 2"):
        fitted(head, labeled()[0][:2], np.array(labels))


@EVERY
def test_a_fit_without_labels_is_refused(head):
    x = labeled()[0]
    with pytest.raises(ValueError, match="at least one label"):
        head.fit(x[:0], np.array([], np.int64), 3, standard=Standard.of(x))


@EVERY
def test_nan_is_refused(head):
    x, y = labeled()
    x[3, 3] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        fitted(head, x, y)


def labeled_many(n=90, classes=3, seed=0):
    """Each class applies to its own rows, whatever the others do."""
    rng = np.random.default_rng(seed)
    labels = rng.random((n, classes)) < 0.4
    rows = (labels @ np.eye(classes, 10) + rng.normal(0, 0.3, (n, 10))).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), labels


@EVERY
def test_where_any_number_of_classes_may_apply_each_is_learned_for_itself(head):
    x, y = labeled_many(seed=1)
    proba = fitted(head, *labeled_many(300)).proba(x)
    assert ((proba >= 0.5) == y).mean() > 0.85
    assert proba.sum(axis=1).max() > 1.5


@EVERY
def test_a_class_that_applied_to_none_so_far_or_to_all_gets_about_that_share(head):
    x, y = labeled_many()
    y = np.column_stack([y, np.zeros(90, bool), np.ones(90, bool)])
    proba = fitted(head, x, y, 5).proba(labeled_many(seed=1)[0])
    assert proba[:, 3].max() < 0.05
    assert proba[:, 4].min() > 0.95


@EVERY
def test_a_head_of_any_number_of_classes_reads_what_it_wrote(head):
    x, y = labeled_many()
    written = fitted(head, x, y)
    assert head.read(written.to_bytes()).proba(x).tolist() == written.proba(x).tolist()


@EVERY
def test_a_class_added_where_any_number_may_apply_gets_its_column(head):
    x, y = labeled_many(classes=4)
    before = fitted(head, x, y[:, :3])
    after = fitted(head, x, y, 4, previous=before)
    assert ((after.proba(x) >= 0.5) == y).mean() > 0.85


@EVERY
def test_answers_of_another_width_than_the_classes_are_refused(head):
    x, y = labeled_many()
    with pytest.raises(ValueError, match="any of 4 classes"):
        fitted(head, x, y, 4)
