"""Train a small network on rows of numbers, plainly: layers, one loss, one optimizer, some epochs.

Arrays in, frozen arrays out. It sees only the rows that it learns from, and knows nothing of tables.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, linear, mse_loss, relu

from collab.engine.arrays import Floats, Ints, refuse_nan
from collab.engine.recipe import Epoch as Epoch
from collab.engine.recipe import Loss
from collab.engine.recipe import Recipe as Recipe
from collab.errors import Diverged


@dataclass(frozen=True, slots=True)
class Layer:
    """An affine map of rows."""

    weight: Floats
    """Shape (n_out, n_in)."""
    bias: Floats
    """Shape (n_out,)."""


@dataclass(frozen=True, slots=True)
class Network:
    """A multilayer perceptron: ReLU between its layers, nothing after the last."""

    layers: tuple[Layer, ...]

    def outputs(self, features: Floats) -> Floats:
        """Map rows of shape (n, n_inputs) to outputs of shape (n, n_outputs): logits, or numbers under `mse`."""
        rows = features
        for layer in self.layers[:-1]:
            rows = np.maximum(rows @ layer.weight.T + layer.bias, 0)
        last: Floats = rows @ self.layers[-1].weight.T + self.layers[-1].bias
        return last


@dataclass(frozen=True, slots=True)
class Fitted:
    """What training came to."""

    network: Network
    epochs: tuple[Epoch, ...]


def initial(sizes: tuple[int, ...], seed: int) -> Network:
    """Draw the weights that training starts from: each layer uniform within sqrt(6 / (n_in + n_out)), biases too.

    Args:
        sizes: Inputs, hidden units and outputs, such as (3, 2, 2).
        seed: The same seed draws the same weights.

    Source: Glorot and Bengio, "Understanding the Difficulty of Training Deep Feedforward Neural Networks", AISTATS
    2010.
    """
    rng, layers = np.random.default_rng([seed, 0]), []
    for n_in, n_out in pairwise(sizes):
        bound = np.sqrt(6 / (n_in + n_out))
        weight, bias = rng.uniform(-bound, bound, (n_out, n_in)), rng.uniform(-bound, bound, n_out)
        layers.append(Layer(weight.astype(np.float32), bias.astype(np.float32)))
    return Network(tuple(layers))


def batches(n_rows: int, recipe: Recipe, epoch: int) -> list[Ints]:
    """Shuffle the rows for an epoch and cut them into batches; the last may be smaller."""
    order = np.random.default_rng([recipe.seed, epoch]).permutation(n_rows)
    return [order[start : start + recipe.batch] for start in range(0, n_rows, recipe.batch)]


def fit(
    features: Floats,
    targets: Ints | Floats,
    n_outputs: int,
    recipe: Recipe,
    tell: Callable[[Epoch], None] = lambda _: None,
    watched: tuple[Floats, Ints | Floats] | None = None,
) -> Fitted:
    """Train a network from random weights; the same seed gives the same one.

    Args:
        features: Columns of about unit size, shape (n_rows, n_inputs).
        targets: Under `cross-entropy` the class columns, shape (n_rows,); under `mse` numbers of about unit size
            (for classes 1 and 0), shape (n_rows, n_outputs), whose squared errors are averaged over rows and outputs.
        n_outputs: Classes, or numbers to estimate for each row.
        recipe: How to train.
        tell: Called after every epoch.
        watched: Other rows and their targets, whose loss is told too; nothing is chosen by it.

    Raises:
        Diverged: The loss is no longer a number.
    """
    refuse_nan("Features", features)
    start = initial((features.shape[1], *recipe.hidden, n_outputs), recipe.seed)
    layers = [(_learned(layer.weight), _learned(layer.bias)) for layer in start.layers]
    optimizer = _optimizer(recipe, [tensor for layer in layers for tensor in layer])
    rows, truth = _tensors(features, targets, recipe)
    others = None if watched is None else _tensors(*watched, recipe)
    epochs = []
    for number in range(1, recipe.epochs + 1):
        total = 0.0
        for batch in batches(len(rows), recipe, number):
            picked = torch.from_numpy(batch)
            loss = _loss(recipe.loss, _forward(layers, rows[picked]), truth[picked])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            optimizer.step()
            total += float(loss.detach()) * len(batch)
        if not np.isfinite(total):
            raise Diverged(number, recipe.step)
        with torch.no_grad():
            seen = None if others is None else float(_loss(recipe.loss, _forward(layers, others[0]), others[1]))
        epochs.append(Epoch(number, total / len(rows), seen))
        tell(epochs[-1])
    trained = (Layer(weight.detach().numpy(), bias.detach().numpy()) for weight, bias in layers)
    return Fitted(Network(tuple(trained)), tuple(epochs))


def _tensors(features: Floats, targets: Ints | Floats, recipe: Recipe) -> tuple[Tensor, Tensor]:
    kind = np.int64 if recipe.loss == "cross-entropy" else np.float32
    return (
        torch.from_numpy(np.ascontiguousarray(features, np.float32)),
        torch.from_numpy(np.ascontiguousarray(targets, kind)),
    )


def _learned(values: Floats) -> Tensor:
    return torch.from_numpy(values).requires_grad_()


def _forward(layers: list[tuple[Tensor, Tensor]], rows: Tensor) -> Tensor:
    for weight, bias in layers[:-1]:
        rows = relu(linear(rows, weight, bias))
    return linear(rows, *layers[-1])


def _loss(name: Loss, outputs: Tensor, truth: Tensor) -> Tensor:
    return cross_entropy(outputs, truth) if name == "cross-entropy" else mse_loss(outputs, truth)


def _optimizer(recipe: Recipe, weights: list[Tensor]) -> torch.optim.Optimizer:
    match recipe.optimizer:
        case "sgd":
            return torch.optim.SGD(weights, lr=recipe.step)
        case "adam":
            return torch.optim.Adam(weights, lr=recipe.step)
        case "adamw":
            return torch.optim.AdamW(weights, lr=recipe.step)
