"""Read ready features and their classes from an .npz file, and refuse what a head can't learn from."""

import lzma
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from collab.engine.arrays import Floats
from collab.errors import UnreadableFile

ARRAYS = ("X", "y", "X_test", "y_test")
DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError, OverflowError, ValueError, TypeError,
    AttributeError,
)  # fmt: skip
"""What zipfile and numpy raise of files that are damaged, encrypted, packed in ways they don't know, or none of theirs.
"""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A pool and a test part as they came."""

    pool: Floats
    """Shape (n, dim), finite."""
    classes: Any
    """Of the pool, shape (n,): int64 or strings, of the same type as those of the test part."""
    test: Floats
    """Shape (n_test, dim), finite."""
    test_classes: Any
    """Some may be unknown to the pool."""


def unpack(path: Path) -> Unpacked:
    """Read an .npz file with X, y, X_test and y_test; nothing in it is executed.

    Raises:
        UnreadableFile: An array is missing or has another shape or type, X holds NaN, or y fewer than two classes.
    """
    given = _arrays(path)
    pool, test = (_features(path, name, given[name]) for name in ("X", "X_test"))
    known, known_test = (
        _classes(path, name, given[name], given[of]) for name, of in (("y", "X"), ("y_test", "X_test"))
    )
    if pool.shape[1] != test.shape[1]:
        raise UnreadableFile(path.name, f"X has {pool.shape[1]} columns and X_test {test.shape[1]}.")
    if known.dtype.kind != known_test.dtype.kind:
        raise UnreadableFile(path.name, "y and y_test name the classes differently: by numbers, and by words.")
    if (found := len(np.unique(known))) < 2:
        raise UnreadableFile(path.name, f"its array y holds {found} classes; two are the least.")
    return Unpacked(pool, known, test, known_test)


def _arrays(path: Path) -> dict[str, Any]:
    try:
        with np.load(path, allow_pickle=False) as file:
            if missing := [name for name in ARRAYS if name not in file.files]:
                wanted = f"{', '.join(ARRAYS[:-1])} and {ARRAYS[-1]} are needed"
                raise UnreadableFile(path.name, f"it has no array {', '.join(missing)}; {wanted}.")
            return {name: file[name] for name in ARRAYS}
    except OSError as e:
        raise UnreadableFile(path.name, f"{e.strerror or e}.") from e
    except MemoryError as e:
        raise UnreadableFile(path.name, "it is damaged, or needs more memory than this machine has.") from e
    except DAMAGE as e:
        if isinstance(e, UnreadableFile):
            raise
        raise UnreadableFile(path.name, "it is no .npz file of plain arrays; numpy.savez makes one.") from e


def _features(path: Path, name: str, given: Any) -> Floats:
    if given.ndim != 2 or 0 in given.shape or given.dtype.kind not in "fiub":
        raise UnreadableFile(
            path.name,
            f"its array {name} is {given.dtype} of shape {given.shape}; rows of numbers, (n, dim), are needed.",
        )
    with np.errstate(over="ignore"):
        rows: Floats = given.astype(np.float32)
    if not np.isfinite(rows).all():
        raise UnreadableFile(path.name, f"its array {name} holds NaN or infinity; fill these cells in first.")
    return rows


def _classes(path: Path, name: str, given: Any, rows: Any) -> Any:
    if given.shape != rows.shape[:1]:
        raise UnreadableFile(
            path.name,
            f"its array {name} has the shape {given.shape}; one class for each of {len(rows)} rows is needed.",
        )
    if given.dtype.kind in "iub":
        return given.astype(np.int64)
    if given.dtype.kind == "f" and (np.abs(given) < 2**53).all() and (given == np.rint(given)).all():
        return given.astype(np.int64)
    if given.dtype.kind == "S":
        try:
            return np.char.strip(np.char.decode(given, "utf-8"))
        except UnicodeDecodeError as e:
            raise UnreadableFile(path.name, f"its array {name} holds bytes that are no UTF-8.") from e
    if given.dtype.kind == "U":
        return np.char.strip(given)
    raise UnreadableFile(path.name, f"its array {name} holds {given.dtype}; classes are whole numbers or strings.")
