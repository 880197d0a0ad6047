"""The frozen items of a certificate: kept in a file, drawn in the order of their keyed hashes, read back."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load, save

from collab.domain.certificate import Certificate
from collab.domain.store import Store
from collab.engine.arrays import Ints

Bools = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Population:
    """What the machine was to label when it was frozen, and its word on each; in order of id."""

    items: Ints
    """Their ids, shape (n,)."""
    confidence: Doubles
    """Of all of the machine's word, shape (n,)."""
    column: Ints
    """Its word, shape (n,): the best class, or the number of a set of classes."""
    met: tuple[tuple[int, ...], ...] = ()
    """Columns of each such set, by its number; none where one class applies."""

    def rows(self, items: Sequence[int]) -> Ints:
        """Where these items stand, or would stand."""
        return np.searchsorted(self.items, np.asarray(items, np.int64)).astype(np.int64)

    def among(self, items: Sequence[int]) -> Bools:
        """Which of them are among these items, shape (n,)."""
        wanted, found = np.asarray(items, np.int64), np.zeros(len(self.items), bool)
        rows = np.minimum(self.rows(items), len(self.items) - 1)
        found[rows[self.items[rows] == wanted]] = True
        return found

    def without(self, gone: Bools) -> "Population":
        """All but those."""
        return replace(self, items=self.items[~gone], confidence=self.confidence[~gone], column=self.column[~gone])


def write_population(store: Store, project: int, number: int, population: Population) -> None:
    """Keep it for as long as the workspace is there: machine labels stand on it."""
    columns = population.column.astype(np.int32 if population.met else np.int16)
    arrays: dict[str, npt.NDArray[Any]] = {  # of several kinds
        "items": population.items,
        "confidence": population.confidence,
        "column": columns,
    }
    if population.met:
        arrays |= _flat(population.met)
    store.write_file(_population_file(project, number), iter([save(arrays)]))


def read_population(store: Store, certificate: Certificate) -> Population:
    """The items of a certificate. Raises `UnknownName` where the file is gone."""
    return _read(store.file(_population_file(certificate.project, certificate.number)), certificate.digest)


def digest_of(population: Population, contents: npt.NDArray[np.bytes_]) -> str:
    """Digest of items, of their contents (shape (n,)), and of the model's words on them."""
    arrays = (population.items, contents, population.confidence, population.column)
    digest = hashlib.blake2b(digest_size=32)
    sets = _flat(population.met).values() if population.met else ()
    for array in (*arrays, *sets):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def in_keyed_order(items: Ints, key: str, what: Literal["audits", "checks"]) -> Ints:
    """Indices of items in a random order that follows from the key; each `what` has one of its own."""
    secret, person = key.encode(), what.encode()
    places = [
        hashlib.blake2b(item.to_bytes(8), digest_size=8, key=secret, person=person).digest() for item in items.tolist()
    ]
    return np.argsort(np.frombuffer(b"".join(places), ">u8"), kind="stable").astype(np.int64)


def _population_file(project: int, number: int) -> str:
    return f"certificates/{project}/{number}.safetensors"


@lru_cache(maxsize=4)
def _read(path: Path, digest: str) -> Population:
    """Read a file, which never changes under its digest: the worker asks for it after each answer."""
    arrays = load(path.read_bytes())
    items, confidence, column = arrays["items"], arrays["confidence"], arrays["column"].astype(np.int64)
    for array in (items, confidence, column):
        array.flags.writeable = False
    if "sizes" not in arrays:
        return Population(items, confidence, column)
    parts = np.split(arrays["members"], np.cumsum(arrays["sizes"])[:-1])
    return Population(items, confidence, column, tuple(tuple(part.tolist()) for part in parts))


def _flat(met: Sequence[tuple[int, ...]]) -> dict[str, npt.NDArray[Any]]:
    """Sets of columns as two arrays."""
    members = [column for columns in met for column in columns]
    return {"sizes": np.array([len(columns) for columns in met], np.int64), "members": np.array(members, np.int64)}
