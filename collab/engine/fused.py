"""Encoders and one linear head as one network, and the batches that it reads; of rates and epochs it knows nothing."""

import hashlib
import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from collab.domain.version import TUNED
from collab.engine.arrays import Floats, Ints
from collab.engine.encoders.fitting import Pixels
from collab.engine.encoders.image import ImageEncoder
from collab.engine.encoders.text import Encoder
from collab.engine.tuned import (
    KIND,
    TrainableLite,
    TrainableText,
    TrainableVision,
    prepared,
    trainable_image,
    trainable_text,
)
from collab.errors import NothingToLearn


@dataclass(frozen=True, slots=True)
class Example:
    """One item, as encoders read it."""

    text: str | None = None
    images: tuple[Pixels | None, ...] = ()
    """For each field of pictures that of the item; None where it is missing."""
    table: Floats | None = None
    """Its row of the table's features."""


class Examples(Protocol):
    """Items that are read when they are needed: pictures don't fit into memory. May be asked from several threads."""

    def __len__(self) -> int: ...

    def __getitem__(self, row: int) -> Example: ...


@dataclass(frozen=True, slots=True)
class Pretrained:
    """What training starts from."""

    text: Encoder | None = None
    images: ImageEncoder | None = None
    """One for all fields of pictures."""
    image_fields: int = 0
    table_dim: int = 0


def refuse_tuned(pretrained: Pretrained) -> None:
    """Have each round begin anew, for what was learned in one would weigh on the next; raises `NothingToLearn`."""
    for encoder in (pretrained.text, pretrained.images):
        if encoder is None:
            continue
        place = Path(getattr(encoder, "folder", encoder.name.removeprefix("hf:")))
        if encoder.name.startswith(TUNED) or (place / KIND).exists():
            raise NothingToLearn(
                encoder.name, "fine-tuning always begins from the pretrained encoder, not from a tuned one."
            )


class Batch(NamedTuple):
    """Items as the network reads them."""

    size: int
    tokens: dict[str, Tensor] | None
    pixels: tuple[Tensor, ...]
    """For each field of pictures those that are there."""
    rows: tuple[Tensor, ...]
    """Whose they are."""
    table: Tensor | None
    truth: Tensor

    def to(self, device: torch.device) -> "Batch":
        """The same on a device."""
        if device.type == "cpu":
            return self
        return Batch(
            self.size,
            None if self.tokens is None else {name: _sent(each, device) for name, each in self.tokens.items()},
            tuple(_sent(each, device) for each in self.pixels),
            tuple(_sent(each, device) for each in self.rows),
            None if self.table is None else _sent(self.table, device),
            _sent(self.truth, device),
        )


class Fused(nn.Module):
    """Blocks as `Blocks` joins them, and a linear head."""

    def __init__(self, pretrained: Pretrained, n_classes: int) -> None:
        """Copy the encoders.

        Raises:
            NothingToLearn: There are no weights to train.
        """
        super().__init__()
        self.text: TrainableText | None = None if pretrained.text is None else trainable_text(pretrained.text)
        self.image: TrainableLite | TrainableVision | None = (
            None if pretrained.images is None or not pretrained.image_fields else trainable_image(pretrained.images)
        )
        if self.text is None and self.image is None:
            raise NothingToLearn("a table alone", "its features are measured, and have no encoder to train.")
        self.widths = (
            *(() if self.text is None else (self.text.dim,)),
            *(() if self.image is None else (self.image.dim,) * pretrained.image_fields),
            *((pretrained.table_dim,) if pretrained.table_dim else ()),
        )
        self.table_dim = pretrained.table_dim
        self.head = nn.Linear(sum(self.widths), n_classes)

    def features(self, batch: Batch) -> Tensor:
        """What the encoders say, shape (n_items, dim), in the blocks' order; a missing picture is a row of zeros."""
        blocks = []
        if self.text is not None and batch.tokens is not None:
            blocks.append(self.text(batch.tokens))
        for pixels, rows in zip(batch.pixels, batch.rows, strict=True):
            assert self.image is not None, "where there are pictures there is an encoder of them"
            empty = torch.zeros(batch.size, self.image.dim, device=rows.device)
            blocks.append(empty.index_copy(0, rows, self.image(pixels)) if len(rows) else empty)
        if batch.table is not None:
            blocks.append(batch.table)
        return blocks[0] if len(blocks) == 1 else torch.cat(blocks, 1) / math.sqrt(len(blocks))

    def forward(self, batch: Batch) -> Tensor:
        """Score items, shape (n_items, n_classes)."""
        features = self.features(batch).float()
        with torch.autocast(features.device.type, enabled=False):
            return linear(features, self.head.weight, self.head.bias)


class Feed:
    """Reads items and lays them into batches; where the device is no processor, the next one while this one is used."""

    def __init__(self, network: Fused, examples: Examples, truth: Tensor, device: torch.device) -> None:
        self._text, self._image = network.text, network.image
        self._examples, self._truth, self._device = examples, truth, device
        self._multiple = 8 if device.type == "cuda" else 1
        self._pool = None if device.type == "cpu" else ThreadPoolExecutor(min(8, os.cpu_count() or 1))
        self._ahead: dict[bytes, Future[Batch]] = {}
        self._tabled, self._side = network.table_dim > 0, 0 if network.image is None else network.image.size
        self._tokens: list[list[int]] | None = None
        self._tables: Floats | None = None
        if network.text is not None and network.image is None:  # without pictures all of it fits into memory
            read = [examples[row] for row in range(len(examples))]
            self._tokens = network.text.tokens([each.text or "" for each in read])
            self._tables = _rows_of_table(read) if self._tabled else None

    @property
    def lengths(self) -> list[int] | None:
        """Tokens of each item; None where reading them would mean to read all pictures."""
        return None if self._tokens is None else [len(each) for each in self._tokens]

    def seal(self, seal: "hashlib._Hash") -> None:
        """Put all that is in memory into a digest."""
        if self._tokens is not None:
            for each in self._tokens:
                seal.update(np.array([len(each), *each], np.int64).tobytes())
        if self._tables is not None:
            seal.update(self._tables.tobytes())

    def batch(self, rows: Ints) -> Batch:
        """Some items on the device."""
        ahead = self._ahead.pop(rows.tobytes(), None)
        return (self._laid(rows) if ahead is None else ahead.result()).to(self._device)

    def ask(self, rows: Ints) -> None:
        """Begin to read what `batch` will be asked for next."""
        if self._pool is not None and len(rows):
            if len(self._ahead) > 64:  # asked for and never fetched, as after a batch was halved
                self._ahead.clear()
            self._ahead[rows.tobytes()] = self._pool.submit(self._laid, rows)

    def close(self) -> None:
        """Stop reading ahead."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _laid(self, rows: Ints) -> Batch:
        truth = self._truth[torch.from_numpy(rows)]
        if self._tokens is not None:
            assert self._text is not None, "tokens are of texts"
            tokens = self._text.batched([self._tokens[int(row)] for row in rows], self._multiple)
            table = None if self._tables is None else torch.from_numpy(self._tables[rows])
            return Batch(len(rows), tokens, (), (), table, truth)
        read = [self._examples[int(row)] for row in rows]
        words = None if self._text is None else self._text.tokens([each.text or "" for each in read])
        pixels, places = [], []
        for field in () if self._image is None else zip(*(each.images for each in read), strict=True):
            there = [(at, image) for at, image in enumerate(field) if image is not None]
            places.append(torch.tensor([at for at, _ in there], dtype=torch.int64))
            pixels.append(_stacked([image for _, image in there], self._side))
        return Batch(
            len(rows),
            None if self._text is None or words is None else self._text.batched(words, self._multiple),
            tuple(pixels),
            tuple(places),
            torch.from_numpy(_rows_of_table(read)) if self._tabled else None,
            truth,
        )


def _rows_of_table(read: Sequence[Example]) -> Floats:
    rows = [each.table for each in read if each.table is not None]
    assert len(rows) == len(read), "each item has its row of the table"
    return np.stack(rows).astype(np.float32)


def micro_batches(rows: Ints, size: int) -> Iterator[Ints]:
    """Cut a batch into parts that fit into memory."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _stacked(images: Sequence[Pixels], size: int) -> Tensor:
    if not images:
        return torch.zeros(0, size, size, 3, dtype=torch.uint8)
    return torch.stack([prepared(image, size) for image in images])


def _sent(tensor: Tensor, device: torch.device) -> Tensor:
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)
