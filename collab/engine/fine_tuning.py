"""Train encoders and one linear head end to end, from the pretrained weights, and write what came of it.

It sees only the decisions that it is given, and no audit is among them. The head starts from the logistic one on frozen
features, for a random head would first pull good features apart.

Source: Kumar et al., "Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution", ICLR 2022.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs

from collab.engine import checkpoints
from collab.engine.adapting import adapt, merged
from collab.engine.arrays import Ints, Labels
from collab.engine.dealing import batches, dealt, refuse_too_few
from collab.engine.devices import device_words, memory_bytes, memory_errors
from collab.engine.energy import Meter
from collab.engine.fused import Examples, Feed, Fused, Pretrained, refuse_tuned
from collab.engine.recipe import Epoch, FineTuned, FineTuning, Progress
from collab.engine.safe_folders import refuse_unsafe
from collab.engine.standing import Standing, is_over, spared, with_best
from collab.engine.stepping import Stepper
from collab.engine.tuned import digest_of
from collab.errors import Diverged, JobCancelled

SAVE_SECONDS = 30.0
"""Between two checkpoints within an epoch."""
LOOK_STEPS = 8
"""Between two looks at the loss on a device that would have to wait for them."""
ROOM = 9
"""Copies of the trained weights that checkpoints take: weights, two moments, the best, for a moment twice; one more."""

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
    snapshot: str = "",
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
        tell: Called after each step, or some steps, each epoch, and between parts of what is only read; True cancels.
        log_dir: For TensorBoard's files, where that is installed.
        snapshot: Names all that `examples` reads: a checkpoint of other pictures must not be gone on with.

    Raises:
        NothingToLearn: Too few decisions, only one answer, or no weights that could be trained.
        Diverged: The loss is no longer a number.
        OutOfMemory: Not even one item at a time fits.
        StoreFull: No space is left for checkpoints or weights.
        UnreadableFile: The checkpoint holds something else than what was written, or the encoder what can't be kept.
        JobCancelled: `tell` said so.
    """
    refuse_tuned(pretrained)
    refuse_too_few(labels)
    assert len(examples) == len(labels), "each example has its label"
    plain = DistributedDataParallelKwargs(find_unused_parameters=True)  # poolers, and pictures where all are missing
    # without an accelerator it must be told so: it would take processes spread over processors for single ones
    accelerator = Accelerator(cpu=not torch.accelerator.is_available(), kwargs_handlers=[plain])
    with torch.random.fork_rng(), memory_errors(), ExitStack() as closing:
        torch.manual_seed(recipe.seed)
        training = _Training(
            accelerator, closing, pretrained, examples, labels, n_classes, recipe, folder, checkpoint, tell, log_dir,
            snapshot,
        )  # fmt: skip
        training.run()
        return training.written()


class _Training:
    """One run, from where it stands to its end."""

    def __init__(
        self,
        accelerator: Accelerator,
        closing: ExitStack,
        pretrained: Pretrained,
        examples: Examples,
        labels: Labels,
        n_classes: int,
        recipe: FineTuning,
        folder: Path,
        checkpoint: Path,
        tell: Tell,
        log_dir: Path | None,
        snapshot: str,
    ) -> None:
        self._accelerator, self._recipe, self._folder, self._checkpoint = accelerator, recipe, folder, checkpoint
        self._begun = self._stepping = self._saved = time.monotonic()
        self._tell, self._meter = tell, Meter(accelerator.device)
        closing.callback(self._meter.close)
        self._learn, self._watch = dealt(labels, recipe.held_out, recipe.seed)
        self._steps_an_epoch, self._steps_here = -(-len(self._learn) // recipe.batch), 0
        self._network = Fused(pretrained, n_classes)
        self._parts = {"text": self._network.text, "image": self._network.image}
        lora, parts = recipe.method == "lora", self._parts.values()
        self._adapters = [adapt(part, recipe.rank) for part in parts if lora and part is not None]
        truth = torch.from_numpy(labels.astype(np.float32) if labels.ndim == 2 else labels.astype(np.int64))
        self._feed = Feed(self._network, examples, truth, accelerator.device)
        closing.callback(self._feed.close)
        self._seal = _seal(pretrained, recipe, labels, n_classes, self._feed, snapshot)
        with accelerator.main_process_first():  # it removes what is of another training
            found, note = checkpoints.read(checkpoint, self._seal)
        self._network.to(accelerator.device)
        micro = -(-recipe.batch // accelerator.num_processes)
        self._standing = Standing(micro=micro, note=note) if found is None else spared(found.standing)
        self._stepper = Stepper(accelerator, self._network, self._feed, recipe, self._standing.micro, self._ask)
        if accelerator.is_main_process:
            whole = sum(weight.nbytes for weight in self._network.parameters())
            for place, wanted in ((checkpoint, ROOM * self._stepper.trained_bytes + whole), (folder, whole)):
                checkpoints.refuse_full(place, wanted)
        if found is None:
            self._stepper.start_head(self._learn, labels, n_classes)
        self._stepper.prepare(labels[self._learn], found)
        self._best = {} if found is None else found.best
        self._before = self._standing.seconds, self._standing.joules
        self._standing = replace(
            self._standing, micro=self._stepper.micro, note=self._stepper.note or self._standing.note,
            begun=self._standing.begun + 1,
        )  # fmt: skip
        self._log = _log(log_dir, self._step_number, closing) if accelerator.is_main_process else None
        accelerator.wait_for_everyone()  # until all have read what is written anew
        if accelerator.is_main_process:
            self._save()

    def run(self) -> None:
        """Train until the last epoch, or until the loss on what is held out no longer falls."""
        standing, self._stepping = self._standing, time.monotonic()
        over = is_over(standing, self._recipe.patience)
        while not over and self._standing.epoch <= self._recipe.epochs:
            epoch = self._standing.epoch
            plan = batches(self._learn, self._feed.lengths, self._recipe.batch, self._recipe.seed, epoch)
            for at in range(self._standing.done, len(plan)):
                self._step(plan, at)
            over = self._end_epoch(epoch)

    def written(self) -> FineTuned:
        """Write the best epoch's weights, adapters merged."""
        self._stepper.load(self._best)
        for adapters in self._adapters:
            merged(adapters)
        digest = ""
        if self._accelerator.is_main_process:
            for name, part in self._parts.items():
                shutil.rmtree(self._folder / name, ignore_errors=True)  # of an attempt that died while it wrote
                if part is not None:
                    with checkpoints.full_disk(self._folder):
                        part.cpu().write(self._folder / name)
                    refuse_unsafe(self._folder / name)
            digest = digest_of(self._folder, tuple(self._parts))
        self._accelerator.wait_for_everyone()
        self._note_cost()
        standing = self._standing
        return FineTuned(
            standing.epochs, standing.best_epoch, device_words(self._accelerator.device), standing.seconds,
            memory_bytes(self._accelerator.device), standing.joules, standing.energy_by, standing.micro,
            len(self._watch), digest,
        )  # fmt: skip

    def _step(self, plan: list[Ints], at: int) -> None:
        standing = self._standing
        if at + 1 < len(plan):
            self._stepper.ask(plan[at + 1])
        self._stepper.step(plan[at], self._step_number, self._steps_an_epoch * self._recipe.epochs)
        self._steps_here += 1
        self._standing = replace(
            standing, done=at + 1, seen=standing.seen + len(plan[at]), micro=self._stepper.micro, begun=0,
            note=self._stepper.note or standing.note,
        )  # fmt: skip
        waits = self._accelerator.device.type != "cpu"
        if not waits or (at + 1) % LOOK_STEPS == 0 or at + 1 == len(plan):
            self._look()

    @property
    def _step_number(self) -> int:
        """Steps that are done, of all epochs together."""
        return (self._standing.epoch - 1) * self._steps_an_epoch + self._standing.done

    def _look(self) -> None:
        """Fetch the loss from the device, tell how far it is, and leave a checkpoint where one is due."""
        standing = self._standing
        self._standing = standing = replace(standing, total=standing.total + self._stepper.take_total())
        loss, step = standing.total / max(1, standing.seen), self._step_number
        if not np.isfinite(loss):
            raise Diverged(standing.epoch, self._recipe.step)
        if self._log is not None:
            self._log.add_scalar("loss/learned", loss, step)
            self._log.add_scalar("rate", self._stepper.rate, step)
            self._log.add_scalar("memory", memory_bytes(self._accelerator.device), step)
        self._told()
        if self._accelerator.is_main_process and time.monotonic() - self._saved >= SAVE_SECONDS:
            self._save()

    def _told(self) -> None:
        """Tell how far it is, and stop where a person asked for it."""
        if self._stepper.agreed(self._accelerator.is_main_process and self._tell(self._progress())):
            raise JobCancelled("A person asked it to stop.")

    def _ask(self) -> None:
        """As `_told`, between parts of which several processes may have different numbers."""
        if self._accelerator.num_processes == 1:
            self._told()

    def _progress(self) -> Progress:
        standing, step, steps = self._standing, self._step_number, self._steps_an_epoch * self._recipe.epochs
        each = (time.monotonic() - self._stepping) / max(1, self._steps_here)
        device, last = self._accelerator.device, standing.epochs[-1] if standing.epochs else None
        loss = standing.total / standing.seen if standing.seen else 0.0 if last is None else last.loss
        return Progress(
            min(standing.epoch, self._recipe.epochs), step, steps, loss, None if last is None else last.held_out,
            standing.epochs, each * (steps - step) if self._steps_here else None,
            device_words(device), memory_bytes(device), standing.micro, standing.note,
        )  # fmt: skip

    def _end_epoch(self, number: int) -> bool:
        """Look at what is held out, keep the best weights; whether it is over."""
        standing, watched = self._standing, len(self._watch) > 0
        cost = self._stepper.loss_of(self._watch if watched else self._learn[: self._recipe.batch])
        if not (np.isfinite(cost) and self._stepper.is_finite()):  # the losses of steps are those of before
            raise Diverged(number, self._recipe.step)
        held_out = cost if watched else None
        epoch = Epoch(number, standing.total / max(1, standing.seen), held_out)
        self._standing, better, over = with_best(standing, epoch, self._recipe.patience)
        if better:
            self._best = {name: weight.clone() for name, weight in self._stepper.trained().items()}
        if self._log is not None and held_out is not None:
            self._log.add_scalar("loss/held out", held_out, number * self._steps_an_epoch)
        if self._accelerator.is_main_process:
            self._save()
        self._told()
        return over

    def _save(self) -> None:
        self._note_cost()
        found = checkpoints.Checkpoint(self._standing, self._stepper.trained(), self._stepper.moments(), self._best)
        checkpoints.write(self._checkpoint, self._seal, found)
        self._saved = time.monotonic()

    def _note_cost(self) -> None:
        """Add this attempt's time and energy to those before; energy of a part alone isn't told."""
        seconds, joules = self._before
        here = self._meter.joules()
        both = None if here is None or (joules is None and seconds) else here + (joules or 0.0)
        took, by = seconds + time.monotonic() - self._begun, "" if both is None else self._meter.by
        self._standing = replace(self._standing, seconds=took, joules=both, energy_by=by)


def _seal(pretrained: Pretrained, recipe: FineTuning, labels: Labels, n_classes: int, feed: Feed, snapshot: str) -> str:
    """Names recipe, encoders and data."""
    encoders = [each.digest for each in (pretrained.text, pretrained.images) if each is not None]
    more = [pretrained.image_fields, pretrained.table_dim, n_classes, snapshot]
    seal = hashlib.sha256(json.dumps([asdict(recipe), encoders, more], sort_keys=True).encode())
    seal.update(np.ascontiguousarray(labels).tobytes())
    feed.seal(seal)
    return seal.hexdigest()


def _log(log_dir: Path | None, step: int, closing: ExitStack) -> Any:  # the extra ships no types
    """TensorBoard's writer, where it is installed; what an attempt before wrote of later steps is drawn no more."""
    if log_dir is None:
        return None
    try:
        from torch.utils.tensorboard import SummaryWriter  # an extra
    except ImportError:
        return None
    log = SummaryWriter(str(log_dir), purge_step=step + 1)
    closing.callback(log.close)
    return log
