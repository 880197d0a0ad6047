"""How to train a small network, and what is told of it meanwhile; free of torch, for pages ask for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Optimizer = Literal["sgd", "adam", "adamw"]
Loss = Literal["cross-entropy", "mse"]

RATES: Mapping[Optimizer, float] = {"sgd": 0.1, "adam": 0.01, "adamw": 0.01}
"""Learning rates that fit columns of about unit size and a few hundred steps."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train."""

    hidden: tuple[int, ...] = (10,)
    """Units of each hidden layer, from the inputs on; () is a linear model."""
    optimizer: Optimizer = "adam"
    """`sgd` is plain gradient descent, without momentum."""
    loss: Loss = "cross-entropy"
    epochs: int = 10
    batch: int = 64
    rate: float | None = None
    """Learning rate; None: that of `RATES`."""
    seed: int = 0

    @property
    def step(self) -> float:
        """The learning rate that is used."""
        return RATES[self.optimizer] if self.rate is None else self.rate


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over all rows."""

    number: int
    """From 1 on."""
    loss: float
    """Mean over the rows, each as the network was when its batch came, before the step."""
    held_out: float | None = None
    """Mean over the rows that are only watched, after the epoch; None: none are."""
