"""Turn the items of a project into features, batch by batch, and keep them in the feature cache."""

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np

from collab.domain.project import Field, Project
from collab.domain.store import Store
from collab.engine.encoders.text import Encoder
from collab.errors import JobCancelled

CHUNK = 512
PAGE = 4096


def encode_items(store: Store, project: Project, encoder: Encoder, report: Callable[[float, str], bool]) -> int:
    """Encode every visible item that has no features yet; a killed run goes on where it was. Returns how many.

    Raises:
        JobCancelled: `report` said so; what was encoded stays.
    """
    file = store.features(project.id, encoder.digest, encoder.dim)
    have = set(file.ids().tolist())
    total = max(1, store.progress(project.id).items)
    done, after, told = 0, 0, 0.0
    while page := store.stream_items(project.id, after, PAGE):
        after = page[-1].id
        batches = (item for item in page if item.id not in have)
        while batch := list(islice(batches, CHUNK)):
            rows = encoder.encode([text_of(project.fields, item.fields) for item in batch])
            file.append(np.array([item.id for item in batch], np.int64), rows)
            done += len(batch)
            if time.monotonic() - told > 0.5:
                told = time.monotonic()
                share = min(1.0, len(file) / total)
                store.set_worker(project.id, "reading", time.time_ns() // 1_000_000, share)
                if report(share, ""):
                    raise JobCancelled
    store.set_worker(project.id, "idle", time.time_ns() // 1_000_000, 1.0)
    return done


def text_of(fields: Sequence[Field], values: Mapping[str, Any]) -> str:
    """The text that the encoder reads: the encoded fields, one after the other."""
    return "\n".join(str(values[f.name]) for f in fields if f.encoded and values.get(f.name))
