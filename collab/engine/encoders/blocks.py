"""Encoders of several kinds of fields, side by side: an item's features are its blocks, none larger than another."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from collab.engine.arrays import Floats
from collab.engine.encoders.fitting import Pixels
from collab.engine.encoders.image import ImageEncoder
from collab.engine.encoders.table import Table
from collab.engine.encoders.text import Encoder


@dataclass(frozen=True, slots=True)
class Blocks:
    """The text block first, then one for each field of pictures, then the table's; a single one is the features."""

    text: Encoder | None
    table: Table | None
    images: tuple[ImageEncoder, ...] = ()
    """What reads each field of pictures, in their order."""

    @property
    def digest(self) -> str:
        """Names all that made the features."""
        return "+".join(block.digest for block in (self.text, *self.images, self.table) if block is not None)

    @property
    def widths(self) -> tuple[int, ...]:
        """Columns, block by block."""
        return tuple(block.dim for block in (self.text, *self.images, self.table) if block is not None and block.dim)

    @property
    def dim(self) -> int:
        """Columns of the features."""
        return sum(self.widths)

    def encode(
        self,
        texts: Sequence[str],
        rows: Sequence[Mapping[str, Any]],
        pictures: Sequence[Sequence[Pixels | None]] = (),
    ) -> Floats:
        """Encode items by their texts, cells and pictures, shape (n_items, dim), in their order.

        Each block's rows have a mean squared norm of 1 by themselves, and together again, but for missing pictures.

        Args:
            texts: Of each item.
            rows: Its cells by name.
            pictures: For each field of pictures that of each item, None where it is missing.
        """
        parts = [] if self.text is None else [self.text.encode(texts)]
        parts += [encoder.encode(images) for encoder, images in zip(self.images, pictures, strict=True)]
        if self.table is not None and self.table.dim:
            parts.append(self.table.encode(rows))
        if len(parts) == 1:
            return parts[0]
        return np.hstack(parts) / np.float32(math.sqrt(len(parts)))

    def of_text(self, features: Floats) -> Floats:
        """The columns of the text block, shape (n_items, its dim), without copying."""
        assert self.text is not None, "there is a text block"
        return features[:, : self.text.dim]
