"""Train encoders and one linear head end to end, from the pretrained weights, and write what came of it.

It sees only the decisions that it is given, and no audit is among them. The head starts from the logistic one on frozen
features, for a random head would first pull good features apart.

Source: Kumar et al., "Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution", ICLR 2022.
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs

from collab.domain.version import TUNED
from collab.engine import checkpoints
from collab.engine.adapting import adapt, merged
from collab.engine.arrays import Ints, Labels
from collab.engine.checkpoints import Standing
from collab.engine.dealing import batches, dealt, refuse_too_few
from collab.engine.devices import device_words as device_words
from collab.engine.devices import memory_bytes
from collab.engine.energy import Meter
from collab.engine.fused import Example as Example
from collab.engine.fused import Examples as Examples
from collab.engine.fused import Feed, Fused
from collab.engine.fused import Pretrained as Pretrained
from collab.engine.recipe import Epoch
from collab.engine.recipe import FineTuned as FineTuned
from collab.engine.recipe import FineTuning as FineTuning
from collab.engine.recipe import Progress as Progress
from collab.engine.recipe import advised as advised
from collab.engine.stepping import Stepper
from collab.errors import Diverged, JobCancelled, NothingToLearn

SAVE_SECONDS = 30.0
"""Between two checkpoints within an epoch."""
LOOK_STEPS = 8
"""Between two looks at the loss on a device that would have to wait for them."""
ROOM = 6
"""Copies of the trained weights that a run writes: its checkpoint, the next one beside it, the best, the end."""


Tell = Callable[[Progress], bool]


def fit(
    pretrained: Pretrained,
    examples: Examples,
    labels: Labels,
    n_classes: int,
    recipe: FineTuning,
    folder: Path,
    *,
    checkpoint: Path,
    tell: Tell = lambda _: False,
    log_dir: Path | None = None,
) -> FineTuned:
    """Train from the pretrained weights, or go on where a checkpoint of the same training stands.

    Same arguments, same weights, but for the noise of floats that a device adds in no order. Started as one of several
    processes (torchrun, `accelerate launch`), each takes its share of every batch, and the first one tells and writes.

    Args:
        pretrained: Encoders as they came.
        examples: What was decided on.
        labels: Class columns, or which classes apply, for each of them.
        n_classes: Outputs.
        recipe: How to train.
        folder: Gets `text` and `image`, as far as there are such encoders.
        checkpoint: Folder of its own for where the training stands.
        tell: Called after each step, or some steps; True cancels.
        log_dir: For TensorBoard's files, where that is installed.

    Raises:
        NothingToLearn: Too few decisions, only one answer, or no weights that could be trained.
        Diverged: The loss is no longer a number.
        OutOfMemory: Not even one item at a time fits.
        StoreFull: No space is left for checkpoints or weights.
        UnreadableFile: The checkpoint holds something else than what was written.
        JobCancelled: `tell` said so.
    """
    _refuse_tuned(pretrained)
    refuse_too_few(labels)
    assert len(examples) == len(labels), "each example has its label"
    plain = DistributedDataParallelKwargs(find_unused_parameters=True)  # poolers, and pictures where all are missing
    # without an accelerator it must be told so: it would take processes spread over processors for single ones
    accelerator = Accelerator(cpu=not torch.accelerator.is_available(), kwargs_handlers=[plain])
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        training = _Training(accelerator, pretrained, examples, labels, n_classes, recipe, checkpoint, tell, log_dir)
        try:
            training.run()
            return training.written(folder)
        finally:
            training.close()


class _Training:
    """One run, from where it stands to its end."""

    def __init__(
        self,
        accelerator: Accelerator,
        pretrained: Pretrained,
        examples: Examples,
        labels: Labels,
        n_classes: int,
        recipe: FineTuning,
        checkpoint: Path,
        tell: Tell,
        log_dir: Path | None,
    ) -> None:
        self._accelerator, self._recipe, self._checkpoint, self._tell = accelerator, recipe, checkpoint, tell
        self._begun = self._stepping = self._saved = time.monotonic()
        self._learn, self._watch = dealt(labels, recipe.held_out, recipe.seed)
        self._network = Fused(pretrained, n_classes)
        truth = torch.from_numpy(labels.astype(np.float32) if labels.ndim == 2 else labels.astype(np.int64))
        self._feed = Feed(self._network, examples, truth, accelerator.device)
        self._seal = _seal(pretrained, recipe, labels, n_classes, self._feed)
        found = checkpoints.read(checkpoint, self._seal)
        self._network.to(accelerator.device)
        micro = -(-recipe.batch // accelerator.num_processes)
        self._stepper = Stepper(accelerator, self._network, self._feed, recipe, micro)
        if found is None:
            self._stepper.start_head(self._learn, labels, n_classes)
        parts = [part for part in (self._network.text, self._network.image) if part is not None]
        self._adapters = [adapt(part, recipe.rank) for part in parts] if recipe.method == "lora" else []
        self._stepper.prepare(labels[self._learn], found)
        self._best = {} if found is None else found.best
        self._standing = Standing(micro=micro) if found is None else found.standing
        self._stepper.micro = self._standing.micro
        self._before = self._standing.seconds, self._standing.joules
        self._meter = Meter(accelerator.device)
        self._steps_an_epoch = -(-len(self._learn) // recipe.batch)
        self._steps_here = 0
        self._log = _log(log_dir) if accelerator.is_main_process else None
        if accelerator.is_main_process:
            checkpoints.refuse_full(checkpoint, ROOM * self._stepper.trained_bytes)

    def run(self) -> None:
        """Train until the last epoch, or until the loss on what is held out no longer falls."""
        standing, self._stepping = self._standing, time.monotonic()
        over = checkpoints.is_over(standing, self._recipe.patience)
        while not over and self._standing.epoch <= self._recipe.epochs:
            epoch = self._standing.epoch
            plan = batches(self._learn, self._feed.lengths, self._recipe.batch, self._recipe.seed, epoch)
            for at in range(self._standing.done, len(plan)):
                self._step(plan, at)
            over = self._end_epoch(epoch)

    def written(self, folder: Path) -> FineTuned:
        """Write the best epoch's weights, adapters merged."""
        self._stepper.load(self._best)
        for adapters in self._adapters:
            merged(adapters)
        digest = ""
        if self._accelerator.is_main_process:
            with checkpoints.full_disk(folder):
                for name, part in (("text", self._network.text), ("image", self._network.image)):
                    if part is not None:
                        part.cpu().write(folder / name)
            digest = _digest(folder)
        self._accelerator.wait_for_everyone()
        self._note_cost()
        standing = self._standing
        return FineTuned(
            standing.epochs, standing.best_epoch, device_words(self._accelerator.device), standing.seconds,
            memory_bytes(self._accelerator.device), standing.joules, standing.energy_by, standing.micro,
            len(self._watch), digest,
        )  # fmt: skip

    def close(self) -> None:
        """Let go of what runs beside it."""
        self._feed.close()
        self._meter.close()
        if self._log is not None:
            self._log.close()

    def _step(self, plan: list[Ints], at: int) -> None:
        standing, step = self._standing, (self._standing.epoch - 1) * self._steps_an_epoch + at
        if at + 1 < len(plan):
            self._stepper.ask(plan[at + 1])
        self._stepper.step(plan[at], step, self._steps_an_epoch * self._recipe.epochs)
        self._steps_here += 1
        self._standing = replace(
            standing, done=at + 1, seen=standing.seen + len(plan[at]), micro=self._stepper.micro,
            note=self._stepper.note or standing.note,
        )  # fmt: skip
        waits = self._accelerator.device.type != "cpu"
        if not waits or (at + 1) % LOOK_STEPS == 0 or at + 1 == len(plan):
            self._look(step + 1)

    def _look(self, step: int) -> None:
        """Fetch the loss from the device, tell how far it is, and leave a checkpoint where one is due."""
        standing = self._standing
        self._standing = standing = replace(standing, total=standing.total + self._stepper.take_total())
        loss = standing.total / max(1, standing.seen)
        if not np.isfinite(loss):
            raise Diverged(standing.epoch, self._recipe.step)
        main, now = self._accelerator.is_main_process, time.monotonic()
        if self._log is not None:
            self._log.add_scalar("loss/learned", loss, step)
            self._log.add_scalar("rate", self._stepper.rate, step)
            self._log.add_scalar("memory", memory_bytes(self._accelerator.device), step)
        cancelled = main and self._tell(self._progress(step, loss))
        if self._stepper.agreed(cancelled):
            raise JobCancelled("A person asked it to stop.")
        if main and now - self._saved >= SAVE_SECONDS:
            self._save()

    def _progress(self, step: int, loss: float) -> Progress:
        standing, steps = self._standing, self._steps_an_epoch * self._recipe.epochs
        each = (time.monotonic() - self._stepping) / max(1, self._steps_here)
        device = self._accelerator.device
        held_out = standing.epochs[-1].held_out if standing.epochs else None
        return Progress(
            standing.epoch, step, steps, loss, held_out, standing.epochs, each * (steps - step),
            device_words(device), memory_bytes(device), standing.micro, standing.note,
        )  # fmt: skip

    def _end_epoch(self, number: int) -> bool:
        """Look at what is held out, keep the best weights; whether it is over."""
        standing = self._standing
        held_out = self._stepper.loss_of(self._watch) if len(self._watch) else None
        epoch = Epoch(number, standing.total / max(1, standing.seen), held_out)
        self._standing, better, over = checkpoints.with_best(standing, epoch, self._recipe.patience)
        if better:
            self._best = {name: weight.clone() for name, weight in self._stepper.trained().items()}
        if self._log is not None and held_out is not None:
            self._log.add_scalar("loss/held out", held_out, number * self._steps_an_epoch)
        if self._accelerator.is_main_process:
            self._save()
        return over

    def _save(self) -> None:
        self._note_cost()
        found = checkpoints.Checkpoint(self._standing, self._stepper.trained(), self._stepper.moments(), self._best)
        checkpoints.write(self._checkpoint, self._seal, found)
        self._saved = time.monotonic()

    def _note_cost(self) -> None:
        """Add this attempt's time and energy to those before."""
        seconds, joules = self._before
        here = self._meter.joules()
        both = None if here is None else here + (joules or 0.0)
        took = seconds + time.monotonic() - self._begun
        self._standing = replace(self._standing, seconds=took, joules=both, energy_by=self._meter.by)


def _refuse_tuned(pretrained: Pretrained) -> None:
    """What was learned in one round would weigh on the next: each begins anew."""
    for encoder in (pretrained.text, pretrained.images):
        if encoder is not None and encoder.name.startswith(TUNED):
            raise NothingToLearn(
                encoder.name, "fine-tuning always begins from the pretrained encoder, not from a tuned one."
            )


def _seal(pretrained: Pretrained, recipe: FineTuning, labels: Labels, n_classes: int, feed: Feed) -> str:
    """Names recipe, encoders and data, as far as they lie in memory."""
    encoders = [each.digest for each in (pretrained.text, pretrained.images) if each is not None]
    more = [pretrained.image_fields, pretrained.table_dim, n_classes]
    seal = hashlib.sha256(json.dumps([asdict(recipe), encoders, more], sort_keys=True).encode())
    seal.update(np.ascontiguousarray(labels).tobytes())
    feed.seal(seal)
    return seal.hexdigest()


def _digest(folder: Path) -> str:
    """Names all files that lie in a folder."""
    seal = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            seal.update(path.relative_to(folder).as_posix().encode())
            with path.open("rb") as file:
                seal.update(hashlib.file_digest(file, "sha256").digest())
    return seal.hexdigest()[:16]


def _log(log_dir: Path | None) -> Any:  # the extra ships no types
    """TensorBoard's writer, where it is installed."""
    if log_dir is None:
        return None
    try:
        from torch.utils.tensorboard import SummaryWriter  # an extra
    except ImportError:
        return None
    return SummaryWriter(str(log_dir))
