"""How to train a network, small or pretrained, and what is told of it; free of torch, for pages ask for it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from collab.errors import InvalidPolicy

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
    """Mean over the rows, each as the network was when its batch came, before the step and with what dropout drops;
    neither smoothed nor weighted, as that of `held_out` is."""
    held_out: float | None = None
    """Mean over the rows that are only watched, after the epoch; None: none are."""


Method = Literal["full", "lora"]
Precision = Literal["auto", "fp32", "bf16"]

TUNING_RATES: Mapping[Method, Mapping[Optimizer, float]] = {
    "full": {"sgd": 0.01, "adam": 5e-5, "adamw": 5e-5},
    "lora": {"sgd": 0.1, "adam": 5e-4, "adamw": 5e-4},
}
"""Learning rates of the topmost layer and of low-rank adapters."""


@dataclass(frozen=True, slots=True)
class FineTuning:
    """How to train encoder and head together."""

    method: Method = "full"
    """`lora` trains low-rank adapters beside the weights: less memory, and steadier on few labels."""
    optimizer: Optimizer = "adamw"
    """`sgd` is gradient descent with momentum."""
    epochs: int = 6
    """At most: it ends where the loss on decisions held out no longer falls."""
    batch: int = 16
    """Items for one step of the optimizer, whatever fits into memory at a time."""
    rate: float | None = None
    """Learning rate at its highest; None: that of `TUNING_RATES`."""
    warm_up: float = 0.1
    """Share of the steps over which the rate rises; after them it falls to 0 in a straight line."""
    decay_by_layer: float = 0.9
    """Factor of the rate from each layer to the one below it: what lies deep changes least."""
    weight_decay: float = 0.01
    label_smoothing: float = 0.0
    """Share of the truth that is spread over all classes."""
    class_weights: bool = False
    """Whether rare classes count as much as frequent ones."""
    rank: int = 8
    """Of the adapters."""
    held_out: float = 0.15
    """Share of the decisions that says when to stop."""
    patience: int = 2
    """Epochs without a smaller loss after which it stops."""
    precision: Precision = "auto"
    """`auto`: bfloat16 where the device multiplies it itself."""
    compiled: bool = False
    """Whether `torch.compile` makes kernels of its own; worth its minutes on a GPU alone."""
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what nothing could be trained by.

        Raises:
            InvalidPolicy: A number lies outside its range.
        """
        for name in ("epochs", "batch", "rank", "patience"):
            if getattr(self, name) < 1:
                raise InvalidPolicy(name, getattr(self, name), "at least 1")
        for name in ("warm_up", "held_out", "label_smoothing"):
            if not 0 <= getattr(self, name) < 1:
                raise InvalidPolicy(name, getattr(self, name), "at least 0 and under 1")
        if not 0 < self.decay_by_layer <= 1:
            raise InvalidPolicy("decay_by_layer", self.decay_by_layer, "above 0 and at most 1")
        if not (math.isfinite(self.step) and self.step > 0):
            raise InvalidPolicy("rate", self.rate, "above 0")
        if not (math.isfinite(self.weight_decay) and self.weight_decay >= 0):
            raise InvalidPolicy("weight_decay", self.weight_decay, "0 or more")
        if self.seed < 0:
            raise InvalidPolicy("seed", self.seed, "0 or more")

    @property
    def step(self) -> float:
        """The learning rate that is used at its highest."""
        return TUNING_RATES[self.method][self.optimizer] if self.rate is None else self.rate


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training has come."""

    epoch: int
    step: int
    """Of all epochs together."""
    steps: int
    """As many as there will be at most."""
    loss: float
    """Mean over the items of this epoch so far."""
    held_out_loss: float | None
    """After the last epoch."""
    epochs: tuple[Epoch, ...]
    eta_seconds: float | None
    """Until all epochs are through; it may stop earlier."""
    device: str
    memory_bytes: int
    batch: int
    """Items that go through the network at a time."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class FineTuned:
    """What a training came to."""

    epochs: tuple[Epoch, ...]
    best_epoch: int
    device: str
    seconds: float
    """Over all attempts."""
    memory_bytes: int
    joules: float | None
    energy_by: str
    batch: int
    """Items that went through the network at a time, in the end."""
    held_out: int
    """Decisions that said when to stop."""
    digest: str
    """Names all that was written."""
