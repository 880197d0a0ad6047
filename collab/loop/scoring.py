"""Keep what the head says of every item, as files that others map into their memory: the page's search, and the map.

A cache: the next whole ranking writes it anew. It also says which features the project has now, so that whoever reads
these needs no encoder.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from collab.domain.project import Project
from collab.domain.store import FeatureFile, Store
from collab.engine.arrays import Floats, Ints
from collab.errors import UnknownName

_CHUNK = 1 << 16
Halves = npt.NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Scores:
    """What the model says of the items that have features."""

    items: Ints
    """Ids, in rising order."""
    proba: Halves
    """Shape (n_items, n_classes), columns in schema order; halves: good to a thousandth."""
    best: npt.NDArray[np.int32]
    """Column of the class that is likeliest."""
    sure: Floats
    """How probable that is; where any number of classes may apply, that all of what is suggested is right."""
    revision: int

    def rows(self, ids: Ints) -> Ints:
        """The row of each id; -1 where there is none."""
        if not len(self.items):
            return np.full(len(ids), -1)
        at = np.searchsorted(self.items, ids).clip(0, len(self.items) - 1)
        return np.where(self.items[at] == ids, at, -1)


def keep_scores(
    store: Store, project: Project, revision: int, features: tuple[str, int], items: Ints, proba: Floats | None
) -> None:
    """Write down what a refit says of all items, in place of what an older one said.

    Args:
        store: The workspace.
        project: Whose items.
        revision: Number of the refit.
        features: Digest and columns of the project's features.
        items: Ids.
        proba: Of their classes, shape (n_items, n_classes); None: there is no head yet.
    """
    folder = f"scores/{project.id}"
    written = {"features": list(features), "revision": revision, "rows": 0, "classes": 0}
    if proba is not None:
        order = np.argsort(items, kind="stable")
        said = proba[order].astype("<f4")
        sure = np.maximum(said, 1 - said).prod(axis=1) if project.schema.many else said.max(axis=1)
        written |= {"rows": len(items), "classes": proba.shape[1]}
        kept = {"items": items[order].astype("<i8"), "proba": said.astype("<f2"), "sure": sure.astype("<f4")}
        for name, values in (kept | {"best": said.argmax(axis=1).astype("<i4")}).items():
            store.write_file(f"{folder}/{revision}-{name}", _chunks(values), durable=False)
    store.write_file(f"{folder}/manifest.json", iter([json.dumps(written).encode()]), durable=False)
    for path in store.folder(folder).iterdir():  # who has mapped one of them keeps it
        if path.name.partition("-")[0].isdecimal() and path.name.partition("-")[0] != str(revision):
            store.delete_files(f"{folder}/{path.name}")


def scores_of(store: Store, project: int) -> Scores | None:
    """What was kept last; None where the project has no head yet."""
    written = _manifest(store, project)
    if written is None or not written["rows"]:
        return None
    rows, classes = written["rows"], written["classes"]

    def mapped(name: str, kind: str, *columns: int) -> Any:  # an array of that kind
        path = store.file(f"scores/{project}/{written['revision']}-{name}")
        return np.memmap(path, kind, "r", shape=(rows, *columns))

    try:
        return Scores(
            mapped("items", "<i8"), mapped("proba", "<f2", classes), mapped("best", "<i4"), mapped("sure", "<f4"),
            written["revision"],
        )  # fmt: skip
    except (UnknownName, OSError, ValueError):  # a newer one takes its place just now, or it came without its files
        return None


def features_of(store: Store, project: int) -> FeatureFile | None:
    """The features that the project's head stands on; None where no worker has looked at them yet."""
    written = _manifest(store, project)
    return None if written is None else store.features(project, *written["features"])


def features_name(store: Store, project: int) -> list[Any] | None:
    """Digest and columns of those features."""
    written = _manifest(store, project)
    return None if written is None else list(written["features"])


def _manifest(store: Store, project: int) -> dict[str, Any] | None:
    try:
        return dict(json.loads(store.file(f"scores/{project}/manifest.json").read_bytes()))
    except (UnknownName, OSError, ValueError):
        return None


def _chunks(values: npt.NDArray[Any]) -> Iterator[bytes]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK].tobytes()
