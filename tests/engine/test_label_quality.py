import numpy as np
import pytest
from sklearn.datasets import load_digits

from collab.engine.arrays import Floats, Ints
from collab.engine.heads import Logistic, Standard
from collab.engine.label_quality import contradictions, doubt, likely_errors, out_of_fold

Flipped = tuple[Floats, Ints, Ints, Floats]


@pytest.fixture(scope="module")
def digits() -> Flipped:
    """Drawings of digits, their labels with one in ten flipped, which those are, and what unseeing heads say."""
    rng = np.random.default_rng(0)
    drawn = load_digits()
    features = (drawn.data / 16).astype(np.float32)
    wrong = rng.random(len(features)) < 0.1
    labels = np.where(wrong, (drawn.target + rng.integers(1, 10, len(features))) % 10, drawn.target)
    proba = out_of_fold(features, labels, 10, Logistic(), Standard.of(features))
    return features, labels, wrong, proba


@pytest.mark.slow
def test_most_of_what_is_shown_first_is_wrong(digits: Flipped) -> None:
    _, labels, wrong, proba = digits
    first = np.argsort(-doubt(proba, labels))[: len(labels) // 10]
    assert wrong[first].mean() >= 0.6


@pytest.mark.slow
def test_how_many_are_wrong_is_about_right(digits: Flipped) -> None:
    _, labels, wrong, proba = digits
    assert 0.7 * wrong.sum() <= likely_errors(proba, labels) <= 1.3 * wrong.sum()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_number_is_near_that_of_cleanlab(digits: Flipped) -> None:
    count = pytest.importorskip("cleanlab.count", reason="pip install 'collab[bench]'")
    _, labels, _, proba = digits
    theirs = count.num_label_issues(labels, pred_probs=proba, estimation_method="off_diagonal_calibrated")
    assert likely_errors(proba, labels) == pytest.approx(theirs, rel=0.02)


def test_an_item_is_never_judged_by_a_head_that_saw_its_label() -> None:
    features = np.eye(10, dtype=np.float32)
    labels = np.array([0, 1] * 5)
    alike = out_of_fold(features, labels, 2, Logistic(), Standard.of(features))
    assert (alike[np.arange(10), labels] <= 0.6).all()  # nothing but its own label tells one from another


def test_items_that_belong_together_are_left_out_together() -> None:
    features = np.repeat(np.eye(5, dtype=np.float32), 2, axis=0)
    labels, groups = np.array([0, 0, 1, 1, 0, 0, 1, 1, 0, 0]), np.repeat(np.arange(5), 2)
    believed = [
        out_of_fold(features, labels, 2, Logistic(), Standard.of(features), groups=each)[np.arange(10), labels]
        for each in (groups, None)
    ]
    assert believed[0].max() < 0.65  # a twin's label would tell its own
    assert believed[1].max() > 0.7


def test_of_many_classes_the_least_believed_counts() -> None:
    proba = np.float32([[0.9, 0.1], [0.9, 0.8]])
    assert doubt(proba, np.array([[True, False], [True, False]])) == pytest.approx([0.1, 0.8])


def test_near_items_with_different_answers_contradict_each_other() -> None:
    rng = np.random.default_rng(1)
    middle = np.repeat(np.eye(3, 8), 20, axis=0)
    features = (middle + 0.02 * rng.normal(size=middle.shape)).astype(np.float32)
    labels = np.repeat(np.arange(3), 20)
    labels[7] = 2
    found = contradictions(features, labels)
    assert found[0].first == 7
    assert found[0].similarity > 0.9
    assert all(7 in (pair.first, pair.second) for pair in found)
    assert contradictions(features, np.repeat(np.arange(3), 20)) == []
