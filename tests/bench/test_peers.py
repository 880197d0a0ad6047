from importlib.util import find_spec

import numpy as np
import pytest

from tests.bench.peers.rivals import RIVALS, View, at_random
from tests.bench.peers.sets import Set

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("skactiveml") is None, reason="needs the extra `bench`"),
    pytest.mark.filterwarnings("ignore"),  # peers warn of what newer libraries will no longer do
]

PLACES = np.linspace(0, 1, 41, dtype=np.float32)
FEATURES = np.stack([np.cos(PLACES), np.sin(PLACES)], axis=1)
Y = (PLACES > 0.5).astype(np.int64)


def model(features):
    """Two of three classes tie where a row's angle is 0.5."""
    first = 1 / (1 + np.exp(20 * (np.arctan2(features[:, 1], features[:, 0]) - 0.5)))
    return np.stack([first * 0.9, (1 - first) * 0.9, np.full(len(first), 0.1)], axis=1).astype(np.float32)


@pytest.fixture
def task():
    return Set("toy", "table", FEATURES, Y, FEATURES, Y)


@pytest.fixture
def view():
    labeled = np.array([0, 40])
    rng = np.random.default_rng(1)
    return View(FEATURES, labeled, Y[labeled], np.arange(1, 40), 3, model, rng.permutation(41), rng)


@pytest.mark.parametrize("name", ["small-text BreakingTies", "modAL margin", "scikit-activeml margin"])
def test_every_margin_asks_where_the_given_probabilities_tie(name, task, view):
    assert sorted(RIVALS[name].start(task, 0)(view, 3)) == [19, 20, 21]


@pytest.mark.parametrize("name", RIVALS)
def test_every_arm_chooses_different_rows_of_the_candidates(name, task, view):
    assert len(set(RIVALS[name].start(task, 0)(view, 5)) & set(range(1, 40))) == 5


def test_a_random_batch_is_the_next_part_of_the_order_of_its_seed(view):
    assert at_random(view, 3).tolist() == [row for row in view.order if 0 < row < 40][:3]
