"""Where a training stands, on the disk: written whole or not at all, read only where it is plainly what was written.

Every number of it lies in safetensors, all else in one JSON. Chance needs no place here: what is drawn follows from the
seed and the step.
"""

import contextlib
import errno
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from collab.engine.recipe import Epoch
from collab.engine.standing import Standing
from collab.errors import StoreFull, UnreadableFile

STATE = "state.json"
DAMAGED = "The checkpoint was damaged: it begins anew."
_OURS = re.compile(r"(?:state\.json|(?:weights|optimizer|best)-\d+\.safetensors)")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

Tensors = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A standing, and the numbers that belong to it."""

    standing: Standing
    weights: Tensors
    optimizer: Tensors
    best: Tensors
    """Weights of the best epoch; empty where none has ended yet."""


def write(folder: Path, seal: str, checkpoint: Checkpoint) -> None:
    """Write a checkpoint beside the last one, then put it in its place.

    Args:
        folder: Of nothing else; is made.
        seal: Names recipe and data: only the same training goes on with it.
        checkpoint: To write.

    Raises:
        StoreFull: No space is left; the last one is still there.
    """
    standing = checkpoint.standing
    with full_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        before = _names(folder)
        number = 1 + max((int(name.split("-")[1].split(".")[0]) for name in before.values()), default=0)
        files = {"weights": f"weights-{number}.safetensors", "optimizer": f"optimizer-{number}.safetensors"}
        _save(folder, files["weights"], checkpoint.weights)
        _save(folder, files["optimizer"], checkpoint.optimizer)
        if checkpoint.best:
            files["best"] = f"best-{standing.best_epoch}.safetensors"
            if before.get("best") != files["best"]:  # the same epoch's weights stay as they are
                _save(folder, files["best"], checkpoint.best)
        beside = folder / f".{STATE}"
        with beside.open("w") as out:
            json.dump({"seal": seal, "standing": asdict(standing), "files": files}, out, indent=1)
            out.flush()
            os.fsync(out.fileno())
        beside.replace(folder / STATE)
        _sync(folder)
        _remove(folder, keep=set(files.values()))


def read(folder: Path, seal: str) -> tuple[Checkpoint | None, str]:
    """Read what `write` wrote, and what is to be told of it.

    None where there is nothing, or where it is of another training or damaged; then it is removed.

    Raises:
        UnreadableFile: It holds a link or any other file, or names one outside.
    """
    if not folder.exists() and not folder.is_symlink():
        return None, ""
    _refuse_strangers(folder)
    if not (folder / STATE).exists():
        _remove(folder, keep=set())
        return None, ""
    try:
        found = json.loads((folder / STATE).read_text())
        files, standing = dict(found["files"]), dict(found["standing"])
        if found["seal"] != seal:
            _remove(folder, keep=set())
            return None, ""
        standing["epochs"] = tuple(Epoch(**epoch) for epoch in standing["epochs"])
        for name in files.values():
            if not _OURS.fullmatch(str(name)):
                raise UnreadableFile(STATE, f"it names a file outside its folder ({name!r}).")
        numbers = {part: load_file(folder / name) for part, name in files.items()}
        best = numbers.get("best", {})
        return Checkpoint(Standing(**standing), numbers["weights"], numbers["optimizer"], best), ""
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        if isinstance(error, UnreadableFile):
            raise
        _remove(folder, keep=set())
        return None, DAMAGED


def moments(optimizer: torch.optim.Optimizer) -> Tensors:
    """All that an optimizer has gathered, by the number of its weight and a name."""
    state: Mapping[int, Mapping[str, Any]] = optimizer.state_dict()["state"]
    return {
        f"{at}.{name}": value.detach().cpu().contiguous()
        for at, values in state.items()
        for name, value in values.items()
        if isinstance(value, Tensor)
    }


def restore(optimizer: torch.optim.Optimizer, found: Tensors) -> None:
    """Give back what `moments` took."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in found.items():
        at, _, name = key.partition(".")
        state.setdefault(int(at), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


@contextlib.contextmanager
def full_disk(path: Path) -> Iterator[None]:
    """Name the situation where no space is left; safetensors hides it in words."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise StoreFull(str(path)) from error
    except SafetensorError as error:
        if not any(f"os error {number})" in str(error) for number in _FULL):
            raise
        raise StoreFull(str(path)) from error


def refuse_full(folder: Path, wanted: int) -> None:
    """Say before hours of work that what they write would find no room; raises `StoreFull`.

    Args:
        folder: Where it is to be written; need not be there yet. What lies in it will make room.
        wanted: Bytes.
    """
    there = next(path for path in (folder, *folder.parents) if path.exists())
    own = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    if shutil.disk_usage(there).free + own < wanted:
        raise StoreFull(str(folder))


def _save(folder: Path, name: str, tensors: Tensors) -> None:
    beside = folder / f".{name}"
    save_file(tensors, beside)
    with beside.open("rb") as written:
        os.fsync(written.fileno())
    beside.replace(folder / name)


def _sync(folder: Path) -> None:
    """Have the disk keep the names too."""
    if os.name == "posix":
        place = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(place)
        finally:
            os.close(place)


def _names(folder: Path) -> dict[str, str]:
    try:
        return dict(json.loads((folder / STATE).read_text())["files"])
    except (OSError, ValueError, KeyError):
        return {}


def _refuse_strangers(folder: Path) -> None:
    if folder.is_symlink() or not folder.is_dir():
        raise UnreadableFile(folder.name, "it is no folder of checkpoints.")
    for path in folder.iterdir():
        if path.is_symlink() or not path.is_file():
            raise UnreadableFile(path.name, "a checkpoint holds files only, no links and no folders.")
        if not _OURS.fullmatch(path.name.removeprefix(".")):
            raise UnreadableFile(path.name, "a checkpoint holds safetensors and one JSON; nothing else is loaded.")


def _remove(folder: Path, keep: set[str]) -> None:
    """Remove what no checkpoint names any more, and what a stopped process left."""
    for path in folder.iterdir():
        if _OURS.fullmatch(path.name.removeprefix(".")) and path.name not in {*keep, *([STATE] if keep else [])}:
            path.unlink(missing_ok=True)
