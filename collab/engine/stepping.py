"""One step of the optimizer after another, in parts that fit into memory; when to stop, it need not know."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from collab.engine import checkpoints
from collab.engine.adapting import optimizer, rate_share
from collab.engine.arrays import Floats, Ints, Labels
from collab.engine.checkpoints import Checkpoint, Tensors
from collab.engine.devices import free_memory, in_bf16, is_out_of_memory
from collab.engine.fused import Feed, Fused, micro_batches
from collab.engine.heads import Logistic, Standard
from collab.engine.recipe import FineTuning
from collab.errors import OutOfMemory

START = 5_000
"""At most so many rows tell the head where to start."""
RAREST = 100.0
"""At most so many times an item counts to which a rare class applies."""
LONGEST = 1.0
"""Norm of the gradient beyond which it is shortened."""

T = TypeVar("T")


class Stepper:
    """The network, its optimizer, and how many items go through it at a time."""

    def __init__(
        self,
        accelerator: Accelerator,
        network: Fused,
        feed: Feed,
        recipe: FineTuning,
        micro: int,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        """Take what is trained.

        Args:
            accelerator: Of all processes.
            network: On its device.
            feed: Of the items that are learned from, and watched.
            recipe: How to train.
            micro: Items that go through the network at a time; fewer where memory doesn't suffice.
            told: Called after each part of what is only read; may raise to stop.
        """
        self._accelerator, self._network, self._feed, self._recipe = accelerator, network, feed, recipe
        self._device = accelerator.device
        self._bf16 = in_bf16(recipe.precision, self._device)
        self._weights: Tensor | None = None
        self._total = torch.zeros((), device=self._device)
        self._told = told
        self.micro, self.note, self.rate = micro, "", 0.0

    def start_head(self, rows: Ints, labels: Labels, n_classes: int) -> None:
        """Set the head to the logistic one on what the frozen encoders say of the rows that are learned from."""
        if len(rows) > START:
            rows = np.sort(np.random.default_rng([self._recipe.seed, 2]).choice(rows, START, replace=False))
        self._network.eval()
        found = torch.zeros(len(rows), self._network.head.in_features, device=self._device)

        def read(at: Ints) -> None:
            with torch.no_grad(), self._autocast():
                found[torch.from_numpy(at).to(self._device)] = self._network.features(
                    self._feed.batch(rows[at])
                ).float()

        self._each(self._share(np.arange(len(rows))), read)
        features = self._accelerator.reduce(found).cpu().numpy()
        standard = Standard.of(features).balanced(self._network.widths)
        head = Logistic().fit(features, labels[rows], n_classes, standard=standard)
        with torch.no_grad():
            self._network.head.weight.copy_(torch.from_numpy(head.weights))
            self._network.head.bias.copy_(torch.from_numpy(head.bias))

    def prepare(self, learned: Labels, found: Checkpoint | None) -> None:
        """Make the optimizer, and go on from a checkpoint where there is one."""
        self._optimizer = optimizer(self._network, self._recipe, self._device)
        make_moments(self._optimizer)
        if self._recipe.class_weights:
            self._weights = torch.from_numpy(_class_weights(learned, self._network.head.out_features)).to(self._device)
        if self._recipe.compiled and self._device.type == "cuda":  # on processors its minutes don't come back
            self._network.compile(dynamic=True)
        if found is not None:
            self.load(found.weights)
            checkpoints.restore(self._optimizer, found.optimizer)
        self._spread: Any = self._accelerator.prepare_model(self._network)  # itself, or spread over processes

    def ask(self, rows: Ints) -> None:
        """Begin to read the items of the next step."""
        for part in micro_batches(self._share(rows), self.micro):
            self._feed.ask(part)

    def step(self, rows: Ints, step: int, steps: int) -> None:
        """Take one step on these rows, where memory doesn't suffice in halves; a gradient too long is shortened."""
        share = rate_share(step, steps, self._recipe.warm_up)
        for group in self._optimizer.param_groups:
            group["lr"] = share * group["top"]
        self.rate = share * self._recipe.step
        self._network.train()
        self._total += self._within_memory(lambda: self._backward(rows, step))
        self._accelerator.clip_grad_norm_(self._network.parameters(), LONGEST)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)

    def take_total(self) -> float:
        """The loss of all rows since it was last asked for, over all processes."""
        total = float(self._accelerator.reduce(self._total))
        self._total = torch.zeros((), device=self._device)
        return total

    def loss_of(self, rows: Ints) -> float:
        """Mean loss of rows that are only watched: neither smoothed nor weighted."""
        self._network.eval()
        total = torch.zeros((), device=self._device)

        def read(part: Ints) -> None:
            batch = self._feed.batch(part)
            with torch.no_grad(), self._autocast():
                total.add_(_costs(self._network(batch), batch.truth).sum())

        self._each(self._share(rows), read)
        return float(self._accelerator.reduce(total)) / len(rows)

    def agreed(self, said: bool) -> bool:
        """What the first process said, for all of them."""
        if self._accelerator.num_processes == 1:
            return said
        flag = torch.tensor([said and self._accelerator.is_main_process], dtype=torch.float32, device=self._device)
        return bool(self._accelerator.reduce(flag).item())

    def is_finite(self) -> bool:
        """Whether all weights that are trained are numbers still."""
        trained = (weight for weight in self._network.parameters() if weight.requires_grad)
        return bool(torch.stack([weight.isfinite().all() for weight in trained]).all())

    def trained(self) -> Tensors:
        """All weights that are trained; on a processor they are the network's own, and go on changing."""
        named = self._network.named_parameters()
        return {name: weight.detach().cpu().contiguous() for name, weight in named if weight.requires_grad}

    def load(self, weights: Tensors) -> None:
        """Give back what `trained` took."""
        named = dict(self._network.named_parameters())
        with torch.no_grad():
            for name, weight in weights.items():
                named[name].copy_(weight)

    def moments(self) -> Tensors:
        """What the optimizer has gathered."""
        return checkpoints.moments(self._optimizer)

    @property
    def trained_bytes(self) -> int:
        """Of all weights that are trained."""
        return sum(weight.nbytes for weight in self._network.parameters() if weight.requires_grad)

    def _backward(self, rows: Ints, step: int) -> Tensor:
        """Add up the gradient of one step; returns the loss of this process's rows, neither smoothed nor weighted."""
        self._optimizer.zero_grad(set_to_none=True)
        own = self._share(rows)
        idle = not len(own)  # fewer rows than processes: it must take part all the same
        parts = list(micro_batches(rows[:1] if idle else own, self.micro))
        total = torch.zeros((), device=self._device)
        for at, part in enumerate(parts):
            # what is dropped follows from where it stands, so that nothing of chance need be kept
            torch.manual_seed(_draw(self._recipe.seed, step, at, self._accelerator.process_index))
            batch = self._feed.batch(part)
            with self._accelerator.no_sync(self._spread) if at + 1 < len(parts) else nullcontext():
                with self._autocast():
                    logits = self._spread(batch)
                loss = _costs(logits, batch.truth, self._weights, self._recipe.label_smoothing).sum()
                loss = loss * 0 if idle else loss
                (loss * (self._accelerator.num_processes / len(rows))).backward()
            total += _costs(logits.detach(), batch.truth).sum() * (0 if idle else 1)
        return total

    def _each(self, rows: Ints, read: Callable[[Ints], None]) -> None:
        """Read rows part by part, in smaller ones where memory doesn't suffice."""
        while len(rows):
            self._within_memory(partial(self._first, rows, read))
            rows = rows[self.micro :]
            self._told()

    def _first(self, rows: Ints, read: Callable[[Ints], None]) -> None:
        read(rows[: self.micro])

    def _within_memory(self, work: Callable[[], T]) -> T:
        """Do it, and where memory doesn't suffice again with half as many items at a time.

        Raises:
            OutOfMemory: One item is too much; or others take part, who would wait for this process for ever.
        """
        while True:
            try:
                return work()
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if self.micro == 1 or self._accelerator.num_processes > 1:
                    raise OutOfMemory(self.micro) from error
            # only here the error is gone, and with it all that its frames held
            self.micro = self.micro // 2
            self.note = f"Out of memory: it goes on with {self.micro} item{'s' * (self.micro > 1)} at a time."
            self._network.zero_grad(set_to_none=True)
            free_memory(self._device)

    def _share(self, rows: Ints) -> Ints:
        """What of some rows falls to this process."""
        return rows[self._accelerator.process_index :: self._accelerator.num_processes]

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16)


def make_moments(optimizer: torch.optim.Optimizer) -> None:
    """Have an optimizer hold from the start all that it will hold, so that what fits into memory fits to the end.

    A step of rate 0 leaves weights as they are; what it has counted is set back.
    """
    for group in optimizer.param_groups:
        group["lr"] = 0.0
        for weight in group["params"]:
            weight.grad = torch.zeros_like(weight)
    optimizer.step()
    for state in optimizer.state.values():
        for value in state.values():
            value.zero_()
    optimizer.zero_grad(set_to_none=True)


def _draw(*places: int) -> int:
    """A seed for one place."""
    return int(np.random.SeedSequence(places).generate_state(1)[0])


def _class_weights(labels: Labels, n_classes: int) -> Floats:
    """What makes rare classes count as much as frequent ones; over rows its mean is 1.

    Where any number of classes may apply: how much more an item counts to which one does.
    """
    if labels.ndim == 2:
        applies = np.clip(labels.sum(axis=0), 1, None)
        rare: Floats = np.clip((len(labels) - applies) / applies, 1, RAREST).astype(np.float32)
        return rare
    counts = np.bincount(labels, minlength=n_classes)
    weights: Floats = (len(labels) / np.count_nonzero(counts) / np.clip(counts, 1, None)).astype(np.float32)
    return weights


def _costs(logits: Tensor, truth: Tensor, weights: Tensor | None = None, smoothing: float = 0.0) -> Tensor:
    """The loss of each row: its cross-entropy, or the binary ones of all classes added up."""
    if truth.ndim == 1:
        return cross_entropy(logits, truth, weights, reduction="none", label_smoothing=smoothing)
    aim = truth * (1 - smoothing) + smoothing / 2
    return binary_cross_entropy_with_logits(logits, aim, reduction="none", pos_weight=weights).sum(dim=1)
