from itertools import pairwise

import numpy as np
import pytest

from collab.engine.explaining import FEWEST, GRID, nearest, of_columns, of_regions, of_words, words_of
from collab.engine.heads import FittedLinear, Standard

PLAIN = Standard(np.zeros(3, np.float32), np.ones(3, np.float32))


def linear(rng, dim, classes=3):
    weights, bias = rng.normal(size=(classes, dim)), rng.normal(size=classes)
    return FittedLinear(weights.astype(np.float32), bias.astype(np.float32), 1.0, 10)


def counted(words):
    """Reads a text as one class for each of some words: how often it is there."""
    return lambda texts: np.float32([[text.count(word) for word in words] for text in texts])


def test_the_nearest_rows_come_first_with_their_cosines():
    rows = np.float32([[0, 1, 0], [3, 0, 0], [1, 1, 0], [-1, 0, 0]])
    found, near = nearest(np.float32([2, 0, 0]), rows, np.arange(len(rows)), PLAIN, 3)
    assert found.tolist() == [1, 2, 0]
    assert near == pytest.approx([1, np.sqrt(0.5), 0], abs=1e-6)


def test_what_the_whole_pool_shares_makes_nobody_near():
    rows = np.float32([[10, 1, 0], [10, -1, 0]])
    standard = Standard(np.float32([10, 0, 0]), np.ones(3, np.float32))
    assert nearest(np.float32([10, 1, 0]), rows, np.arange(len(rows)), standard, 2)[1] == pytest.approx([1, -1])


def test_of_no_rows_none_is_near():
    found, near = nearest(np.zeros(3, np.float32), np.zeros((0, 3), np.float32), np.arange(0), PLAIN, 3)
    assert (found.tolist(), near.tolist()) == ([], [])


def test_columns_of_a_linear_head_get_weight_times_distance_from_the_mean():
    rng = np.random.default_rng(0)
    head, row, mean = linear(rng, 5), rng.normal(size=5).astype(np.float32), rng.normal(size=5).astype(np.float32)
    effects = of_columns(row, mean, [slice(0, 2), slice(2, 5)], head.logits)
    exact = head.weights * (row - mean)
    assert effects == pytest.approx(np.stack([exact[:, :2].sum(axis=1), exact[:, 2:].sum(axis=1)]), abs=1e-5)


def test_effects_of_all_columns_add_up_to_the_distance_from_a_mean_item():
    rng = np.random.default_rng(1)
    head, row, mean = linear(rng, 4), rng.normal(size=4).astype(np.float32), rng.normal(size=4).astype(np.float32)
    effects = of_columns(row, mean, [slice(at, at + 1) for at in range(4)], head.logits)
    assert effects.sum(axis=0) == pytest.approx((head.logits(row[None]) - head.logits(mean[None]))[0], abs=1e-5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I can't, really!", ["I", "can't", "really", "!"]),
        ("so good :) 😀😀", ["so", "good", ":)", "😀😀"]),
        ("@ann owns 99.9% #win", ["@ann", "owns", "99.9%", "#win"]),
        ("“Yes” — no…", ["Yes", "no", "…"]),
        ("我很高兴 today", ["我很", "高兴", "today"]),
        (" \n", []),
    ],
)
def test_words_are_what_a_person_would_call_one(text, words):
    assert [text[w.start : w.end] for w in words_of(text)] == words


def test_a_word_without_which_a_class_is_less_likely_speaks_for_it():
    words, effects = of_words("bad but good", counted(["good", "bad"]))
    assert effects.tolist() == [[0, 1], [0, 0], [1, 0]]
    assert [(w.start, w.end) for w in words] == [(0, 3), (4, 7), (8, 12)]


def test_a_text_without_words_has_no_effects():
    words, effects = of_words("...", counted(["good"]))
    assert (words, effects.shape) == ([], (0, 1))


def test_in_a_long_text_the_word_that_counts_is_found_among_few_masks():
    masks = []

    def read(texts):
        masks.extend(texts)
        return counted(["good"])(texts)

    text = "dull " * 700 + "good " + "dull " * 300
    words, effects = of_words(text, read)
    assert [text[w.start : w.end] for w, e in zip(words, effects, strict=True) if e[0] > 0] == ["good"]
    assert all(a.start < b.start for a, b in pairwise(words))
    assert len(masks) <= 3 * FEWEST


def test_the_patch_that_a_class_is_seen_in_speaks_for_it():
    picture = np.zeros((60, 90, 3), np.uint8)
    picture[50:, 75:] = 255
    effects = of_regions(picture, lambda pictures: np.float32([[p[50:, 75:].sum() / 255] for p in pictures]))
    assert effects.shape == (GRID * GRID, 1)
    assert np.flatnonzero(effects[:, 0] > 1).tolist() == [GRID * GRID - 1]
