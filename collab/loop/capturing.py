"""Write down what a fine-tuning learns from, once and at its start: an attempt that goes on must see the very same."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from collab.domain.project import Project
from collab.domain.store import Store
from collab.engine.arrays import Floats, Ints, Labels
from collab.engine.encoders.table import Table
from collab.engine.encoders.text import Encoder
from collab.engine.fused import Example
from collab.errors import UnknownName
from collab.loop.encoding import picture_of, text_of
from collab.loop.measuring import image_fields
from collab.loop.pooling import decided

PAGE = 2_000


@dataclass(frozen=True, slots=True)
class Captured:
    """Decisions of people, in order of their items; read as the engine's `Examples`."""

    store: Store
    items: Ints
    labels: Labels
    """Class columns, shape (n,); or which classes apply, shape (n, n_classes)."""
    texts: tuple[str, ...] | None
    pictures: tuple[tuple[str, ...], ...]
    """Names of the stored pictures, item by item, for each field; "" where one is missing."""
    raw: Floats
    """Blocks of features that are not trained: a table's, and those of an encoder without weights; shape (n, any)."""
    side: int
    """Pixels that the encoder of pictures sees."""

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, row: int) -> Example:
        return Example(
            None if self.texts is None else self.texts[row],
            tuple(picture_of(self.store, name, self.side) for name in self.pictures[row]),
            self.raw[row] if self.raw.shape[1] else None,
        )


def capture(
    store: Store, project: Project, folder: str, table: Table | None, frozen: Encoder | None, *, texts: bool
) -> None:
    """Write down today's decisions of people; what an earlier attempt has written stays.

    Args:
        store: The workspace.
        project: Whose.
        folder: Of the job, below `files/`.
        table: As it is measured today.
        frozen: Reads texts into features that are not trained; None: there is no such block.
        texts: Whether texts are trained on.
    """
    if captured_there(store, folder):
        return
    columns, many = dict(decided(store, project)), project.schema.many
    n_classes = len(project.schema.classes)
    items, kept, pictures, raw = [], [], [], []
    for page in _paged(iter(sorted(columns))):
        found = store.items(page)
        page = [item for item in page if item in found]  # one may have been taken back meanwhile
        cells = [found[item].fields for item in page]
        words = [text_of(project.fields, row) for row in cells]
        items += page
        kept += words if texts else []
        pictures += [[row.get(field.name) or "" for field in image_fields(project)] for row in cells]
        blocks = [] if frozen is None else [frozen.encode(words)]
        if table is not None and table.dim:
            blocks.append(table.encode(cells))
        raw.append(np.hstack(blocks) if blocks else np.zeros((len(page), 0), np.float32))
    labels: Labels
    if many:
        labels = np.zeros((len(items), n_classes), bool)
        for row, item in enumerate(items):
            labels[row, list(columns[item])] = True
    else:
        labels = np.array([columns[item][0] for item in items], np.int64)
    features = np.vstack(raw) if raw else np.zeros((0, 0), np.float32)
    arrays = {"items": np.array(items, np.int64), "labels": labels, "raw": np.ascontiguousarray(features, np.float32)}
    store.write_file(f"{folder}/snapshot.safetensors", iter([save(arrays)]))
    words_of: dict[str, Any] = {"texts": kept if texts else None, "pictures": pictures}
    # Last: that it is there says that all of it is.
    store.write_file(f"{folder}/snapshot.json", iter([json.dumps(words_of, ensure_ascii=False).encode()]))


def captured_there(store: Store, folder: str) -> bool:
    """Whether what is learned from was written down."""
    try:
        store.file(f"{folder}/snapshot.json")
    except UnknownName:
        return False
    return True


def captured(store: Store, folder: str, side: int) -> Captured:
    """Read what was written down.

    Args:
        store: The workspace.
        folder: Of the job.
        side: Pixels that the encoder of pictures sees.
    """
    arrays = load(store.file(f"{folder}/snapshot.safetensors").read_bytes())
    words = json.loads(store.file(f"{folder}/snapshot.json").read_bytes())
    texts = words["texts"]
    return Captured(
        store, arrays["items"], arrays["labels"], None if texts is None else tuple(texts),
        tuple(map(tuple, words["pictures"])), arrays["raw"], side,
    )  # fmt: skip


def _paged(items: Iterator[int]) -> Iterator[list[int]]:
    while page := list(islice(items, PAGE)):
        yield page
