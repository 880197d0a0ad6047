import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collab.engine.uncertainty import entropy, margin

SCORES = pytest.mark.parametrize("score", [margin, entropy])


def test_margin_prefers_the_item_whose_best_two_classes_tie():
    torn, sure = margin(np.float32([[0.5, 0.5, 0.0], [0.6, 0.2, 0.2]]))
    assert torn > sure


def test_margin_is_one_minus_the_gap_between_the_best_two():
    assert margin(np.float32([[0.2, 0.7, 0.1], [0.1, 0.3, 0.6]])) == pytest.approx([0.5, 0.7])


def test_margin_of_many_classes_equals_that_of_a_sorted_row():
    proba = np.random.default_rng(0).dirichlet(np.ones(40), 5_000).astype(np.float32)
    ranked = np.sort(proba, axis=1)
    assert margin(proba) == pytest.approx(1 - (ranked[:, -1] - ranked[:, -2]), abs=1e-6)


def test_entropy_equals_the_formula():
    p = np.array([0.5, 0.25, 0.25])
    assert entropy(p[None].astype(np.float32)) == pytest.approx([-(p * np.log(p)).sum() / np.log(3)])


@SCORES
def test_a_sure_head_scores_zero_and_a_clueless_one_scores_one(score):
    assert score(np.float32([[1, 0, 0, 0], [0.25, 0.25, 0.25, 0.25]])) == pytest.approx([0, 1], abs=1e-6)


@SCORES
def test_with_one_class_there_is_nothing_to_be_unsure_of(score):
    assert score(np.ones((3, 1), np.float32)).tolist() == [0, 0, 0]


@SCORES
@given(weights=st.lists(st.floats(0.001, 1), min_size=2, max_size=8))
def test_scores_lie_between_zero_and_one(score, weights):
    proba = np.float32([weights]) / np.float32(sum(weights))
    assert 0 <= score(proba)[0] <= 1
