"""A committee of small perceptrons on few rows: trained whole at each refit, stopped by what it says of rows left out.

Numbers in, frozen arrays out; which rows are audits it need not know, for it sees only those that may be learned from.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, log_softmax, one_hot, relu

from collab.engine.arrays import Floats, Ints, Labels
from collab.engine.committee import FEWEST, Doubles, Stop

HIDDEN, MEMBERS, FOLDS = 32, 4, 4
"""Units of a member's one hidden layer; members of the committee; parts of the rows, each left out once."""
RATE, DECAY = 0.01, 0.1
STEPS, LOOK, PATIENCE = 200, 10, 6
"""At most so many steps over all rows; the rows left out are looked at each LOOK of them, and PATIENCE looks without a
gain are enough."""
TEMPERATURES = np.exp(np.linspace(0, 2, 9))
UNTUNED = (50, 2.0)
"""Steps and temperature before some are left out."""


def fit(x: Doubles, labels: Labels, n_classes: int, seed: int, stop: Stop | None = None) -> tuple[list[Floats], Stop]:
    """Train a committee from random weights.

    Where it isn't known when to stop, a second committee trains beside it, of which each member never sees one part of
    the rows. Together these say something of every row that they haven't learned from, and the steps and the
    temperature are taken at which that costs least.

    Args:
        x: Standardised rows, shape (n_rows, dim).
        labels: Their classes, shape (n_rows,), or whether each class applies, shape (n_rows, n_classes).
        n_classes: Outputs.
        seed: Of the first weights and of the parts.
        stop: As found on nearly as many rows; None: find it.

    Returns:
        Both layers' weights and biases of all members, and when it stopped.

    Source: Krogh and Vedelsby, "Neural Network Ensembles, Cross Validation, and Active Learning", NeurIPS 1995.
    """
    if stop is None and len(x) < FEWEST:
        stop = Stop(*UNTUNED)
    parts = np.full(len(x), -1) if stop is not None else _parts(labels, seed)
    networks = MEMBERS + (0 if stop is not None else FOLDS)
    seen = np.ones((networks, len(x)))
    seen[MEMBERS:] = parts != np.arange(networks - MEMBERS)[:, None]
    weight = torch.from_numpy(seen / seen.sum(axis=1, keepdims=True)).float()
    rows, truth = torch.from_numpy(x).float(), torch.from_numpy(labels)
    many = labels.ndim == 2
    aim = truth.float() if many else one_hot(truth, n_classes).float()
    layers = _initial(networks, x.shape[1], n_classes, seed)
    optimizer = torch.optim.AdamW(
        [{"params": layers[::2], "weight_decay": DECAY}, {"params": layers[1::2], "weight_decay": 0.0}], lr=RATE
    )
    best, least, kept = Stop(0, 1.0), np.inf, layers
    for step in range((STEPS if stop is None else stop.steps) + 1):
        logits = relu(rows @ layers[0] + layers[1]) @ layers[2] + layers[3]
        if stop is None and step % LOOK == 0:
            without = logits.detach()[torch.from_numpy(parts) + MEMBERS, torch.arange(len(x))]
            cost, temperature = _coolest(without, aim, many)
            if cost < least:
                best, least, kept = Stop(step, temperature, len(x)), cost, [layer.detach().clone() for layer in layers]
            elif step >= best.steps + LOOK * PATIENCE:
                break
        if step == (STEPS if stop is None else stop.steps):
            break
        loss = (_costs(logits, aim.expand_as(logits), many) * weight).sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.step()
    return [layer.detach()[:MEMBERS].numpy() for layer in (kept if stop is None else layers)], stop or best


def _parts(labels: Labels, seed: int) -> Ints:
    """Deal the rows to the parts, answer by answer."""
    rng, parts = np.random.default_rng([seed, 1]), np.empty(len(labels), np.int64)
    answers = np.unique(labels, axis=0, return_inverse=True)[1].ravel()
    parts[np.lexsort((rng.random(len(labels)), answers))] = np.arange(len(labels)) % FOLDS
    return parts


def _initial(networks: int, dim: int, n_classes: int, seed: int) -> list[Tensor]:
    """Draw the first weights; biases are 0.

    Source: He et al., "Delving Deep into Rectifiers", ICCV 2015.
    """
    rng = np.random.default_rng([seed, 0])
    sizes = ((dim, HIDDEN, np.sqrt(2 / dim)), (HIDDEN, n_classes, np.sqrt(1 / HIDDEN)))
    layers = []
    for n_in, n_out, spread in sizes:
        drawn = rng.normal(0, spread, (networks, n_in, n_out)).astype(np.float32)
        layers += [torch.from_numpy(drawn), torch.zeros(networks, 1, n_out)]
    return [layer.requires_grad_() for layer in layers]


def _coolest(logits: Tensor, aim: Tensor, many: bool) -> tuple[float, float]:
    """The least mean loss over the temperatures, and the temperature that has it."""
    return min((float(_costs(logits / each, aim, many).mean()), float(each)) for each in TEMPERATURES)


def _costs(logits: Tensor, aim: Tensor, many: bool) -> Tensor:
    """The loss of each row, the last axis being classes: its cross-entropy, or the binary ones of all classes."""
    if many:
        return binary_cross_entropy_with_logits(logits, aim, reduction="none").sum(dim=-1)
    return -(log_softmax(logits, -1) * aim).sum(dim=-1)
