"""Guesses from class names alone, on vectors that can be worked out by hand."""

import numpy as np
import pytest

from collab.engine.zero_shot import guess, tell_apart


def unit(rows):
    return np.float32(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def two_topics(rng, first=60, second=60):
    """Items around two directions that all share a third one, as texts of one language do."""
    centres = np.repeat([[0.3, 0, 1], [0, 0.3, 1]], [first, second], axis=0)
    return unit(centres + rng.normal(0, 0.03, (first + second, 3))), np.repeat([0, 1], [first, second])


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def test_items_get_the_class_whose_text_points_their_way(rng):
    pool, truth = two_topics(rng)
    head = guess(pool, unit([[1, 0.2, 0], [0.2, 1, 0]]))
    assert (head.proba(pool).argmax(axis=1) == truth).mean() > 0.95


def test_a_class_text_that_is_close_to_everything_does_not_win_everywhere(rng):
    pool, truth = two_topics(rng)
    head = guess(pool, unit([[1, 0, 0], [0, 0.5, 1]]))
    assert (head.proba(pool).argmax(axis=1) == truth).mean() > 0.95


def test_a_rare_class_stays_rare(rng):
    pool, truth = two_topics(rng, first=180, second=20)
    head = guess(pool, unit([[1, 0.2, 0], [0.2, 1, 0]]))
    assert (head.proba(pool).argmax(axis=1) == truth).mean() > 0.95


def test_the_same_pool_gives_the_same_guess(rng):
    pool, _ = two_topics(rng)
    classes = unit([[1, 0.2, 0], [0.2, 1, 0]])
    np.testing.assert_array_equal(guess(pool, classes).logits(pool), guess(pool, classes).logits(pool))


def test_it_is_never_surer_than_a_guess_may_be(rng):
    pool, _ = two_topics(rng)
    sure = guess(pool, unit([[1, 0.2, 0], [0.2, 1, 0]])).proba(pool).max(axis=1)
    assert 0.5 < sure.mean() < 0.75


def test_texts_that_are_one_to_the_encoder_give_no_guess(rng):
    pool, _ = two_topics(rng)
    assert guess(pool, unit([[1, 0.01, 0], [1, 0, 0.01]])) is None


def test_a_pool_that_is_all_the_same_gives_no_guess():
    pool = unit(np.tile([[1.0, 2.0, 3.0]], (30, 1)))
    assert guess(pool, unit([[1, 0, 0], [0, 1, 0]])) is None


def test_fewer_items_than_classes_give_no_guess():
    assert guess(unit([[1.0, 1.0]]), unit([[1, 0], [0, 1]])) is None


@pytest.mark.parametrize(
    ("names", "speak"),
    [
        (("positive", "negative"), True), (("spam", "ham"), True), (("喜", "怒"), True),
        (("A", "B"), False), (("1", "2"), False), (("yes", "no"), False), (("Class 1", "Class 2"), False),
        (("group a", "group b"), False),
    ],
)  # fmt: skip
def test_names_without_meaning_say_nothing(names, speak):
    assert tell_apart(names, ("", "")) is speak


def test_a_description_speaks_for_a_name_that_does_not():
    assert tell_apart(("A", "B"), ("The writer is happy.", "The writer is sad."))
