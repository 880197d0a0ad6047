import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_recall_fscore_support

from collab.engine.evaluation import accuracy, by_class, confusion, macro_f1

PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60).map(lambda p: np.array(p).T)


@given(PAIRS)
def test_every_figure_equals_scikit_learn(pairs):
    truth, predicted = pairs
    figures = by_class(truth, predicted, 4)
    reference = precision_recall_fscore_support(truth, predicted, labels=range(4), zero_division=0)
    assert np.array([figures.precision, figures.recall, figures.f1, figures.support]) == pytest.approx(
        np.array(reference)
    )
    assert confusion(truth, predicted, 4).tolist() == confusion_matrix(truth, predicted, labels=range(4)).tolist()
    assert accuracy(truth, predicted) == pytest.approx(accuracy_score(truth, predicted))
    assert macro_f1(truth, predicted, 4) == pytest.approx(f1_score(truth, predicted, average="macro", zero_division=0))


def test_without_items_there_is_no_figure():
    none = np.array([], np.int64)
    assert np.isnan([accuracy(none, none), macro_f1(none, none, 3)]).all()


def test_truth_and_prediction_must_be_of_the_same_items():
    with pytest.raises(ValueError, match="3 true classes"):
        confusion(np.array([0, 1, 1]), np.array([0, 1]), 2)
