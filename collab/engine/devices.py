"""What the device is called, what it holds, what it can; free of anything that is trained on it."""

import contextlib
import resource
import sys
from collections.abc import Iterator

import torch

from collab.engine.encoders.minilm import has_bf16
from collab.engine.recipe import Precision
from collab.errors import OutOfMemory

_FULL = ("not enough memory", "out of memory", "can't allocate memory")


def device_words(device: torch.device | None = None) -> str:
    """The device as people call it; None: the one that a training would use here."""
    if device is None:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU"
    threads = torch.get_num_threads()
    return f"processor, {threads} thread{'s' if threads > 1 else ''}"


def memory_bytes(device: torch.device) -> int:
    """Most memory that was held at a time: the device's own, or this process's."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def in_bf16(precision: Precision, device: torch.device) -> bool:
    """Whether large products run in bfloat16."""
    if precision == "auto":
        return (
            torch.cuda.is_bf16_supported(including_emulation=False)
            if device.type == "cuda"
            else (device.type == "cpu" and has_bf16())
        )
    return precision == "bf16"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device or the machine had no room left."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _FULL)


@contextlib.contextmanager
def memory_errors() -> Iterator[None]:
    """Name the situation where memory doesn't suffice, and fewer items at a time wouldn't help."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, OutOfMemory) or not is_out_of_memory(error):
            raise
        raise OutOfMemory(1) from error


def free_memory(device: torch.device) -> None:
    """Give back what is kept for later."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
