import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from torch import nn

from collab.engine.training import Recipe, batches, fit, initial
from collab.errors import Diverged

RNG = np.random.default_rng(7)
ROWS = RNG.normal(size=(100, 3)).astype(np.float32)
NUMBERS = np.column_stack([ROWS[:, 0] - ROWS[:, 1], np.sin(ROWS[:, 2])]).astype(np.float32)
CLASSES = (ROWS[:, 0] * ROWS[:, 1] > 0).astype(np.int64)


def stepped_by_hand(weights, rows, truth, rate):
    """One step of gradient descent on the mean squared error of 3 inputs, 2 ReLU units, 2 outputs: the chain rule."""
    w1, b1, w2, b2 = weights
    before = rows @ w1.T + b1
    units = np.maximum(before, 0)
    to_outputs = 2 * (units @ w2.T + b2 - truth) / truth.size
    to_units = (to_outputs @ w2) * (before > 0)
    steps = (to_units.T @ rows, to_units.sum(axis=0), to_outputs.T @ units, to_outputs.sum(axis=0))
    return [weight - rate * step for weight, step in zip(weights, steps, strict=True)]


@pytest.mark.parametrize("batch", [100, 32])
def test_an_epoch_of_gradient_descent_equals_gradients_worked_out_by_hand(batch):
    recipe = Recipe((2,), "sgd", "mse", epochs=1, batch=batch, rate=0.1, seed=3)
    weights = [part.astype(np.float64) for layer in initial((3, 2, 2), 3).layers for part in (layer.weight, layer.bias)]
    start = weights
    for picked in batches(100, recipe, 1):
        weights = stepped_by_hand(weights, ROWS[picked].astype(np.float64), NUMBERS[picked].astype(np.float64), 0.1)
    fitted = fit(ROWS, NUMBERS, 2, recipe)
    trained = [part for layer in fitted.network.layers for part in (layer.weight, layer.bias)]
    assert max(np.abs(a - b).max() for a, b in zip(trained, weights, strict=True)) < 1e-6
    assert min(np.abs(a - b).max() for a, b in zip(trained, start, strict=True)) > 1e-3


@pytest.mark.parametrize(
    ("name", "optimizer"), [("sgd", torch.optim.SGD), ("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)]
)
def test_several_layers_train_as_those_of_torch_do(name, optimizer):
    recipe = Recipe((5, 4), name, "cross-entropy", epochs=3, batch=30, rate=0.02, seed=1)
    model = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2))
    with torch.no_grad():
        for module, layer in zip(model[::2], initial((3, 5, 4, 2), 1).layers, strict=True):
            module.weight.copy_(torch.tensor(layer.weight))
            module.bias.copy_(torch.tensor(layer.bias))
    steps = optimizer(model.parameters(), lr=0.02)
    for epoch in (1, 2, 3):
        for picked in batches(100, recipe, epoch):
            steps.zero_grad()
            nn.CrossEntropyLoss()(model(torch.tensor(ROWS[picked])), torch.tensor(CLASSES[picked])).backward()
            steps.step()
    outputs = fit(ROWS, CLASSES, 2, recipe).network.outputs(ROWS)
    assert outputs == pytest.approx(model(torch.tensor(ROWS)).detach().numpy(), abs=1e-5)


def test_three_kinds_are_told_apart_as_well_as_by_scikit_learn():
    kinds, asked, ours, theirs = np.repeat(np.arange(3), 300), np.arange(900) % 3 == 0, [], []
    middles = np.array([[0, 0, 0, 0], [3, 0, 2, 0], [2, 3, 0, 2]])[kinds]
    for seed in range(4):
        rows = (np.random.default_rng(seed).normal(size=(900, 4)) + middles).astype(np.float32)
        outputs = fit(rows[~asked], kinds[~asked], 3, Recipe(epochs=10, seed=seed)).network.outputs(rows[asked])
        ours.append((outputs.argmax(axis=1) == kinds[asked]).mean())
        peer = MLPClassifier((10,), alpha=0, batch_size=64, learning_rate_init=0.01, max_iter=10, random_state=seed)
        with pytest.warns(ConvergenceWarning):
            theirs.append(peer.fit(rows[~asked], kinds[~asked]).score(rows[asked], kinds[asked]))
    assert np.mean(ours) > max(np.mean(theirs) - 0.01, 0.9)


def test_the_same_seed_trains_the_same_network_and_another_one_another():
    first, again, other = (fit(ROWS, CLASSES, 2, Recipe(epochs=2, seed=seed)).epochs for seed in (4, 4, 5))
    assert first == again
    assert first != other


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_classes_that_no_line_parts_are_learned(optimizer):
    told = []
    rows = np.random.default_rng(0).normal(size=(1200, 2)).astype(np.float32)
    classes = (rows[:, 0] * rows[:, 1] > 0).astype(np.int64)
    fitted = fit(rows[:900], classes[:900], 2, Recipe(optimizer=optimizer, epochs=25), told.append)
    right = fitted.network.outputs(rows[900:]).argmax(axis=1) == classes[900:]
    assert right.mean() > 0.9
    assert tuple(told) == fitted.epochs
    assert fitted.epochs[-1].loss < 0.4 * fitted.epochs[0].loss


def test_without_hidden_layers_small_steps_over_all_rows_never_raise_the_loss():
    fitted = fit(ROWS, NUMBERS, 2, Recipe((), "sgd", "mse", epochs=40, batch=100, rate=0.05))
    losses = np.array([epoch.loss for epoch in fitted.epochs])
    assert (np.diff(losses) <= 0).all()


def test_each_epoch_sees_every_row_once_in_an_order_of_its_own():
    first, second = (np.concatenate(batches(50, Recipe(batch=16), epoch)) for epoch in (1, 2))
    assert sorted(first) == sorted(second) == list(range(50))
    assert first.tolist() != second.tolist()


def test_a_loss_that_runs_away_says_which_rate_was_too_large():
    with pytest.raises(Diverged, match="smaller learning rate than 100000, such as 10000"):
        fit(ROWS, NUMBERS, 2, Recipe((), "sgd", "mse", epochs=50, rate=1e5))


def test_features_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="Features hold NaN"):
        fit(np.full((4, 2), np.nan, np.float32), np.zeros(4, np.int64), 2, Recipe())
